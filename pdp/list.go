package pdp

import (
	"context"
	"slices"

	"outrider.dev/outrider/authz/input"
	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/dialect"
	"outrider.dev/outrider/dialect/mcp"
	"outrider.dev/outrider/dialect/openai"
	"outrider.dev/outrider/pdp/route"
	"outrider.dev/outrider/strictjson"
)

// visible judges a page of tools with the rules of the call and with the guards
// of what comes back, and renames the ones that may be seen to what the agent
// calls them by. What guards find is recorded, and what was observed since the
// first ones that were recorded before.
func (c *call) visible(ctx context.Context, tools []decision.Tool, recorded int) *decision.Ruling {
	v := &decision.Visibility{Bitmap: make([]byte, (len(tools)+7)/8)}
	r := &decision.Ruling{Effect: decision.Allow, Visibility: v}
	shown := c.shown(tools)
	definitions := c.definitions(tools, shown)
	told, reason := c.consult(ctx, c.bundle.guards[mcpResponse], definitions, false)
	if reason != nil {
		r.Effect, r.Reason = decision.Deny, *reason
		shown = make([]bool, len(tools))
	}
	for i := range tools {
		if !shown[i] {
			continue
		}
		var splices []decision.Splice
		var found []decision.Finding
		splices, found, shown[i] = c.show(&tools[i], definitions[i], told.of(i), uint32(i))
		r.Findings = append(r.Findings, found...)
		if shown[i] {
			v.Show(i)
			v.Splices = append(v.Splices, splices...)
		}
	}
	c.tryList(tools, shown, definitions, told)
	c.recordRuling(r, &answer{told: recorded})
	return r
}

// show returns the splices of one definition as the agent gets it, and whether
// it may be shown at all.
func (c *call) show(t *decision.Tool, definition *decision.Body, told []heard, index uint32) ([]decision.Splice, []decision.Finding, bool) {
	renamed, ok := c.expose(t)
	if !ok || !decision.Legible(t.Name) { // nobody could call it
		return nil, nil, false
	}
	splices, found, ok := c.describe(t, definition, told, index)
	if !ok || len(splices) > 0 && !c.keepsName(t, splices) {
		return nil, found, false
	}
	if renamed != nil {
		splices = append(splices, *renamed)
		mcp.SortSplices(splices)
	}
	for k := range splices {
		splices[k].Index = index
	}
	return splices, found, true
}

// keepsName reports whether the definition has its name after the splices.
func (c *call) keepsName(t *decision.Tool, splices []decision.Splice) bool {
	doc, err := strictjson.Parse(dialect.Apply(nil, t.Definition, splices), c.state.Limits)
	if err != nil {
		return false
	}
	defer doc.Free()
	return doc.Root().Get("name").Is(t.Name)
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
		return c.mayAsk(&chat)
	})
}

// mayAsk reports whether the rules admit the request for some provider that
// serves its model.
func (c *call) mayAsk(r *decision.Request) bool {
	if !c.selection.ReadsProviders() {
		return c.selection.Judge(c.ask(r, c.principal, "")).Allow
	}
	return slices.ContainsFunc(c.served(r.LLM.Model), func(t route.Target) bool {
		return c.selection.Judge(c.ask(r, c.principal, t.Name)).Allow
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
