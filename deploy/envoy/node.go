package envoy

import (
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/types/known/structpb"

	"outrider.dev/outrider/config"
)

// node is a value of the file and where it stands. The zero value is one that
// is not written.
type node struct {
	in   *config.Foreign
	path string
	v    *structpb.Value
}

// written reports whether the value stands in the file.
func (n node) written() bool { return n.v != nil }

// get is the member of a name, which Envoy takes in snake_case and in camelCase.
func (n node) get(name string) node {
	members := n.v.GetStructValue().GetFields()
	camel := camelCase(name)
	v, key := members[name], name
	if other, ok := members[camel]; ok && camel != name {
		if v != nil {
			n.fail(name+" and "+camel+" are two spellings of one key", "keep one")
		}
		v, key = other, camel
	}
	return node{n.in, n.below(key), v}
}

// entry is the value under a key of a map, where every character counts.
func (n node) entry(key string) node {
	return node{n.in, n.below(key), n.v.GetStructValue().GetFields()[key]}
}

func (n node) below(key string) string {
	if n.path == "" {
		return key
	}
	return n.path + "." + key
}

// at follows names down.
func (n node) at(names ...string) node {
	for _, name := range names {
		n = n.get(name)
	}
	return n
}

// each calls do for the items of a list.
func (n node) each(do func(node)) {
	for i, v := range n.v.GetListValue().GetValues() {
		do(node{n.in, fmt.Sprintf("%s[%d]", n.path, i), v})
	}
}

// text is the value as a word, empty where it is none.
func (n node) text() string { return n.v.GetStringValue() }

// is reports whether the value is of a type of Envoy's, by the end of its name.
func (n node) is(kind string) bool {
	name := n.get("@type").text()
	return name == kind || strings.HasSuffix(name, "."+kind)
}

// on reports whether a switch is on. Whatever is not plainly off counts as on:
// Envoy reads further words as true.
func (n node) on() bool {
	b, ok := n.v.GetKind().(*structpb.Value_BoolValue)
	return n.written() && (!ok || b.BoolValue)
}

// plainlyOn reports whether a switch that has to be on stands there as true.
func (n node) plainlyOn() bool { return n.v.GetBoolValue() }

func (n node) fail(problem, fix string) { n.in.Fail(n.path, problem, fix) }

// failIfOn reports a switch that must not be on.
func (n node) failIfOn(problem, fix string) {
	if n.on() {
		n.fail(problem, fix)
	}
}

// camelCase is the JSON name of a field.
func camelCase(name string) string {
	head, rest, more := strings.Cut(name, "_")
	for more {
		var word string
		word, rest, more = strings.Cut(rest, "_")
		if word != "" {
			head += strings.ToUpper(word[:1]) + word[1:]
		}
	}
	return head
}

// failIfWritten reports what must not stand there at all.
func (n node) failIfWritten(problem, fix string) {
	if n.written() {
		n.fail(problem, fix)
	}
}

// failUnless reports a word that is given and none of the good ones.
func (n node) failUnless(good ...string) {
	if n.written() && !slices.Contains(good, n.text()) {
		n.fail("turned off by "+n.text(), "remove the line")
	}
}
