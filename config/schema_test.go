package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"

	configv1 "outrider.dev/outrider/proto/outrider/config/v1"
)

// visit calls f for every message of the schema that a document can hold, with
// a function that puts a mapping where that message stands.
func visit(md protoreflect.MessageDescriptor, wrap func(string) string, f func(protoreflect.MessageDescriptor, func(string) string)) {
	f(md, wrap)
	for fd := range all(md) {
		inside := fd.Message()
		if fd.IsMap() {
			inside = fd.MapValue().Message()
		}
		if inside == nil || isDuration(fd) || isFree(fd) || rulesOf(fd).GetUnenforced() != "" {
			continue
		}
		visit(inside, func(inner string) string {
			if fd.IsList() {
				inner = "[" + inner + "]"
			}
			if fd.IsMap() {
				inner = "{k: " + inner + "}"
			}
			return wrap(fmt.Sprintf("{%s: %s}", fd.JSONName(), inner))
		}, f)
	}
}

func documents() map[string]protoreflect.MessageDescriptor {
	return map[string]protoreflect.MessageDescriptor{
		kindConfig: (&configv1.Config{}).ProtoReflect().Descriptor(),
		kindPolicy: (&configv1.AgentPolicy{}).ProtoReflect().Descriptor(),
		kindTest:   (&configv1.PolicyTest{}).ProtoReflect().Descriptor(),
		kindInject: (&configv1.Injection{}).ProtoReflect().Descriptor(),
	}
}

// misspelt returns likely slips of a key, none of them a key of the message.
func misspelt(md protoreflect.MessageDescriptor, key string) []string {
	middle := len(key) / 2
	slips := []string{
		key[:middle] + key[middle+1:],                                                 // a letter left out
		key[:middle] + key[middle:middle+1] + key[middle:],                            // typed twice
		key[:middle-1] + key[middle:middle+1] + key[middle-1:middle] + key[middle+1:], // swapped
		key + "s",
		strings.ToUpper(key[:1]) + key[1:],
		snake(key),
	}
	return slices.DeleteFunc(slips, func(s string) bool { return fieldByKey(md, s) != nil })
}

func snake(key string) string {
	var b strings.Builder
	for _, r := range key {
		if r >= 'A' && r <= 'Z' {
			b.WriteByte('_')
		}
		b.WriteRune(r)
	}
	return strings.ToLower(b.String())
}

// TestEveryMisspeltKeyIsRefused walks the whole schema: a slip in any key, in
// any place, is refused with the key that was meant.
func TestEveryMisspeltKeyIsRefused(t *testing.T) {
	count := 0
	for kind, root := range documents() {
		visit(root, func(s string) string { return s }, func(md protoreflect.MessageDescriptor, wrap func(string) string) {
			for fd := range all(md) {
				keys := []string{fd.JSONName()}
				if alias := rulesOf(fd).GetAlias(); alias != "" {
					keys = append(keys, alias)
				}
				for _, key := range keys {
					for _, slip := range misspelt(md, key) {
						count++
						checkRefused(t, kind, wrap(fmt.Sprintf("{%s: x}", slip)), slip, fd.JSONName())
					}
				}
			}
		})
	}
	if count < 400 {
		t.Errorf("only %d slips were tried", count)
	}
}

func checkRefused(t *testing.T, kind, text, slip, meant string) {
	t.Helper()
	if meant != "kind" {
		text = fmt.Sprintf("{kind: %s, %s", kind, text[1:])
	}
	_, err := Text("slip.yaml", text)
	var all Errors
	errors.As(err, &all)
	problem := fmt.Sprintf("unknown key %q", slip)
	for _, e := range all {
		if strings.HasPrefix(e.Problem, problem) {
			if want := fmt.Sprintf("did you mean %q?", meant); e.Fix != want {
				t.Errorf("%s: the fix is %q, want %q", text, e.Fix, want)
			}
			if e.Line != 1 || e.Column != strings.LastIndex(text, slip+":")+1 {
				t.Errorf("%s: reported at %d:%d", text, e.Line, e.Column)
			}
			return
		}
	}
	t.Errorf("%s: not refused for its key, but %v", text, err)
}

