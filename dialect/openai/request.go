package openai

import (
	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/dialect"
	"outrider.dev/outrider/strictjson"
)

// ReadChat reads the body of a chat completions request. The error is a
// [*strictjson.Error].
func ReadChat(raw []byte, lim strictjson.Limits) (*dialect.Call, error) {
	return readCall(raw, lim, chatMember, "messages")
}

// ReadEmbeddings reads the body of an embeddings request. The error is a
// [*strictjson.Error].
func ReadEmbeddings(raw []byte, lim strictjson.Limits) (*dialect.Call, error) {
	return readCall(raw, lim, embeddingsMember, "input")
}

// member reads one member of the root. It reports whether it knew the name.
type member func(t *table, call *dialect.Call, name []byte, v strictjson.Value) (known bool, err error)

func readCall(raw []byte, lim strictjson.Limits, own member, required string) (*dialect.Call, error) {
	doc, err := strictjson.Parse(raw, lim)
	if err != nil {
		return nil, err
	}
	defer doc.Free()
	root := doc.Root()
	if err := root.RefuseFolded(false); err != nil {
		return nil, err
	}
	call := &dialect.Call{}
	t := table{segs: make([]decision.Segment, 0, 16)}
	for n, v := range root.Members() {
		name := key(n)
		known, err := own(&t, call, name, v)
		if err != nil {
			return nil, err
		}
		if !known {
			if err := commonMember(&t, call, n, v); err != nil {
				return nil, err
			}
		}
	}
	if call.Model == "" {
		return nil, root.Refuse(`"model" is missing`)
	}
	if root.Get(required).Kind() == strictjson.None {
		return nil, root.Refuse(strictjson.Problem(`"` + required + `" is missing`))
	}
	call.Segments = t.segs
	return call, nil
}

// commonMember reads what all requests share. A member that nobody knows is
// read too: a lenient provider may put it before the model.
func commonMember(t *table, call *dialect.Call, n, v strictjson.Value) error {
	name := key(n)
	if string(name) == "model" {
		return readModel(call, v)
	}
	t.name(n, fromUser)
	t.leaves(nil, name, v, fromUser)
	return nil
}

func readModel(call *dialect.Call, v strictjson.Value) error {
	text, ok := v.Text()
	if !ok || len(text) == 0 {
		return v.Refuse("the model must be a non-empty string")
	}
	start, end := v.Span()
	call.Model, call.ModelStart, call.ModelEnd = string(text), uint32(start)+1, uint32(end)-1
	return nil
}

func chatMember(t *table, call *dialect.Call, name []byte, v strictjson.Value) (bool, error) {
	switch string(name) {
	case "messages":
		return true, t.messages(v)
	case "tools", "functions":
		return true, t.tools(name, v)
	case "response_format":
		return true, t.described(name, v)
	case "prediction":
		t.leaves(nil, name, v, fromAssistant)
		return true, nil
	case "stream":
		return true, readStream(call, v)
	case "max_tokens", "max_completion_tokens":
		return true, readMaxTokens(call, v)
	}
	return false, nil
}

func embeddingsMember(t *table, _ *dialect.Call, name []byte, v strictjson.Value) (bool, error) {
	if string(name) != "input" {
		return false, nil
	}
	if k := v.Kind(); k != strictjson.String && k != strictjson.Array {
		return true, v.Refuse("the input must be a string or an array")
	}
	t.leaves(nil, name, v, fromUser) // token numbers hold no text
	return true, nil
}

func readStream(call *dialect.Call, v strictjson.Value) error {
	on, ok := v.Bool()
	if !ok && v.Kind() != strictjson.Null {
		return v.Refuse("stream must be true or false")
	}
	call.Stream = on
	return nil
}

// readMaxTokens keeps the larger of the two bounds that a request can give.
func readMaxTokens(call *dialect.Call, v strictjson.Value) error {
	n, ok := v.Uint()
	if !ok && v.Kind() != strictjson.Null {
		return v.Refuse("a bound of tokens must be a non-negative integer")
	}
	call.MaxTokens = max(call.MaxTokens, n)
	return nil
}

func (t *table) messages(v strictjson.Value) error {
	if v.Kind() != strictjson.Array {
		return v.Refuse("messages must be an array of objects")
	}
	if err := v.RefuseFolded(true); err != nil {
		return err
	}
	for _, msg := range v.Elements() {
		if err := t.message(msg); err != nil {
			return err
		}
	}
	return nil
}

func (t *table) message(msg strictjson.Value) error {
	if msg.Kind() != strictjson.Object {
		return msg.Refuse("a message must be an object")
	}
	role := msg.Get("role")
	if role.Kind() == strictjson.None {
		return msg.Refuse("a message must have a role")
	}
	if role.Kind() != strictjson.String {
		return role.Refuse("a role must be a string")
	}
	m := markOf(role)
	for n, v := range msg.Members() {
		name := key(n)
		switch string(name) {
		case "content":
			if k := v.Kind(); k != strictjson.String && k != strictjson.Array && k != strictjson.Null {
				return v.Refuse("content must be a string, an array or null")
			}
			t.leaves(nil, name, v, m)
		case "tool_calls", "function_call":
			t.leaves(nil, name, v, toolArguments)
		default:
			t.name(n, m)
			t.leaves(nil, name, v, m)
		}
	}
	return nil
}

func markOf(role strictjson.Value) mark {
	switch text, _ := role.Text(); string(text) {
	case "system", "developer":
		return fromSystem
	case "assistant":
		return fromAssistant
	case "tool", "function":
		return toolResult
	default:
		return fromUser
	}
}

// tools reads the names and descriptions of tools, which servers of tools may
// have written. Two names in other case are refused
// where the interface gives names a meaning, not within a schema, whose names
// are data.
func (t *table) tools(name []byte, v strictjson.Value) error {
	for _, tool := range v.Elements() {
		for _, o := range []strictjson.Value{tool, tool.Get("function"), tool.Get("custom")} {
			if err := o.RefuseFolded(false); err != nil {
				return err
			}
		}
	}
	t.leaves(nil, name, v, toolDescription)
	return nil
}

func (t *table) described(name []byte, v strictjson.Value) error {
	for _, o := range []strictjson.Value{v, v.Get("json_schema")} {
		if err := o.RefuseFolded(false); err != nil {
			return err
		}
	}
	t.leaves(nil, name, v, description)
	return nil
}
