package limit

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"outrider.dev/outrider/decision"
)

// clock is a time that the test moves.
type clock struct{ at time.Time }

func newClock() *clock { return &clock{time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)} }

func (c *clock) now() time.Time          { return c.at }
func (c *clock) advance(d time.Duration) { c.at = c.at.Add(d) }

func newLimiter(t testing.TB, c *clock, rules ...Rule) *Limiter {
	t.Helper()
	l, err := New(rules, c.now)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func requests(n uint64) Rule { return Rule{Name: "requests", Per: Global, RequestsPerMinute: n} }
func tokens(n uint64) Rule   { return Rule{Name: "tokens", Per: Global, TokensPerMinute: n} }

func admit(t *testing.T, l *Limiter, q Question) *Reservation {
	t.Helper()
	r, reason := l.Reserve(q)
	if reason != nil {
		t.Fatalf("refused: %+v", *reason)
	}
	return r
}

func refuse(t *testing.T, l *Limiter, q Question) decision.Reason {
	t.Helper()
	r, reason := l.Reserve(q)
	if reason == nil || r != nil {
		t.Fatalf("admitted: %+v", r)
	}
	return *reason
}

func TestNewRefuses(t *testing.T) {
	good := requests(1)
	for name, tt := range map[string]struct {
		rules []Rule
		want  string
	}{
		"no per":      {[]Rule{{Name: "a", RequestsPerMinute: 1}}, "per"},
		"unknown per": {[]Rule{{Name: "a", Per: "identity", RequestsPerMinute: 1}}, "Identity, Agent or Global"},
		"no name":     {[]Rule{{Per: Global, RequestsPerMinute: 1}}, "no name"},
		"no limit":    {[]Rule{{Name: "a", Per: Global}}, "limits nothing"},
		"too large":   {[]Rule{{Name: "a", Per: Global, TokensPerMinute: maxLimit + 1}}, "above"},
		"name twice":  {[]Rule{good, good}, "limit 1"},
	} {
		if _, err := New(tt.rules, nil); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want one with %q", name, err, tt.want)
		}
	}
	if _, err := New(nil, nil); err != nil {
		t.Errorf("no rules: %v", err)
	}
}

func TestNoRuleAppliesAdmits(t *testing.T) {
	l := newLimiter(t, newClock(), Rule{Name: "xai", Provider: "xai", Per: Global, RequestsPerMinute: 1})
	for range 5 {
		admit(t, l, Question{Provider: "openai", Tokens: math.MaxUint64}).Settle(decision.Usage{})
	}
	admit(t, l, Question{Provider: "xai"})
	refuse(t, l, Question{Provider: "xai"})
}

func TestPer(t *testing.T) {
	alice := &decision.Principal{Agent: "a", Issuer: "i", Subject: "alice"}
	bob := &decision.Principal{Agent: "a", Issuer: "i", Subject: "bob"}
	aliceElsewhere := &decision.Principal{Agent: "b", Issuer: "i", Subject: "alice"}
	otherIssuer := &decision.Principal{Agent: "a", Issuer: "j", Subject: "alice"}
	workload := &decision.Principal{Agent: "a"}
	for per, apart := range map[Per][]*decision.Principal{
		Identity: {bob, otherIssuer, workload},
		Agent:    {aliceElsewhere},
	} {
		l := newLimiter(t, newClock(), Rule{Name: "one", Per: per, RequestsPerMinute: 1})
		admit(t, l, Question{Principal: alice})
		for _, p := range apart {
			admit(t, l, Question{Principal: p})
		}
		refuse(t, l, Question{Principal: alice})
	}
	l := newLimiter(t, newClock(), Rule{Name: "one", Per: Identity, RequestsPerMinute: 1})
	admit(t, l, Question{Principal: alice})
	refuse(t, l, Question{Principal: aliceElsewhere})
	l = newLimiter(t, newClock(), requests(1))
	admit(t, l, Question{Principal: alice})
	refuse(t, l, Question{Principal: &decision.Principal{Agent: "z"}})
	refuse(t, l, Question{})
}

