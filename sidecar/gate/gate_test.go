package gate

import (
	"context"
	"io"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"outrider.dev/outrider/decision"
)

func TestNewRefusesHalfAGate(t *testing.T) {
	whole := Config{Decider: decider{}, Timeout: timeout, Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Failed: func() {}, FailMode: func(Mode) {}}
	if _, err := New(whole); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*Config){
		"no decider":         func(c *Config) { c.Decider = nil },
		"no log":             func(c *Config) { c.Log = nil },
		"no counter":         func(c *Config) { c.Failed = nil },
		"no other counter":   func(c *Config) { c.FailMode = nil },
		"no timeout":         func(c *Config) { c.Timeout = 0 },
		"a negative timeout": func(c *Config) { c.Timeout = -1 },
	} {
		c := whole
		spoil(&c)
		if g, err := New(c); err == nil || g != nil {
			t.Errorf("%s: got a gate", name)
		}
	}
}

func TestOpen(t *testing.T) {
	w := newGate(t, answering(granted(), &exchange{}, nil))
	v, ex := w.Open(t.Context(), question())
	if ex == nil || !v.Allowed() || len(v.Grants) != 1 {
		t.Fatalf("got %+v, %v", v, ex)
	}
	if w.failed != 0 || w.log.Len() != 0 {
		t.Fatalf("an answer counts as %d failures: %s", w.failed, &w.log)
	}
}

func TestOpenDenied(t *testing.T) {
	denial := &decision.Verdict{ID: "exchange-1", Reason: decision.Reason{Code: decision.CodeNotAllowed, Rule: "r"}}
	w := newGate(t, answering(denial, nil, nil))
	if v, ex := w.Open(t.Context(), question()); ex != nil || v != denial {
		t.Fatalf("got %+v, %v", v, ex)
	}
	if w.failed != 0 {
		t.Fatal("a denial counts as a failure")
	}
}

func TestOpenMintsAnID(t *testing.T) {
	var asked string
	w := newGate(t, decider{open: func(_ context.Context, r *decision.Request) (*decision.Verdict, decision.Exchange, error) {
		asked = r.ExchangeID
		return nil, nil, errAway
	}})
	v, _ := w.Open(t.Context(), &decision.Request{})
	if !decision.ValidID(asked) || v.ID != asked {
		t.Fatalf("asked as %q, answered as %q", asked, v.ID)
	}
}

// TestOpenFailsClosed: whatever is no full answer is a denial with the code
// pdp_unavailable, and what was opened is given back.
func TestOpenFailsClosed(t *testing.T) {
	allowed := func(change func(*decision.Verdict)) *decision.Verdict {
		v := granted()
		change(v)
		return v
	}
	for name, c := range map[string]struct {
		verdict *decision.Verdict
		opened  bool
		err     error
	}{
		"an error":                       {nil, false, errAway},
		"an error beside a verdict":      {granted(), false, errAway},
		"an error beside an exchange":    {granted(), true, errAway},
		"nothing":                        {nil, false, nil},
		"an exchange without verdict":    {nil, true, nil},
		"allowed without a grant":        {allowed(func(v *decision.Verdict) { v.Grants = nil }), true, nil},
		"allowed without an exchange":    {granted(), false, nil},
		"allowed with nothing":           {&decision.Verdict{Effect: decision.Allow}, false, nil},
		"mutated without a grant":        {&decision.Verdict{Effect: decision.Mutate}, true, nil},
		"an error beside a denial":       {&decision.Verdict{}, false, errAway},
		"an error beside a denial, open": {&decision.Verdict{}, true, errAway},
	} {
		t.Run(name, func(t *testing.T) {
			inner := &exchange{}
			var opened decision.Exchange
			if c.opened {
				opened = inner
			}
			w := newGate(t, answering(c.verdict, opened, c.err))
			v, ex := w.Open(t.Context(), question())
			if ex != nil || v == nil || v.Allowed() || v.Reason.Code != decision.CodePDPUnavailable || v.ID != "exchange-1" || len(v.Grants) > 0 {
				t.Fatalf("got %+v, %v", v, ex)
			}
			if w.failed != 1 || !strings.Contains(w.log.String(), "decision=exchange-1") {
				t.Errorf("%d failures counted, log: %s", w.failed, &w.log)
			}
			if strings.Contains(w.log.String(), "s3cr3t") {
				t.Errorf("the log tells a secret: %s", &w.log)
			}
			wantSettled(t, inner, c.opened, decision.EndFailed)
		})
	}
}

