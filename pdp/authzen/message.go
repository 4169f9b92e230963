package authzen

import (
	"bytes"
	"encoding/json"

	"outrider.dev/outrider/dialect/mcp"
	"outrider.dev/outrider/strictjson"
)

// message writes the MCP message that the question describes, so that one
// reader reads it, its guards read what they read on the road, and nothing is
// judged that could not have been sent. Values stand in it as they came.
func (q *question) message(m meaning) ([]byte, error) {
	row, _ := mcp.Lookup(m.method)
	var out bytes.Buffer
	out.WriteString(`{"jsonrpc":"2.0",`)
	if !row.Notification {
		out.WriteString(`"id":1,`)
	}
	out.WriteString(`"method":` + quoted(m.method) + `,"params":`)
	if m.generic {
		out.WriteString(`{"name":` + quoted(q.action.id) + `,"arguments":`)
		q.arguments(&out)
		out.WriteString(`}}`)
		return out.Bytes(), nil
	}
	if err := q.params(&out, row); err != nil {
		return nil, err
	}
	out.WriteByte('}')
	return out.Bytes(), nil
}

func (q *question) params(out *bytes.Buffer, row mcp.Method) error {
	id := quoted(q.resource.id)
	args, err := object(q.resource.properties.Get("arguments"), "resource.properties.arguments")
	if err != nil {
		return err
	}
	switch row.Carries {
	case mcp.ToolName, mcp.PromptName:
		out.WriteString(`{"name":` + id)
		if args.Kind() != strictjson.None {
			out.WriteString(`,"arguments":`)
			out.Write(args.Raw())
		}
		out.WriteByte('}')
	case mcp.URI:
		out.WriteString(`{"uri":` + id + `}`)
	case mcp.Reference:
		q.reference(out)
	default:
		if q.resource.kind == kindTask {
			out.WriteString(`{"taskId":` + id + `}`)
		} else {
			out.WriteString(`{}`)
		}
	}
	return nil
}

// reference writes the params of completion/complete.
func (q *question) reference(out *bytes.Buffer) {
	if q.resource.kind == kindPrompt {
		out.WriteString(`{"ref":{"type":"ref/prompt","name":`)
	} else {
		out.WriteString(`{"ref":{"type":"ref/resource","uri":`)
	}
	out.WriteString(quoted(q.resource.id) + `}`)
	if v := q.resource.properties.Get("argument"); v.Kind() == strictjson.Object {
		out.WriteString(`,"argument":`)
		out.Write(v.Raw())
	}
	out.WriteByte('}')
}

// arguments writes those of a generic question: all that it says, so that
// rules can read it as tool.args, but for the token and the headers.
func (q *question) arguments(out *bytes.Buffer) {
	out.WriteByte('{')
	for i, part := range []struct {
		name  string
		value strictjson.Value
		drop  []string // members of its properties, or of itself without any
	}{
		{"subject", q.raw.subject, []string{"token"}},
		{"action", q.raw.action, nil},
		{"resource", q.raw.resource, nil},
		{"context", q.context, []string{"token", "headers"}},
	} {
		if i > 0 {
			out.WriteByte(',')
		}
		out.WriteString(`"` + part.name + `":`)
		if part.name == "context" {
			without(out, part.value, part.drop)
		} else {
			whole(out, part.value, part.drop)
		}
	}
	out.WriteByte('}')
}

// whole writes an entity. One without properties gets empty ones, so that
// rules need not ask whether there are any.
func whole(out *bytes.Buffer, v strictjson.Value, drop []string) {
	without(out, v, []string{"properties"})
	out.Truncate(out.Len() - 1) // an entity has a member at least
	out.WriteString(`,"properties":`)
	without(out, v.Get("properties"), drop)
	out.WriteByte('}')
}

// without writes an object but for some of its members; of no object, an empty
// one.
func without(out *bytes.Buffer, v strictjson.Value, drop []string) {
	out.WriteByte('{')
	first := true
	for name, value := range v.Members() {
		if in(name, drop) {
			continue
		}
		if !first {
			out.WriteByte(',')
		}
		first = false
		out.Write(name.Raw())
		out.WriteByte(':')
		out.Write(value.Raw())
	}
	out.WriteByte('}')
}

func in(name strictjson.Value, list []string) bool {
	for _, one := range list {
		if name.Is(one) {
			return true
		}
	}
	return false
}

func quoted(text string) string {
	out, _ := json.Marshal(text) // a string can always be written
	return string(out)
}
