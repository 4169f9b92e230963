package config

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/durationpb"

	"outrider.dev/outrider/suggest"
)

// scalar reads one value of a field.
func (d *document) scalar(fd protoreflect.FieldDescriptor, n ast.Node, path string) (protoreflect.Value, bool) {
	switch {
	case isDuration(fd):
		return d.duration(n, path)
	case isFree(fd):
		return d.free(fd, n, path)
	case fd.Kind() == protoreflect.BoolKind:
		v, ok := n.(*ast.BoolNode)
		if !ok {
			d.wrongType(n, path, "true or false")
			return protoreflect.Value{}, false
		}
		return protoreflect.ValueOfBool(v.Value), true
	case fd.Kind() == protoreflect.Uint32Kind:
		v, ok := d.whole(n, path, 32, fd.HasPresence())
		return protoreflect.ValueOfUint32(uint32(v)), ok //nolint:gosec // whole keeps to 32 bits
	case fd.Kind() == protoreflect.Uint64Kind:
		v, ok := d.whole(n, path, 64, fd.HasPresence())
		return protoreflect.ValueOfUint64(v), ok
	case fd.Kind() == protoreflect.DoubleKind:
		return d.number(n, path)
	case rulesOf(fd).GetSize():
		v, ok := d.size(n, path)
		return protoreflect.ValueOfString(v), ok
	default:
		v, ok := d.text(n, path)
		if ok && v == "" {
			d.fail(path, path+" is empty", "give a value or remove it")
			return protoreflect.Value{}, false
		}
		return protoreflect.ValueOfString(v), ok && d.allowed(rulesOf(fd).GetValues(), v, path)
	}
}

// text reads a string, and nothing that merely looks like one: whether 1.20
// is the name 1.20 or the number 1.2 is for the writer to say, with quotes.
func (d *document) text(n ast.Node, path string) (string, bool) {
	word := ""
	switch n := n.(type) {
	case *ast.StringNode:
		word = n.Value
	case *ast.LiteralNode:
		word = n.Value.Value
	default:
		d.wrongType(n, path, "a string")
		return "", false
	}
	if strings.ContainsFunc(word, control) || !utf8.ValidString(word) {
		d.fail(path, path+" holds a control character", "remove it")
		return "", false
	}
	return word, true
}

// whole reads a decimal number. Zero counts as given only where the field
// can tell it from absent.
func (d *document) whole(n ast.Node, path string, bits int, zero bool) (uint64, bool) {
	number, ok := n.(*ast.IntegerNode)
	if !ok {
		d.wrongType(n, path, "a whole number")
		return 0, false
	}
	word := number.GetToken().Value
	if !digits(word) || word != "0" && word[0] == '0' {
		d.fail(path, fmt.Sprintf("%s: %s is not a plain number", path, quoted(word)), "write digits only, such as 60")
		return 0, false
	}
	v, err := strconv.ParseUint(word, 10, bits)
	if err != nil {
		d.fail(path, fmt.Sprintf("%s: %s is too large", path, quoted(word)), fmt.Sprintf("give at most %d", uint64(1)<<bits-1))
		return 0, false
	}
	if v == 0 && !zero {
		d.fail(path, path+" is 0", "give at least 1, or remove the key")
		return 0, false
	}
	return v, true
}

// number reads a decimal number of any sign.
func (d *document) number(n ast.Node, path string) (protoreflect.Value, bool) {
	switch n.(type) {
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
	default:
		d.wrongType(n, path, "a number")
		return protoreflect.Value{}, false
	}
	word := n.GetToken().Value
	v, err := strconv.ParseFloat(word, 64)
	if err != nil || math.IsInf(v, 0) || math.IsNaN(v) || math.Trunc(v) == v && math.Abs(v) >= maxExact {
		d.fail(path, fmt.Sprintf("%s: %s is not a plain number, or too large to be held exactly", path, quoted(word)), "write it in decimal digits, such as 100 or -0.5")
		return protoreflect.Value{}, false
	}
	return protoreflect.ValueOfFloat64(v), true
}

// size reads a byte size and keeps it as written.
func (d *document) size(n ast.Node, path string) (string, bool) {
	word := ""
	switch n := n.(type) {
	case *ast.StringNode:
		word = n.Value
	case *ast.IntegerNode:
		word = n.GetToken().Value
	default:
		d.wrongType(n, path, "a size")
		return "", false
	}
	v, err := Size(word)
	switch {
	case err != nil:
		problem, fix, _ := strings.Cut(err.Error(), "; ")
		d.fail(path, path+": "+problem, fix)
	case v == 0:
		d.fail(path, path+" is 0", "give at least 1, or remove the key")
	default:
		return word, true
	}
	return "", false
}

func (d *document) duration(n ast.Node, path string) (protoreflect.Value, bool) {
	const fix = "write a number with its unit, such as 30s, 5m or 1h"
	word, ok := n.(*ast.StringNode)
	if !ok {
		d.fail(path, fmt.Sprintf("%s: expected a duration, found %s", path, describe(n)), fix)
		return protoreflect.Value{}, false
	}
	v, err := time.ParseDuration(word.Value)
	if err != nil {
		d.fail(path, fmt.Sprintf("%s: %s is not a duration", path, quoted(word.Value)), fix)
		return protoreflect.Value{}, false
	}
	if v <= 0 {
		d.fail(path, fmt.Sprintf("%s: %s is not a time to wait", path, quoted(word.Value)), "give a duration above 0")
		return protoreflect.Value{}, false
	}
	return protoreflect.ValueOfMessage(proto.Message(durationpb.New(v)).ProtoReflect()), true
}

// allowed holds an enumerated string to its values.
func (d *document) allowed(values []string, v, path string) bool {
	if len(values) == 0 || slices.Contains(values, v) {
		return true
	}
	fix := "give " + or(values)
	if meant := suggest.Nearest(v, values); meant != "" {
		fix = fmt.Sprintf("did you mean %s?", meant)
	}
	d.fail(path, fmt.Sprintf("%s: %s is not a value", path, quoted(v)), fix)
	return false
}

// wrongType never shows the value: it may be a key in the wrong place.
func (d *document) wrongType(n ast.Node, path, expected string) {
	name := path
	if name == "" {
		name = "the document"
	}
	fix := "write " + expected
	switch found := describe(n); {
	case found == "nothing":
		fix = "give a value or remove it"
	case expected == "a string" && (found == "a number" || found == "true or false"):
		fix = "put it in quotes"
	case expected == "a list" && found != "a mapping":
		fix = "put it in brackets: [value]"
	}
	d.add(d.at(n), path, fmt.Sprintf("%s: expected %s, found %s", name, expected, describe(n)), fix)
}
