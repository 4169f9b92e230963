package decision

// Merge unites the answers of two judges about one call. A denial wins,
// whatever its origin or order, and the earlier denial keeps its reason.
// Otherwise splices are not merged here: they come from one list of edits.
func Merge(a, b *Verdict) *Verdict {
	switch {
	case !a.Allowed():
		return a
	case !b.Allowed():
		return b
	}
	out := *a
	if b.Effect == Mutate {
		out.Effect = Mutate
	}
	out.Headers = append(out.Headers[:len(out.Headers):len(out.Headers)], b.Headers...)
	out.Findings = append(out.Findings[:len(out.Findings):len(out.Findings)], b.Findings...)
	out.Duty.JudgeResponse = a.Duty.JudgeResponse || b.Duty.JudgeResponse
	out.Duty.Settle = a.Duty.Settle || b.Duty.Settle
	return &out
}
