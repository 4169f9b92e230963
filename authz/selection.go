package authz

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"outrider.dev/outrider/decision"
	configv1 "outrider.dev/outrider/proto/outrider/config/v1"
)

// selector says which agents a policy selects: every given field must match.
type selector struct {
	names, namespaces, accounts []glob
	labels                      map[string]string
}

// newSelector compiles a selector; nil selects every agent.
func newSelector(doc *configv1.AgentSelector) *selector {
	if doc == nil {
		return nil
	}
	return &selector{
		names:      newGlobs(doc.GetNames()),
		namespaces: newGlobs(doc.GetNamespaces()),
		accounts:   newGlobs(doc.GetServiceAccounts()),
		labels:     doc.GetMatchLabels(),
	}
}

func (s *selector) matches(c *decision.Caller) bool {
	if s == nil {
		return true
	}
	for name, value := range s.labels {
		if got, ok := c.Labels[name]; !ok || got != value {
			return false
		}
	}
	return matchAny(s.names, c.Agent) && matchAny(s.namespaces, c.Namespace) && matchAny(s.accounts, c.ServiceAccount)
}

// Selection is the policies that select one agent, in the order of the set.
// It is immutable and safe for concurrent use.
type Selection struct {
	all, enforce, observe []*Policy
}

// Select returns the policies that select the caller.
func (s *Set) Select(c *decision.Caller) *Selection {
	sel := &Selection{}
	for _, p := range s.policies {
		if !p.selector.matches(c) {
			continue
		}
		sel.all = append(sel.all, p)
		if p.Observe {
			sel.observe = append(sel.observe, p)
		} else {
			sel.enforce = append(sel.enforce, p)
		}
	}
	return sel
}

// Empty reports whether no policy selects the agent.
func (s *Selection) Empty() bool { return len(s.all) == 0 }

// Policies returns the selected policies.
func (s *Selection) Policies() []*Policy { return s.all }

// Names returns their names.
func (s *Selection) Names() []string {
	names := make([]string, len(s.all))
	for i, p := range s.all {
		names[i] = p.Name
	}
	return names
}

// Version names what applied together: a policy's own version where it is
// alone, else a hash over all.
func (s *Selection) Version() string {
	switch len(s.all) {
	case 0:
		return ""
	case 1:
		return s.all[0].Version
	}
	var all strings.Builder
	for _, p := range s.all {
		all.WriteString(p.Name + "\x00" + p.Version + "\x00")
	}
	sum := sha256.Sum256([]byte(all.String()))
	return hex.EncodeToString(sum[:6])
}
