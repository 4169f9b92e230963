package sidecar

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"outrider.dev/outrider/decision"
	configv1 "outrider.dev/outrider/proto/outrider/config/v1"
	"outrider.dev/outrider/sidecar/gate"
	"outrider.dev/outrider/strictjson"
	"outrider.dev/outrider/test/freeport"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const chat = `{"model":"m","stream":true,"messages":[{"role":"user","content":"hello"}]}`

// pdp allows every call to go to one origin and tells of each settlement.
type pdp struct {
	decision.Decider
	decision.Exchange
	origin  string
	settled chan decision.Outcome
}

func (p *pdp) Open(_ context.Context, r *decision.Request) (*decision.Verdict, decision.Exchange, error) {
	return &decision.Verdict{ID: r.ExchangeID, Effect: decision.Allow, Grants: []decision.Grant{{
		Target: decision.Target{Provider: "one", Origin: p.origin, Path: "/v1/chat/completions"},
	}}}, p, nil
}

func (p *pdp) Settle(_ context.Context, o decision.Outcome) error {
	p.settled <- o
	return nil
}

func config(t *testing.T, d decision.Decider, agent, admin string) Config {
	t.Helper()
	return Config{
		Agent: decision.Caller{Agent: "tester"}, Listen: &configv1.Listen{Agent: agent, Admin: admin},
		Decider: d, Timeout: time.Second, Body: strictjson.Limits{Bytes: 1 << 20, Depth: 16}, Header: 8 << 10,
		Admin: func(bool) http.Handler { return http.NotFoundHandler() }, Log: slog.New(slog.NewTextHandler(t.Output(), nil)), Failed: func() {}, FailMode: func(gate.Mode) {},
		Trace: func(h http.Handler) http.Handler { return h }, Version: "test",
	}
}

// running starts a sidecar and returns what stops it and waits.
func running(t *testing.T, d decision.Decider, drain time.Duration) (*Sidecar, context.CancelFunc, <-chan error) {
	t.Helper()
	s, err := New(config(t, d, "127.0.0.1:0", "127.0.0.1:0"))
	if err != nil {
		t.Fatal(err)
	}
	s.drain = drain
	ctx, stop := context.WithCancel(t.Context())
	t.Cleanup(stop)
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	return s, stop, ended
}

// talker is a provider that says one event, and the rest when it is told to.
func talker(t *testing.T, goOn <-chan struct{}) string {
	t.Helper()
	p := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, "data: {\"choices\":[]}\n\n")
		_ = http.NewResponseController(w).Flush()
		select {
		case <-goOn:
			_, _ = io.WriteString(w, "data: [DONE]\n\n")
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(p.Close)
	return p.URL
}

// call opens a stream and returns it behind its first event.
func call(t *testing.T, s *Sidecar) (rest *bufio.Reader, done func()) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{}}
	resp, err := client.Post(s.Agent()+"/v1/chat/completions", "application/json", strings.NewReader(chat)) //nolint:noctx // bounded by the sidecar
	if err != nil {
		t.Fatal(err)
	}
	rest = bufio.NewReader(resp.Body)
	if line, err := rest.ReadString('\n'); err != nil || !strings.HasPrefix(line, "data:") {
		t.Fatalf("%d %q, %v", resp.StatusCode, line, err)
	}
	return rest, func() {
		_ = resp.Body.Close()
		client.CloseIdleConnections()
	}
}

func TestDrainWaitsForOpenCalls(t *testing.T) {
	goOn := make(chan struct{})
	d := &pdp{origin: talker(t, goOn), settled: make(chan decision.Outcome, 1)}
	s, stop, ended := running(t, d, time.Minute)
	rest, done := call(t, s)
	defer done()
	stop()
	for { // no new call is taken
		conn, err := net.Dial("tcp", strings.TrimPrefix(s.Agent(), "http://")) //nolint:noctx // loopback
		if err != nil {
			break
		}
		_ = conn.Close()
	}
	close(goOn)
	if tail, err := io.ReadAll(rest); err != nil || !strings.Contains(string(tail), "[DONE]") {
		t.Errorf("the open call ended with %q, %v", tail, err)
	}
	if err := <-ended; err != nil {
		t.Errorf("Run: %v", err)
	}
	if o := <-d.settled; o.End != decision.EndCompleted {
		t.Errorf("outcome %+v", o)
	}
}

// TestDrainEndsWhatGoesOn: a call that outlasts the drain is ended, and settled
// before Run returns.
func TestDrainEndsWhatGoesOn(t *testing.T) {
	d := &pdp{origin: talker(t, nil), settled: make(chan decision.Outcome, 1)}
	s, stop, ended := running(t, d, 50*time.Millisecond)
	rest, done := call(t, s)
	defer done()
	stop()
	if err := <-ended; err != nil {
		t.Errorf("Run: %v", err)
	}
	select {
	case o := <-d.settled:
		if o.End == decision.EndCompleted {
			t.Errorf("outcome %+v", o)
		}
	default:
		t.Error("Run returned before the call was settled")
	}
	_, _ = io.ReadAll(rest)
}

func TestNewRefusesAddresses(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	free := freeport.For(t)
	for _, tt := range []struct{ agent, admin, want string }{
		{"0.0.0.0:0", "127.0.0.1:0", "listen.agent: 0.0.0.0:0 is beyond loopback"},
		{":0", "127.0.0.1:0", "listen.agent: :0 is beyond loopback"},
		{taken.Addr().String(), "127.0.0.1:0", "listen.agent: " + taken.Addr().String() + " is in use by"},
		{free, taken.Addr().String(), "listen.admin: " + taken.Addr().String() + " is in use by"},
	} {
		if _, err := New(config(t, &pdp{}, tt.agent, tt.admin)); err == nil || !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("%s, %s: %v", tt.agent, tt.admin, err)
		}
	}
	// The first listener is given back where the second is refused.
	again, err := net.Listen("tcp", free)
	if err != nil {
		t.Fatal(err)
	}
	_ = again.Close()
}

// TestHeadersAreBounded: an agent cannot make the sidecar hold what it likes.
func TestHeadersAreBounded(t *testing.T) {
	s, stop, ended := running(t, &pdp{}, time.Second)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.Agent()+"/v1/models", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Long", strings.Repeat("x", 64<<10))
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(r)
	if err == nil {
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
			t.Errorf("answer %d", resp.StatusCode)
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Errorf("Run: %v", err)
	}
}
