package gate

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"go.uber.org/goleak"

	"outrider.dev/outrider/decision"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const timeout = 2 * time.Second

var errAway = errors.New("nobody is there")

// decider answers as a test tells it.
type decider struct {
	decision.Decider
	open func(context.Context, *decision.Request) (*decision.Verdict, decision.Exchange, error)
}

func (d decider) Open(ctx context.Context, r *decision.Request) (*decision.Verdict, decision.Exchange, error) {
	return d.open(ctx, r)
}

// answering always answers the same.
func answering(v *decision.Verdict, ex decision.Exchange, err error) decider {
	return decider{open: func(context.Context, *decision.Request) (*decision.Verdict, decision.Exchange, error) {
		return v, ex, err
	}}
}

// exchange answers as a test tells it, and remembers its settlements.
type exchange struct {
	attempt func(context.Context) (*decision.Grant, error)
	judge   func(context.Context) (*decision.Ruling, error)
	settle  func(context.Context) error
	settled []decision.Outcome
}

func (e *exchange) Attempt(ctx context.Context, _ decision.Attempt) (*decision.Grant, error) {
	return e.attempt(ctx)
}

func (e *exchange) Judge(ctx context.Context, _ decision.Part) (*decision.Ruling, error) {
	return e.judge(ctx)
}

func (e *exchange) Settle(ctx context.Context, o decision.Outcome) error {
	e.settled = append(e.settled, o)
	if e.settle == nil {
		return ctx.Err()
	}
	return e.settle(ctx)
}

// watched is a gate with what can be seen of it from outside.
type watched struct {
	*Gate
	failed int
	modes  map[Mode]int
	log    bytes.Buffer
}

func newGate(t *testing.T, d decision.Decider, routes ...Route) *watched {
	t.Helper()
	w := &watched{modes: map[Mode]int{}}
	g, err := New(Config{
		Decider: d,
		Timeout: timeout,
		Log:     slog.New(slog.NewTextHandler(&w.log, nil)),
		Failed:  func() { w.failed++ },

		Routes:   routes,
		FailMode: func(m Mode) { w.modes[m]++ },
	})
	if err != nil {
		t.Fatal(err)
	}
	w.Gate = g
	return w
}

// open returns an exchange that the gate has let through.
func (w *watched) open(t *testing.T) *Exchange {
	t.Helper()
	v, ex := w.Open(t.Context(), question())
	if ex == nil {
		t.Fatalf("refused: %+v", v.Reason)
	}
	return ex
}

func question() *decision.Request {
	return &decision.Request{
		ExchangeID: "exchange-1", Surface: decision.LLM,
		Caller: decision.Caller{Agent: "devops-copilot", Bearer: decision.Secret("s3cr3t-jwt")},
	}
}

func granted() *decision.Verdict {
	return &decision.Verdict{
		ID: "exchange-1", Effect: decision.Allow, Settlement: []byte("handle"),
		Grants: []decision.Grant{{Target: decision.Target{Provider: "xai"}}},
	}
}

// never waits until the question is given up.
func never(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}
