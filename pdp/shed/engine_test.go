package shed

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"outrider.dev/outrider/decision"
)

// slow takes a second for everything but outcomes.
type slow struct{ settled int }

func (s *slow) Check(context.Context, *decision.Request) (*decision.Verdict, error) {
	time.Sleep(time.Second)
	return &decision.Verdict{Effect: decision.Allow}, nil
}

func (s *slow) Open(_ context.Context, r *decision.Request) (*decision.Verdict, decision.Exchange, error) {
	time.Sleep(time.Second)
	if r.Method == "denied" {
		return &decision.Verdict{}, nil, nil
	}
	return &decision.Verdict{Effect: decision.Allow}, exchangeOf{s}, nil
}

func (s *slow) FilterTools(context.Context, *decision.Request, []decision.Tool) (*decision.Visibility, error) {
	time.Sleep(time.Second)
	return &decision.Visibility{}, nil
}

func (s *slow) Explain(context.Context, *decision.Request) (*decision.Explanation, error) {
	time.Sleep(time.Second)
	return &decision.Explanation{}, nil
}

func (s *slow) Settle(context.Context, decision.Outcome) bool { s.settled++; return false }

func (s *slow) Loaded() bool { return true }

type exchangeOf struct{ *slow }

func (x exchangeOf) Attempt(context.Context, decision.Attempt) (*decision.Grant, error) {
	time.Sleep(time.Second)
	return &decision.Grant{}, nil
}

func (x exchangeOf) Judge(context.Context, decision.Part) (*decision.Ruling, error) {
	time.Sleep(time.Second)
	return &decision.Ruling{Effect: decision.Allow}, nil
}

func (x exchangeOf) Settle(context.Context, decision.Outcome) error { x.settled++; return nil }

// TestEveryQuestionTakesATurn: with the only turn taken each of them is shed in
// its own way, and outcomes are taken nevertheless. An open exchange that
// nobody asks about takes none.
func TestEveryQuestionTakesATurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c counted
		e := &slow{}
		s := &Shedder{Engine: e, line: newLine(1, c.told)}
		r := &decision.Request{ExchangeID: "exchange-1"}
		v, ex, err := s.Open(t.Context(), r)
		if err != nil || !v.Allowed() {
			t.Fatal(v, err)
		}
		v, denied, err := s.Open(t.Context(), &decision.Request{Method: "denied"})
		if err != nil || denied != nil || v.Allowed() {
			t.Fatal("the open exchange holds a turn, or a denial has an exchange", v, err)
		}
		leave := take(t, s.line)
		before := c.total
		short := func(ask func(context.Context) error) error {
			ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
			defer cancel()
			return ask(ctx)
		}
		for name, ask := range map[string]func(context.Context) error{
			"Check":       func(ctx context.Context) error { _, err := s.Check(ctx, r); return err },
			"FilterTools": func(ctx context.Context) error { _, err := s.FilterTools(ctx, r, nil); return err },
			"Explain":     func(ctx context.Context) error { _, err := s.Explain(ctx, r); return err },
			"Enter":       func(ctx context.Context) error { _, err := s.Enter(ctx, 1); return err },
			"Attempt":     func(ctx context.Context) error { _, err := ex.Attempt(ctx, decision.Attempt{}); return err },
		} {
			t.Log(name)
			wantShed(t, short(ask))
		}
		_ = short(func(ctx context.Context) error {
			v, ex, err := s.Open(ctx, r)
			if err != nil || ex != nil || v.Allowed() || v.ID != "exchange-1" || v.Reason.Code != decision.CodeOverloaded || v.Reason.RetryAfter == 0 {
				t.Errorf("Open: %+v, %v", v, err)
			}
			return nil
		})
		_ = short(func(ctx context.Context) error {
			ruling, err := ex.Judge(ctx, decision.Part{Whole: &decision.Body{}})
			if err != nil || ruling.Effect != decision.Deny || ruling.Reason.Code != decision.CodeOverloaded {
				t.Errorf("Judge: %+v, %v", ruling, err)
			}
			return nil
		})
		if c.total-before != 7 || s.Waiting() != 0 {
			t.Errorf("%d are counted, %d wait", c.total-before, s.Waiting())
		}
		if s.Settle(t.Context(), decision.Outcome{}); ex.Settle(t.Context(), decision.Outcome{}) != nil || e.settled != 2 {
			t.Errorf("%d outcomes are taken", e.settled)
		}
		leave()
		if ruling, err := ex.Judge(t.Context(), decision.Part{}); err != nil || ruling.Effect != decision.Allow {
			t.Errorf("once there is room: %+v, %v", ruling, err)
		}
	})
}

func TestSizes(t *testing.T) {
	for want, p := range map[int]decision.Part{
		0: {},
		3: {Whole: &decision.Body{Raw: []byte("abc")}},
		5: {Deltas: []decision.Delta{{Text: "ab"}, {Text: "cde"}}},
		4: {Tools: []decision.Tool{{Definition: []byte("ab")}, {Definition: []byte("cd")}}},
	} {
		if got := partSize(p); got != want {
			t.Errorf("%d, want %d", got, want)
		}
	}
}
