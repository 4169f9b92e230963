package input

import (
	"strconv"

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

// parseObject reads a JSON object; nil is an empty one. Integers become int64
// where they fit and other numbers float64. Errors name no content.
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
	value, err := native(root)
	if err != nil {
		return nil, Error(what + " hold a number out of range")
	}
	object, ok := value.(map[string]any)
	if !ok {
		return nil, Error(what + " are not an object")
	}
	return object, nil
}

// native returns a JSON value as Go holds it. Its depth is the parser's.
func native(v strictjson.Value) (any, error) {
	switch v.Kind() {
	case strictjson.Object:
		return nativeObject(v)
	case strictjson.Array:
		return nativeArray(v)
	case strictjson.String:
		text, _ := v.Text()
		return string(text), nil
	case strictjson.Number:
		return nativeNumber(string(v.Raw()))
	case strictjson.Bool:
		b, _ := v.Bool()
		return b, nil
	default:
		return nil, nil
	}
}

func nativeObject(v strictjson.Value) (any, error) {
	out := map[string]any{}
	for name, member := range v.Members() {
		key, _ := name.Text()
		value, err := native(member)
		if err != nil {
			return nil, err
		}
		out[string(key)] = value
	}
	return out, nil
}

func nativeArray(v strictjson.Value) (any, error) {
	out := []any{}
	for _, element := range v.Elements() {
		value, err := native(element)
		if err != nil {
			return nil, err
		}
		out = append(out, value)
	}
	return out, nil
}

func nativeNumber(raw string) (any, error) {
	if n, err := strconv.ParseInt(raw, 10, 64); err == nil {
		return n, nil
	}
	return strconv.ParseFloat(raw, 64)
}
