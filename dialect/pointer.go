package dialect

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/strictjson"
)

// renderPointers appends the splices of edits at pointers. A body's other
// bytes stay as they are, commas apart: an object keeps one between members.
func renderPointers(out []decision.Splice, raw []byte, edits []decision.Edit) ([]decision.Splice, error) {
	if len(edits) == 0 {
		return out, nil
	}
	if err := apart(edits); err != nil {
		return nil, err
	}
	doc, err := strictjson.Parse(raw, strictjson.Limits{Bytes: len(raw), Depth: math.MaxInt})
	if err != nil {
		return nil, err
	}
	defer doc.Free()
	p := pointers{out: out}
	for _, e := range edits {
		if err := p.add(doc.Root(), e); err != nil {
			return nil, err
		}
	}
	for _, o := range p.objects {
		if err := p.resize(o); err != nil {
			return nil, err
		}
	}
	return p.out, nil
}

// apart refuses edits of which one leads below another's place, whether there
// is anything or not: what the outer one leaves would depend on their order.
func apart(edits []decision.Edit) error {
	for _, outer := range edits {
		for _, inner := range edits {
			if strings.HasPrefix(inner.Pointer, outer.Pointer+"/") {
				return refuse("an edit changes " + strconv.Quote(inner.Pointer) + " below what another edit changes")
			}
		}
	}
	return nil
}

// pointers gathers what edits change of one body.
type pointers struct {
	out     []decision.Splice
	objects []*object
}

// object is an object of the body that loses or gains members, or a null in
// the place of one.
type object struct {
	value strictjson.Value
	lost  []int // where the values of lost members begin
	gains branch
}

// branch is the members that an object gains, in the order of the edits.
type branch struct {
	names []string
	kids  []*branch
	value []byte // of what is no object
}

func (p *pointers) add(root strictjson.Value, e decision.Edit) error {
	tokens, ok := strictjson.Tokens(e.Pointer)
	if !ok || len(tokens) == 0 {
		return refuse("an edit names no member of the body: " + strconv.Quote(e.Pointer))
	}
	if !e.Remove && !jsontext.Value(e.Value).IsValid() {
		return refuse("the value that an edit sets at " + strconv.Quote(e.Pointer) + " is not valid JSON")
	}
	parent, at, depth := strictjson.Value{}, root, 0
	for ; depth < len(tokens); depth++ {
		next := at.Child(tokens[depth])
		if next.Kind() == strictjson.None {
			break
		}
		parent, at = at, next
	}
	start, end := at.Span()
	switch here := depth == len(tokens); {
	case here && !e.Remove:
		p.out = append(p.out, decision.Splice{Start: uint32(start), End: uint32(end), With: e.Value})
	case here && parent.Kind() == strictjson.Object:
		o := p.object(parent)
		o.lost = append(o.lost, start)
	case here:
		return refuse("an edit takes " + strconv.Quote(e.Pointer) + " out of a list")
	case e.Remove:
	case at.Kind() == strictjson.Object, at.Kind() == strictjson.Null:
		p.object(at).gains.grow(tokens[depth:], e.Value)
	default:
		return refuse("an edit sets " + strconv.Quote(e.Pointer) + ", and there is " + at.Kind().String() + " on the way to it, not an object")
	}
	return nil
}

// object returns the one object for a value of the body.
func (p *pointers) object(v strictjson.Value) *object {
	for _, o := range p.objects {
		if o.value == v {
			return o
		}
	}
	o := &object{value: v}
	p.objects = append(p.objects, o)
	return o
}

// grow adds a member, and the objects on the way to it.
func (b *branch) grow(tokens []string, value []byte) {
	for _, name := range tokens {
		b = b.kid(name)
	}
	b.value = value
}

func (b *branch) kid(name string) *branch {
	for i, n := range b.names {
		if n == name {
			return b.kids[i]
		}
	}
	kid := &branch{}
	b.names, b.kids = append(b.names, name), append(b.kids, kid)
	return kid
}

// members appends the branch's members as they stand between braces.
func (b *branch) members(dst []byte) ([]byte, error) {
	for i, name := range b.names {
		if i > 0 {
			dst = append(dst, ',')
		}
		var err error
		if dst, err = jsontext.AppendQuote(dst, name); err != nil {
			return nil, refuse("the name of a member that an edit sets is not valid UTF-8")
		}
		dst = append(dst, ':')
		if kid := b.kids[i]; kid.value != nil {
			dst = append(dst, kid.value...)
		} else {
			if dst, err = kid.members(append(dst, '{')); err != nil {
				return nil, err
			}
			dst = append(dst, '}')
		}
	}
	return dst, nil
}

// resize appends the splices that take an object's lost members out and add
// what it gains behind the last one that stays.
func (p *pointers) resize(o *object) error {
	text, err := o.gains.members(nil)
	if err != nil {
		return err
	}
	start, end := o.value.Span()
	if o.value.Kind() == strictjson.Null {
		p.splice(start, end, append(append([]byte("{"), text...), '}'))
		return nil
	}
	kept, from, to := -1, -1, -1 // the end of the last member that stays; the lost ones behind it
	for name, v := range o.value.Members() {
		begin, _ := name.Span()
		at, after := v.Span()
		if slices.Contains(o.lost, at) {
			if from < 0 {
				from = begin
			}
			to = after
			continue
		}
		if from >= 0 {
			p.splice(from, begin, nil)
			from = -1
		}
		kept = after
	}
	switch {
	case kept < 0 && from < 0:
		from, to = start+1, start+1
	case from < 0:
		from, to = kept, kept
	case kept >= 0:
		from = kept
	}
	if kept >= 0 && len(text) > 0 {
		text = append([]byte(","), text...)
	}
	p.splice(from, to, text)
	return nil
}

func (p *pointers) splice(start, end int, with []byte) {
	if start == end && len(with) == 0 {
		return
	}
	p.out = append(p.out, decision.Splice{Start: uint32(start), End: uint32(end), With: with})
}
