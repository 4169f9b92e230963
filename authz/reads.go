package authz

import (
	"slices"

	"outrider.dev/outrider/authz/input"
)

// Reads returns the words that the outcome of [Selection.Judge] depends on,
// beside those that are the call's key, and whether it depends on nothing else:
// another call that is the same in key and words has the same outcome. The list
// must not be changed.
func (s *Selection) Reads(c *input.Call) (words []string, all bool) {
	key := c.Key()
	p := s.plan(c, nil, &key)
	return p.words, p.told
}

// reads finds out what [Selection.Reads] tells. All is never told where a module
// of Rego has a say, because what it reads cannot be told for one call, where a
// mutation may change the call, where denies come after the guards or are about
// the answer, nor where rules read the clock.
func (p *plan) reads() (words []string, all bool) {
	for i := range p.enforce {
		of := &p.enforce[i]
		if of.module.module != nil || len(of.changes)+len(of.waiting)+len(of.answers) > 0 {
			return nil, false
		}
		for _, rule := range slices.Concat(of.denies, of.allows) {
			if rule.when != nil {
				words = append(words, rule.when.Words()...)
			}
		}
	}
	slices.Sort(words)
	return slices.Compact(words), !slices.Contains(words, "request.time")
}