func TestReasonSaysWhatAndWhen(t *testing.T) {
	c := newClock()
	l := newLimiter(t, c, Rule{Name: "copilot/xai", Per: Identity, RequestsPerMinute: 2, TokensPerMinute: 5000})
	admit(t, l, Question{Tokens: 10})
	c.advance(20 * time.Second)
	admit(t, l, Question{Tokens: 10})
	c.advance(10 * time.Second)
	r := refuse(t, l, Question{Tokens: 10})
	if r.Code != decision.CodeRateLimited || r.Rule != "copilot/xai" || r.RetryAfter != 31*time.Second {
		t.Errorf("reason %+v", r)
	}
	for _, want := range []string{"copilot/xai", "2 requests and 5000 tokens a minute per Identity", "31 s"} {
		if !strings.Contains(r.Message, want) {
			t.Errorf("message %q lacks %q", r.Message, want)
		}
	}
	c.advance(r.RetryAfter - time.Second)
	refuse(t, l, Question{Tokens: 10})
	c.advance(time.Second)
	admit(t, l, Question{Tokens: 10})
}

func TestEstimateAboveTheLimit(t *testing.T) {
	l := newLimiter(t, newClock(), tokens(100), requests(10))
	r := refuse(t, l, Question{Tokens: 101})
	if r.Code != decision.CodeRateLimited || r.RetryAfter != 0 || !strings.Contains(r.Message, "101") || !strings.Contains(r.Message, "waiting does not help") {
		t.Errorf("reason %+v", r)
	}
	admit(t, l, Question{Tokens: 100})
	if r := refuse(t, l, Question{Tokens: 101}); r.RetryAfter != 0 {
		t.Errorf("a call that never fits is told to wait: %+v", r)
	}
}

func TestLongestWaitIsNamed(t *testing.T) {
	c := newClock()
	l := newLimiter(t, c, requests(1), tokens(100))
	admit(t, l, Question{Tokens: 10})
	c.advance(30 * time.Second)
	// Full under requests until second 61; tokens only block the large call.
	if r := refuse(t, l, Question{Tokens: 1}); r.Rule != "requests" {
		t.Errorf("reason %+v", r)
	}
	c.advance(31 * time.Second)
	admit(t, l, Question{Tokens: 95})
	c.advance(time.Second)
	if r := refuse(t, l, Question{Tokens: 50}); r.RetryAfter != 60*time.Second {
		t.Errorf("reason %+v", r)
	}
}

func TestAllOrNone(t *testing.T) {
	c := newClock()
	l := newLimiter(t, c, requests(10), tokens(100))
	admit(t, l, Question{Tokens: 100})
	for range 20 {
		refuse(t, l, Question{Tokens: 1})
	}
	if got := l.windows[key{rule: 0}].requests; got != 1 {
		t.Errorf("refused calls were counted: %d requests", got)
	}
}

func TestSettleCorrects(t *testing.T) {
	for name, tt := range map[string]struct {
		usage decision.Usage
		left  uint64
	}{
		"less":                {decision.Usage{Input: 10, Output: 5}, 985},
		"cached is input":     {decision.Usage{Input: 10, Output: 5, Cached: 8}, 985},
		"more":                {decision.Usage{Input: 400, Output: 400}, 200},
		"nothing":             {decision.Usage{}, 1000},
		"guessed":             {decision.Usage{Input: 10, Output: 5, Estimated: true}, 985},
		"unknown":             {decision.Usage{Estimated: true}, 500},
		"above the limit":     {decision.Usage{Input: 5000}, 0},
		"absurd, no wrapping": {decision.Usage{Input: math.MaxUint64, Output: math.MaxUint64}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			c := newClock()
			l := newLimiter(t, c, tokens(1000))
			r := admit(t, l, Question{Tokens: 500})
			c.advance(30 * time.Second)
			r.Settle(tt.usage)
			r.Settle(decision.Usage{Input: 1})
			r.Cancel()
			if tt.left > 0 {
				admit(t, l, Question{Tokens: tt.left}).Cancel()
			}
			refuse(t, l, Question{Tokens: tt.left + 1})
			// The correction belongs to the second of the reservation.
			c.advance(31 * time.Second)
			admit(t, l, Question{Tokens: 1000})
		})
	}
}

