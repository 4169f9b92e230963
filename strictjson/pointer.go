package strictjson

import (
	"strconv"
	"strings"
)

// At returns the value at an RFC 6901 pointer, absent when there is none or
// the pointer is not well formed.
func (d *Doc) At(pointer string) Value {
	v := d.Root()
	if pointer == "" {
		return v
	}
	if pointer[0] != '/' {
		return Value{}
	}
	for token := range strings.SplitSeq(pointer[1:], "/") {
		switch v.Kind() {
		case Object:
			name, ok := unescapeToken(token)
			if !ok {
				return Value{}
			}
			v = v.Get(name)
		case Array:
			v = v.element(token)
		default:
			return Value{}
		}
	}
	return v
}

// Respelled reports whether a pointer that leads nowhere would lead on by a
// member whose name a reader that ignores case takes for the one it names.
func (d *Doc) Respelled(pointer string) bool {
	tokens, ok := Tokens(pointer)
	if !ok {
		return false
	}
	v := d.Root()
	for _, token := range tokens {
		next := v.Child(token)
		if next.Kind() != None {
			v = next
			continue
		}
		for name := range v.Members() {
			if text, _ := name.Text(); equalFolded(text, []byte(token)) {
				return true
			}
		}
		return false
	}
	return false
}

// Tokens splits an RFC 6901 pointer into names and indices, unescaped; none for
// the whole document. ok is false when the pointer is not well formed.
func Tokens(pointer string) (tokens []string, ok bool) {
	if pointer == "" {
		return nil, true
	}
	if pointer[0] != '/' {
		return nil, false
	}
	tokens = strings.Split(pointer[1:], "/")
	for i := range tokens {
		if tokens[i], ok = unescapeToken(tokens[i]); !ok {
			return nil, false
		}
	}
	return tokens, true
}

// Child returns the member or element that a token of [Tokens] names, absent
// when there is none.
func (v Value) Child(token string) Value {
	if v.Kind() == Array {
		return v.element(token)
	}
	return v.Get(token)
}

func (v Value) element(token string) Value {
	index, err := strconv.ParseUint(token, 10, 32)
	if err != nil || strconv.FormatUint(index, 10) != token {
		return Value{}
	}
	for i, e := range v.Elements() {
		if i == int(index) {
			return e
		}
	}
	return Value{}
}

func unescapeToken(token string) (string, bool) {
	if !strings.Contains(token, "~") {
		return token, true
	}
	for i := range len(token) {
		if token[i] == '~' && (i+1 == len(token) || token[i+1] != '0' && token[i+1] != '1') {
			return "", false
		}
	}
	return strings.NewReplacer("~1", "/", "~0", "~").Replace(token), true
}

// Pointer returns the place of the value as an RFC 6901 pointer. A member name
// has the pointer of its value. It walks from the root: for messages, not for
// hot paths.
func (v Value) Pointer() string {
	if v.Kind() == None {
		return ""
	}
	var b strings.Builder
	for at := v.doc.Root(); at.at != v.at; {
		token, child := at.childAbove(v.at)
		if child.Kind() == None {
			break
		}
		b.WriteByte('/')
		b.WriteString(strings.NewReplacer("~", "~0", "/", "~1").Replace(token))
		at = child
		if at.at == v.at+1 { // v is the name of this member
			break
		}
	}
	return b.String()
}

// childAbove finds the child that is, or holds, the node at index target.
func (v Value) childAbove(target uint32) (string, Value) {
	for name, value := range v.Members() {
		if target < value.node().next {
			text, _ := name.Text()
			return string(text), value
		}
	}
	for i, e := range v.Elements() {
		if target < e.node().next {
			return strconv.Itoa(i), e
		}
	}
	return "", Value{}
}

// Refuse returns the error that says p about this value.
func (v Value) Refuse(p Problem) *Error {
	start, _ := v.Span()
	return &Error{Problem: p, Offset: start, Pointer: showPointer(v.Pointer())}
}
