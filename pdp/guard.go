package pdp

import (
	"context"
	"fmt"
	"iter"
	"slices"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/dialect"
	"outrider.dev/outrider/guards"
)

// guard reads what the agent sends. What findings change becomes edits.
func (c *call) guard(ctx context.Context) *decision.Reason {
	set := c.bundle.guards[requestPhase(c.req.Surface)]
	if c.req.Unseen && (set.Enforces() || c.selection.Waits()) {
		return cannot("guards of the policy read the call, and the asker does not show what it carries")
	}
	b := c.written()
	told, reason := c.consult(ctx, set, []*decision.Body{b}, c.selection.Waits())
	if reason != nil {
		return reason
	}
	if set.Tokenizes() {
		c.vault = guards.NewVault(texts(b))
	}
	if c.verdict.Findings, c.found, reason = scan(set, b, c.vault, told.of(0)); reason != nil {
		return reason
	}
	c.tryGuards(requestPhase(c.req.Surface), b, told.of(0))
	if reason, blocked := guards.Block(c.verdict.Findings); blocked {
		return kept(reason)
	}
	return nil
}

// scan returns what the guards find in a body, and the edits that it leads to.
// What services told about the body is among it. A body with too many findings
// is refused, whatever they lead to: a few bytes of it would take hundreds each.
func scan(set *guards.Set, b *decision.Body, v *guards.Vault, told []heard) (found []decision.Finding, edits []decision.Edit, tooMany *decision.Reason) {
	if set.Empty() {
		return nil, nil, nil
	}
	for i := range b.Segments {
		text := textOf(b, i)
		before := len(found)
		found = set.Scan(text, b.Segments[i], found)
		found = set.ScanEscaped(text, b.Segments[i], found, before)
		found = set.ScanMember(func() []byte { return dialect.NameOf(b.Raw, b.Segments[i]) }, text, b.Segments[i], found, before)
		for ; len(told) > 0 && told[0].segment == i; told = told[1:] {
			found = set.Take(told[0].service, told[0].reading, b.Segments[i], told[0].found, found, before)
		}
		if len(found) > guards.MaxFindings {
			return slices.Clone(found[:maxTold]), nil, because(decision.CodeBodyTooLarge,
				fmt.Sprintf("guards find more than %d things in it: send it in parts", guards.MaxFindings))
		}
		edits = set.Edits(text, found[before:], v, edits)
	}
	return found, edits, nil
}

// written returns the texts of a call as guards read them: its body, or its
// arguments, which a program sent by themselves, in one.
func (c *call) written() *decision.Body {
	if c.arguments != nil && len(c.mutations) == 0 {
		return c.arguments
	}
	return &c.req.Body
}

// maxTold bounds the findings that are told of a body with too many.
const maxTold = 100

// textOf returns the unescaped text of a segment.
func textOf(b *decision.Body, i int) []byte {
	if s := &b.Segments[i]; s.Text != "" {
		return []byte(s.Text)
	}
	return dialect.Text(b.Raw, b.Segments[i])
}

// texts yields the text of every segment.
func texts(b *decision.Body) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for i := range b.Segments {
			if !yield(textOf(b, i)) {
				return
			}
		}
	}
}

// render turns all edits into splices on the bytes that came, and has the rules
// judge what guards changed: only of MCP calls do rules read what guards edit.
func (c *call) render() *decision.Reason {
	edits := c.found
	if t := &c.req.Tool; c.granting && t.Named() && t.Exposed != t.Name {
		edits = append(edits[:len(edits):len(edits)], decision.Edit{Pointer: "/params/name", Value: jsonString(t.Name)})
	}
	splices, err := renderBody(&c.req.Body, edits)
	if err != nil {
		return reasonOf(err)
	}
	c.verdict.Splices = splices
	if len(c.mutations) > 0 {
		if c.verdict.Splices, err = dialect.Compose(c.asked.Body.Raw, c.mutations, splices); err != nil {
			return reasonOf(err)
		}
	}
	if len(c.found) == 0 || c.req.Surface == decision.LLM || len(c.req.Body.Raw) == 0 || c.unjudged() {
		return nil
	}
	edited, err := c.state.reread(c.req, dialect.Apply(nil, c.req.Body.Raw, splices))
	if err != nil {
		return reasonOf(err)
	}
	return c.judgeAgain(edited)
}

func renderBody(b *decision.Body, edits []decision.Edit) ([]decision.Splice, error) {
	if len(edits) == 0 {
		return nil, nil
	}
	if len(b.Raw) == 0 {
		return renderTexts(edits)
	}
	return dialect.Render(b.Raw, b.Segments, edits)
}

// renderTexts answers an asker that sent texts without a body: a splice's
// index is then the segment's place, its offsets are in the segment's text.
func renderTexts(edits []decision.Edit) ([]decision.Splice, error) {
	united, err := decision.UniteEdits(edits)
	if err != nil {
		return nil, err
	}
	out := make([]decision.Splice, 0, len(united))
	for _, e := range united {
		out = append(out, decision.Splice{Start: e.Start, End: e.End, With: []byte(e.With), Index: e.Segment})
	}
	return out, nil
}