func TestUsedUpRefusesCallsWithoutEstimate(t *testing.T) {
	l := newLimiter(t, newClock(), tokens(10))
	admit(t, l, Question{}).Settle(decision.Usage{Output: 10})
	refuse(t, l, Question{})
}

func TestCancelGivesEverythingBack(t *testing.T) {
	l := newLimiter(t, newClock(), requests(1), tokens(100))
	for range 3 {
		r := admit(t, l, Question{Tokens: 100})
		r.Cancel()
		r.Cancel()
		r.Settle(decision.Usage{Input: 100})
	}
	admit(t, l, Question{Tokens: 100}).Settle(decision.Usage{Input: 1})
	refuse(t, l, Question{Tokens: 1})
}

func TestNilReservation(_ *testing.T) {
	var r *Reservation
	r.Settle(decision.Usage{Input: 1})
	r.Cancel()
}

func TestLateSettleHasNoEffect(t *testing.T) {
	c := newClock()
	l := newLimiter(t, c, tokens(100))
	late := admit(t, l, Question{Tokens: 100})
	c.advance(span * time.Second)
	admit(t, l, Question{Tokens: 50})
	late.Settle(decision.Usage{Input: 1000})
	admit(t, l, Question{Tokens: 50}).Cancel()
	c.advance(10 * span * time.Second) // its window is forgotten altogether
	admit(t, l, Question{Tokens: 1}).Cancel()
	late.Cancel()
	admit(t, l, Question{Tokens: 100})
}

func TestClockGoingBackDoesNotOpenTheWindow(t *testing.T) {
	c := newClock()
	l := newLimiter(t, c, requests(1))
	c.advance(time.Minute)
	admit(t, l, Question{})
	c.advance(-time.Hour)
	refuse(t, l, Question{})
}

func TestKeysAreBounded(t *testing.T) {
	c := newClock()
	l := newLimiter(t, c, Rule{Name: "one", Per: Agent, RequestsPerMinute: 1})
	l.maxKeys = 3
	call := func(i int) Question {
		return Question{Principal: &decision.Principal{Agent: fmt.Sprint(i)}}
	}
	for i := range 3 {
		admit(t, l, call(i))
		c.advance(10 * time.Second)
	}
	r := refuse(t, l, call(3))
	if r.Code != decision.CodeOverloaded || r.RetryAfter == 0 || r.Rule != "one" {
		t.Errorf("reason %+v", r)
	}
	if r := refuse(t, l, call(1)); r.Code != decision.CodeRateLimited {
		t.Errorf("a known caller: %+v", r)
	}
	c.advance(31 * time.Second) // the first caller's count is gone
	admit(t, l, call(3))
	refuse(t, l, call(4))
	c.advance(10 * span * time.Second)
	admit(t, l, call(5))
	if n := len(l.windows); n != 1 {
		t.Errorf("%d callers are remembered, want 1", n)
	}
}

// TestSweepKeepsWindowsOfTheSameCall: with no room left, a sweep must not drop
// the window that an earlier rule of the same call has just opened.
func TestSweepKeepsWindowsOfTheSameCall(t *testing.T) {
	c := newClock()
	l := newLimiter(t, c,
		Rule{Name: "a", Per: Agent, RequestsPerMinute: 1}, Rule{Name: "b", Per: Identity, RequestsPerMinute: 9})
	l.maxKeys = 2
	admit(t, l, Question{Principal: &decision.Principal{Agent: "x"}})
	c.advance(span * time.Second)
	y := Question{Principal: &decision.Principal{Agent: "y"}}
	admit(t, l, y)
	refuse(t, l, y)
}

func TestConcurrentCallsNeverOvershoot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const limit, callers, each = 1000, 64, 50
		l, err := New([]Rule{requests(limit), {Name: "t", Per: Global, TokensPerMinute: 7 * limit}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if n := race(l, callers, each); n != limit {
				t.Fatalf("%d calls admitted, want exactly %d", n, limit)
			}
			time.Sleep(time.Minute - time.Second)
			if n := race(l, callers, 1); n != 0 {
				t.Fatalf("%d calls admitted within the minute", n)
			}
			time.Sleep(2 * time.Second)
		}
	})
}

