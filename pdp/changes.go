package pdp

import (
	"fmt"
	"slices"
	"strconv"

	"outrider.dev/outrider/authz"
	"outrider.dev/outrider/authz/input"
	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/dialect/mcp"
	"outrider.dev/outrider/dialect/openai"
	"outrider.dev/outrider/strictjson"
)

// mutated is what changes come to for one call: only what differs from how the
// call is.
type mutated struct {
	edits   []decision.Edit
	headers []decision.HeaderOp
	by      []changedBy
}

func (m *mutated) empty() bool { return len(m.by) == 0 }

// changedBy is one mutation that changes the call, and what.
type changedBy struct {
	Rule, What string
	header     *decision.HeaderOp // that it adds; nil: an edit
}

// resolveChanges holds changes against the call.
func resolveChanges(r *decision.Request, lim strictjson.Limits, changes []authz.Change) (*mutated, *decision.Reason) {
	m := &mutated{}
	if len(changes) == 0 {
		return m, nil
	}
	doc, err := strictjson.Parse(bodyOf(r), lim)
	if err != nil {
		return m, because(decision.CodeBodyInvalid, "the body that a mutation changes cannot be read")
	}
	defer doc.Free()
	x := resolving{req: r, doc: doc, changes: changes, out: m}
	for i := range changes {
		if reason := x.resolve(&changes[i]); reason != nil {
			return &mutated{}, reason
		}
	}
	return m, nil
}

// bodyOf returns the call's body or, where it came without one, what is known
// of it in that form: enough to tell whether a mutation would change anything.
func bodyOf(r *decision.Request) []byte {
	switch args := r.Arguments(); {
	case len(r.Body.Raw) > 0:
		return r.Body.Raw
	case r.Surface == decision.LLM:
		return fmt.Appendf(nil, `{"model":%s,"max_tokens":%d}`, jsonString(r.LLM.Model), r.LLM.MaxTokens)
	case len(args) > 0:
		return fmt.Appendf(nil, `{"params":{"arguments":%s}}`, args)
	default:
		return []byte("{}")
	}
}

// resolving is the work on the changes of one call.
type resolving struct {
	req     *decision.Request
	doc     *strictjson.Doc
	changes []authz.Change // all of them: those of one place must agree
	out     *mutated
}

func (x *resolving) resolve(c *authz.Change) *decision.Reason {
	if c.Argument != "" && x.doc.Respelled(mcp.ArgumentsPointer+c.Argument) {
		return &decision.Reason{
			Code: decision.CodeEditConflict, Rule: c.Rule,
			Message: "a mutation is about " + what(c) + ", which the call writes in other letters, and a server that ignores case takes one for the other: write it as the tool does",
		}
	}
	switch c.Kind {
	case input.SetArgument:
		at := mcp.ArgumentsPointer + c.Argument
		if string(x.doc.At(at).Raw()) != string(c.Value) {
			x.edit(c, decision.Edit{Pointer: at, Value: c.Value})
		}
	case input.ClampArgument:
		return x.clamp(c)
	case input.RemoveArgument:
		at := mcp.ArgumentsPointer + c.Argument
		if x.doc.At(at).Kind() != strictjson.None {
			x.edit(c, decision.Edit{Pointer: at, Remove: true})
		}
	case input.ForceModel:
		if !x.doc.At(openai.ModelPointer).Is(c.Model) {
			x.edit(c, decision.Edit{Pointer: openai.ModelPointer, Value: jsonString(c.Model)})
		}
	case input.ClampTokens:
		if x.req.Method == openai.OperationChat {
			x.edit(c, openai.BoundTokens(x.doc, x.model(), x.tokens())...)
		}
	case input.AddHeader:
		return x.header(c)
	}
	return nil
}

// edit notes edits of one mutation.
func (x *resolving) edit(c *authz.Change, edits ...decision.Edit) {
	if len(edits) == 0 {
		return
	}
	x.out.edits = append(x.out.edits, edits...)
	x.out.by = append(x.out.by, changedBy{Rule: c.Rule, What: what(c)})
}

// what names what is changed. A pointer that a module computed may hold what
// the caller sent, which no record repeats.
func what(c *authz.Change) string {
	if c.Computed && c.Argument != "" {
		return "argument"
	}
	return c.What()
}

// clamp brings a number within the bounds of all mutations that clamp it. It
// gives way to one that is about to set the same argument: whether that value is
// within the bounds is found when the changed call is judged.
func (x *resolving) clamp(c *authz.Change) *decision.Reason {
	at := mcp.ArgumentsPointer + c.Argument
	v := x.doc.At(at)
	if v.Kind() == strictjson.None {
		return nil
	}
	n, err := strconv.ParseFloat(string(v.Raw()), 64)
	if v.Kind() != strictjson.Number || err != nil {
		message := "a mutation keeps an argument within bounds, and it is " + v.Kind().String() + ", not a number in range"
		return &decision.Reason{Code: decision.CodeRuleError, Message: message, Rule: c.Rule}
	}
	least, most := c.Min, c.Max
	for i := range x.changes {
		switch of := &x.changes[i]; {
		case of.Argument != c.Argument:
		case of.Kind == input.SetArgument && string(v.Raw()) != string(of.Value):
			return nil
		case of.Kind == input.ClampArgument:
			least, most = highest(least, of.Min), lowest(most, of.Max)
		}
	}
	if least != nil && most != nil && *least > *most {
		return &decision.Reason{Code: decision.CodeEditConflict, Message: "no number is within the bounds of all mutations: " + what(c), Rule: c.Rule}
	}
	var bound float64
	switch {
	case least != nil && n <= *least:
		bound = *least
	case most != nil && n >= *most:
		bound = *most
	default:
		return nil
	}
	// At a bound the text decides: 100.00000000000000001 is above 100 elsewhere.
	if text := strconv.FormatFloat(bound, 'f', -1, 64); string(v.Raw()) != text {
		x.edit(c, decision.Edit{Pointer: at, Value: []byte(text)})
	}
	return nil
}

func highest(a, b *float64) *float64 {
	if a == nil || b != nil && *b > *a {
		return b
	}
	return a
}

func lowest(a, b *float64) *float64 {
	if a == nil || b != nil && *b < *a {
		return b
	}
	return a
}

// model is the model that the call will ask for.
func (x *resolving) model() string {
	for i := range x.changes {
		if x.changes[i].Kind == input.ForceModel {
			return x.changes[i].Model
		}
	}
	return x.req.LLM.Model
}

// tokens is the least of the bounds of all mutations.
func (x *resolving) tokens() uint64 {
	least := ^uint64(0)
	for i := range x.changes {
		if x.changes[i].Kind == input.ClampTokens {
			least = min(least, x.changes[i].Tokens)
		}
	}
	return least
}

func (x *resolving) header(c *authz.Change) *decision.Reason {
	op := decision.HeaderOp{Name: headerName(c.Header), Value: decision.Secret(c.Text)}
	same := slices.IndexFunc(x.out.headers, func(h decision.HeaderOp) bool { return h.Name == op.Name })
	switch {
	case same < 0:
		x.out.headers = append(x.out.headers, op)
	case string(x.out.headers[same].Value) != c.Text:
		return &decision.Reason{Code: decision.CodeEditConflict, Message: "two mutations add a header with different values: " + what(c), Rule: c.Rule}
	}
	x.out.by = append(x.out.by, changedBy{Rule: c.Rule, What: what(c), header: &op})
	return nil
}
