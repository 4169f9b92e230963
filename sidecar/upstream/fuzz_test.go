package upstream

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// pipes dials servers that read one call, say the same words and hang up.
func pipes(words []byte) func(context.Context, string, string) (net.Conn, error) {
	return func(context.Context, string, string) (net.Conn, error) {
		near, far := net.Pipe()
		go func() {
			defer func() { _ = far.Close() }()
			if r, err := http.ReadRequest(bufio.NewReader(far)); err == nil {
				_, _ = io.Copy(io.Discard, r.Body)
				_, _ = far.Write(words)
			}
		}()
		return near, nil
	}
}

// outcome is what becomes of an answer.
type outcome struct {
	Failed, Broken bool
	Status         int
	Header         http.Header
	Body           string
}

func outcomeOf(resp *http.Response, err error) outcome {
	if err != nil {
		return outcome{Failed: true}
	}
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(resp.Body)
	return outcome{Broken: err != nil, Status: resp.StatusCode, Header: resp.Header, Body: string(raw)}
}

// FuzzAnswer holds what is read of any words to what net/http's own transport
// reads of them.
func FuzzAnswer(f *testing.F) {
	for _, words := range []string{
		"", short, chunks, ending, ancient, empty, short + short, "HTTP/1.1 103 Early Hints\r\n\r\n" + short, "HTTP/1.1 200 OK\r\n\r\nto the end",
		"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\ncut", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n1\r\nx\r\n0\r\nT: 1\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nz\r\n", "HTTP/1.1 200 OK\r\nA : b\r\n\r\n", "HTTP/1.1 200 OK\nA: b\n\nx", "HTTP/2.0 200 OK\r\n\r\n", "HTTP/9.1 000 000\n\r\n0",
	} {
		f.Add([]byte(words))
	}
	f.Fuzz(func(t *testing.T, words []byte) {
		request := func(body io.Reader) *http.Request {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://127.0.0.1/v1", body)
			if err != nil {
				t.Fatal(err)
			}
			return req
		}
		p := newPlain(patience, &net.Dialer{})
		p.dial = pipes(words)
		defer p.close()
		got := outcomeOf(p.roundTrip(request(nil), []byte("{}")))
		theirs := &http.Transport{DialContext: pipes(words), DisableCompression: true, MaxResponseHeaderBytes: maxHeaderBytes}
		defer theirs.CloseIdleConnections()
		want := outcomeOf(theirs.RoundTrip(request(bytes.NewReader([]byte("{}")))))
		if got.Status == http.StatusSwitchingProtocols && want.Status == got.Status {
			return // theirs goes on in the other protocol
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("of %q (- net/http, + here):\n%s", words, diff)
		}
	})
}

// FuzzHead: a head is refused, or is one call with exactly what it was made
// from.
func FuzzHead(f *testing.F) {
	f.Add("Authorization", "Bearer key", "{}", "/v1/chat")
	f.Add("X", "a\r\nTransfer-Encoding: chunked", "0\r\n\r\nGET / HTTP/1.1\r\n\r\n", "/")
	f.Add("X\r\nY", "", "", "/a b?c#d")
	f.Add("Content-Length", "0", "GET / HTTP/1.1\r\n\r\n", "/%0d%0a")
	f.Add("transfer-encoding", "chunked", "{}", "//x")
	f.Add("x", " padded\t", "{}", "")
	f.Add("0", "0", "0", "? ")
	f.Fuzz(func(t *testing.T, name, value, body, path string) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://127.0.0.1:80"+path, nil)
		if err != nil || req.URL.Host != "127.0.0.1:80" {
			return
		}
		req.Header[name] = []string{value}
		if checkTarget(req.URL) != nil || checkHeader(req.Header) != nil {
			return
		}
		raw := appendHead(nil, req, []byte(body))
		in := bufio.NewReader(bytes.NewReader(append(raw, body...)))
		got, err := http.ReadRequest(in)
		if err != nil {
			t.Fatalf("%q is no call: %v", raw, err)
		}
		came, err := io.ReadAll(got.Body)
		if err != nil || string(came) != body {
			t.Fatalf("%q has the body %q, %v", raw, came, err)
		}
		if _, err := in.ReadByte(); err == nil {
			t.Fatalf("%q is more than one call", raw)
		}
		if got.Method != http.MethodPost || got.Host != "127.0.0.1:80" || got.RequestURI != req.URL.RequestURI() || got.TransferEncoding != nil {
			t.Fatalf("%q is %s %s of %s", raw, got.Method, got.RequestURI, got.Host)
		}
		if values := got.Header.Values(name); !framing(name) && (len(values) != 1 || values[0] != trimmed(value)) {
			t.Fatalf("%q has %q as %q", raw, name, values)
		}
	})
}

func trimmed(value string) string { return string(bytes.Trim([]byte(value), " \t")) }
