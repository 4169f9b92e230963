// Command reference is a protoc plugin that writes the reference pages from
// the comments of the contract and of the configuration schema, so that what
// users read and what the loader checks have one source.
//
// Only `make generate` runs it.
package main

import (
	"fmt"
	"path"
	"strings"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/pluginpb"
)

func main() {
	protogen.Options{}.Run(func(p *protogen.Plugin) error {
		p.SupportedFeatures = uint64(pluginpb.CodeGeneratorResponse_FEATURE_PROTO3_OPTIONAL)
		rule, types, err := extension(p)
		if err != nil {
			return err
		}
		pages := map[string]*protogen.GeneratedFile{}
		for _, f := range p.Files {
			if !f.Generate {
				continue
			}
			w := &writer{GeneratedFile: page(p, pages, f), rule: rule, types: types}
			if err := w.file(f); err != nil {
				return err
			}
		}
		return nil
	})
}

// writer writes one page.
type writer struct {
	*protogen.GeneratedFile
	rule  protoreflect.ExtensionType
	types *protoregistry.Types
}

func (w *writer) file(f *protogen.File) error {
	for _, s := range f.Services {
		w.service(s)
	}
	for _, m := range f.Messages {
		if m.Desc.Name() == "FieldRules" {
			continue
		}
		if err := w.message(m); err != nil {
			return err
		}
	}
	for _, e := range f.Enums {
		w.enum(e)
	}
	return nil
}

func (w *writer) service(s *protogen.Service) {
	w.heading(string(s.Desc.Name()), s.Comments.Leading)
	w.P("| method | asks with | answers with | does |")
	w.P("|---|---|---|---|")
	for _, m := range s.Methods {
		w.P("| `", m.Desc.Name(), "` | ", stream(m.Desc.IsStreamingClient()), link(m.Input), " | ",
			stream(m.Desc.IsStreamingServer()), link(m.Output), " | ", cell(m.Comments.Leading), " |")
	}
}

func stream(is bool) string {
	if is {
		return "a stream of "
	}
	return ""
}

func (w *writer) message(m *protogen.Message) error {
	w.heading(string(m.Desc.Name()), m.Comments.Leading)
	if len(m.Fields) == 0 {
		return nil
	}
	w.P("| field | type | |")
	w.P("|---|---|---|")
	for _, f := range m.Fields {
		rules, err := w.rules(f)
		if err != nil {
			return err
		}
		w.P("| `", f.Desc.JSONName(), "` | ", typeName(f), " | ", strings.TrimSpace(cell(f.Comments.Leading)+" "+rules), " |")
	}
	return nil
}

func (w *writer) enum(e *protogen.Enum) {
	w.heading(string(e.Desc.Name()), e.Comments.Leading)
	w.P("| value | |")
	w.P("|---|---|")
	for _, v := range e.Values {
		w.P("| `", v.Desc.Name(), "` | ", cell(v.Comments.Leading), " |")
	}
}

func (w *writer) heading(name string, c protogen.Comments) {
	w.P()
	w.P("## ", name)
	w.P()
	w.P(cell(c))
	w.P()
}

// cell puts a comment on one line of a table.
func cell(c protogen.Comments) string {
	text := strings.Join(strings.Fields(string(c)), " ")
	return strings.ReplaceAll(text, "|", "\\|")
}

func link(m *protogen.Message) string {
	name := string(m.Desc.Name())
	return "[" + name + "](#" + strings.ToLower(name) + ")"
}

func typeName(f *protogen.Field) string {
	switch {
	case f.Desc.IsMap():
		return "map of " + scalar(f.Message.Fields[1])
	case f.Desc.IsList():
		return "list of " + scalar(f)
	default:
		return scalar(f)
	}
}

func scalar(f *protogen.Field) string {
	switch f.Desc.Kind() {
	case protoreflect.MessageKind:
		if strings.HasPrefix(string(f.Message.Desc.FullName()), "google.protobuf.") {
			return strings.ToLower(string(f.Message.Desc.Name()))
		}
		return link(f.Message)
	case protoreflect.EnumKind:
		name := string(f.Enum.Desc.Name())
		return "[" + name + "](#" + strings.ToLower(name) + ")"
	default:
		return fmt.Sprint(f.Desc.Kind())
	}
}

// page returns the page of a file's package: one page for all its files.
func page(p *protogen.Plugin, pages map[string]*protogen.GeneratedFile, f *protogen.File) *protogen.GeneratedFile {
	name := string(f.Desc.Package())
	if pages[name] == nil {
		// outrider.config.v1 stands in config.md
		pages[name] = p.NewGeneratedFile(path.Base(path.Dir(path.Dir(f.Desc.Path())))+".md", "")
		pages[name].P("<!-- Written by `make generate` from the comments below proto/. DO NOT EDIT. -->")
		pages[name].P("# `", name, "`")
	}
	return pages[name]
}
