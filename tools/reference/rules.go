package main

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/dynamicpb"
)

// extension finds the option that carries the loader's rules. It is read from
// the request, not from generated code, which is what is being generated.
func extension(p *protogen.Plugin) (protoreflect.ExtensionType, *protoregistry.Types, error) {
	for _, f := range p.Files {
		for _, x := range f.Extensions {
			if x.Desc.FullName() == "outrider.config.v1.field_rules" {
				kind := dynamicpb.NewExtensionType(x.Desc)
				types := &protoregistry.Types{}
				return kind, types, types.RegisterExtension(kind)
			}
		}
	}
	return nil, nil, fmt.Errorf("no file declares the option outrider.config.v1.field_rules")
}

// rules words what the loader checks of a field.
func (w *writer) rules(f *protogen.Field) (string, error) {
	raw, err := proto.Marshal(f.Desc.Options())
	if err != nil {
		return "", err
	}
	options := f.Desc.Options().ProtoReflect().New()
	if err := (proto.UnmarshalOptions{Resolver: w.types}).Unmarshal(raw, options.Interface()); err != nil {
		return "", err
	}
	if !options.Has(w.rule.TypeDescriptor()) {
		return "", nil
	}
	return words(options.Get(w.rule.TypeDescriptor()).Message()), nil
}

func words(r protoreflect.Message) string {
	text := func(name protoreflect.Name) string {
		return r.Get(r.Descriptor().Fields().ByName(name)).String()
	}
	var out []string
	if r.Get(r.Descriptor().Fields().ByName("required")).Bool() {
		out = append(out, "Required.")
	}
	if r.Get(r.Descriptor().Fields().ByName("single")).Bool() {
		out = append(out, "One may be written without brackets.")
	}
	if list := r.Get(r.Descriptor().Fields().ByName("values")).List(); list.Len() > 0 {
		var values []string
		for i := range list.Len() {
			values = append(values, "`"+list.Get(i).String()+"`")
		}
		out = append(out, "One of "+strings.Join(values, ", ")+".")
	}
	for _, one := range []struct{ field, before, after string }{
		{"default", "Default: `", "`."},
		{"one_of", "Exactly one of the fields marked *", "*."},
		{"alias", "Also written `", "`."},
		{"unenforced", "**Refused:** ", "."},
	} {
		if v := text(protoreflect.Name(one.field)); v != "" {
			out = append(out, one.before+v+one.after)
		}
	}
	return strings.Join(out, " ")
}
