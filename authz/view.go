package authz

import (
	"cmp"
	"slices"

	"outrider.dev/outrider/authz/cel"
	"outrider.dev/outrider/authz/input"
	"outrider.dev/outrider/decision"
)

// views are a call as policies see it: with its token or, where a policy does
// not believe that, without. For a list they also remember what is the same
// for all of its entries.
type views struct {
	anonymous *input.Call
	few       [16]trust // by the policy's index
	more      []trust   // of the policies beyond few; nil outside lists
	memo      cel.Memo
	blind     cel.Memo // of the anonymous call
}

// trust is whether a policy believes the call's token.
type trust uint8

const (
	untried trust = iota
	believed
	ignored
)

// listViews are the views of a list's entries.
func (s *Selection) listViews() views {
	return views{more: make([]trust, max(0, len(s.set.policies)-len(views{}.few))), memo: s.set.atoms.NewMemo(), blind: s.set.atoms.NewMemo()}
}

// Hiding is what a list would lack if a policy that observes enforced.
type Hiding struct {
	Policy, Version string
	Tools           int    // that it hides
	First           int    // index of the first
	Rule            string // that hides the first, or the reason code where none does
}

// Hides tells which of the shown tools of a list the selected policies in
// Observe would hide if all of them enforced.
func (s *Selection) Hides(c *input.Call, tools []decision.Tool, shown []bool) []Hiding {
	if len(s.observe) == 0 || len(tools) == 0 {
		return nil
	}
	var out []Hiding
	entry := c.Listed(tools[0])
	j := judging{call: entry, surface: surfaceOf(entry), views: s.listViews()}
	key, alike := entry.Key(), map[*plan][]Observation{}
	for i := range tools {
		if !shown[i] {
			continue
		}
		entry.Rename(&key, &tools[i])
		j.plan = s.plan(entry, &tools[i], &key)
		seen, known := alike[j.plan]
		if !known {
			j.relist(&tools[i])
			seen = j.observe()
			if j.plan.triedAlike {
				alike[j.plan] = seen
			}
		}
		for _, o := range seen {
			out = hides(out, o, i)
		}
	}
	return out
}

// relist makes the call, in all of its views, that of a list's entry.
func (j *judging) relist(t *decision.Tool) {
	j.call.Relist(t)
	if j.views.anonymous != nil {
		j.views.anonymous.Relist(t)
	}
}

func hides(list []Hiding, o Observation, tool int) []Hiding {
	at := slices.IndexFunc(list, func(h Hiding) bool { return h.Policy == o.Policy && h.Version == o.Version })
	if at < 0 {
		return append(list, Hiding{o.Policy, o.Version, 1, tool, cmp.Or(o.Reason.Rule, string(o.Reason.Code))})
	}
	list[at].Tools++
	return list
}

// view is the call as the policy sees it.
func (j *judging) view(p *policyPlan) (*input.Call, cel.Memo) {
	v := &j.views
	if j.believes(p) {
		return j.call, v.memo
	}
	if v.anonymous == nil {
		v.anonymous = j.call.Anonymous()
	}
	return v.anonymous, v.blind
}

// believes reports whether the policy or an enforcing one of the security
// team believes the call's token.
func (j *judging) believes(p *policyPlan) bool {
	known := j.views.trust(p.Index)
	if known == nil {
		return j.tries(p)
	}
	if *known == untried {
		*known = ignored
		if j.tries(p) {
			*known = believed
		}
	}
	return *known == believed
}

// trust is where it stands whether a policy believes the token; nil: nowhere.
func (v *views) trust(policy int) *trust {
	if policy < len(v.few) {
		return &v.few[policy]
	}
	if v.more == nil {
		return nil
	}
	return &v.more[policy-len(v.few)]
}

func (j *judging) tries(p *policyPlan) bool {
	if j.call.Principal.Issuer == "" {
		return false
	}
	if p.sees(j.call.Principal, j.surface) {
		return true
	}
	for i := range j.plan.enforce {
		if of := &j.plan.enforce[i]; of.Cluster && of.sees(j.call.Principal, j.surface) {
			return true
		}
	}
	return false
}
