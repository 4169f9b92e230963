package config

import (
	"fmt"
	"math"
	"strconv"

	"github.com/goccy/go-yaml/ast"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/structpb"
)

// maxExact is where whole numbers begin that a free value may not hold exactly:
// it is a float64, as most programs read those of JSON.
const maxExact = 1 << 53

// isFree reports whether the field holds what the schema does not know: a
// mapping, as arguments or claims are, or any value.
func isFree(fd protoreflect.FieldDescriptor) bool {
	return fd.Message() != nil && (fd.Message().FullName() == "google.protobuf.Struct" || isAny(fd))
}

func isAny(fd protoreflect.FieldDescriptor) bool {
	return fd.Message() != nil && fd.Message().FullName() == "google.protobuf.Value"
}

// free reads a mapping of any values, or one value. How deep they nest was
// bounded before the document was parsed.
func (d *document) free(fd protoreflect.FieldDescriptor, n ast.Node, path string) (protoreflect.Value, bool) {
	if isAny(fd) {
		v, ok := d.freeValue(n, path)
		return protoreflect.ValueOfMessage(v.ProtoReflect()), ok
	}
	mapping, ok := n.(*ast.MappingNode)
	if !ok {
		d.wrongType(n, path, "a mapping")
		return protoreflect.Value{}, false
	}
	s, ok := d.freeMapping(mapping, path)
	return protoreflect.ValueOfMessage(s.ProtoReflect()), ok
}

func (d *document) freeMapping(mapping *ast.MappingNode, path string) (*structpb.Struct, bool) {
	s := &structpb.Struct{Fields: map[string]*structpb.Value{}}
	sound := true
	for _, entry := range mapping.Values {
		key, ok := entry.Key.(*ast.StringNode)
		itemPath := join(path, entry.Key.GetToken().Value)
		at := d.position(entry.Key.GetToken())
		switch {
		case !ok:
			d.add(at, path, fmt.Sprintf("a key of %s is not a string", path), "put it in quotes")
			sound = false
			continue
		case s.Fields[key.Value] != nil:
			d.add(at, itemPath, fmt.Sprintf("%s is given twice %s", quoted(key.Value), place(path)), "keep one")
			sound = false
			continue
		}
		v, ok := d.freeValue(entry.Value, itemPath)
		s.Fields[key.Value], sound = v, sound && ok
	}
	return s, sound
}

func (d *document) freeValue(n ast.Node, path string) (*structpb.Value, bool) {
	d.lines[path] = d.at(n)
	switch n := n.(type) {
	case *ast.MappingNode:
		s, ok := d.freeMapping(n, path)
		return structpb.NewStructValue(s), ok
	case *ast.SequenceNode:
		return d.freeList(n, path)
	case *ast.BoolNode:
		return structpb.NewBoolValue(n.Value), true
	case *ast.NullNode:
		return structpb.NewNullValue(), true
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		return d.freeNumber(n, path)
	default:
		word, ok := d.text(n, path)
		return structpb.NewStringValue(word), ok
	}
}

func (d *document) freeList(n *ast.SequenceNode, path string) (*structpb.Value, bool) {
	list, sound := &structpb.ListValue{}, true
	for i, item := range n.Values {
		v, ok := d.freeValue(item, fmt.Sprintf("%s[%d]", path, i))
		list.Values, sound = append(list.Values, v), sound && ok
	}
	return structpb.NewListValue(list), sound
}

// freeNumber reads a decimal number, and none that would come out as another.
func (d *document) freeNumber(n ast.Node, path string) (*structpb.Value, bool) {
	word := n.GetToken().Value
	v, err := strconv.ParseFloat(word, 64)
	if err != nil || math.IsInf(v, 0) || math.IsNaN(v) {
		d.fail(path, fmt.Sprintf("%s: %s is not a plain number", path, quoted(word)), "write it in decimal digits, or in quotes as a string")
		return structpb.NewNullValue(), false
	}
	if math.Trunc(v) == v && math.Abs(v) >= maxExact {
		d.fail(path, fmt.Sprintf("%s: %s is too large to be held exactly", path, quoted(word)), "put it in quotes")
		return structpb.NewNullValue(), false
	}
	return structpb.NewNumberValue(v), true
}