func race(l *Limiter, callers, each int) int64 {
	var admitted atomic.Int64
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			for range each {
				if r, reason := l.Reserve(Question{Tokens: 7}); reason == nil {
					admitted.Add(1)
					r.Settle(decision.Usage{Input: 3, Output: 4})
				}
			}
		})
	}
	wg.Wait()
	return admitted.Load()
}

// call is one admitted call as the reference remembers it.
type call struct {
	at     time.Time
	tokens uint64
	res    *Reservation
	open   bool
}

// TestStrictWindow walks at random and compares with a list of all calls: in
// no 60 seconds are there more than the limits allow, estimates that settled
// higher aside, and a refused call really had no room in the window.
func TestStrictWindow(t *testing.T) {
	for seed := range uint64(60) {
		rng := rand.New(rand.NewPCG(seed, 1))
		walk(t, rng, 1+rng.Uint64N(8), 1+rng.Uint64N(100))
	}
}

func walk(t *testing.T, rng *rand.Rand, maxRequests, maxTokens uint64) {
	t.Helper()
	c := newClock()
	c.advance(time.Duration(rng.Int64N(1e9)))
	l := newLimiter(t, c, requests(maxRequests), tokens(maxTokens))
	var calls []call
	for range 400 {
		c.advance(time.Duration(rng.Int64N(int64(9 * time.Second))))
		estimate := rng.Uint64N(maxTokens + 1)
		n, used := within(calls, c.at, 60*time.Second)
		res, reason := l.Reserve(Question{Tokens: estimate})
		if reason == nil {
			if n+1 > maxRequests || used+estimate > maxTokens {
				t.Fatalf("admitted beyond the limit: %d+1 of %d requests, %d+%d of %d tokens", n, maxRequests, used, estimate, maxTokens)
			}
			calls = append(calls, call{c.at, estimate, res, true})
		} else if n, used := within(calls, c.at, (span+1)*time.Second); n < maxRequests && used+estimate <= maxTokens && used < maxTokens {
			t.Fatalf("refused with room: %d of %d requests, %d+%d of %d tokens: %+v", n, maxRequests, used, estimate, maxTokens, *reason)
		}
		calls = finishOne(rng, calls)
	}
}

// finishOne settles (at most at its estimate) or cancels a call, or leaves it.
func finishOne(rng *rand.Rand, calls []call) []call {
	if len(calls) == 0 {
		return calls
	}
	i := rng.IntN(len(calls))
	c := &calls[i]
	switch {
	case !c.open:
		c.res.Settle(decision.Usage{Input: 1 << 30}) // no effect any more
		c.res.Cancel()
	case rng.IntN(3) == 0:
		c.res.Cancel()
		return append(calls[:i:i], calls[i+1:]...)
	case rng.IntN(2) == 0:
		c.tokens, c.open = rng.Uint64N(c.tokens+1), false
		c.res.Settle(decision.Usage{Output: c.tokens})
	}
	return calls
}

func within(calls []call, now time.Time, d time.Duration) (n, used uint64) {
	for _, c := range calls {
		if now.Sub(c.at) < d {
			n++
			used += c.tokens
		}
	}
	return n, used
}

// TestRetryAfterIsRight: waiting as told is enough, and a second less is not.
func TestRetryAfterIsRight(t *testing.T) {
	for seed := range uint64(200) {
		c := newClock()
		rng := rand.New(rand.NewPCG(seed, 2))
		l := newLimiter(t, c, requests(5), tokens(100))
		q := Question{Tokens: 1 + rng.Uint64N(100)}
		var reason *decision.Reason
		for reason == nil {
			c.advance(time.Duration(rng.IntN(9)) * time.Second)
			_, reason = l.Reserve(q)
			q.Tokens = 1 + rng.Uint64N(100)
		}
		_, reason = l.Reserve(q)
		if reason == nil {
			continue
		}
		c.advance(reason.RetryAfter - time.Second)
		refuse(t, l, q)
		c.advance(time.Second)
		admit(t, l, q)
	}
}
