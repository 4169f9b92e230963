package openai

import (
	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/dialect"
	"outrider.dev/outrider/strictjson"
)

// ReadAnswer reads a whole response body of the dialect, an error body
// included. The error is a [decision.Error] with
// [decision.CodeUpstreamInvalid].
func ReadAnswer(dialectName string, raw []byte, lim strictjson.Limits) (*dialect.Answer, error) {
	doc, err := strictjson.Parse(raw, lim)
	if err != nil {
		return nil, upstreamInvalid(err)
	}
	defer doc.Free()
	r := answerReader{answer: &dialect.Answer{}, data: "choices"}
	if dialectName == Embeddings {
		r.data = "data"
	}
	root := doc.Root()
	if err := root.RefuseFolded(false); err != nil {
		return nil, upstreamInvalid(err)
	}
	r.root(root)
	r.answer.Segments = r.segs
	return r.answer, nil
}

func upstreamInvalid(err error) error {
	return &decision.Error{
		Code: decision.CodeUpstreamInvalid, Message: "the provider's answer cannot be read: " + err.Error(), Err: err,
	}
}

type answerReader struct {
	table
	answer *dialect.Answer
	data   string // the member that holds the answer itself
}

func (r *answerReader) root(root strictjson.Value) {
	r.answer.Usage = decision.Usage{Estimated: true}
	rest := completion
	if root.Get(r.data).Kind() == strictjson.None {
		rest = failure
	}
	for n, v := range root.Members() {
		name := key(n)
		switch string(name) {
		case "choices":
			r.choices(v)
		case "data":
			r.embeddings(v, rest)
		case "usage":
			if u := readUsage(v); u != nil {
				r.answer.Usage = *u
			}
			r.leaves(nil, name, v, rest)
		case "error":
			r.leaves(nil, name, v, failure)
		default:
			if !isRootLabel(name, v) {
				r.name(n, rest)
				r.leaves(nil, name, v, rest)
			}
		}
	}
}

// isRootLabel reports whether the member names the answer or its model.
func isRootLabel(name []byte, v strictjson.Value) bool {
	switch string(name) {
	case "id", "object", "model", "system_fingerprint", "service_tier", "obfuscation":
		return v.Kind() == strictjson.String && isLabel(content(v))
	}
	return false
}

// embeddings reads what is no vector.
func (r *answerReader) embeddings(v strictjson.Value, m mark) {
	if v.Kind() != strictjson.Array {
		r.leaves(nil, []byte("data"), v, m)
		return
	}
	for _, e := range v.Elements() {
		if e.Kind() != strictjson.Object {
			r.leaves(nil, nil, e, m)
			continue
		}
		for n, part := range e.Members() {
			if name := key(n); !isRootLabel(name, part) {
				r.name(n, m)
				r.leaves(nil, name, part, m)
			}
		}
	}
}

func (r *answerReader) choices(v strictjson.Value) {
	if v.Kind() != strictjson.Array {
		r.leaves(nil, []byte("choices"), v, completion)
		return
	}
	for _, choice := range v.Elements() {
		if choice.Kind() != strictjson.Object {
			r.leaves(nil, nil, choice, completion)
			continue
		}
		for n, m := range choice.Members() {
			name := key(n)
			switch string(name) {
			case "logprobs":
				r.answer.Splices = appendNull(r.answer.Splices, m)
			case "message":
				r.message(m)
			case "finish_reason":
				if m.Kind() == strictjson.String && isIdentifier(content(m)) {
					continue
				}
				r.leaves(nil, name, m, completion)
			default:
				r.name(n, completion)
				r.leaves(nil, name, m, completion)
			}
		}
	}
}

func (r *answerReader) message(v strictjson.Value) {
	if v.Kind() != strictjson.Object {
		r.leaves(nil, []byte("message"), v, completion)
		return
	}
	for n, m := range v.Members() {
		name := key(n)
		switch string(name) {
		case "tool_calls", "function_call":
			r.leaves(nil, name, m, toolArguments)
		default:
			r.name(n, completion)
			r.leaves(nil, name, m, completion)
		}
	}
}

// appendNull sets a value to null: token probabilities repeat the text of the
// answer, in words and in numbers, past what a guard redacts.
func appendNull(splices []decision.Splice, v strictjson.Value) []decision.Splice {
	if v.Kind() == strictjson.Null {
		return splices
	}
	start, end := v.Span()
	return append(splices, decision.Splice{Start: uint32(start), End: uint32(end), With: []byte("null")})
}

// readUsage returns nil when the figures are absent or no figures.
func readUsage(v strictjson.Value) *decision.Usage {
	in, ok := v.Get("prompt_tokens").Uint()
	if !ok {
		return nil
	}
	out, _ := v.Get("completion_tokens").Uint() // embeddings have none
	cached, _ := v.Get("prompt_tokens_details").Get("cached_tokens").Uint()
	return &decision.Usage{Input: in, Output: out, Cached: cached}
}
