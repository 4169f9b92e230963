package pdp

import (
	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/dialect"
	"outrider.dev/outrider/guards"
)

// guard reads what the agent sends. Redactions become edits.
func (c *call) guard() *decision.Reason {
	set := c.bundle.guards[requestPhase(c.req.Surface)]
	c.verdict.Findings = scan(set, &c.req.Body, c.verdict.Findings)
	if reason, blocked := guards.Block(c.verdict.Findings); blocked {
		return kept(reason)
	}
	c.edits = guards.Edits(c.verdict.Findings, c.edits)
	return nil
}

func scan(set *guards.Set, b *decision.Body, out []decision.Finding) []decision.Finding {
	if set.Empty() {
		return out
	}
	for i := range b.Segments {
		s := &b.Segments[i]
		text := []byte(s.Text)
		if s.Text == "" {
			text = dialect.Text(b.Raw, *s)
		}
		out = set.Scan(text, *s, out)
	}
	return out
}

// render turns edits into splices on the bytes that came.
func (c *call) render() *decision.Reason {
	if t := &c.req.Tool; c.granting && t.Named() && t.Exposed != t.Name {
		c.edits = append(c.edits, decision.Edit{Pointer: "/params/name", Value: jsonString(t.Name)})
	}
	splices, err := renderBody(&c.req.Body, c.edits)
	if err != nil {
		return reasonOf(err)
	}
	c.verdict.Splices = splices
	return nil
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

// authorizeEdited asks the rules again where an edit reached into the
// arguments that they had read.
func (c *call) authorizeEdited() *decision.Reason {
	t := c.req.Tool
	if t.ArgsEnd == t.ArgsStart || c.selection.Empty() {
		return nil
	}
	before, inside := shift(c.verdict.Splices, t.ArgsStart, t.ArgsEnd)
	if inside == 0 && !touches(c.verdict.Splices, t.ArgsStart, t.ArgsEnd) {
		return nil
	}
	edited := *c.req
	edited.Body.Raw = dialect.Apply(nil, c.req.Body.Raw, c.verdict.Splices)
	edited.Body.Segments = nil
	edited.Tool.ArgsStart = offset(t.ArgsStart, before)
	edited.Tool.ArgsEnd = offset(t.ArgsEnd, before+inside)
	return c.judge(&edited)
}

// shift tells by how many bytes the splices move the start of a range, and by
// how many they grow it.
func shift(splices []decision.Splice, start, end uint32) (before, inside int) {
	for _, s := range splices {
		grown := len(s.With) - int(s.End-s.Start)
		switch {
		case s.End <= start:
			before += grown
		case s.Start < end:
			inside += grown
		}
	}
	return before, inside
}

func touches(splices []decision.Splice, start, end uint32) bool {
	for _, s := range splices {
		if s.Start < end && s.End > start {
			return true
		}
	}
	return false
}

func offset(at uint32, by int) uint32 {
	return uint32(int(at) + by) //nolint:gosec // inside the edited body, which is bounded
}
