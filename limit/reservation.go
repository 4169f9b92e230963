package limit

import "outrider.dev/outrider/decision"

// Reservation is room that a call has taken. It ends with the first of Settle
// and Cancel; whatever comes later has no effect. A nil Reservation holds
// nothing.
type Reservation struct {
	limiter *Limiter
	windows []*window
	second  int64 // when it was taken; a correction belongs there
	count   count
	ended   bool
}

// Empty reports whether no limit has a say about the call.
func (r *Reservation) Empty() bool { return r == nil || len(r.windows) == 0 }

// Settle corrects the estimate to what the call used, more or less. Where the
// provider told no figures at all, the estimate stands: to break off a call
// must not make it free.
func (r *Reservation) Settle(u decision.Usage) {
	if r == nil {
		return
	}
	used := count{requests: 1, tokens: min(min(u.Input, maxLimit)+min(u.Output, maxLimit), maxLimit)}
	if u.Estimated && used.tokens == 0 {
		used = r.count
	}
	r.end(used)
}

// Cancel gives everything back.
func (r *Reservation) Cancel() {
	if r != nil {
		r.end(count{})
	}
}

func (r *Reservation) end(is count) {
	r.limiter.mu.Lock()
	defer r.limiter.mu.Unlock()
	if r.ended {
		return
	}
	r.ended = true
	for _, w := range r.windows {
		w.correct(r.second, r.count, is)
	}
}
