package pdp

import (
	"outrider.dev/outrider/authz/input"
	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/dialect/openai"
	"outrider.dev/outrider/strictjson"
)

// visible judges a page of tools with the rules of the call, and renames the
// ones that may be seen to what the agent calls them by.
func (c *call) visible(tools []decision.Tool) (*decision.Visibility, error) {
	v := &decision.Visibility{Bitmap: make([]byte, (len(tools)+7)/8)}
	shown := c.shown(tools)
	for i := range tools {
		if !shown[i] {
			continue
		}
		splice, ok := c.expose(&tools[i])
		if !ok {
			continue
		}
		v.Show(i)
		if splice != nil {
			splice.Index = uint32(i)
			v.Splices = append(v.Splices, *splice)
		}
	}
	return v, nil
}

// keepModels leaves of a provider's list of models those that the caller may
// ask for.
func (c *call) keepModels(raw []byte) ([]decision.Splice, error) {
	return openai.KeepModels(raw, c.state.Limits, func(id string) bool {
		if c.selection.Empty() { // started with --open
			return true
		}
		chat := *c.req
		chat.Method, chat.LLM.Model = openai.OperationChat, id
		return c.selection.Judge(input.New(&chat, c.principal)).Allow
	})
}

func (c *call) shown(tools []decision.Tool) []bool {
	if c.selection.Empty() { // started with --open
		all := make([]bool, len(tools))
		for i := range all {
			all[i] = true
		}
		return all
	}
	return c.selection.Visible(input.New(c.req, c.principal), tools)
}

// expose returns the splice that renames a definition, nil when the name stays.
// A definition that says another name than the tool was judged by is not shown.
func (c *call) expose(t *decision.Tool) (*decision.Splice, bool) {
	name := c.state.Routes.Expose(c.req.Server, t.Server, t.Name)
	if len(t.Definition) == 0 {
		return nil, true
	}
	doc, err := strictjson.Parse(t.Definition, c.state.Limits)
	if err != nil {
		return nil, false
	}
	defer doc.Free()
	said := doc.Root().Get("name")
	if !said.Is(t.Name) {
		return nil, false
	}
	if name == t.Name {
		return nil, true
	}
	start, end := said.Span()
	return &decision.Splice{Start: uint32(start), End: uint32(end), With: jsonString(name)}, true //nolint:gosec // inside a bounded body
}
