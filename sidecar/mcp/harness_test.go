package mcp_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/sidecar/gate"
	"outrider.dev/outrider/sidecar/mcp"
	"outrider.dev/outrider/sidecar/upstream"
	"outrider.dev/outrider/strictjson"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// pdp is a decision service that does as a test says, and remembers.
type pdp struct {
	decision.Decider // Check and FilterTools are never asked

	open  func(r *decision.Request) *decision.Verdict
	judge func(p decision.Part) (*decision.Ruling, error)

	mu      sync.Mutex
	asked   []decision.Request
	judged  []decision.Part
	settled []decision.Outcome
}

func (p *pdp) Open(_ context.Context, r *decision.Request) (*decision.Verdict, decision.Exchange, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	kept := *r
	kept.Body.Raw = bytes.Clone(r.Body.Raw)
	p.asked = append(p.asked, kept)
	v := p.open(r)
	if v == nil {
		return nil, nil, errors.New("nobody is there")
	}
	v.ID = r.ExchangeID
	if !v.Allowed() {
		return v, nil, nil
	}
	return v, p, nil
}

func (p *pdp) Attempt(context.Context, decision.Attempt) (*decision.Grant, error) {
	return nil, errors.New("no second target is ever asked for")
}

func (p *pdp) Judge(_ context.Context, part decision.Part) (*decision.Ruling, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.judged = append(p.judged, part)
	if p.judge == nil {
		return showAll(part), nil
	}
	return p.judge(part)
}

func (p *pdp) Settle(_ context.Context, o decision.Outcome) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.settled = append(p.settled, o)
	return nil
}

// ended waits for the outcome of the only exchange.
func (p *pdp) ended(t *testing.T) decision.Outcome {
	t.Helper()
	for range 500 {
		p.mu.Lock()
		settled := slices.Clone(p.settled)
		p.mu.Unlock()
		if len(settled) > 0 {
			if len(settled) > 1 {
				t.Errorf("settled %d times", len(settled))
			}
			return settled[0]
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("the exchange was not settled")
	return decision.Outcome{}
}

func showAll(part decision.Part) *decision.Ruling {
	v := &decision.Visibility{}
	for i := range part.Tools {
		v.Show(i)
	}
	return &decision.Ruling{Effect: decision.Allow, Visibility: v}
}

// recorder is an upstream that remembers the bytes of every call.
type recorder struct {
	*httptest.Server
	mu    sync.Mutex
	calls []recorded
}

type recorded struct {
	header http.Header
	host   string
	body   string
}

func record(t *testing.T, answer http.HandlerFunc) *recorder {
	t.Helper()
	rec := &recorder{}
	rec.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Errorf("the upstream could not read the body: %v", err)
		}
		rec.mu.Lock()
		rec.calls = append(rec.calls, recorded{r.Header.Clone(), r.Host, string(body)})
		rec.mu.Unlock()
		r.Body = io.NopCloser(bytes.NewReader(body))
		answer(w, r)
	}))
	t.Cleanup(rec.Close)
	return rec
}

func (r *recorder) seen() []recorded {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.calls)
}

// grant lets calls go to the server, with a key of its own.
func (r *recorder) grant(name string) decision.Grant {
	return decision.Grant{
		Target:     decision.Target{Provider: name, Origin: r.URL, Path: "/mcp", Dialect: "mcp"},
		Credential: decision.Credential{Header: decision.HeaderOp{Name: "Authorization", Value: decision.Secret("Bearer key-of-" + name)}},
	}
}

// says answers with a fixed JSON body.
func says(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// streams answers with these bytes as an event stream.
func streams(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, text)
	}
}

func allow(grants ...decision.Grant) func(*decision.Request) *decision.Verdict {
	return func(*decision.Request) *decision.Verdict {
		return &decision.Verdict{Effect: decision.Allow, Grants: slices.Clone(grants)}
	}
}

// judged is allow with the duty to show the answers.
func judged(grants ...decision.Grant) func(*decision.Request) *decision.Verdict {
	return func(r *decision.Request) *decision.Verdict {
		v := allow(grants...)(r)
		v.Duty.JudgeResponse = true
		return v
	}
}

// sidecarOn serves the road in front of p.
func sidecarOn(t *testing.T, p *pdp, tune ...func(*mcp.Config)) *httptest.Server {
	t.Helper()
	log := slog.New(slog.NewTextHandler(&testLog{t: t}, nil))
	g, err := gate.New(gate.Config{Decider: p, Timeout: 5 * time.Second, Log: log, Failed: func() {}, FailMode: func(gate.Mode) {}})
	if err != nil {
		t.Fatal(err)
	}
	sender := upstream.NewSender(time.Minute)
	cfg := mcp.Config{
		Gate: g, Sender: sender, Agent: func(*http.Request) decision.Caller { return decision.Caller{Agent: "bot", Namespace: "prod"} },
		Limits: strictjson.Limits{Bytes: 1 << 20, Depth: 64}, Log: log, Version: "1.2.3",
	}
	for _, f := range tune {
		f(&cfg)
	}
	srv := httptest.NewServer(mcp.New(cfg))
	t.Cleanup(func() {
		srv.CloseClientConnections()
		srv.Close()
		sender.Close()
	})
	return srv
}

// testLog writes to the test's log until the test is over.
type testLog struct {
	t  *testing.T
	mu sync.Mutex
}

func (l *testLog) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if strings.Contains(string(b), "key-of-") || strings.Contains(string(b), "agent-token") {
		l.t.Errorf("a secret stands in the log: %s", b)
	}
	return len(b), nil
}

// answer is what an agent got.
type answer struct {
	status int
	header http.Header
	body   string
}

// post sends one message as an agent does.
func post(t *testing.T, url, body string, header ...string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json, text/event-stream")
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	return do(t, req)
}

func do(t *testing.T, req *http.Request) answer {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.Header.Get("Outrider-Decision") == "" {
		t.Error("the answer has no decision id")
	}
	return answer{resp.StatusCode, resp.Header, string(body)}
}
