package inbound

import (
	"encoding/json"
	"net/http"
	"slices"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/dialect"
	"outrider.dev/outrider/dialect/mcp"
	"outrider.dev/outrider/strictjson"
)

// Forward returns what travels on of the judged call: the headers and the body
// as the verdict changes them, for a target with this name of the model, empty
// where the agent's stays. The headers are without the target's credential.
// Edits that do not fit are a *decision.Error: without them the call is not
// what was judged.
func (c *Call) Forward(v *decision.Verdict, model string, lim strictjson.Limits) (http.Header, []byte, error) {
	raw := c.Ask.Body.Raw
	if c.Ask.Surface == decision.LLM {
		body, err := c.forModel(raw, v.Splices, model, lim)
		return withOps(RequestHeader(c.in.Header), v.Headers), body, err
	}
	body, err := spliced(raw, v.Splices)
	if err != nil {
		return nil, nil, err
	}
	mirror, err := mcp.MirrorHeaders(c.Message, raw, body, lim)
	if err != nil {
		return nil, nil, err
	}
	return withOps(messageHeader(c.in.Header, mirror), v.Headers), body, nil
}

func spliced(raw []byte, splices []decision.Splice) ([]byte, error) {
	if len(splices) == 0 {
		return raw, nil
	}
	if err := dialect.Check(raw, splices); err != nil {
		return nil, err
	}
	return dialect.Apply(nil, raw, splices), nil
}

func withOps(h http.Header, ops []decision.HeaderOp) http.Header {
	for _, op := range ops {
		if op.Remove {
			decision.RemoveHeader(h, op.Name)
		} else {
			decision.SetHeader(h, op.Name, string(op.Value))
		}
	}
	return h
}

// forModel makes the splices and puts the model in its place.
func (c *Call) forModel(raw []byte, splices []decision.Splice, model string, lim strictjson.Limits) ([]byte, error) {
	if raw == nil || model == "" {
		return spliced(raw, splices)
	}
	call := c.LLM
	if touches(splices, call.ModelStart, call.ModelEnd) { // where the model stands now, and which it is, the edited body tells
		var err error
		if raw, err = spliced(raw, splices); err != nil {
			return nil, err
		}
		splices = nil
		if call, err = c.row.read(raw, lim); err != nil {
			return nil, &decision.Error{Code: decision.CodeEditConflict, Message: "the policy's edits leave no readable call", Err: err}
		}
	}
	splices, err := dialect.UniteSplices(splices, modelSplice(call, model))
	if err != nil {
		return nil, err
	}
	return spliced(raw, splices)
}

// touches reports whether splices change a string, whose content lies between
// these offsets, or its quotes.
func touches(splices []decision.Splice, start, end uint32) bool {
	return slices.ContainsFunc(splices, func(s decision.Splice) bool { return s.Start <= end && s.End >= start })
}

// modelSplice makes a call one of another model.
func modelSplice(call *dialect.Call, model string) []decision.Splice {
	if model == call.Model {
		return nil
	}
	quoted, _ := json.Marshal(model) // a string always marshals
	return []decision.Splice{{Start: call.ModelStart, End: call.ModelEnd, With: quoted[1 : len(quoted)-1]}}
}

// AcceptBoth is what a client of MCP's streamable HTTP transport accepts.
const AcceptBoth = "application/json, text/event-stream"

// carried are the agent's headers that travel on with an MCP message as they
// are. MCP says what a request needs, so the rest stays here: an unknown header
// could hold a credential, or text that nobody judged.
func carried() []string {
	return []string{"Accept", "Accept-Language", "User-Agent", "Traceparent", "Tracestate"}
}

// messageHeader returns the headers of a forwarded MCP message.
func messageHeader(in, mirror http.Header) http.Header {
	out := http.Header{
		"Accept":          {AcceptBoth},
		"Accept-Encoding": {"identity"},
		"Content-Type":    {"application/json"},
	}
	for _, name := range carried() {
		if values := in[name]; len(values) > 0 {
			out[name] = values
		}
	}
	for name, values := range mirror {
		out[name] = values
	}
	return out
}
