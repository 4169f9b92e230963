package pdp

import (
	"maps"
	"net/textproto"
	"slices"
	"strings"

	"outrider.dev/outrider/audit"
	"outrider.dev/outrider/authz"
	"outrider.dev/outrider/authz/input"
	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/dialect"
)

// mutate makes the changes that the policies' mutations demand. From here on
// the call is the changed one: it is read, judged, routed, counted and guarded
// as if the agent had sent it so.
func (c *call) mutate() *decision.Reason {
	if c.judged != nil && c.selection.Observes() {
		c.observeChanges()
	}
	if !c.mutates {
		return nil
	}
	changes, failed := c.selection.Mutate(&c.rules)
	if failed != nil {
		return c.refused(failed)
	}
	m, reason := resolveChanges(c.req, c.state.Limits, changes)
	if reason != nil || m.empty() {
		return reason
	}
	c.changed, c.verdict.Headers = m.by, m.headers
	edited, err := c.edited(m)
	if err != nil {
		return reasonOf(err)
	}
	c.req = edited
	return c.judgeAgain(edited)
}

// edited returns the call with the changes made, and remembers them as splices.
func (c *call) edited(m *mutated) (*decision.Request, error) {
	edited := *c.req
	edited.HTTP.Headers = maps.Clone(c.req.HTTP.Headers)
	for _, op := range m.headers {
		if edited.HTTP.Headers == nil {
			edited.HTTP.Headers = map[string]string{}
		}
		edited.HTTP.Headers[strings.ToLower(op.Name)] = string(op.Value)
	}
	if len(m.edits) == 0 {
		return &edited, nil
	}
	if len(c.req.Body.Raw) == 0 || c.req.Unseen {
		return nil, decision.Refuse(decision.CodeFaceCannotEnforce, "the policy changes the body, and the asker sent none")
	}
	splices, err := dialect.Render(c.req.Body.Raw, nil, m.edits)
	if err != nil {
		return nil, err
	}
	c.mutations = splices
	return c.state.reread(&edited, dialect.Apply(nil, c.req.Body.Raw, splices))
}

// judgeAgain asks the rules about a call that was edited, and the mutations:
// what they would still change is a contradiction, because nobody would judge
// that. Headers that were added already change nothing.
func (c *call) judgeAgain(edited *decision.Request) *decision.Reason {
	if reason := c.judge(edited); reason != nil {
		return reason
	}
	if !c.mutates {
		return nil
	}
	changes, failed := c.selection.Mutate(&c.rules)
	if failed != nil {
		return c.refused(failed)
	}
	m, reason := resolveChanges(edited, c.state.Limits, changes)
	if reason != nil {
		return reason
	}
	for _, by := range m.by {
		if by.header == nil || !c.adds(by.header) {
			return &decision.Reason{
				Code: decision.CodeEditConflict, Rule: by.Rule,
				Message: "a mutation would change the call again after it was changed: " + by.What,
			}
		}
	}
	return nil
}

// adds reports whether the verdict adds the header already.
func (c *call) adds(op *decision.HeaderOp) bool {
	return slices.ContainsFunc(c.verdict.Headers, func(h decision.HeaderOp) bool {
		return h.Name == op.Name && string(h.Value) == string(op.Value)
	})
}

// refused denies for a mutation that cannot be evaluated.
func (c *call) refused(out *authz.Outcome) *decision.Reason {
	c.verdict.Policy, c.verdict.Version = out.Policy, out.Version
	return &out.Reason
}

// observeChanges notes what policies that only observe would have done, each
// by itself.
func (c *call) observeChanges() {
	list, broken := c.selection.ObserveChanges(input.New(c.req, c.tried))
	c.observed = append(c.observed, broken...)
	for len(list) > 0 {
		n := slices.IndexFunc(list, func(other authz.Change) bool { return other.Policy != list[0].Policy })
		if n < 0 {
			n = len(list)
		}
		of := authz.Observation{Policy: list[0].Policy, Version: list[0].Version}
		m, reason := resolveChanges(c.req, c.state.Limits, list[:n])
		if reason != nil {
			of.Reason = *reason
			c.observed = append(c.observed, of)
		}
		for _, by := range m.by {
			of.Reason, of.Change = decision.Reason{Rule: by.Rule}, by.What
			c.observed = append(c.observed, of)
		}
		list = list[n:]
	}
}

// edits returns what mutations changed, for the record.
func (c *call) edits() []audit.Edit {
	var out []audit.Edit
	for _, by := range c.changed {
		out = append(out, audit.Edit{Rule: by.Rule, What: by.What})
	}
	return out
}

// headerName spells a header in one way.
func headerName(name string) string { return textproto.CanonicalMIMEHeaderKey(name) }
