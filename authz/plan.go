package authz

import (
	"sync"

	"outrider.dev/outrider/authz/cel"
	"outrider.dev/outrider/authz/input"
	"outrider.dev/outrider/decision"
)

// plan is what is left to ask about calls with one key: every rule folded by
// what the key tells, those that are false for it left out. It makes the cost
// of a call independent of the rules on other tools.
type plan struct {
	enforce, observe []policyPlan
}

// policyPlan is one policy's part of a plan.
type policyPlan struct {
	*Policy
	denies, allows []*step
	module         modulePlan
	lists          bool // the policy has an allow list for the surface
	modelAllowed   bool
}

// step is one rule that may apply.
type step struct {
	*rule
	when    *cel.Program // folded; nil: the rule holds
	selects bool         // whoever asks, and when
}

// eval evaluates what is left of the rule for a call with the plan's key.
func (s *step) eval(c *input.Call, m cel.Memo) cel.Truth {
	if !s.selects && !s.target.meets(c) {
		return cel.False
	}
	if s.when == nil {
		return cel.True
	}
	return s.when.Truth(c, m)
}

// newPlan folds the policies' rules for the call's key.
func newPlan(s *Selection, c *input.Call) *plan {
	p := &plan{}
	for _, policy := range s.enforce {
		p.enforce = append(p.enforce, policy.plan(c))
	}
	for _, policy := range s.observe {
		p.observe = append(p.observe, policy.plan(c))
	}
	return p
}

func (p *Policy) plan(c *input.Call) policyPlan {
	surface := surfaceOf(c)
	return policyPlan{
		Policy:       p,
		denies:       p.denies.fold(c),
		allows:       p.allows.fold(c),
		module:       p.module.plan(c),
		lists:        p.hasAllowList(surface),
		modelAllowed: surface != decision.LLM || c.Method == "models.list" || matchAny(p.models, c.Request.LLM.Model),
	}
}

// surfaceOf takes what is no LLM call for one of the stricter surface.
func surfaceOf(c *input.Call) decision.Surface {
	if c.Request.Surface == decision.LLM {
		return decision.LLM
	}
	return decision.MCP
}

// fold returns the rules of the list that may hold or fail for the call's key,
// up to the first that holds whatever else the call says.
func (l *ruleList) fold(c *input.Call) []*step {
	var out []*step
	for r := range l.about(c.ToolName()) {
		if !r.applies(c) || !r.target.matches(c) {
			continue
		}
		s := &step{rule: r, selects: r.target.open()}
		if r.when != nil {
			s.when = r.when.Fold(c)
			switch truth, known := s.when.Settled(); {
			case known && truth == cel.False:
				continue
			case known && truth == cel.True:
				s.when = nil
			}
		}
		if out = append(out, s); s.when == nil && s.selects {
			break
		}
	}
	return out
}

// Bounds of the plans that a set remembers: agents choose the names of tools
// and models that they ask for, so there may be any number of them.
const (
	maxPlans    = 8192 // names of one generation; there are two
	maxNamesake = 16   // plans of one name
	maxKeySize  = 512  // bytes of names of a key
)

// remembered is a plan with what it is for, among those of one name.
type remembered struct {
	selection int
	key       input.Key
	plan      *plan
	next      *remembered
}

// name is what tells most keys apart, and all that is hashed of one.
func name(k *input.Key) string {
	if k.Tool != "" {
		return k.Tool
	}
	return k.Model
}

// plans remembers plans. When the young generation is full it becomes the old
// one, whose plans are forgotten unless they are asked for again.
type plans struct {
	mu         sync.RWMutex
	young, old map[string]*remembered
}

func (p *plans) get(selection int, k *input.Key) *plan {
	p.mu.RLock()
	found, aging := find(p.young[name(k)], selection, k), false
	if found == nil && p.old != nil {
		found = find(p.old[name(k)], selection, k)
		aging = found != nil
	}
	p.mu.RUnlock()
	if aging {
		p.put(selection, k, found)
	}
	return found
}

func find(r *remembered, selection int, k *input.Key) *plan {
	for ; r != nil; r = r.next {
		if r.selection == selection && r.key == *k {
			return r.plan
		}
	}
	return nil
}

func (p *plans) put(selection int, k *input.Key, made *plan) {
	if k.Size() > maxKeySize {
		return
	}
	kept := k.Clone()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.young == nil || len(p.young) >= maxPlans {
		p.young, p.old = map[string]*remembered{}, p.young
	}
	first, length := p.young[name(&kept)], 0
	for r := first; r != nil; r = r.next {
		length++
	}
	if length >= maxNamesake {
		first = nil
	}
	p.young[name(&kept)] = &remembered{selection, kept, made, first}
}

// plan returns the plan for the call's key, which is k.
func (s *Selection) plan(c *input.Call, k *input.Key) *plan {
	if s.id == 0 { // one that the set does not remember
		return newPlan(s, c)
	}
	found := s.set.plans.get(s.id, k)
	if found == nil {
		found = newPlan(s, c)
		s.set.plans.put(s.id, k, found)
	}
	return found
}
