package limit

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"outrider.dev/outrider/decision"
)

func TestPeekTellsAndCountsNothing(t *testing.T) {
	c := newClock()
	l := newLimiter(t, c, Rule{Name: "both", Per: Identity, RequestsPerMinute: 2, TokensPerMinute: 100}, Rule{Name: "xai", Provider: "xai", Per: Global, RequestsPerMinute: 5})
	q := Question{Principal: &decision.Principal{Agent: "a"}, Tokens: 30}
	admit(t, l, q)
	for range 5 {
		got, reason := l.Peek(q)
		want := []decision.LimitState{{Name: "both", Per: "Identity", Requests: decision.Fill{Used: 1, Of: 2}, Tokens: decision.Fill{Used: 30, Of: 100}}}
		if reason != nil || !slices.Equal(got, want) {
			t.Fatalf("got %+v, %v", got, reason)
		}
	}
	admit(t, l, q)
	got, reason := l.Peek(q)
	if len(got) != 1 || !got[0].Refuses || reason == nil || reason.Rule != "both" || reason.RetryAfter != 61*time.Second {
		t.Fatalf("got %+v, %+v", got, reason)
	}
	if got, _ := l.Peek(Question{Provider: "xai", Principal: &decision.Principal{Agent: "nobody"}}); len(got) != 2 || got[1].Requests.Used != 0 {
		t.Errorf("got %+v", got)
	}
	if len(l.windows) != 1 {
		t.Errorf("callers that only asked are remembered: %d", len(l.windows))
	}
}

// What Peek says is what Reserve does next.
func TestPeekForetellsReserve(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	c := newClock()
	l := newLimiter(t, c, requests(5), tokens(200))
	refused := 0
	for range 500 {
		c.advance(time.Duration(rng.IntN(12)) * time.Second)
		q := Question{Tokens: rng.Uint64N(60)}
		_, foretold := l.Peek(q)
		_, reason := l.Reserve(q)
		if (foretold == nil) != (reason == nil) || reason != nil && (foretold.Rule != reason.Rule || foretold.RetryAfter != reason.RetryAfter) {
			t.Fatalf("foretold %+v, came %+v", foretold, reason)
		}
		if reason != nil {
			refused++
		}
	}
	if refused < 20 {
		t.Errorf("only %d calls were refused", refused)
	}
}
