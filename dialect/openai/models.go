package openai

import (
	"bytes"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/strictjson"
)

// Models names the body format of a list of models.
const Models = "openai.models"

// KeepModels returns the splice that leaves of a list of models those that
// keep accepts, nil when all stay. An entry without an id goes. The error is a
// [decision.Error] with [decision.CodeUpstreamInvalid].
func KeepModels(raw []byte, lim strictjson.Limits, keep func(id string) bool) ([]decision.Splice, error) {
	doc, err := strictjson.Parse(raw, lim)
	if err != nil {
		return nil, upstreamInvalid(err)
	}
	defer doc.Free()
	list := doc.Root().Get("data")
	switch list.Kind() {
	case strictjson.Array:
	case strictjson.None: // an error body lists nothing
		return nil, nil
	default:
		return nil, decision.Refuse(decision.CodeUpstreamInvalid, "the provider's list of models has data that is no array")
	}
	var kept [][]byte
	for _, v := range list.Elements() {
		if id, ok := v.Get("id").Text(); ok && keep(string(id)) {
			kept = append(kept, v.Raw())
		}
	}
	if len(kept) == list.Len() {
		return nil, nil
	}
	start, end := list.Span()
	return []decision.Splice{{
		Start: uint32(start) + 1, End: uint32(end) - 1,
		With: bytes.Join(kept, []byte(",")),
	}}, nil
}
