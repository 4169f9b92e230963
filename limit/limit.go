package limit

import (
	"fmt"
	"sync"
	"time"

	"outrider.dev/outrider/decision"
)

// maxKeys bounds how many callers are counted at one time.
const maxKeys = 100_000

// Limiter counts. It is safe for concurrent use.
type Limiter struct {
	rules   []Rule
	now     func() time.Time
	begun   time.Time
	maxKeys int

	mu      sync.Mutex
	second  int64 // since begun; never goes back
	swept   int64 // the second of the last sweep
	windows map[key]*window
}

type key struct {
	rule int // index in rules
	who  string
}

// Question is a call that asks for room.
type Question struct {
	Provider  string
	Principal *decision.Principal
	Tokens    uint64 // estimate: input and the most output that may come
}

// New checks the rules and returns a Limiter with empty counts. A nil now is
// time.Now.
func New(rules []Rule, now func() time.Time) (*Limiter, error) {
	names := map[string]bool{}
	for i, r := range rules {
		if err := r.check(); err != nil {
			return nil, fmt.Errorf("limit %d (%q): %w", i, r.Name, err)
		}
		if names[r.Name] {
			return nil, fmt.Errorf("limit %d (%q): its name is taken: give each limit its own", i, r.Name)
		}
		names[r.Name] = true
	}
	if now == nil {
		now = time.Now
	}
	return &Limiter{rules: rules, now: now, begun: now(), maxKeys: maxKeys, windows: map[key]*window{}}, nil
}

// Reserve takes room for a call under every rule that applies, or under none
// and says why.
func (l *Limiter) Reserve(q Question) (*Reservation, *decision.Reason) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tick()
	res := &Reservation{limiter: l, second: l.second, count: count{requests: 1, tokens: min(q.Tokens, maxLimit)}}
	var refusal *decision.Reason
	for i, r := range l.rules {
		if !r.applies(q) {
			continue
		}
		w, reason := l.window(key{i, r.who(q.Principal)})
		if reason == nil {
			reason = r.judge(w, l.second, q.Tokens)
		}
		if reason != nil && worse(reason, refusal) {
			refusal = reason
		}
		res.windows = append(res.windows, w)
	}
	if refusal != nil {
		return nil, refusal
	}
	for _, w := range res.windows {
		w.add(l.second, res.count.tokens)
	}
	return res, nil
}

// worse prefers, among refusals, the one that will hold longest: a call that
// can never pass, then the longest wait.
func worse(a, b *decision.Reason) bool {
	if b == nil {
		return true
	}
	return b.RetryAfter != 0 && (a.RetryAfter == 0 || a.RetryAfter > b.RetryAfter)
}

// judge returns nil where the call fits, else the reason to refuse it.
func (r Rule) judge(w *window, now int64, tokens uint64) *decision.Reason {
	if r.TokensPerMinute > 0 && tokens > r.TokensPerMinute {
		return &decision.Reason{Code: decision.CodeRateLimited, Rule: r.Name, Message: fmt.Sprintf(
			"this call may use %d tokens and limit %s allows %d a minute: shorten the prompt or ask for fewer output tokens, waiting does not help",
			tokens, r.Name, r.TokensPerMinute)}
	}
	wait := w.room(r, now, tokens)
	if wait == 0 {
		return nil
	}
	return &decision.Reason{
		Code: decision.CodeRateLimited, Rule: r.Name, RetryAfter: time.Duration(wait) * time.Second,
		Message: fmt.Sprintf("limit %s is reached, %s: try again in %d s", r.Name, r.size(), wait),
	}
}

// size describes the limit, "10 requests and 5000 tokens a minute per Identity".
func (r Rule) size() string {
	var size string
	switch {
	case r.TokensPerMinute == 0:
		size = fmt.Sprintf("%d requests", r.RequestsPerMinute)
	case r.RequestsPerMinute == 0:
		size = fmt.Sprintf("%d tokens", r.TokensPerMinute)
	default:
		size = fmt.Sprintf("%d requests and %d tokens", r.RequestsPerMinute, r.TokensPerMinute)
	}
	return fmt.Sprintf("%s a minute per %s", size, r.Per)
}

// tick reads the clock and forgets callers without a count: once a minute, and
// once a second while there is no room for new ones. Never later in a question,
// which may hold a window that has no count yet.
func (l *Limiter) tick() {
	l.second = max(l.second, int64(l.now().Sub(l.begun)/time.Second))
	full := len(l.windows)+len(l.rules) > l.maxKeys
	if l.second-l.swept < span && (!full || l.second == l.swept) {
		return
	}
	l.swept = l.second
	for k, w := range l.windows {
		if w.advance(l.second); len(w.buckets) == 0 {
			delete(l.windows, k)
		}
	}
}

// window returns the caller's count, advanced to now. When all the room is
// taken by callers with a count, a new one is refused: to forget one of them
// would lift its limit.
func (l *Limiter) window(k key) (*window, *decision.Reason) {
	w, ok := l.windows[k]
	if ok {
		w.advance(l.second)
		return w, nil
	}
	if len(l.windows) >= l.maxKeys {
		return nil, &decision.Reason{
			Code: decision.CodeOverloaded, Rule: l.rules[k.rule].Name, RetryAfter: span * time.Second,
			Message: fmt.Sprintf("limit %s counts for %d callers already, the most it can: try again in a minute", l.rules[k.rule].Name, l.maxKeys),
		}
	}
	w = &window{}
	l.windows[k] = w
	return w, nil
}
