package injection

import "slices"

// rule is one act: parts that follow each other. Between them only glue may
// stand, and in a strict rule nothing.
type rule struct {
	kind   string
	sure   float32
	strict bool
	parts  []class
	name   string // of its parts, as findings tell it
}

// Rules of what is no act of words.
const (
	rulePadding  = "override padding"
	ruleTemplate = "chat template token"
	ruleTurn     = "forged turn"
)

const (
	kindOverride    = "injection.override"
	kindExtraction  = "injection.extraction"
	kindPersona     = "injection.persona"
	kindConcealment = "injection.concealment"
	kindRoleMarker  = "injection.role_marker"
)

// maxParts bounds the parts of a rule: progress is kept in the bits of a byte.
const maxParts = 7

// rules returns the grammar. The first rule that is complete, at the earliest
// word, decides the type and the span.
func rules() []rule {
	all := slices.Concat(overrideRules(), sheddingRules(), extractionRules(), gameRules(), personaRules(), concealmentRules())
	for n := range all {
		all[n].name = partNames(all[n].parts)
	}
	return all
}

func overrideRules() []rule {
	return []rule{
		{kind: kindOverride, sure: .95, parts: []class{override, prior, orders | bounds}},
		{kind: kindOverride, sure: .9, parts: []class{override, orders | bounds, behind}},
		{kind: kindOverride, sure: .9, parts: []class{override, every, orders}},
		{kind: kindOverride, sure: .9, parts: []class{override, yours, orders | bounds}},
		{kind: kindOverride, sure: .85, parts: []class{forget, system, prompt}},
		{kind: kindOverride, sure: .85, parts: []class{override, all, told}},
		{kind: kindOverride, sure: .85, parts: []class{override, all, said, above}},
		{kind: kindOverride, sure: .85, parts: []class{override, all, above, end}},
		{kind: kindOverride, sure: .85, parts: []class{stop, follow, prior, orders | bounds}},
		{kind: kindOverride, sure: .85, parts: []class{stop, follow, orders | bounds, behind}},
		{kind: kindOverride, sure: .85, parts: []class{stop, follow, yours, orders | bounds}},
		{kind: kindOverride, sure: .85, parts: []class{stop, follow, all, told}},
		{kind: kindOverride, sure: .85, parts: []class{override, every, prior, words}},
		{kind: kindOverride, sure: .75, parts: []class{override, what, you, told}},
	}
}

// sheddingRules are overrides by verbs of two words, by weaker verbs and by what
// is said to hold no more.
func sheddingRules() []rule {
	return []rule{
		{kind: kindOverride, sure: .85, parts: []class{shed, prior | yours, orders | bounds}},
		{kind: kindOverride, sure: .85, parts: []class{lay, aside, prior | yours, orders | bounds}},
		{kind: kindOverride, sure: .85, parts: []class{lay, aside, every, orders}},
		{kind: kindOverride, sure: .85, parts: []class{lay, prior | yours | every, orders | bounds, aside}},
		{kind: kindOverride, sure: .85, parts: []class{no, heed, prior | yours, orders | bounds}},
		{kind: kindOverride, sure: .8, parts: []class{none, prior | yours, orders | bounds, applies}},
		{kind: kindOverride, sure: .8, parts: []class{none, above, applies}},
		{kind: kindOverride, sure: .8, parts: []class{yours, orders, is, voided}},
	}
}

func extractionRules() []rule {
	return []rule{
		{kind: kindExtraction, sure: .9, parts: []class{reveal | say, yours, system, prompt}},
		{kind: kindExtraction, sure: .9, parts: []class{reveal | say, yours | the, prompt, after}},
		{kind: kindExtraction, sure: .8, parts: []class{reveal, yours, prompt}},
		{kind: kindExtraction, sure: .8, parts: []class{reveal, the | every, system, prompt}},
		{kind: kindExtraction, sure: .7, parts: []class{reveal, prior, orders, end}},
		{kind: kindExtraction, sure: .8, parts: []class{what, yours, system, prompt}},
		{kind: kindExtraction, sure: .8, parts: []class{say, the, system, prompt, verbatim}},
		{kind: kindExtraction, sure: .8, parts: []class{what, is, yours, system, prompt}},
		{kind: kindExtraction, sure: .8, parts: []class{reveal, words, above, end}},
		{kind: kindExtraction, sure: .75, parts: []class{reveal, above, words, verbatim}},
		{kind: kindExtraction, sure: .75, parts: []class{what, is, yours, orders, end}},
		{kind: kindExtraction, sure: .75, parts: []class{tell, yours, orders, end}},
		{kind: kindExtraction, sure: .75, parts: []class{what, is, you, told, end}},
	}
}

