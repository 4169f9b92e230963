package mcp

import (
	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/dialect"
	"outrider.dev/outrider/strictjson"
)

// WithCursor returns a list request that asks for the page at cursor, which is
// a raw JSON string. The request must not ask for a page yet.
func WithCursor(raw, cursor []byte, lim strictjson.Limits) ([]byte, error) {
	doc, err := strictjson.Parse(raw, lim)
	if err != nil {
		return nil, invalid(nil, err)
	}
	defer doc.Free()
	into, open, end := doc.Root(), `"params":{"cursor":`, "}"
	if params := into.Get("params"); params.Kind() == strictjson.Object {
		into, open, end = params, `"cursor":`, ""
	}
	if into.Get("cursor").Kind() != strictjson.None {
		return nil, refuse(nil, "the request asks for a page already")
	}
	start, _ := into.Span()
	if into.Len() > 0 {
		end += ","
	}
	member := append(append([]byte(open), cursor...), end...)
	at := uint32(start) + 1
	return dialect.Apply(nil, raw, []decision.Splice{{Start: at, End: at, With: member}}), nil
}
