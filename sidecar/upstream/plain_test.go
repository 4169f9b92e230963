package upstream

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"outrider.dev/outrider/decision"
)

// server answers by hand. Every connection gets its calls answered in order
// until the answers are used up, and hangs up then.
type server struct {
	origin string

	mu    sync.Mutex
	conns int
	calls []string // bodies, as they came
	left  chan struct{}
}

// What a server does instead of an answer.
const (
	hangUp  = "<hangs up>"
	staying = "<stays, and says nothing>"
)

// serve starts a server that answers the nth call of each connection with the
// nth answer.
func serve(t *testing.T, answers ...string) *server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &server{origin: "http://" + l.Addr().String(), left: make(chan struct{}, 64)}
	var work sync.WaitGroup
	work.Go(func() {
		for {
			raw, err := l.Accept()
			if err != nil {
				return
			}
			work.Go(func() { s.answer(raw, answers) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		work.Wait()
	})
	return s
}

func (s *server) answer(raw net.Conn, answers []string) {
	defer func() { _ = raw.Close() }()
	s.mu.Lock()
	s.conns++
	s.mu.Unlock()
	in := bufio.NewReader(raw)
	for _, says := range answers {
		r, err := http.ReadRequest(in)
		if err != nil {
			break
		}
		body, _ := io.ReadAll(r.Body)
		s.mu.Lock()
		s.calls = append(s.calls, r.Method+" "+string(body))
		s.mu.Unlock()
		switch says {
		case hangUp:
			return
		case staying:
		default:
			_, _ = io.WriteString(raw, says)
		}
	}
	_, _ = io.Copy(io.Discard, in) // until the client leaves
	s.left <- struct{}{}
}

func (s *server) seen() (conns int, calls []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.conns, s.calls
}

func (s *server) waitLeft(t *testing.T) {
	t.Helper()
	select {
	case <-s.left:
	case <-time.After(patience):
		t.Fatal("the connection stays")
	}
}

const (
	short   = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
	chunks  = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\n\r\n"
	ending  = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"
	ancient = "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok"
	empty   = "HTTP/1.1 204 No Content\r\n\r\n"
)

// ask sends a call and reads its answer to the end.
func ask(t *testing.T, s *Sender, origin, method, body string) (string, error) {
	t.Helper()
	var sent []byte
	if body != "" {
		sent = []byte(body)
	}
	resp, err := s.Send(t.Context(), grantTo(origin), method, nil, sent)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	return strconv.Itoa(resp.StatusCode) + " " + string(raw), err
}

// TestConnectionsAreKept: a connection serves the next call exactly when its
// last answer has a known end, and nothing came behind it.
func TestConnectionsAreKept(t *testing.T) {
	for name, c := range map[string]struct {
		first string
		conns int
	}{
		"a length":                   {short, 1},
		"chunks":                     {chunks, 1},
		"no body":                    {empty, 1},
		"announced first":            {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + short, 1},
		"told to close":              {ending, 2},
		"HTTP/1.0":                   {ancient, 2},
		"HTTP/1.0 that stays":        {"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok", 1},
		"another answer behind it":   {short + "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged", 2},
		"bytes behind it":            {short + "x", 2},
		"bytes behind chunks":        {chunks + "x", 2},
		"bytes behind an empty body": {empty + "x", 2},
	} {
		t.Run(name, func(t *testing.T) {
			srv, s := serve(t, c.first, short), newSender(t)
			for range 2 {
				if got, err := ask(t, s, srv.origin, http.MethodPost, "{}"); err != nil || got != "200 ok" && got != "204 " {
					t.Fatalf("got %q, %v", got, err)
				}
			}
			if conns, calls := srv.seen(); conns != c.conns || len(calls) != 2 {
				t.Errorf("%d calls on %d connections, want %d", len(calls), conns, c.conns)
			}
		})
	}
}

// TestLateBytesAreNoAnswer: what a server says between two calls is not taken
// for the answer to the second.
func TestLateBytesAreNoAnswer(t *testing.T) {
	late := make(chan struct{})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var work sync.WaitGroup
	work.Go(func() {
		for i := 0; ; i++ {
			raw, err := l.Accept()
			if err != nil {
				return
			}
			work.Go(func() {
				defer func() { _ = raw.Close() }()
				in := bufio.NewReader(raw)
				if _, err := http.ReadRequest(in); err != nil {
					return
				}
				_, _ = io.WriteString(raw, short)
				if i == 0 {
					<-late
					_, _ = io.WriteString(raw, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged")
					late <- struct{}{}
				}
				_, _ = io.Copy(io.Discard, in)
			})
		}
	})
	defer work.Wait()
	defer func() { _ = l.Close() }()
	s := NewSender(patience)
	defer s.Close()
	for range 2 {
		if got, err := ask(t, s, "http://"+l.Addr().String(), http.MethodGet, ""); err != nil || got != "200 ok" {
			t.Fatalf("got %q, %v", got, err)
		}
		if late != nil {
			late <- struct{}{}
			<-late
			late = nil
		}
	}
}

// TestClosedConnections: a call that a closed connection took may be sent again
// only where nobody can have read it, or where it changes nothing.
func TestClosedConnections(t *testing.T) {
	t.Run("closed while idle", func(t *testing.T) {
		srv, s := serve(t, short), newSender(t)
		for range 3 { // the server hangs up after each
			if got, err := ask(t, s, srv.origin, http.MethodPost, "{}"); err != nil || got != "200 ok" {
				t.Fatalf("got %q, %v", got, err)
			}
			s.plain.mu.Lock()
			for _, list := range s.plain.idle {
				for _, c := range list {
					_ = c.net.(*net.TCPConn).CloseWrite() // which makes the server hang up
				}
			}
			s.plain.mu.Unlock()
			srv.waitLeft(t)
		}
		if conns, calls := srv.seen(); conns != 3 || len(calls) != 3 {
			t.Errorf("%v on %d connections", calls, conns)
		}
	})
	for method, want := range map[string]int{http.MethodPost: 2, http.MethodGet: 3} {
		t.Run("closed by a "+method, func(t *testing.T) {
			srv, s := serve(t, short, hangUp), newSender(t)
			if _, err := ask(t, s, srv.origin, method, ""); err != nil {
				t.Fatal(err)
			}
			_, err := ask(t, s, srv.origin, method, "") // on the same connection, and a GET on a fresh one then
			if again := want > 2; again != (err == nil) {
				t.Errorf("got %v", err)
			}
			if _, calls := srv.seen(); len(calls) != want {
				t.Errorf("the server got %q", calls)
			}
		})
	}
	t.Run("a fresh one", func(t *testing.T) {
		srv, s := serve(t, hangUp), newSender(t)
		_, err := ask(t, s, srv.origin, http.MethodGet, "")
		wantCode(t, err, decision.CodeUpstreamUnavailable)
		if _, calls := srv.seen(); len(calls) != 1 {
			t.Errorf("the server got %q", calls)
		}
	})
}

func TestAnnouncementsAreBounded(t *testing.T) {
	for name, says := range map[string]string{
		"many":  strings.Repeat("HTTP/1.1 103 Early Hints\r\n\r\n", maxInformational+1) + short,
		"large": strings.Repeat("HTTP/1.1 103 Early Hints\r\nX: "+strings.Repeat("x", maxHeaderBytes/3)+"\r\n\r\n", 4) + short,
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ask(t, newSender(t), serve(t, says).origin, http.MethodPost, "{}")
			wantCode(t, err, decision.CodeUpstreamUnavailable)
		})
	}
}

// TestOtherProtocols: a server that changes the protocol is not followed.
func TestOtherProtocols(t *testing.T) {
	srv, s := serve(t, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\nother words"), newSender(t)
	if got, err := ask(t, s, srv.origin, http.MethodPost, "{}"); got != "101 " || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	srv.waitLeft(t)
}

// TestEarlyAnswer: a server that answers before it has read the call is heard,
// and its connection does not serve another one.
func TestEarlyAnswer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var work sync.WaitGroup
	work.Go(func() {
		raw, err := l.Accept()
		if err != nil {
			return
		}
		defer func() { _ = raw.Close() }()
		in := bufio.NewReaderSize(raw, 1024)
		if _, err := http.ReadRequest(in); err != nil {
			return
		}
		_, _ = io.WriteString(raw, "HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno")
		time.Sleep(2 * prompt) // reads nothing in the meantime
		_, _ = io.Copy(io.Discard, in)
	})
	defer work.Wait()
	defer func() { _ = l.Close() }()
	s := NewSender(patience)
	defer s.Close()
	got, err := ask(t, s, "http://"+l.Addr().String(), http.MethodPost, strings.Repeat("x", 16<<20))
	if err != nil || got != "413 no" {
		t.Errorf("got %q, %v", got, err)
	}
	if c := s.plain.pop(l.Addr().String()); c != nil {
		t.Error("the connection is kept, with half of a call in it")
	}
}

// TestSlowServer: a call that is taken slowly arrives whole, and its connection
// is as good as any other.
func TestSlowServer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	const size = 16 << 20
	var work sync.WaitGroup
	work.Go(func() {
		raw, err := l.Accept()
		if err != nil {
			return
		}
		defer func() { _ = raw.Close() }()
		in := bufio.NewReader(raw)
		for range 2 {
			r, err := http.ReadRequest(in)
			if err != nil {
				return
			}
			time.Sleep(2 * prompt)
			n, _ := io.Copy(io.Discard, r.Body)
			body := strconv.FormatInt(n, 10)
			_, _ = io.WriteString(raw, "HTTP/1.1 200 OK\r\nContent-Length: "+strconv.Itoa(len(body))+"\r\n\r\n"+body)
		}
	})
	defer work.Wait()
	defer func() { _ = l.Close() }()
	s := NewSender(patience)
	defer s.Close()
	for range 2 {
		got, err := ask(t, s, "http://"+l.Addr().String(), http.MethodPost, strings.Repeat("x", size))
		if err != nil || got != "200 "+strconv.Itoa(size) {
			t.Errorf("got %q, %v", got, err)
		}
	}
}

