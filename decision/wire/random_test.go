package wire

import (
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"google.golang.org/protobuf/proto"

	"outrider.dev/outrider/decision"
)

// random fills values by reflection, so that a field which somebody adds to the
// vocabulary and forgets here fails the round trip.
type random struct{ *rand.Rand }

func newRandom(seed uint64) random { return random{rand.New(rand.NewPCG(seed, seed))} }

func (r random) fill(v reflect.Value) {
	switch v.Interface().(type) {
	case decision.Effect:
		v.Set(reflect.ValueOf([]decision.Effect{decision.Deny, decision.Allow, decision.Mutate}[r.IntN(3)]))
		return
	case time.Time:
		v.Set(reflect.ValueOf(time.Unix(r.Int64N(1<<33), r.Int64N(1e9)).UTC()))
		return
	case decision.HeaderOp: // its value is text, other than most secrets
		v.Set(reflect.ValueOf(decision.HeaderOp{Name: r.word(), Value: decision.Secret(r.word()), Remove: r.IntN(2) == 0}))
		return
	case time.Duration:
		v.SetInt(r.Int64N(1 << 50))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			r.fill(v.Field(i))
		}
	case reflect.Pointer:
		if r.IntN(2) == 0 {
			v.Set(reflect.New(v.Type().Elem()))
			r.fill(v.Elem())
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), r.IntN(4), 4))
		for i := range v.Len() {
			r.fill(v.Index(i))
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for range r.IntN(4) {
			v.SetMapIndex(reflect.ValueOf(r.word()), reflect.ValueOf(r.word()))
		}
	default:
		r.scalar(v)
	}
}

func (r random) scalar(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(r.word())
	case reflect.Bool:
		v.SetBool(r.IntN(2) == 0)
	case reflect.Uint8, reflect.Uint32, reflect.Uint64:
		v.SetUint(r.Uint64() >> (64 - v.Type().Bits()))
	case reflect.Float32:
		v.SetFloat(float64(r.Float32()))
	default:
		panic("no generator for " + v.Type().String())
	}
}

func (r random) word() string {
	return []string{"", "a", "tools/call", "gpt-4o", "naïve", "\U0001f98a", "\x00", "two\nlines", `"quoted"`}[r.IntN(9)]
}

// bytes is a body in which offsets can lie.
func (r random) bytes() []byte {
	b := make([]byte, r.IntN(64))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// span is an ordered pair of offsets from at on, inside size.
func (r random) span(at uint32, size int) (start, end uint32) {
	start = at + r.Uint32N(uint32(size)-at+1)
	return start, start + r.Uint32N(uint32(size)-start+1)
}

func (r random) request() *decision.Request {
	var q decision.Request
	r.fill(reflect.ValueOf(&q).Elem())
	q.Time = time.Time{} // the decision service's own word: the wire does not carry it
	q.Surface = []decision.Surface{decision.LLM, decision.MCP}[r.IntN(2)]
	q.Body = r.body()
	q.Tool.ArgsStart, q.Tool.ArgsEnd = r.span(0, len(q.Body.Raw))
	return &q
}

func (r random) body() decision.Body {
	var b decision.Body
	r.fill(reflect.ValueOf(&b).Elem())
	b.Raw = r.bytes()
	for i := range b.Segments {
		s := &b.Segments[i]
		s.ID = uint32(i)
		s.Start, s.End = r.span(0, len(b.Raw))
		if len(b.Raw) > 0 {
			s.Text = ""
		}
	}
	return b
}

func (r random) splices(body int) []decision.Splice {
	var out []decision.Splice
	var at uint32
	for range r.IntN(4) {
		s := decision.Splice{With: r.bytes()}
		s.Start, s.End = r.span(at, body)
		at = s.End
		out = append(out, s)
	}
	return out
}

func (r random) verdict(body int) *decision.Verdict {
	var v decision.Verdict
	r.fill(reflect.ValueOf(&v).Elem())
	v.Splices = r.splices(body)
	for i := range v.Grants {
		v.Grants[i].Credential = r.credential()
	}
	return &v
}

// credential has a header name or is none.
func (r random) credential() decision.Credential {
	var c decision.Credential
	if r.IntN(3) > 0 {
		r.fill(reflect.ValueOf(&c).Elem())
		c.Header.Name = "Authorization"
	}
	return c
}

func (r random) tools() []decision.Tool {
	var list []decision.Tool
	r.fill(reflect.ValueOf(&list).Elem())
	for i := range list {
		list[i].ArgsStart, list[i].ArgsEnd = 0, 0 // a page has no body
		list[i].Definition = r.bytes()
	}
	return list
}

func (r random) visibility(tools []decision.Tool) *decision.Visibility {
	v := &decision.Visibility{}
	for i := range tools {
		if r.IntN(2) == 0 {
			v.Show(i)
		}
		for _, s := range r.splices(len(tools[i].Definition)) {
			s.Index = uint32(i)
			v.Splices = append(v.Splices, s)
		}
	}
	return v
}

// carried returns m as the other side reads it.
func carried[M proto.Message](t *testing.T, m M) M {
	t.Helper()
	raw, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	out := m.ProtoReflect().New().Interface()
	if err := proto.Unmarshal(raw, out); err != nil {
		t.Fatal(err)
	}
	return out.(M)
}

func wantSame(t *testing.T, got, want any) {
	t.Helper()
	// A list of none and no list are the same on the wire.
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Fatalf("it changed on the wire (- before, + after):\n%s", diff)
	}
}
