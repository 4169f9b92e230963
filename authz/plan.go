package authz

import (
	"fmt"
	"slices"
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
	// alike tells that two entries of one list with this plan are judged
	// alike: what is left of the rules reads the caller and the request only.
	// triedAlike tells it of the policies in Observe.
	alike, triedAlike bool
	// mutates and tries tell that a mutation of an enforcing policy, or of one
	// in Observe, may concern the calls.
	mutates, tries bool
	// words are what is left of the rules reads; told that they are all that an
	// outcome depends on.
	words []string
	told  bool
}

// policyPlan is one policy's part of a plan.
type policyPlan struct {
	*Policy
	denies, allows   []*step
	changes          []*step // of mutations
	waiting, answers []*step // denies that come later: after the guards, of what comes back
	module           modulePlan
	lists            bool // the policy has an allow list for the surface
	modelAllowed     bool
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
	mutates := func(of policyPlan) bool { return len(of.changes) > 0 || of.module.mutates() }
	p.mutates, p.tries = slices.ContainsFunc(p.enforce, mutates), slices.ContainsFunc(p.observe, mutates)
	p.words, p.told = p.reads()
	differs := func(of policyPlan) bool { return !of.alike() }
	p.alike, p.triedAlike = !slices.ContainsFunc(p.enforce, differs), !slices.ContainsFunc(p.observe, differs)
	return p
}

// alike reports whether the policy judges entries of one list alike.
func (p *policyPlan) alike() bool {
	differs := func(s *step) bool { return s.when != nil && !s.when.Alike() }
	return (p.module.module == nil || p.module.settled && !p.module.HasAllow() && !p.module.HasVisible()) &&
		!slices.ContainsFunc(p.denies, differs) && !slices.ContainsFunc(p.allows, differs)
}

// sign writes down what sets the plan apart from others of its selection.
func (p *plan) sign() string {
	var b []byte
	for _, list := range [][]policyPlan{p.enforce, p.observe} {
		for i := range list {
			of := &list[i]
			b = append(b, '|')
			if of.modelAllowed {
				b = append(b, 'm')
			}
			if of.module.settled {
				b = fmt.Appendf(b, "%q", of.module.messages)
			}
			for _, steps := range [][]*step{of.denies, of.allows, of.changes, of.waiting, of.answers} {
				b = append(b, '/')
				for _, s := range steps {
					b = fmt.Appendf(b, "%p ", s.rule)
					if s.when != nil {
						b = s.when.Sign(b)
					}
				}
			}
		}
	}
	return string(b)
}

func (p *Policy) plan(c *input.Call) policyPlan {
	surface := surfaceOf(c)
	return policyPlan{
		Policy:       p,
		denies:       p.denies.fold(c),
		allows:       p.allows.fold(c),
		changes:      p.changes.fold(c),
		waiting:      p.waiting.fold(c),
		answers:      p.answers.fold(c),
		module:       p.module.plan(c),
		lists:        p.hasAllowList(surface),
		modelAllowed: p.allowsModel(c),
	}
}

// allowsModel reports whether the policy's list of models lets the call pass.
func (p *Policy) allowsModel(c *input.Call) bool {
	return surfaceOf(c) != decision.LLM || c.Method == "models.list" || matchAny(p.models, c.Request.LLM.Model)
}

// surfaceOf takes what is no LLM call for one of the stricter surface.
func surfaceOf(c *input.Call) decision.Surface {
	if c.Request.Surface == decision.LLM {
		return decision.LLM
	}
	return decision.MCP
}

// fold returns the rules of the list that may hold or fail for the call's key:
// of allows and denies up to the first that holds whatever else the call says.
func (l *ruleList) fold(c *input.Call) []*step {
	var out []*step
	for r := range l.about(c.ToolName()) {
		if !r.applies(c) || !r.target.matches(c) || r.when != nil && r.when.Refuted(c) {
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
		if out = append(out, s); s.when == nil && s.selects && r.change == nil {
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
	same       map[string]*plan // of the young generation, by selection, surface and content
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
		found = p.put(selection, k, found)
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

// put remembers a plan and returns it, or one of the same content: most tools
// share theirs with others.
func (p *plans) put(selection int, k *input.Key, made *plan) *plan {
	if k.Size() > maxKeySize {
		return made
	}
	kept := k.Clone()
	content := fmt.Sprintf("%d %s %s", selection, k.Roots, made.sign())
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.young == nil || len(p.young) >= maxPlans {
		p.young, p.old, p.same = map[string]*remembered{}, p.young, map[string]*plan{}
	}
	if same := p.same[content]; same != nil {
		made = same
	} else {
		p.same[content] = made
	}
	first, length := p.young[name(&kept)], 0
	for r := first; r != nil; r = r.next {
		length++
	}
	if length >= maxNamesake {
		first = nil
	}
	p.young[name(&kept)] = &remembered{selection, kept, made, first}
	return made
}

// plan returns the plan for a call's key, which is k: the call c itself or,
// where it is that of a list's entry, of the tool.
func (s *Selection) plan(c *input.Call, t *decision.Tool, k *input.Key) *plan {
	if s.id != 0 { // else the set does not remember the selection
		if found := s.set.plans.get(s.id, k); found != nil {
			return found
		}
	}
	if t != nil {
		c.Relist(t)
	}
	made := newPlan(s, c)
	if s.id != 0 {
		made = s.set.plans.put(s.id, k, made)
	}
	return made
}
