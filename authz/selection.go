package authz

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"sync"

	"outrider.dev/outrider/authz/input"
	"outrider.dev/outrider/decision"
	configv1 "outrider.dev/outrider/proto/outrider/config/v1"
)

// selector says which agents a policy selects: every given field must match.
type selector struct {
	names, namespaces, accounts []glob
	labels                      []label // a list: walking it costs a call a fraction of what a map does
}

type label struct{ name, value string }

// newSelector compiles a selector; nil selects every agent.
func newSelector(doc *configv1.AgentSelector) *selector {
	if doc == nil {
		return nil
	}
	s := &selector{
		names:      newGlobs(doc.GetNames()),
		namespaces: newGlobs(doc.GetNamespaces()),
		accounts:   newGlobs(doc.GetServiceAccounts()),
	}
	for name, value := range doc.GetMatchLabels() {
		s.labels = append(s.labels, label{name, value})
	}
	return s
}

func (s *selector) matches(c *decision.Caller) bool {
	if s == nil {
		return true
	}
	for _, l := range s.labels {
		if got, ok := c.Labels[l.name]; !ok || got != l.value {
			return false
		}
	}
	return matchAny(s.names, c.Agent) && matchAny(s.namespaces, c.Namespace) && matchAny(s.accounts, c.ServiceAccount)
}

// Selection is the policies that select one agent, in the order of the set, the
// security team's before the others.
// It is immutable and safe for concurrent use.
type Selection struct {
	set                   *Set
	id                    int // among those that the set remembers; 0: none of them
	all, enforce, observe []*Policy
	names                 string
	version               string
	demands               [2]Authentication // on MCP and on LLM
	stages                stages
}

// selections remembers the selections of a set by the policies in them: there
// are few, because agents of one kind are selected by the same ones.
type selections struct {
	mu     sync.RWMutex
	byMask map[string]*Selection
}

// maxSelections bounds the memory; beyond it selections are made for each call.
const maxSelections = 1024

// Select returns the policies that select the caller.
func (s *Set) Select(c *decision.Caller) *Selection {
	var few [16]byte // enough for 128 policies without an allocation
	mask := few[:]
	if bytes := (len(s.policies) + 7) / 8; bytes > len(few) {
		mask = make([]byte, bytes)
	}
	for i, p := range s.policies {
		if p.selector.matches(c) {
			mask[i/8] |= 1 << (i % 8)
		}
	}
	s.selections.mu.RLock()
	sel := s.selections.byMask[string(mask)]
	s.selections.mu.RUnlock()
	if sel == nil {
		sel = s.remember(mask)
	}
	return sel
}

// remember makes the selection of a mask and keeps it, if there is room.
func (s *Set) remember(mask []byte) *Selection {
	sel := s.newSelection(mask)
	r := &s.selections
	r.mu.Lock()
	defer r.mu.Unlock()
	if first := r.byMask[string(mask)]; first != nil {
		return first
	}
	if r.byMask == nil {
		r.byMask = map[string]*Selection{}
	}
	if len(r.byMask) < maxSelections {
		sel.id = len(r.byMask) + 1
		r.byMask[string(mask)] = sel
	}
	return sel
}

func (s *Set) newSelection(mask []byte) *Selection {
	sel := &Selection{set: s, stages: stages{answers: map[decision.Surface]bool{}}}
	var names []string
	for _, p := range s.layered() {
		if mask[p.Index/8]&(1<<(p.Index%8)) == 0 {
			continue
		}
		sel.all = append(sel.all, p)
		names = append(names, p.Name)
		sel.stages.add(p.stages())
		if p.Observe {
			sel.observe = append(sel.observe, p)
		} else {
			sel.enforce = append(sel.enforce, p)
		}
	}
	sel.names, sel.version = strings.Join(names, ", "), versionOf(sel.all)
	sel.demands = [...]Authentication{sel.authentication(decision.MCP), sel.authentication(decision.LLM)}
	return sel
}

// layered returns the policies with the security team's first.
func (s *Set) layered() []*Policy {
	out := slices.Clone(s.policies)
	slices.SortStableFunc(out, func(a, b *Policy) int {
		switch {
		case a.Cluster == b.Cluster:
			return 0
		case a.Cluster:
			return -1
		default:
			return 1
		}
	})
	return out
}

// Unready returns an enforcing policy that cannot judge yet, nil where all can.
func (s *Selection) Unready() *Policy {
	for _, p := range s.enforce {
		if p.Unready != "" {
			return p
		}
	}
	return nil
}

// Empty reports whether no policy selects the agent.
func (s *Selection) Empty() bool { return len(s.all) == 0 }

// Observes reports whether a selected policy observes.
func (s *Selection) Observes() bool { return len(s.observe) > 0 }

// Policies returns the selected policies.
func (s *Selection) Policies() []*Policy { return s.all }

// ReadsProviders reports whether LLM calls must be judged for each provider by
// itself that they may go to.
func (s *Selection) ReadsProviders() bool { return s.stages.routed }

// Waits reports whether some deny of a call waits for the guards.
func (s *Selection) Waits() bool { return s.stages.waiting }

// HearsAnswers reports whether some deny of a selected policy is about answers
// on the surface.
func (s *Selection) HearsAnswers(on decision.Surface) bool {
	if on != decision.LLM {
		on = decision.MCP
	}
	return s.stages.answers[on]
}

// JudgesAnswer reports whether some deny is about the answer of a call, of a
// policy that enforces or of one that observes.
func (s *Selection) JudgesAnswer(c *input.Call) (enforced, observed bool) {
	key := c.Key()
	p := s.plan(c, nil, &key)
	judges := func(of policyPlan) bool { return len(of.answers) > 0 }
	return slices.ContainsFunc(p.enforce, judges), slices.ContainsFunc(p.observe, judges)
}

// Enforces reports whether a selected policy may refuse something.
func (s *Selection) Enforces() bool { return len(s.enforce) > 0 }

// Names returns their names, for people.
func (s *Selection) Names() string { return s.names }

// Version names what applied together: a policy's own version where it is
// alone, else a hash over all.
func (s *Selection) Version() string { return s.version }

func versionOf(policies []*Policy) string {
	switch len(policies) {
	case 0:
		return ""
	case 1:
		return policies[0].Version
	}
	var all strings.Builder
	for _, p := range policies {
		all.WriteString(p.Name + "\x00" + p.Version + "\x00")
	}
	sum := sha256.Sum256([]byte(all.String()))
	return hex.EncodeToString(sum[:6])
}
