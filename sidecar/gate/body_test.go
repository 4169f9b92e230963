package gate

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"outrider.dev/outrider/decision"
)

// limit is the largest body here, in bytes.
const limit = 64

// echo answers with the body that was read, or with the code of the refusal.
func echo(w http.ResponseWriter, r *http.Request) {
	raw, err := ReadBody(w, r, limit)
	var refusal *decision.Error
	switch {
	case err == nil:
		_, _ = w.Write(append([]byte("read "), raw...))
	case errors.As(err, &refusal):
		_, _ = io.WriteString(w, string(refusal.Code))
	default:
		_, _ = io.WriteString(w, "an error of another kind: "+err.Error())
	}
}

// say sends the bytes of a request over a real connection, ends the sending
// side, and returns the body of the answer, or the status of the server's own.
func say(t *testing.T, addr, request string) string {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	_ = conn.(*net.TCPConn).CloseWrite()
	return answer(t, bufio.NewReader(conn))
}

func answer(t *testing.T, in *bufio.Reader) string {
	t.Helper()
	resp, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK {
		return resp.Status
	}
	return string(raw)
}

// post is a request with the header lines and a body of the announced length.
func post(body string, headers ...string) string {
	return fmt.Sprintf("POST / HTTP/1.1\r\nHost: agent\r\n%s\r\nContent-Length: %d\r\n\r\n%s", strings.Join(headers, "\r\n"), len(body), body)
}

// chunked is a request whose body is framed as given.
func chunked(body string) string {
	return "POST / HTTP/1.1\r\nHost: agent\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n" + body
}

func TestReadBody(t *testing.T) {
	srv := httptest.NewServer(Bounded(http.HandlerFunc(echo)))
	defer srv.Close()
	const (
		asJSON  = "Content-Type: application/json"
		large   = string(decision.CodeBodyTooLarge)
		invalid = string(decision.CodeBodyInvalid)
	)
	full := strings.Repeat("x", limit)
	for _, c := range []struct{ name, request, want string }{
		{"plain", post("{}", asJSON), "read {}"},
		{"not JSON inside", post("hello", asJSON), "read hello"},

		{"nothing", post("", asJSON), "read "},
		{"as large as allowed", post(full, asJSON), "read " + full},
		{"one byte more", post(full+"x", asJSON), large},
		{"announced only", "POST / HTTP/1.1\r\nHost: agent\r\n" + asJSON + "\r\nContent-Length: 9999999999\r\n\r\n", large},
		{"ending early", "POST / HTTP/1.1\r\nHost: agent\r\n" + asJSON + "\r\nContent-Length: 10\r\n\r\n{\"a\"", invalid},
		{"ending before it begins", "POST / HTTP/1.1\r\nHost: agent\r\n" + asJSON + "\r\nContent-Length: 10\r\n\r\n", invalid},

		{"chunks", chunked("1\r\n{\r\n1\r\n}\r\n0\r\n\r\n"), "read {}"},
		{"chunks with extension and trailer", chunked("2;a=b\r\n{}\r\n0\r\nX-T: v\r\n\r\n"), "read {}"},
		{"no chunk", chunked("0\r\n\r\n"), "read "},
		{"chunks, as large as allowed", chunked("40\r\n" + full + "\r\n0\r\n\r\n"), "read " + full},
		{"chunks, one byte more", chunked("40\r\n" + full + "\r\n1\r\nx\r\n0\r\n\r\n"), large},
		{"a chunk that is announced only", chunked("FFFFFFFF\r\n{}"), invalid},
		{"a chunk of junk size", chunked("zz\r\n{}\r\n0\r\n\r\n"), invalid},
		{"a negative chunk", chunked("-1\r\n{}\r\n0\r\n\r\n"), invalid},
		{"a chunk too long for a number", chunked("10000000000000000\r\n{}\r\n0\r\n\r\n"), invalid},
		{"a chunk longer than it says", chunked("1\r\n{}\r\n0\r\n\r\n"), invalid},
		{"no last chunk", chunked("2\r\n{}\r\n"), invalid},
		{"no chunk at all", chunked("{}"), invalid},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := say(t, srv.Listener.Addr().String(), c.request); got != c.want {
				t.Fatalf("got %q, want %q", got, c.want)
			}
		})
	}
}

// TestBodiesThatDoNotCome: an agent that stops in the middle of its body is
// answered after bodyTimeout, whether somebody waits for the rest or not, and
// its connection ends.
func TestBodiesThatDoNotCome(t *testing.T) {
	for name, c := range map[string]struct {
		header, want string
		handler      http.HandlerFunc
	}{
		"read":         {"Content-Type: application/json", string(decision.CodeBodyInvalid), echo},
		"refused":      {"Content-Type: text/plain", "no", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "no") }},
		"never looked": {"X-Nothing: here", "404 Not Found", http.NotFound},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				agent := pipeServer(t, c.handler)
				began := time.Now()
				go func() {
					_, _ = io.WriteString(agent, "POST / HTTP/1.1\r\nHost: agent\r\n"+c.header+"\r\nContent-Length: 10\r\n\r\n{\"a\"")
				}()
				in := bufio.NewReader(agent)
				if got := answer(t, in); got != c.want {
					t.Errorf("got %q, want %q", got, c.want)
				}
				if _, err := in.ReadByte(); err != io.EOF {
					t.Errorf("the connection goes on: %v", err)
				}
				if took := time.Since(began); took < bodyTimeout || took > bodyTimeout+time.Second {
					t.Errorf("it took %v, want %v", took, bodyTimeout)
				}
			})
		})
	}
}

