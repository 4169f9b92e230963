package limit

import "outrider.dev/outrider/decision"

// Peek tells how full the limits are that would count the call, and why they
// would refuse it. Nothing is counted.
func (l *Limiter) Peek(q Question) ([]decision.LimitState, *decision.Reason) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tick()
	var out []decision.LimitState
	var refusal *decision.Reason
	for i, r := range l.rules {
		if !r.applies(q) {
			continue
		}
		w := l.windows[key{i, r.who(q.Principal)}]
		if w == nil {
			w = &window{}
		}
		w.advance(l.second)
		reason := r.judge(w, l.second, q.Tokens)
		if reason != nil && worse(reason, refusal) {
			refusal = reason
		}
		out = append(out, decision.LimitState{
			Name: r.Name, Per: string(r.Per), Refuses: reason != nil,
			Requests: fill(w.requests, r.RequestsPerMinute), Tokens: fill(w.tokens, r.TokensPerMinute),
		})
	}
	return out, refusal
}

// fill says nothing of what is not limited.
func fill(used, of uint64) decision.Fill {
	if of == 0 {
		return decision.Fill{}
	}
	return decision.Fill{Used: used, Of: of}
}
