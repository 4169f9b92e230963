package config

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/durationpb"

	configv1 "outrider.dev/outrider/proto/outrider/config/v1"
)

// write renders a message as a YAML flow mapping with canonical keys.
func write(m protoreflect.Message) string {
	var out []string
	for fd := range all(m.Descriptor()) {
		if m.Has(fd) {
			out = append(out, fd.JSONName()+": "+writeField(fd, m.Get(fd)))
		}
	}
	return "{" + strings.Join(out, ", ") + "}"
}

func writeField(fd protoreflect.FieldDescriptor, v protoreflect.Value) string {
	switch {
	case fd.IsMap():
		var out []string
		v.Map().Range(func(k protoreflect.MapKey, v protoreflect.Value) bool {
			out = append(out, strconv.QuoteToASCII(k.String())+": "+writeOne(fd.MapValue(), v))
			return true
		})
		slices.Sort(out)
		return "{" + strings.Join(out, ", ") + "}"
	case fd.IsList():
		var out []string
		for i := range v.List().Len() {
			out = append(out, writeOne(fd, v.List().Get(i)))
		}
		return "[" + strings.Join(out, ", ") + "]"
	default:
		return writeOne(fd, v)
	}
}

func writeOne(fd protoreflect.FieldDescriptor, v protoreflect.Value) string {
	switch {
	case isDuration(fd):
		return v.Message().Interface().(*durationpb.Duration).AsDuration().String()
	case isFree(fd):
		text, _ := protojson.Marshal(v.Message().Interface())
		return string(text)
	case isMessage(fd):
		return write(v.Message())
	case fd.Kind() == protoreflect.StringKind:
		return strconv.QuoteToASCII(v.String())
	default:
		return fmt.Sprint(v.Interface())
	}
}

// checkRoundTrip: what was loaded, written out and loaded again, is equal.
func checkRoundTrip(t *testing.T, file string, doc proto.Message) {
	t.Helper()
	doc = proto.Clone(doc)
	if c, ok := doc.(*configv1.Config); ok {
		c.Policies = nil // the files need not be there
	}
	// Relative paths are relative to the working directory by now.
	text := write(doc.ProtoReflect())
	again, err := Text(filepath.Base(file), text)
	if err != nil {
		t.Fatalf("written out: %s\nloads no more: %v", text, err)
	}
	var got proto.Message = again.Config
	switch {
	case len(again.Policies) > 0:
		got = again.Policies[0].Doc
	case len(again.Tests) > 0:
		got = again.Tests[0].Doc
	}
	if diff := cmp.Diff(doc, got, protocmp.Transform()); diff != "" {
		t.Errorf("written out and loaded (-first +second):\n%s", diff)
	}
}