// TestBodiesThatEndEarly: whoever stops reading gives the connection up.
func TestBodiesThatEndEarly(t *testing.T) {
	const half = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n"
	begin := func(t *testing.T, ctx context.Context) (*server, *http.Response) {
		srv := serve(t, half)
		resp, err := newSender(t).Send(ctx, grantTo(srv.origin), http.MethodPost, nil, []byte("{}"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(resp.Body, make([]byte, 2)); err != nil {
			t.Fatal(err)
		}
		return srv, resp
	}
	t.Run("closed", func(t *testing.T) {
		srv, resp := begin(t, t.Context())
		for range 2 {
			if err := resp.Body.Close(); err != nil {
				t.Error(err)
			}
		}
		srv.waitLeft(t)
		if _, err := resp.Body.Read(make([]byte, 1)); !errors.Is(err, errClosedBody) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("closed while it is read", func(t *testing.T) {
		srv, resp := begin(t, t.Context())
		read := make(chan error)
		go func() {
			_, err := io.Copy(io.Discard, resp.Body)
			read <- err
		}()
		if err := resp.Body.Close(); err != nil {
			t.Error(err)
		}
		if err := <-read; !errors.Is(err, errClosedBody) {
			t.Errorf("got %v", err)
		}
		srv.waitLeft(t)
	})
	t.Run("nobody waits", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		srv, resp := begin(t, ctx)
		cancel()
		if _, err := io.Copy(io.Discard, resp.Body); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		srv.waitLeft(t)
		_ = resp.Body.Close()
	})
	t.Run("the time is over before the head", func(t *testing.T) {
		srv := serve(t, staying)
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		_, err := newSender(t).Send(ctx, grantTo(srv.origin), http.MethodPost, nil, []byte("{}"))
		wantCode(t, err, decision.CodeUpstreamTimeout)
		srv.waitLeft(t)
	})
}

// TestAnswerLongerThanItsHeadMayTake: the wait for the head is not one for the
// body.
func TestAnswerLongerThanItsHeadMayTake(t *testing.T) {
	const wait = 100 * time.Millisecond
	release := make(chan struct{})
	srv, _, _ := received(t, httptest.NewServer, func(w http.ResponseWriter, _ *http.Request) {
		_ = http.NewResponseController(w).Flush()
		<-release
		_, _ = io.WriteString(w, "late")
	})
	s := NewSender(wait)
	defer s.Close()
	resp, err := s.Send(t.Context(), grantTo(srv.URL), http.MethodPost, nil, []byte("{}"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	time.AfterFunc(2*wait, func() { close(release) })
	if raw, err := io.ReadAll(resp.Body); err != nil || string(raw) != "late" {
		t.Errorf("got %q, %v", raw, err)
	}
}

// TestIdleConnectionsEnd: nothing is kept for ever, nor without bound.
func TestIdleConnectionsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlain(patience, &net.Dialer{})
		open := func() (*conn, func() bool) {
			near, far := net.Pipe()
			t.Cleanup(func() { _ = far.Close() })
			return newConn(p, "a", near), func() bool {
				_ = far.SetReadDeadline(time.Now().Add(time.Millisecond))
				_, err := far.Read(make([]byte, 1))
				return errors.Is(err, io.EOF)
			}
		}
		first, firstClosed := open()
		p.keep(first)
		time.Sleep(idleTimeout / 2)
		second, secondClosed := open()
		p.keep(second)
		time.Sleep(idleTimeout/2 + time.Second)
		if !firstClosed() || secondClosed() {
			t.Error("after the first one's time")
		}
		time.Sleep(idleTimeout / 2)
		p.mu.Lock()
		remembered := len(p.idle) != 0 || p.expiry != nil
		p.mu.Unlock()
		if !secondClosed() || remembered {
			t.Error("after the second one's time")
		}
		var closed []func() bool
		for range maxIdlePerHost + 1 {
			c, gone := open()
			p.keep(c)
			closed = append(closed, gone)
		}
		if closed[0]() || !closed[maxIdlePerHost]() {
			t.Error("more are kept than may be")
		}
		p.close()
		late, lateClosed := open()
		p.keep(late)
		if !closed[0]() || !lateClosed() {
			t.Error("connections outlive their sender")
		}
	})
}
