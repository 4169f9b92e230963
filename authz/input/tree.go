package input

import (
	"outrider.dev/outrider/authz/number"
	"outrider.dev/outrider/strictjson"
)

// tree is a JSON object that is parsed when somebody reads it, once.
type tree struct {
	value map[string]any
	err   error
}

func (t *tree) read(raw []byte, what string) (any, error) {
	if t.value == nil && t.err == nil {
		t.value, t.err = parseObject(raw, what)
	}
	if t.err != nil {
		return nil, t.err
	}
	return t.value, nil
}

// arguments are those of the call, or of nobody yet in a list.
func (c *Call) arguments() (any, error) {
	if c.ArgsUnknown {
		return nil, ErrUnknown
	}
	if c.Request.Unseen {
		return nil, errUnseen
	}
	r := *c.Request
	r.Tool = c.Tool
	return c.args.read(r.Arguments(), "the tool's arguments")
}

// A deny that reads arguments which nobody showed must not pass for that.
const errUnseen = Error("the question does not show the tool's arguments")

// ErrInexact is what reading a [number.Inexact] ends in, in either language.
const ErrInexact = Error("a number that the rule reads does not fit 64 bits exactly")

const errNoDefinition = Error("the tool's annotations are not known for this call")

// annotations come with a tool's definition. Where a call has none they are
// not empty but missing: a deny that reads them must not pass for that.
func (c *Call) annotations() (any, error) {
	if c.Tool.Definition == nil {
		if c.ArgsUnknown {
			return nil, ErrUnknown
		}
		return nil, errNoDefinition
	}
	return c.labels.read(c.Tool.Definition, annotationsOf)
}

// annotationsOf is the member of a tool's definition that is read of it.
const annotationsOf = "annotations"

// parseObject reads a JSON object; nil is an empty one. Numbers are read by
// [number.Read]. Errors name no content.
func parseObject(raw []byte, what string) (map[string]any, error) {
	if len(raw) == 0 {
		return map[string]any{}, nil
	}
	doc, err := strictjson.Parse(raw, strictjson.Limits{})
	if err != nil {
		return nil, Error(what + " are not an acceptable JSON object")
	}
	defer doc.Free()
	root := doc.Root()
	if what == annotationsOf {
		if root = root.Get(annotationsOf); root.Kind() == strictjson.None {
			return map[string]any{}, nil
		}
	}
	object, ok := native(root).(map[string]any)
	if !ok {
		return nil, Error(what + " are not an object")
	}
	return object, nil
}

// native returns a JSON value as Go holds it. Its depth is the parser's.
func native(v strictjson.Value) any {
	switch v.Kind() {
	case strictjson.Object:
		return nativeObject(v)
	case strictjson.Array:
		return nativeArray(v)
	case strictjson.String:
		text, _ := v.Text()
		return string(text)
	case strictjson.Number:
		return number.Read(string(v.Raw()))
	case strictjson.Bool:
		b, _ := v.Bool()
		return b
	default:
		return nil
	}
}

func nativeObject(v strictjson.Value) map[string]any {
	out := map[string]any{}
	inexact := false
	for name, member := range v.Members() {
		key, _ := name.Text()
		value := native(member)
		out[string(key)], inexact = value, inexact || number.Holds(value)
	}
	if inexact {
		out[number.Member] = number.Inexact{}
	}
	return out
}

// nativeArray is a [number.Inexact] as a whole if one element holds such a number: which
// elements a rule means shows only when it is evaluated.
func nativeArray(v strictjson.Value) any {
	out, inexact := []any{}, false
	for _, element := range v.Elements() {
		value := native(element)
		out, inexact = append(out, value), inexact || number.Holds(value)
	}
	if inexact {
		return number.Inexact{Raw: string(v.Raw())}
	}
	return out
}
