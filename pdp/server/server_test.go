package server

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/decision/wire"
	configv1 "outrider.dev/outrider/proto/outrider/config/v1"
	decisionv1 "outrider.dev/outrider/proto/outrider/decision/v1"
)

// TestEverywhereAtOnce: the three listeners serve side by side, and end
// together.
func TestEverywhereAtOnce(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "pdp.sock")
	r := start(t, config(t, &engine{}, &configv1.PDPListen{Socket: socket, Grpc: "127.0.0.1:0", Http: "127.0.0.1:0"}))
	at := r.Addresses()
	if len(at) != 3 || at[0] != socket || !strings.HasPrefix(at[2], "http://127.0.0.1:") {
		t.Fatalf("listens on %q", at)
	}
	wantGranted(t, dial(t, "unix://"+socket, insecure.NewCredentials()), "a")
	wantAnswered(t, dial(t, at[1], insecure.NewCredentials()), "a")
	if code, _ := call(t, http.MethodPost, at[2]+"/v1/check", restQuestion, nil); code != http.StatusOK {
		t.Fatalf("REST: got %d", code)
	}
	r.stop()
	wait(t, r.done, "the end of Run")
	for _, addr := range []string{at[1], strings.TrimPrefix(at[2], "http://")} {
		if conn, err := net.Dial("tcp", addr); err == nil {
			_ = conn.Close()
			t.Errorf("%s still listens", addr)
		}
	}
}

// TestStoppedBeforeItBegan: a stop that comes first is no failure.
func TestStoppedBeforeItBegan(t *testing.T) {
	for range 20 {
		s, err := New(config(t, &engine{}, &configv1.PDPListen{Grpc: "127.0.0.1:0", Http: "127.0.0.1:0"}))
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		stop()
		if err := s.Run(ctx); err != nil {
			t.Fatal(err)
		}
	}
}

// TestListenerLost: a server that cannot serve any more says so and ends.
func TestListenerLost(t *testing.T) {
	for name, lose := range map[string]func(*Server){
		"gRPC": func(s *Server) { _ = s.grpc[0].Close() },
		"REST": func(s *Server) { _ = s.http[0].Close() },
	} {
		s, err := New(config(t, &engine{}, &configv1.PDPListen{Grpc: "127.0.0.1:0", Http: "127.0.0.1:0"}))
		if err != nil {
			t.Fatal(err)
		}
		lose(s)
		if err := s.Run(t.Context()); err == nil {
			t.Errorf("%s: Run ended in peace", name)
		}
	}
}

// TestOpenCallsAreFinished: a stop refuses new calls and lets open ones end.
func TestOpenCallsAreFinished(t *testing.T) {
	e := &engine{judge: func(context.Context, decision.Part) (*decision.Ruling, error) {
		return &decision.Ruling{Effect: decision.Allow}, nil
	}}
	r, conn := onSocket(t, e)
	_, ex, err := wire.NewClient(conn).Open(t.Context(), question("a"))
	if err != nil {
		t.Fatal(err)
	}
	r.stop()
	late := dial(t, "unix://"+r.cfg.Listen.GetSocket(), insecure.NewCredentials())
	for began := time.Now(); ; time.Sleep(time.Millisecond) {
		_, err = decisionv1.NewDecisionServiceClient(late).Check(t.Context(), &decisionv1.CheckRequest{})
		if status.Code(err) == codes.Unavailable {
			break
		}
		if time.Since(began) > patience {
			t.Fatalf("new calls are taken while it drains: %v", err)
		}
	}
	if ruling, err := ex.Judge(t.Context(), decision.Part{Whole: &decision.Body{}}); err != nil || ruling.Effect != decision.Allow {
		t.Fatalf("an open call is cut: %v, %v", ruling, err)
	}
	if err := ex.Settle(t.Context(), decision.Outcome{End: decision.EndCompleted}); err != nil {
		t.Fatal(err)
	}
	e.wantOutcome(t, decision.EndCompleted)
	wait(t, r.done, "the end of Run")
}

// TestDrainIsBounded: a call that goes on for ever is cut a moment after drainTime.
func TestDrainIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &engine{}
		l := bufconn.Listen(1 << 16)
		srv := grpc.NewServer()
		decisionv1.RegisterDecisionServiceServer(srv, &service{engine: e, log: slog.New(slog.DiscardHandler)})
		served := make(chan error, 1)
		go func() { served <- srv.Serve(l) }()
		conn, err := grpc.NewClient("passthrough:///pdp", grpc.WithTransportCredentials(insecure.NewCredentials()),
			grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return l.DialContext(ctx) }))
		if err != nil {
			t.Fatal(err)
		}
		stream, err := decisionv1.NewDecisionServiceClient(conn).Decide(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		ask(t, stream, 1, "a")
		hear(t, stream)
		began := time.Now()
		drain(srv)
		if took := time.Since(began); took != drainTime+endTime {
			t.Errorf("it took %v, want %v", took, drainTime+endTime)
		}
		if _, err := stream.Recv(); status.Code(err) != codes.Unavailable {
			t.Errorf("the stream ended with %v", err)
		}
		if err := <-served; err != nil {
			t.Error(err)
		}
		_ = conn.Close()
	})
}

// TestDrainOfHTTPIsBounded: so is a request that goes on for ever.
func TestDrainOfHTTPIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := bufconn.Listen(1 << 16)
		srv := &http.Server{Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })}
		served := make(chan error, 1)
		go func() { served <- srv.Serve(l) }()
		conn, err := l.Dial()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		began := time.Now()
		if err := drainHTTP(t.Context(), srv); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took != drainTime {
			t.Errorf("it took %v, want %v", took, drainTime)
		}
		if _, err := http.ReadResponse(bufio.NewReader(conn), nil); err == nil {
			t.Error("the request was answered")
		}
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
		_ = conn.Close()
	})
}
