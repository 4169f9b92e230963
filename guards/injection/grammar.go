package injection

// rule is one act: parts that follow each other. Between them only glue may
// stand, and in a strict rule nothing.
type rule struct {
	kind   string
	sure   float32
	strict bool
	parts  []class
}

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
	return append(overrideRules(), append(extractionRules(), append(personaRules(), concealmentRules()...)...)...)
}

func overrideRules() []rule {
	return []rule{
		{kindOverride, .95, false, []class{override, prior, orders | bounds}},
		{kindOverride, .9, false, []class{override, orders | bounds, behind}},
		{kindOverride, .9, false, []class{override, every, orders}},
		{kindOverride, .9, false, []class{override, yours, orders | bounds}},
		{kindOverride, .85, false, []class{forget, system, prompt}},
		{kindOverride, .85, false, []class{override, all, told}},
		{kindOverride, .85, false, []class{override, all, said, above}},
		{kindOverride, .85, false, []class{override, all, above, end}},
		{kindOverride, .85, false, []class{stop, follow, prior, orders | bounds}},
		{kindOverride, .85, false, []class{stop, follow, orders | bounds, behind}},
		{kindOverride, .85, false, []class{stop, follow, yours, orders | bounds}},
		{kindOverride, .85, false, []class{stop, follow, all, told}},
	}
}

func extractionRules() []rule {
	return []rule{
		{kindExtraction, .9, false, []class{reveal | say, yours, system, prompt}},
		{kindExtraction, .9, false, []class{reveal | say, yours | the, prompt, after}},
		{kindExtraction, .8, false, []class{reveal, yours, prompt}},
		{kindExtraction, .8, false, []class{reveal, the, system, prompt}},
		{kindExtraction, .8, false, []class{say, the, system, prompt, verbatim}},
		{kindExtraction, .8, false, []class{what, is, yours, system, prompt}},
		{kindExtraction, .8, false, []class{reveal, words, above, end}},
	}
}

func personaRules() []rule {
	return []rule{
		{kindPersona, .9, false, []class{you, is, dan}},
		{kindPersona, .9, false, []class{act, as, dan}},
		{kindPersona, .9, true, []class{do, anything, now}},
		{kindPersona, .8, true, []class{jail, mode}},
		{kindPersona, .8, false, []class{you, is, now, developer, mode}},
		{kindPersona, .8, true, []class{developer, mode, enabled}},
		{kindPersona, .8, false, []class{act, no, limits}},
		{kindPersona, .8, false, []class{free, from, confines}},
	}
}

func concealmentRules() []rule {
	return []rule{
		{kindConcealment, .85, false, []class{not, tell, user}},
		{kindConcealment, .85, false, []class{not, user, tell}},
		{kindConcealment, .85, false, []class{tell, nothing, user}},
		{kindConcealment, .85, true, []class{tell, the, user, nothing}},
		{kindConcealment, .85, false, []class{keep, secret, from, user}},
		{kindConcealment, .85, false, []class{keep | secret, from, the, user}},
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
