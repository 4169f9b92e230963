package guards

import (
	"cmp"
	"slices"

	"outrider.dev/outrider/decision"
)

// release moves upto and returns the replacements before it. Findings that
// overlap are changed as one: the first stands for all, the rest of each is
// dropped.
func (l *lane) release(last bool) (upto uint64, replace []decision.Replacement) {
	clean := max(l.upto, l.clean(last))
	slices.SortStableFunc(l.spans, span.compare)
	upto = l.settleRestores(min(l.settle(clean), l.restoresKnown()))
	at := l.upto // end of the replacements so far
	for k := range l.spans {
		s := &l.spans[k]
		if s.start >= upto {
			break
		}
		from, with := max(at, s.start), ""
		if !s.begun && s.start >= l.cover {
			with = s.with
		}
		if to := min(s.end, upto); from < to {
			replace = append(replace, decision.Replacement{Start: from, End: to, With: with})
			at = to
		}
		s.begun = true
		l.cover = max(l.cover, s.end)
	}
	l.spans = slices.DeleteFunc(l.spans, func(s span) bool { return s.begun && !s.open && s.end <= upto })
	replace = l.restore(upto, replace)
	l.upto = upto
	return upto, replace
}

// settle says what stands in the place of each group of spans that overlap,
// and returns up to where all groups are settled.
func (l *lane) settle(clean uint64) (upto uint64) {
	for k := 0; k < len(l.spans) && l.spans[k].start < clean; {
		first := &l.spans[k]
		if first.begun || first.start < l.cover { // the rest of what is released in part
			l.cover = max(l.cover, first.end)
			k++
			continue
		}
		group := l.group(k)
		k += len(group)
		with, settled := l.standIn(group, clean)
		if !settled {
			return max(l.upto, first.start)
		}
		first.with = with
	}
	return clean
}

// group returns the spans from k on that overlap with those before them.
func (l *lane) group(k int) []span {
	end, n := l.spans[k].end, k+1
	for n < len(l.spans) && l.spans[n].start < end {
		end = max(end, l.spans[n].end)
		n++
	}
	return l.spans[k:n]
}

// standIn returns what stands in the place of a group, once that is certain
// whatever comes: a label is as soon as one of the group is redacted, or the
// group has grown too long for anything else.
func (l *lane) standIn(group []span, clean uint64) (with string, settled bool) {
	first := group[0]
	end, action, open, unsure := first.end, first.action, false, false
	for _, s := range group {
		end = max(end, s.end)
		action = stricter(action, s.action)
		open, unsure = open || s.open, unsure || s.unsure
	}
	switch {
	case unsure && end-first.start <= 2*maxValue:
		return "", false
	case !needsValue(action) || end-first.start > maxValue:
		return label(first.kind), true
	case open || end > clean:
		return "", false
	}
	return l.set.replacement(action, first.kind, l.text(first.start, end), nil, l.json), true
}

// settleRestores drops the placeholders that a finding reaches, and returns up
// to where all others are settled.
func (l *lane) settleRestores(upto uint64) uint64 {
	reach, k := l.cover, 0 // both lists are in order
	l.restores = slices.DeleteFunc(l.restores, func(r span) bool {
		for ; k < len(l.spans) && l.spans[k].start < r.end; k++ {
			if !l.spans[k].unsure {
				reach = max(reach, l.spans[k].end)
			}
		}
		return r.start < reach
	})
	for _, r := range l.restores {
		if r.start < upto && r.end > upto {
			return r.start
		}
	}
	return upto
}

// restoresKnown returns the offset before which all placeholders are known.
func (l *lane) restoresKnown() uint64 {
	if l.vault.Empty() {
		return l.base + uint64(len(l.buf))
	}
	return l.sought
}

// restore adds what stands for the placeholders before upto.
func (l *lane) restore(upto uint64, replace []decision.Replacement) []decision.Replacement {
	n := 0
	for n < len(l.restores) && l.restores[n].end <= upto {
		r := l.restores[n]
		replace = append(replace, decision.Replacement{Start: r.start, End: r.end, With: r.with})
		n++
	}
	if n == 0 {
		return replace
	}
	l.restores = slices.Delete(l.restores, 0, n)
	slices.SortStableFunc(replace, func(a, b decision.Replacement) int { return cmp.Compare(a.Start, b.Start) })
	return replace
}

// compare orders spans as byStart orders findings.
func (s span) compare(t span) int {
	return cmp.Or(cmp.Compare(s.start, t.start), cmp.Compare(t.end, s.end), cmp.Compare(t.kind, s.kind))
}
