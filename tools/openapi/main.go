// Command openapi is a protoc plugin that writes the OpenAPI document of the
// decision service's HTTP address: REST from the comments of the contract and
// from its HTTP rules, the rest from a page of paths and schemas beside them.
//
// Only `make generate` runs it.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"slices"

	"github.com/goccy/go-yaml"
	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/types/pluginpb"
)

func main() {
	var flags flag.FlagSet
	rules := flags.String("rules", "", "the file of HTTP rules")
	page := flags.String("page", "", "what the document says beside REST")
	protogen.Options{ParamFunc: flags.Set}.Run(func(p *protogen.Plugin) error {
		p.SupportedFeatures = uint64(pluginpb.CodeGeneratorResponse_FEATURE_PROTO3_OPTIONAL)
		d, err := newDocument(*rules, *page)
		if err != nil {
			return err
		}
		for _, f := range p.Files {
			for _, s := range f.Services {
				d.service(s)
			}
		}
		text, err := json.MarshalIndent(d.whole(), "", "  ")
		if err != nil {
			return err
		}
		_, err = p.NewGeneratedFile("openapi.json", "").Write(append(text, '\n'))
		return err
	})
}

// document is what is being written.
type document struct {
	rules   map[string]rule // by the method's full name
	page    yaml.MapSlice
	paths   object
	schemas object
	done    map[string]bool // schemas
}

// rule is one HTTP rule.
type rule struct{ Selector, Post string }

func newDocument(rules, page string) (*document, error) {
	d := &document{rules: map[string]rule{}, done: map[string]bool{}}
	var file struct{ HTTP struct{ Rules []rule } }
	if err := read(rules, &file); err != nil {
		return nil, err
	}
	for _, r := range file.HTTP.Rules {
		d.rules[r.Selector] = r
	}
	return d, read(page, &d.page)
}

func read(name string, into any) error {
	text, err := os.ReadFile(name) //nolint:gosec // a file of the repository
	if err != nil {
		return err
	}
	if err := yaml.UnmarshalWithOptions(text, into, yaml.UseOrderedMap()); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// whole returns the page with the paths and schemas of REST added to its own.
func (d *document) whole() object {
	var out object
	for _, item := range d.page {
		name, value := fmt.Sprint(item.Key), ordered(item.Value)
		switch name {
		case "paths":
			value = slices.Concat(d.paths, value.(object))
		case "components":
			parts := value.(object)
			for i, part := range parts {
				if part.name == "schemas" {
					parts[i].value = append(part.value.(object), d.schemas...)
				}
			}
		}
		out = append(out, member{name, value})
	}
	return out
}
