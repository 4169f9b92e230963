package rego

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"

	"outrider.dev/outrider/strictjson"
)

// Bounds of what one policy's Rego is made of.
const (
	maxModule  = 64 << 10 // bytes of one module
	maxModules = 256
	maxData    = 8 << 20 // bytes of one data file
	maxDepth   = 64      // of data
)

// inline stands for the policy's own module in the library's messages. Files
// have longer names.
const inline = "rego"

// ownPackage is the package whose rules are asked. Nothing else is: a module
// beside it would look like protection.
const ownPackage = "outrider"

// Sources is all that a policy's Rego is made of. It compiles together.
type Sources struct {
	Inline string         // the module in the policy itself; may be empty
	Files  []File         // modules
	Data   []File         // JSON objects whose members stand below data
	Bundle map[string]any // data of a bundle; not to be changed anymore
}

// File is a module or data in a file.
type File struct {
	Name string // unique, as errors show it
	Text string
	// Bundled tells that the file came in a bundle, which may hold packages of
	// others beside our own.
	Bundled bool
}

// empty reports whether there is no module.
func (s *Sources) empty() bool { return strings.TrimSpace(s.Inline) == "" && len(s.Files) == 0 }

// parse reads the modules and checks their shape.
func (s *Sources) parse() (map[string]*ast.Module, error) {
	files := s.Files
	if s.Inline != "" {
		files = append([]File{{Name: inline, Text: s.Inline}}, files...)
	}
	if s.empty() {
		return nil, &Error{Problem: "the module is empty", Fix: "write `package outrider` and rules, or remove the field"}
	}
	if len(files) > maxModules {
		return nil, &Error{Problem: fmt.Sprintf("there are more than %d modules", maxModules), Fix: "split them over several policies"}
	}
	parsed, asked := make(map[string]*ast.Module, len(files)), false
	for i := range files {
		m, err := files[i].parse()
		if err != nil {
			return nil, err
		}
		defines, err := shape(m, files[i].Bundled)
		if err != nil {
			return nil, err
		}
		parsed[files[i].Name], asked = m, asked || defines
	}
	if !asked {
		first := parsed[files[0].Name].Package.Location
		if len(files) > 1 {
			return nil, &Error{Problem: "no module defines allow, deny or mutate in package outrider", Fix: "define one of them"}
		}
		return nil, at(first, "the module defines none of allow, deny and mutate", "define one of them")
	}
	return parsed, nil
}

func (f *File) parse() (*ast.Module, error) {
	whole := &Error{File: f.Name}
	if f.Name == inline {
		whole.File = ""
	}
	if len(f.Text) > maxModule {
		whole.Problem, whole.Fix = fmt.Sprintf("the module is longer than %d bytes", maxModule), "split it into several files"
		return nil, whole
	}
	m, err := ast.ParseModuleWithOpts(f.Name, f.Text, ast.ParserOptions{RegoVersion: ast.RegoV1})
	if err != nil {
		return nil, translate(err)
	}
	return m, nil
}

// document unites the data. Each member of data has one place that defines it.
func (s *Sources) document() (map[string]any, error) {
	out, from := map[string]any{}, map[string]string{}
	add := func(name string, members map[string]any) error {
		for _, key := range slices.Sorted(maps.Keys(members)) {
			switch first, twice := from[key]; {
			case key == ownPackage:
				return &Error{File: name, Problem: "it defines data.outrider, which are the modules' own rules", Fix: "choose another name"}
			case twice:
				return &Error{File: name, Problem: "data." + key + " stands in " + first + " already", Fix: "keep one"}
			}
			out[key], from[key] = members[key], name
		}
		return nil
	}
	if err := add("the bundle", s.Bundle); err != nil {
		return nil, err
	}
	for i := range s.Data {
		members, err := s.Data[i].object()
		if err == nil {
			err = add(s.Data[i].Name, members)
		}
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// object reads a data file. Numbers stay as they are written.
func (f *File) object() (map[string]any, error) {
	raw := []byte(f.Text)
	doc, err := strictjson.Parse(raw, strictjson.Limits{Bytes: maxData, Depth: maxDepth})
	var why *strictjson.Error
	if errors.As(err, &why) {
		e := &Error{File: f.Name, Problem: strings.ReplaceAll(string(why.Problem), "the body", "the file"), Fix: "a data file is one JSON object"}
		before := raw[:min(why.Offset, len(raw))]
		e.Line = bytes.Count(before, []byte("\n")) + 1
		e.Column = len(before) - bytes.LastIndexByte(before, '\n')
		return nil, e
	}
	if err != nil {
		return nil, &Error{File: f.Name, Problem: "it cannot be read"}
	}
	doc.Free()
	var members map[string]any
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	if err := decoder.Decode(&members); err != nil {
		return nil, &Error{File: f.Name, Problem: "it is no JSON object"}
	}
	return members, nil
}

// holds reports whether data has a value at the path, so that the compiler
// refuses a rule in its place.
func holds(data map[string]any) func([]string) (bool, error) {
	return func(path []string) (bool, error) {
		var at any = data
		for _, name := range path {
			inner, ok := at.(map[string]any)
			if !ok {
				return at != nil, nil
			}
			if at, ok = inner[name]; !ok {
				return false, nil
			}
		}
		return true, nil
	}
}
