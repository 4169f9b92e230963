package strictjson

import (
	"bytes"
	"iter"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// Kind is the kind of a value. The zero Kind is that of an absent value.
type Kind byte

// Kinds of values.
const (
	None Kind = iota
	Null
	Bool
	Number
	String
	Array
	Object
)

// String names the kind as an error message does.
func (k Kind) String() string {
	return [...]string{"absent", "null", "a boolean", "a number", "a string", "an array", "an object"}[min(k, Object)]
}

// Doc is a parsed body.
type Doc struct {
	raw    []byte
	nodes  []node
	parser *parser
}

// Free gives the tape back for later bodies. Every Value of the Doc is absent
// from then on; texts that alias the raw bytes stay good.
func (d *Doc) Free() {
	if d.parser == nil {
		return
	}
	p, nodes := d.parser, d.nodes
	d.parser, d.nodes = nil, nil
	p.recycle(nodes)
}

// Root returns the body's object.
func (d *Doc) Root() Value { return Value{d, 0} }

// Value is one value of a Doc. The zero Value is absent; every method of an
// absent Value answers as if there was nothing.
type Value struct {
	doc *Doc
	at  uint32
}

func (v Value) node() node {
	if v.doc == nil || int(v.at) >= len(v.doc.nodes) {
		return node{}
	}
	return v.doc.nodes[v.at]
}

// Kind returns the kind of the value, None when it is absent.
func (v Value) Kind() Kind { return v.node().kind }

// Span returns the value's raw offsets, quotes included.
func (v Value) Span() (start, end int) {
	n := v.node()
	return int(n.start), int(n.end)
}

// Raw returns the value as it stands in the body.
func (v Value) Raw() []byte {
	n := v.node()
	if n.kind == None {
		return nil
	}
	return v.doc.raw[n.start:n.end:n.end]
}

// Text returns a string's unescaped text. It aliases the body when the string
// has no escape.
func (v Value) Text() ([]byte, bool) {
	n := v.node()
	if n.kind != String {
		return nil, false
	}
	if n.flags&escaped == 0 {
		return v.doc.raw[n.start+1 : n.end-1 : n.end-1], true
	}
	text, err := jsontext.AppendUnquote(make([]byte, 0, n.end-n.start), v.doc.raw[n.start:n.end])
	return text, err == nil
}

// Escaped reports whether a string holds an escape, so that its text differs
// from its raw bytes.
func (v Value) Escaped() bool { return v.node().flags&escaped != 0 }

// Bool returns a boolean's value.
func (v Value) Bool() (value, ok bool) {
	n := v.node()
	return n.kind == Bool && v.doc.raw[n.start] == 't', n.kind == Bool
}

// Uint returns a number that is written as a non-negative integer.
func (v Value) Uint() (uint64, bool) {
	n := v.node()
	if n.kind != Number {
		return 0, false
	}
	u, err := strconv.ParseUint(string(v.doc.raw[n.start:n.end]), 10, 64)
	return u, err == nil
}

// Len counts the members of an object or the elements of an array.
func (v Value) Len() int {
	count := 0
	switch v.Kind() {
	case Object:
		for range v.Members() {
			count++
		}
	case Array:
		for range v.Elements() {
			count++
		}
	}
	return count
}

// Members yields the names and values of an object, in order.
func (v Value) Members() iter.Seq2[Value, Value] {
	return func(yield func(name, value Value) bool) {
		n := v.node()
		if n.kind != Object {
			return
		}
		for at := v.at + 1; at < n.next; {
			name, value := Value{v.doc, at}, Value{v.doc, at + 1}
			at = value.node().next
			if at == 0 || !yield(name, value) { // 0: the Doc was freed
				return
			}
		}
	}
}

// Elements yields the elements of an array, in order.
func (v Value) Elements() iter.Seq2[int, Value] {
	return func(yield func(int, Value) bool) {
		n := v.node()
		if n.kind != Array {
			return
		}
		i := 0
		for at := v.at + 1; at < n.next; i++ {
			e := Value{v.doc, at}
			at = e.node().next
			if at == 0 || !yield(i, e) {
				return
			}
		}
	}
}

// Get returns the member of an object with exactly this name, absent when
// there is none.
func (v Value) Get(name string) Value {
	for n, value := range v.Members() {
		if n.Is(name) {
			return value
		}
	}
	return Value{}
}

// Is reports whether the value is a string with this text.
func (v Value) Is(text string) bool {
	n := v.node()
	if n.kind != String {
		return false
	}
	if n.flags&escaped == 0 {
		return string(v.doc.raw[n.start+1:n.end-1]) == text
	}
	t, ok := v.Text()
	return ok && bytes.Equal(t, []byte(text))
}
