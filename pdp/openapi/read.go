package openapi

import (
	"bytes"
	"encoding/json"
	"strings"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/strictjson"
)

// contents is what the page shows.
type contents struct {
	Title, Version, Description string
	Groups                      []group
	Schemas                     []schema
	Reasons                     []decision.Entry
}

// group is the operations of one tag.
type group struct {
	Name, Description string
	Operations        []operation
}

type operation struct {
	ID, Method, Path, Summary, Description string
	Request, Response                      kind
	Example                                string
}

type schema struct {
	Name, Description string
	Values            []string // of an enumeration
	Properties        []property
}

type property struct {
	Name, Description string
	Required          bool
	Kind              kind
}

// kind names a type, which may be a schema of the page.
type kind struct {
	Before, Schema, After string // "list of ", "Segment", ""
}

func read(root strictjson.Value) *contents {
	info := root.Get("info")
	c := &contents{Title: text(info, "title"), Version: text(info, "version"), Description: text(info, "description"), Reasons: decision.Registry()}
	for _, tag := range root.Get("tags").Elements() {
		g := group{Name: text(tag, "name"), Description: text(tag, "description")}
		g.Operations = operations(root.Get("paths"), g.Name)
		c.Groups = append(c.Groups, g)
	}
	for name, s := range root.Get("components").Get("schemas").Members() {
		c.Schemas = append(c.Schemas, readSchema(asText(name), s))
	}
	return c
}

func operations(paths strictjson.Value, tag string) []operation {
	var out []operation
	for path, methods := range paths.Members() {
		for method, op := range methods.Members() {
			for _, one := range op.Get("tags").Elements() {
				if one.Is(tag) {
					out = append(out, readOperation(asText(path), strings.ToUpper(asText(method)), op))
				}
			}
		}
	}
	return out
}

func readOperation(path, method string, op strictjson.Value) operation {
	body := op.Get("requestBody").Get("content").Get("application/json")
	o := operation{
		ID: text(op, "operationId"), Method: method, Path: path, Summary: text(op, "summary"), Description: text(op, "description"),
		Request: readKind(body.Get("schema")), Example: indented(body.Get("example").Raw()),
	}
	for _, answer := range op.Get("responses").Get("200").Get("content").Members() {
		o.Response = readKind(answer.Get("schema"))
	}
	return o
}

func readSchema(name string, s strictjson.Value) schema {
	out := schema{Name: name, Description: text(s, "description")}
	for _, v := range s.Get("enum").Elements() {
		out.Values = append(out.Values, asText(v))
	}
	required := map[string]bool{}
	for _, r := range s.Get("required").Elements() {
		required[asText(r)] = true
	}
	for name, p := range s.Get("properties").Members() {
		out.Properties = append(out.Properties, property{
			Name: asText(name), Description: text(p, "description"), Required: required[asText(name)], Kind: readKind(p),
		})
	}
	return out
}

// readKind words the type that a schema describes.
func readKind(s strictjson.Value) kind {
	if ref, ok := s.Get("$ref").Text(); ok {
		return kind{Schema: strings.TrimPrefix(string(ref), "#/components/schemas/")}
	}
	switch named := text(s, "type"); {
	case named == "array":
		k := readKind(s.Get("items"))
		k.Before = "list of " + k.Before
		return k
	case named == "object" && s.Get("additionalProperties").Kind() == strictjson.Object:
		k := readKind(s.Get("additionalProperties"))
		k.Before = "map to " + k.Before
		return k
	case s.Get("contentEncoding").Is("base64"):
		return kind{Before: named, After: " in base64"}
	case s.Get("pattern").Kind() != strictjson.None:
		return kind{Before: named, After: " of digits"}
	default:
		return kind{Before: named, After: format(s)}
	}
}

func format(s strictjson.Value) string {
	if f := text(s, "format"); f != "" {
		return " (" + f + ")"
	}
	return ""
}

// indented puts an example on lines of its own. Without one it is empty.
func indented(raw []byte) string {
	var out bytes.Buffer
	if err := json.Indent(&out, raw, "", "  "); err != nil {
		return ""
	}
	return out.String()
}

func text(v strictjson.Value, member string) string { return asText(v.Get(member)) }

func asText(v strictjson.Value) string {
	t, _ := v.Text()
	return string(t)
}
