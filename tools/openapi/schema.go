package main

import (
	"strings"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// service writes the methods that have an HTTP rule.
func (d *document) service(s *protogen.Service) {
	for _, m := range s.Methods {
		r, ok := d.rules[string(m.Desc.FullName())]
		if !ok {
			continue
		}
		d.paths = append(d.paths, member{r.Post, object{{"post", d.operation(m)}}})
	}
}

func (d *document) operation(m *protogen.Method) object {
	first, rest, _ := strings.Cut(text(m.Comments.Leading), ". ")
	op := object{{"operationId", strings.ToLower(m.GoName[:1]) + m.GoName[1:]}, {"summary", strings.TrimSuffix(first, ".")}}
	if rest != "" {
		op = append(op, member{"description", rest})
	}
	return append(op,
		member{"tags", []string{"Decisions"}},
		member{"requestBody", object{{"required", true}, {"content", content(d.message(m.Input))}}},
		member{"responses", object{
			{"200", object{{"description", "The answer. A denial is one, too."}, {"content", content(d.message(m.Output))}}},
			{"default", object{{"$ref", "#/components/responses/Problem"}}},
		}},
	)
}

func content(schema object) object {
	return object{{"application/json", object{{"schema", schema}}}}
}

// message returns a reference to the message's schema, which it writes first
// where it has not yet been written.
func (d *document) message(m *protogen.Message) object {
	switch m.Desc.FullName() {
	case "google.protobuf.Duration":
		return object{{"type", "string"}, {"format", "duration"}, {"example", "1.5s"}}
	case "google.protobuf.Timestamp":
		return object{{"type", "string"}, {"format", "date-time"}}
	}
	name := string(m.Desc.Name())
	ref := object{{"$ref", "#/components/schemas/" + name}}
	if d.done[name] {
		return ref
	}
	d.done[name] = true
	at := len(d.schemas)
	d.schemas = append(d.schemas, member{name, nil})
	properties := object{}
	for _, f := range m.Fields {
		properties = append(properties, member{f.Desc.JSONName(), d.field(f)})
	}
	d.schemas[at].value = object{
		{"type", "object"}, {"description", text(m.Comments.Leading)}, {"properties", properties}, {"additionalProperties", false},
	}
	return ref
}

func (d *document) field(f *protogen.Field) object {
	var schema object
	switch {
	case f.Desc.IsMap():
		schema = object{{"type", "object"}, {"additionalProperties", d.value(f.Message.Fields[1])}}
	case f.Desc.IsList():
		schema = object{{"type", "array"}, {"items", d.value(f)}}
	default:
		schema = d.value(f)
	}
	return append(schema, member{"description", text(f.Comments.Leading)})
}

// value is the schema of one value as protobuf writes it in JSON.
func (d *document) value(f *protogen.Field) object {
	switch f.Desc.Kind() {
	case protoreflect.MessageKind:
		return d.message(f.Message)
	case protoreflect.EnumKind:
		return d.enum(f.Enum)
	case protoreflect.BoolKind:
		return object{{"type", "boolean"}}
	case protoreflect.BytesKind:
		return object{{"type", "string"}, {"contentEncoding", "base64"}}
	case protoreflect.FloatKind, protoreflect.DoubleKind:
		return object{{"type", "number"}}
	case protoreflect.Uint64Kind, protoreflect.Int64Kind:
		return object{{"type", "string"}, {"pattern", "^[0-9]+$"}}
	case protoreflect.Uint32Kind, protoreflect.Int32Kind:
		return object{{"type", "integer"}, {"minimum", 0}}
	default:
		return object{{"type", "string"}}
	}
}

func (d *document) enum(e *protogen.Enum) object {
	name := string(e.Desc.Name())
	if !d.done[name] {
		d.done[name] = true
		var values []string
		for _, v := range e.Values {
			values = append(values, string(v.Desc.Name()))
		}
		d.schemas = append(d.schemas, member{name, object{{"type", "string"}, {"description", text(e.Comments.Leading)}, {"enum", values}}})
	}
	return object{{"$ref", "#/components/schemas/" + name}}
}

// text puts a comment on one line.
func text(c protogen.Comments) string { return strings.Join(strings.Fields(string(c)), " ") }
