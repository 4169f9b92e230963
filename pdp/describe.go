package pdp

import (
	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/dialect"
	"outrider.dev/outrider/dialect/mcp"
	"outrider.dev/outrider/guards"
)

// definitions reads those of a page of tools that may be shown. One that nobody
// guards, or that cannot be read, is nil.
func (c *call) definitions(tools []decision.Tool, shown []bool) []*decision.Body {
	out := make([]*decision.Body, len(tools))
	if c.bundle.guards[mcpResponse].Empty() {
		return out
	}
	for i := range tools {
		if !shown[i] || len(tools[i].Definition) == 0 {
			continue
		}
		if segments, err := mcp.ReadDefinition(tools[i].Definition, c.state.Limits); err == nil {
			out[i] = &decision.Body{Dialect: mcp.Dialect, Raw: tools[i].Definition, Segments: segments}
		}
	}
	return out
}

// describe guards the definition of a listed tool: a model reads it as it reads
// a prompt. A definition that a guard blocks, or whose names would have to
// change, is not shown. The findings name the tool by its place in the page.
func (c *call) describe(t *decision.Tool, definition *decision.Body, told []heard, index uint32) (splices []decision.Splice, found []decision.Finding, ok bool) {
	set := c.bundle.guards[mcpResponse]
	if set.Empty() || len(t.Definition) == 0 {
		return nil, nil, true
	}
	if definition == nil {
		return nil, nil, false
	}
	splices, found, ok = guardDefinition(set, definition, told)
	for k := range found {
		found[k].Segment = index
	}
	return splices, found, ok
}

// guardDefinition returns what guards change in a definition and what they
// find, and whether it may be shown so.
func guardDefinition(set *guards.Set, definition *decision.Body, told []heard) (splices []decision.Splice, found []decision.Finding, ok bool) {
	found, edits, tooMany := scan(set, definition, nil, told)
	splices, err := dialect.Render(definition.Raw, definition.Segments, edits)
	_, blocked := guards.Block(found)
	return splices, found, err == nil && !blocked && tooMany == nil
}
