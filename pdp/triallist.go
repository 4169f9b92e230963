package pdp

import (
	"fmt"

	"outrider.dev/outrider/authz"
	"outrider.dev/outrider/authz/input"
	"outrider.dev/outrider/decision"
)

// tryList notes what observing policies would do to the tools of a page that
// are shown: what their rules would hide, and what their guards would hide or
// change. Each policy's is told once for a page, whose tools may be many.
func (c *call) tryList(tools []decision.Tool, shown []bool, definitions []*decision.Body, told hearing) {
	if !c.selection.Observes() {
		return
	}
	for _, h := range c.selection.Hides(input.New(c.req, c.tried), tools, shown) {
		changes := listChanges{hidden: h.Tools, first: tools[h.First].Name}
		c.tryListed(h.Policy, h.Version, h.Rule, changes)
	}
	for _, t := range c.bundle.trials {
		c.tryListed(t.policy, t.version, guardsRule, c.tryDefinitions(t, tools, shown, definitions, told))
	}
}

// listChanges counts what an observing policy would do to a page of tools.
type listChanges struct {
	hidden, changed int
	first           string // of these tools
}

// tryDefinitions has the guards of an observing policy read the definitions.
func (c *call) tryDefinitions(t *trial, tools []decision.Tool, shown []bool, definitions []*decision.Body, told hearing) listChanges {
	var out listChanges
	set := t.guards[mcpResponse]
	if set.Empty() {
		return out
	}
	for i := range tools {
		if !shown[i] || definitions[i] == nil {
			continue
		}
		splices, _, ok := guardDefinition(set, definitions[i], told.of(i))
		switch {
		case !ok || len(splices) > 0 && !c.keepsName(&tools[i], splices):
			out.hidden++
		case len(splices) > 0:
			out.changed++
		default:
			continue
		}
		if out.first == "" {
			out.first = tools[i].Name
		}
	}
	return out
}

func (c *call) tryListed(policy, version, rule string, l listChanges) {
	var what string
	switch {
	case l.hidden > 0 && l.changed > 0:
		what = fmt.Sprintf("hides %d and changes %d", l.hidden, l.changed)
	case l.hidden > 0:
		what = fmt.Sprintf("hides %d", l.hidden)
	case l.changed > 0:
		what = fmt.Sprintf("changes %d", l.changed)
	default:
		return
	}
	c.observed = append(c.observed, authz.Observation{
		Policy: policy, Version: version, Reason: decision.Reason{Rule: rule}, Change: "list of tools: " + what + ", " + decision.Quoted(l.first) + " first",
	})
}