// gameRules are of games about a secret: it is asked for in a manner that hides it,
// letter by letter, or by what must not be said.
func gameRules() []rule {
	return []rule{
		{kind: kindExtraction, sure: .75, parts: []class{reveal | say | utter, guarded, manner}},
		{kind: kindExtraction, sure: .75, parts: []class{reveal | say | utter, kept, token, manner}},
		{kind: kindExtraction, sure: .75, parts: []class{what, is, place, letter, guarded}},
		{kind: kindExtraction, sure: .75, parts: []class{reveal | say | utter, place, letter, guarded}},
		{kind: kindExtraction, sure: .75, parts: []class{what, is, place, letter, kept, token}},
		{kind: kindExtraction, sure: .7, parts: []class{what, is, the, guarded, end}},
		{kind: kindExtraction, sure: .7, parts: []class{what, is, the, secret, token, end}},
		{kind: kindExtraction, sure: .7, parts: []class{what, the, guarded, end}},
		{kind: kindExtraction, sure: .7, parts: []class{what, the, secret, token, end}},
		{kind: kindExtraction, sure: .7, parts: []class{tell | utter, the, kept, token, end}},
		{kind: kindExtraction, sure: .7, parts: []class{utter, kept, enabled, end}},
		{kind: kindExtraction, sure: .75, parts: []class{what, is, you, not, barred, reveal | say | tell | utter}},
		{kind: kindExtraction, sure: .75, parts: []class{what, you, is, not, barred, reveal | say | tell | utter}},
	}
}

func personaRules() []rule {
	return []rule{
		{kind: kindPersona, sure: .9, parts: []class{you, is, dan}},
		{kind: kindPersona, sure: .9, parts: []class{act, as, dan}},
		{kind: kindPersona, sure: .9, strict: true, parts: []class{do, anything, now}},
		{kind: kindPersona, sure: .8, strict: true, parts: []class{jail, mode}},
		{kind: kindPersona, sure: .8, parts: []class{you, is, now, developer, mode}},
		{kind: kindPersona, sure: .8, strict: true, parts: []class{developer, mode, enabled}},
		{kind: kindPersona, sure: .8, parts: []class{act, no, limits}},
		{kind: kindPersona, sure: .8, parts: []class{free, from, confines}},
	}
}

func concealmentRules() []rule {
	return []rule{
		{kind: kindConcealment, sure: .85, parts: []class{not, tell, user}},
		{kind: kindConcealment, sure: .85, parts: []class{not, user, tell}},
		{kind: kindConcealment, sure: .85, parts: []class{tell, nothing, user}},
		{kind: kindConcealment, sure: .85, strict: true, parts: []class{tell, the, user, nothing}},
		{kind: kindConcealment, sure: .85, parts: []class{keep, secret, from, user}},
		{kind: kindConcealment, sure: .85, parts: []class{keep | secret, from, the, user}},
	}
}

// progress is how far one rule has come: bit k stands for part k being matched
// with nothing but glue since.
type progress uint8

// step feeds one word to the rule and reports whether the act is complete.
func (r *rule) step(p progress, word class) (progress, bool) {
	var next progress
	if !r.strict && word&glue != 0 {
		next = p
	}
	for k, part := range r.parts[1:] {
		if p&(1<<k) != 0 && word&part != 0 {
			if k == len(r.parts)-2 {
				return 0, true
			}
			next |= 1 << (k + 1)
		}
	}
	return next, false
}
