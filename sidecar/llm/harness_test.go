package llm_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/sidecar/gate"
	"outrider.dev/outrider/sidecar/llm"
	"outrider.dev/outrider/sidecar/upstream"
	"outrider.dev/outrider/strictjson"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	pathChat = "/v1/chat/completions"
	jsonType = "application/json"
	hello    = `{"model": "m",  "messages":[{"role":"user","content":"hello"}]}`
	askedFor = `{"stream":true,"model":"m","messages":[{"role":"user","content":"hello"}]}`
)

// pdp is a decision service that does as a test says, and remembers.
type pdp struct {
	decision.Decider // Check and FilterTools are never asked

	verdict func(r *decision.Request) *decision.Verdict
	grants  []decision.Grant // for the attempts after the first
	judge   func(p decision.Part) *decision.Ruling

	mu       sync.Mutex
	asked    []decision.Request
	attempts []decision.Attempt
	settled  []decision.Outcome
	done     chan struct{} // a settlement came
}

func (p *pdp) Open(_ context.Context, r *decision.Request) (*decision.Verdict, decision.Exchange, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked = append(p.asked, *r)
	v := p.verdict(r)
	if v == nil {
		return nil, nil, errors.New("nobody is there")
	}
	v.ID = r.ExchangeID
	if !v.Allowed() {
		return v, nil, nil
	}
	return v, p, nil
}

func (p *pdp) Attempt(_ context.Context, a decision.Attempt) (*decision.Grant, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.attempts = append(p.attempts, a)
	if len(p.grants) == 0 {
		return nil, nil
	}
	next := p.grants[0]
	p.grants = p.grants[1:]
	return &next, nil
}

func (p *pdp) Judge(_ context.Context, part decision.Part) (*decision.Ruling, error) {
	return p.judge(part), nil
}

func (p *pdp) Settle(_ context.Context, o decision.Outcome) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.settled = append(p.settled, o)
	close(p.done) // panics where a call settles twice
	return nil
}

// outcome waits for the settlement.
func (p *pdp) outcome(t *testing.T) decision.Outcome {
	t.Helper()
	select {
	case <-p.done:
	case <-time.After(10 * time.Second):
		t.Fatal("the call was never settled")
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.settled[0]
}

// arrival is a request at a provider.
type arrival struct {
	*http.Request
	body string
}

// provider answers as a test says, and remembers.
type provider struct {
	*httptest.Server
	mu  sync.Mutex
	got []arrival
}

func startProvider(t *testing.T, answer http.HandlerFunc) *provider {
	t.Helper()
	p := &provider{}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		p.mu.Lock()
		p.got = append(p.got, arrival{r, string(body)})
		p.mu.Unlock()
		answer(w, r)
	}))
	t.Cleanup(p.Close)
	return p
}

func (p *provider) arrivals() []arrival {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.got
}

// grant lets a call go to the provider of that name, with a key of its own.
func (p *provider) grant(name string) decision.Grant {
	return decision.Grant{
		Target:     decision.Target{Provider: name, Origin: p.URL, Path: pathChat},
		Credential: decision.Credential{Header: decision.HeaderOp{Name: "Authorization", Value: decision.Secret("Bearer key-of-" + name)}},
	}
}

func says(kind, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		_, _ = io.WriteString(w, body)
	}
}

// road is the handlers between an agent and its providers.
type road struct {
	*httptest.Server
	pdp *pdp
}

// allowed is a road whose decision service allows every call to go to the
// first provider, then to the next ones.
func allowed(t *testing.T, duty decision.Duty, providers ...*provider) *road {
	t.Helper()
	names := []string{"first", "second", "third"}
	var grants []decision.Grant
	for i, p := range providers {
		grants = append(grants, p.grant(names[i]))
	}
	return newRoad(t, &pdp{
		grants:  grants[1:],
		verdict: func(*decision.Request) *decision.Verdict { return verdict(duty, grants[0]) },
		judge:   releaseAll(),
	})
}

func verdict(duty decision.Duty, grants ...decision.Grant) *decision.Verdict {
	return &decision.Verdict{Effect: decision.Allow, Duty: duty, Grants: grants, Settlement: []byte("handle")}
}

func newRoad(t *testing.T, p *pdp) *road {
	t.Helper()
	p.done = make(chan struct{})
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	g, err := gate.New(gate.Config{Decider: p, Timeout: 5 * time.Second, Log: log, Failed: func() {}, FailMode: func(gate.Mode) {}})
	if err != nil {
		t.Fatal(err)
	}
	sender := upstream.NewSender(5 * time.Second)
	t.Cleanup(sender.Close)
	calls := llm.New(llm.Config{
		Gate: g, Sender: sender, Agent: func(*http.Request) decision.Caller { return decision.Caller{Agent: "tester"} },
		Limits: strictjson.Limits{Bytes: 1 << 20, Depth: 32}, Deadline: time.Minute, Log: log,
	})
	r := &road{Server: httptest.NewServer(calls), pdp: p}
	r.Config.ErrorLog = slog.NewLogLogger(log.Handler(), slog.LevelWarn)
	t.Cleanup(r.Close)
	return r
}

// answer is what the agent received.
type answer struct {
	status int
	header http.Header
	body   string
	cut    bool // the body ended before its end
}

func (r *road) post(t *testing.T, body string, change ...func(*http.Request)) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.URL+pathChat, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", jsonType)
	for _, c := range change {
		c(req)
	}
	resp, err := r.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	var got bytes.Buffer
	_, err = got.ReadFrom(resp.Body)
	return answer{resp.StatusCode, resp.Header, got.String(), err != nil}
}

// wantCode demands a refusal with that reason code.
func (a answer) wantCode(t *testing.T, status int, code decision.Code) {
	t.Helper()
	if a.status != status || !strings.Contains(a.body, `"code":"`+string(code)+`"`) || a.header.Get("Content-Type") != jsonType ||
		!strings.Contains(a.body, a.header.Get(decision.IDHeader)) || len(a.header.Get(decision.IDHeader)) < 8 {
		t.Errorf("answer %d %s, want %d with code %s and the decision's id", a.status, a.body, status, code)
	}
}

// releaseAll rules that everything may go, as it comes.
func releaseAll() func(decision.Part) *decision.Ruling {
	lanes := map[string]uint64{}
	return func(p decision.Part) *decision.Ruling {
		r := &decision.Ruling{Effect: decision.Allow}
		for _, d := range p.Deltas {
			lanes[d.Lane] += uint64(len(d.Text))
			r.Releases = append(r.Releases, decision.Release{Lane: d.Lane, Upto: lanes[d.Lane]})
		}
		return r
	}
}

func deny(code decision.Code) *decision.Ruling {
	return &decision.Ruling{Effect: decision.Deny, Reason: decision.Reason{Code: code, Message: "not this"}}
}
