package limit

// span is how many one-second buckets count. The oldest lacks the part of a
// second that the current one has already had: with 60 buckets, calls less than
// 60 seconds apart could be missed, so that a limit would not be strict.
const span = 61

// bucket is what was admitted in one second.
type bucket struct {
	second   int64
	requests uint64
	tokens   uint64
}

// window is the count of one caller under one rule.
// Invariant: buckets are ordered by second and at most span seconds old after
// advance; requests and tokens are their sums.
type window struct {
	buckets  []bucket
	requests uint64
	tokens   uint64
}

// advance drops the buckets that are too old at second now.
func (w *window) advance(now int64) {
	old := 0
	for ; old < len(w.buckets) && w.buckets[old].second <= now-span; old++ {
		w.requests -= w.buckets[old].requests
		w.tokens -= w.buckets[old].tokens
	}
	w.buckets = w.buckets[:copy(w.buckets, w.buckets[old:])]
}

// add counts one request at second now, after advance(now).
func (w *window) add(now int64, tokens uint64) {
	if n := len(w.buckets); n == 0 || w.buckets[n-1].second != now {
		w.buckets = append(w.buckets, bucket{second: now})
	}
	b := &w.buckets[len(w.buckets)-1]
	b.requests++
	b.tokens += tokens
	w.requests++
	w.tokens += tokens
}

// correct replaces what one reservation counted in its second. A second that
// has left the window is left alone.
func (w *window) correct(second int64, was, is count) {
	for i := range w.buckets {
		b := &w.buckets[i]
		if b.second == second {
			b.requests += is.requests - was.requests
			b.tokens += is.tokens - was.tokens
			w.requests += is.requests - was.requests
			w.tokens += is.tokens - was.tokens
			return
		}
	}
}

// count is the share of one reservation.
type count struct{ requests, tokens uint64 }

// room says in how many seconds one more request with these tokens fits, 0
// for now. It expects advance(now), and tokens within the rule's limit.
func (w *window) room(r Rule, now int64, tokens uint64) int64 {
	requests, used := w.requests, w.tokens
	if fits(r, requests, used, tokens) {
		return 0
	}
	for _, b := range w.buckets {
		requests -= b.requests
		used -= b.tokens
		if fits(r, requests, used, tokens) {
			return b.second + span - now
		}
	}
	return span // an empty window has room; kept as a bound
}

// fits refuses a call without an estimate, too, once a limit is used up.
func fits(r Rule, requests, used, tokens uint64) bool {
	if r.RequestsPerMinute > 0 && requests >= r.RequestsPerMinute {
		return false
	}
	return r.TokensPerMinute == 0 || used < r.TokensPerMinute && tokens <= r.TokensPerMinute-used
}