// TestEveryKeyTwiceIsRefused: a repeated key is refused in every mapping.
func TestEveryKeyTwiceIsRefused(t *testing.T) {
	for _, root := range documents() {
		visit(root, func(s string) string { return s }, func(md protoreflect.MessageDescriptor, wrap func(string) string) {
			for fd := range all(md) {
				spellings := []string{fd.JSONName()}
				if alias := rulesOf(fd).GetAlias(); alias != "" {
					spellings = append(spellings, alias)
				}
				for _, second := range spellings {
					text := wrap(fmt.Sprintf("{%s: x, %s: x}", fd.JSONName(), second))
					d := readInto(root, text)
					if !slices.ContainsFunc(d.list, func(e *Error) bool { return e.Fix == "keep one" }) {
						t.Errorf("%s: the second key is not refused: %v", text, d.sorted())
					}
				}
			}
		})
	}
}

// TestEveryNullIsRefused: a key without a value is refused in every mapping; a
// rule whose target was forgotten must not become one that selects everything.
func TestEveryNullIsRefused(t *testing.T) {
	for _, root := range documents() {
		visit(root, func(s string) string { return s }, func(md protoreflect.MessageDescriptor, wrap func(string) string) {
			for fd := range all(md) {
				for _, null := range []string{"", "null", "~"} {
					text := wrap(fmt.Sprintf("{%s: %s}", fd.JSONName(), null))
					d := readInto(root, text)
					if !slices.ContainsFunc(d.list, func(e *Error) bool {
						return strings.HasSuffix(e.Path, fd.JSONName()) && (strings.HasSuffix(e.Problem, " is empty") || strings.Contains(e.Problem, " is refused: "))
					}) {
						t.Errorf("%s: the empty value is not refused: %v", text, d.sorted())
					}
				}
			}
		})
	}
}

// readInto reads text as the message without the checks of its kind.
func readInto(md protoreflect.MessageDescriptor, text string) *document {
	p := &problems{file: "x.yaml"}
	d := p.documents(text)[0]
	d.message(dynamicpb.NewMessage(md), d.root, "")
	return d
}

// TestSchemaIsReadable: the loader knows the type of every field, reads every
// default, and the rules of a field do not contradict each other.
func TestSchemaIsReadable(t *testing.T) {
	kinds := []protoreflect.Kind{protoreflect.StringKind, protoreflect.Uint32Kind, protoreflect.Uint64Kind, protoreflect.DoubleKind, protoreflect.BoolKind}
	for _, root := range documents() {
		visit(root, func(s string) string { return s }, func(md protoreflect.MessageDescriptor, _ func(string) string) {
			for fd := range all(md) {
				rules := rulesOf(fd)
				if fd.Message() == nil && !slices.Contains(kinds, fd.Kind()) {
					t.Errorf("%s: the loader reads no %s", fd.FullName(), fd.Kind())
				}
				if fd.IsMap() && (fd.MapKey().Kind() != protoreflect.StringKind || fd.MapValue().Message() == nil && fd.MapValue().Kind() != protoreflect.StringKind) {
					t.Errorf("%s: the loader reads maps from strings to strings or messages only", fd.FullName())
				}
				if rules.GetDefault() != "" && !setDefault(dynamicpb.NewMessage(md), fd) {
					t.Errorf("%s: the default %q cannot be read", fd.FullName(), rules.GetDefault())
				}
				if rules.GetSingle() && (!fd.IsList() || isMessage(fd)) {
					t.Errorf("%s: is no list of scalars", fd.FullName())
				}
				if rules.GetRequired() && (rules.GetDefault() != "" || rules.GetOneOf() != "") {
					t.Errorf("%s: is required and may be absent", fd.FullName())
				}
			}
		})
	}
}

// TestDefaults: absent fields and absent sections read as the schema says.
func TestDefaults(t *testing.T) {
	loaded, err := Text("x.yaml", "{apiVersion: outrider.dev/v1, kind: Config, decision: {target: \"unix:///s\"}}")
	if err != nil {
		t.Fatal(err)
	}
	got := write(loaded.Config.ProtoReflect())
	want := `{apiVersion: "outrider.dev/v1", kind: "Config", ` +
		`listen: {agent: "127.0.0.1:4000", admin: "127.0.0.1:4001"}, ` +
		`decision: {target: ["unix:///s"], timeout: 2s, failMode: "Closed"}, ` +
		`limits: {body: "10MiB", depth: 64, headers: "64KiB"}}`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