func wantSettled(t *testing.T, inner *exchange, once bool, end decision.End) {
	t.Helper()
	if !once && len(inner.settled) > 0 {
		t.Fatalf("settled %+v", inner.settled)
	}
	if once && (len(inner.settled) != 1 || inner.settled[0].End != end || inner.settled[0].ExchangeID != "exchange-1") {
		t.Fatalf("settled %+v, want once as %s", inner.settled, end)
	}
}

// TestOpenDeniedButOpen: a denial stands, and its exchange is given back.
func TestOpenDeniedButOpen(t *testing.T) {
	inner := &exchange{}
	denial := &decision.Verdict{Reason: decision.Reason{Code: decision.CodeNoPolicy}, Grants: granted().Grants}
	w := newGate(t, answering(denial, inner, nil))
	v, ex := w.Open(t.Context(), question())
	if ex != nil || v.Reason.Code != decision.CodeNoPolicy {
		t.Fatalf("got %+v, %v", v, ex)
	}
	wantSettled(t, inner, true, decision.EndFailed)
}

func TestDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner := &exchange{
			attempt: func(ctx context.Context) (*decision.Grant, error) { return &decision.Grant{}, never(ctx) },
			judge: func(ctx context.Context) (*decision.Ruling, error) {
				return &decision.Ruling{Effect: decision.Allow}, never(ctx)
			},
			settle: never,
		}
		slow := newGate(t, decider{open: func(ctx context.Context, _ *decision.Request) (*decision.Verdict, decision.Exchange, error) {
			return granted(), nil, never(ctx)
		}})
		takes(t, timeout, func() {
			if v, ex := slow.Open(t.Context(), question()); ex != nil || v.Reason.Code != decision.CodePDPUnavailable {
				t.Errorf("open: got %+v", v)
			}
		})
		w := newGate(t, answering(granted(), inner, nil))
		ex := w.open(t)
		takes(t, timeout, func() {
			if g := ex.Attempt(t.Context(), decision.Attempt{}); g != nil {
				t.Errorf("attempt: got %+v", g)
			}
		})
		takes(t, timeout, func() {
			if r := ex.Judge(t.Context(), decision.Part{}); r.Effect != decision.Deny || r.Reason.Code != decision.CodePDPUnavailable {
				t.Errorf("judge: got %+v", r)
			}
		})
		takes(t, settleTimeout, func() { ex.Settle(t.Context(), decision.Outcome{}) })
		if slow.failed != 1 || w.failed != 3 {
			t.Errorf("counted %d and %d failures", slow.failed, w.failed)
		}
	})
}

func takes(t *testing.T, want time.Duration, do func()) {
	t.Helper()
	began := time.Now()
	do()
	if took := time.Since(began); took != want {
		t.Errorf("it took %v, want %v", took, want)
	}
}

// TestCallDeadline: the deadline of the call bounds its questions too.
func TestCallDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newGate(t, decider{open: func(ctx context.Context, _ *decision.Request) (*decision.Verdict, decision.Exchange, error) {
			return nil, nil, never(ctx)
		}})
		ctx, cancel := context.WithTimeout(t.Context(), timeout/2)
		defer cancel()
		takes(t, timeout/2, func() {
			if v, ex := w.Open(ctx, question()); ex != nil || v.Allowed() {
				t.Errorf("got %+v", v)
			}
		})
	})
}

// TestAgentGone: a question that its agent gave up is refused, and is no
// failure of the decision service.
func TestAgentGone(t *testing.T) {
	ctx, leave := context.WithCancel(t.Context())
	leave()
	w := newGate(t, decider{open: func(ctx context.Context, _ *decision.Request) (*decision.Verdict, decision.Exchange, error) {
		return nil, nil, ctx.Err()
	}})
	if v, ex := w.Open(ctx, question()); ex != nil || v.Allowed() || v.Reason.Code != decision.CodePDPUnavailable {
		t.Fatalf("got %+v, %v", v, ex)
	}
	if w.failed != 0 || w.log.Len() > 0 {
		t.Fatalf("counted %d failures: %s", w.failed, &w.log)
	}
}
