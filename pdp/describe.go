package pdp

import (
	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/dialect"
	"outrider.dev/outrider/dialect/mcp"
	"outrider.dev/outrider/guards"
)

// describe guards the definition of a listed tool: a model reads it as it reads
// a prompt. A definition that a guard blocks, or whose names would have to
// change, is not shown. The findings name the tool by its place in the page.
func (c *call) describe(t *decision.Tool, index uint32) (splices []decision.Splice, found []decision.Finding, ok bool) {
	set := c.bundle.guards[mcpResponse]
	if set.Empty() || len(t.Definition) == 0 {
		return nil, nil, true
	}
	segments, err := mcp.ReadDefinition(t.Definition, c.state.Limits)
	if err != nil {
		return nil, nil, false
	}
	definition := decision.Body{Dialect: mcp.Dialect, Raw: t.Definition, Segments: segments}
	found, edits := scan(set, &definition, nil, nil, nil)
	splices, err = dialect.Render(t.Definition, segments, edits)
	_, blocked := guards.Block(found)
	for k := range found {
		found[k].Segment = index
	}
	return splices, found, err == nil && !blocked
}