// TestAnswersMayTakeLong: the deadline of the body is none of the answer.
func TestAnswersMayTakeLong(t *testing.T) {
	for name, request := range map[string]string{
		"after a body": post("{}", "Content-Type: application/json"),
		"no body":      "GET / HTTP/1.1\r\nHost: agent\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				agent := pipeServer(t, func(w http.ResponseWriter, r *http.Request) {
					if r.Method == http.MethodPost {
						_, _ = ReadBody(w, r, limit)
					}
					select {
					case <-r.Context().Done():
						_, _ = io.WriteString(w, "cut")
					case <-time.After(3 * bodyTimeout):
						_, _ = io.WriteString(w, "done")
					}
				})
				go func() { _, _ = io.WriteString(agent, request) }()
				if got := answer(t, bufio.NewReader(agent)); got != "done" {
					t.Errorf("got %q", got)
				}
			})
		})
	}
}

// pipeServer serves one connection inside a bubble of synctest, and returns
// the agent's end of it.
func pipeServer(t *testing.T, h http.HandlerFunc) net.Conn {
	t.Helper()
	agent, server := net.Pipe()
	srv := &http.Server{Handler: Bounded(h)}
	served := make(chan struct{})
	go func() {
		_ = srv.Serve(&oneConn{conns: make(chan net.Conn), first: server})
		close(served)
	}()
	t.Cleanup(func() {
		_ = agent.Close()
		_ = srv.Close()
		<-served
	})
	return agent
}

// oneConn is a listener that has one connection.
type oneConn struct {
	conns chan net.Conn
	first net.Conn
}

func (l *oneConn) Accept() (net.Conn, error) {
	if c := l.first; c != nil {
		l.first = nil
		return c, nil
	}
	if c, ok := <-l.conns; ok {
		return c, nil
	}
	return nil, net.ErrClosed
}

func (l *oneConn) Close() error {
	close(l.conns)
	return nil
}

func (l *oneConn) Addr() net.Addr { return &net.TCPAddr{} }

// greedy notes how much memory was ready before it had anything.
type greedy struct{ ready int }

func (g *greedy) Read(p []byte) (int, error) {
	g.ready = max(g.ready, len(p))
	return 0, io.ErrUnexpectedEOF
}

// TestAnnouncingCostsNothing: a length is believed up to a bound.
func TestAnnouncingCostsNothing(t *testing.T) {
	var g greedy
	_, err := readAll(&g, 1<<40, 1<<50)
	var refusal *decision.Error
	if !errors.As(err, &refusal) || refusal.Code != decision.CodeBodyInvalid {
		t.Fatalf("got %v", err)
	}
	if g.ready > 2*believedLength {
		t.Fatalf("%d bytes were made ready for a body that never came", g.ready)
	}
	raw := bytes.Repeat([]byte("x"), 3*believedLength)
	got, err := readAll(bytes.NewReader(raw), int64(len(raw)), 1<<30)
	if err != nil || !bytes.Equal(got, raw) {
		t.Fatalf("a body larger than that is read whole: got %d bytes, %v", len(got), err)
	}
}

// FuzzReadBody reads arbitrary framing: what comes back is a body within the
// limit, or a refusal.
func FuzzReadBody(f *testing.F) {
	for _, s := range []string{"2\r\n{}\r\n0\r\n\r\n", "0\r\n\r\n", "zz\r\n", "2\r\n{}", "ffffffffffffffff\r\n", "2;x=\"\r\n{}\r\n0\r\nA: b\r\n\r\n", ""} {
		f.Add(s, int64(-1))
		f.Add(s, int64(len(s)))
		f.Add(s, int64(3))
	}
	f.Fuzz(func(t *testing.T, body string, length int64) {
		request := chunked(body)
		if length >= 0 {
			request = strings.Replace(request, "Transfer-Encoding: chunked", fmt.Sprint("Content-Length: ", length), 1)
		}
		r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(request)))
		if err != nil {
			return
		}
		raw, err := ReadBody(httptest.NewRecorder(), r, limit)
		var refusal *decision.Error
		switch {
		case err == nil && (len(raw) > limit || length >= 0 && int64(len(raw)) != length):
			t.Fatalf("read %d bytes of %q, announced as %d", len(raw), body, length)
		case err != nil && (!errors.As(err, &refusal) || raw != nil):
			t.Fatalf("got %q, %v", raw, err)
		}
	})
}
