package rego

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

// module is a file with a module of the package.
func module(name, pkg, rules string) File {
	return File{Name: name, Text: "package " + pkg + "\n" + rules}
}

func TestModulesCompileTogether(t *testing.T) {
	for _, tc := range []struct {
		name string
		src  Sources
		deny []string
	}{
		{"inline and a file", Sources{
			Inline: head + `deny contains "inline" if true`,
			Files:  []File{module("a.rego", "outrider", `deny contains "file" if input.tool.name == "merge_it"`)},
		}, []string{"file", "inline"}},
		{"a library", Sources{Files: []File{
			module("a.rego", "outrider", "import data.outrider.lib.names\ndeny contains \"x\" if names.merges(input.tool.name)"),
			module("b.rego", "outrider.lib.names", `merges(name) if startswith(name, "merge_")`),
		}}, []string{"x"}},
		{"data", Sources{
			Inline: head + `deny contains why if some why in data.names[input.tool.name]`,
			Data:   []File{{Name: "a.json", Text: `{"names": {"merge_it": ["b", "a"]}}`}, {Name: "b.json", Text: `{"other": 9007199254740993}`}},
		}, []string{"a", "b"}},
		{"numbers as they are written", Sources{
			Inline: head + `deny contains "equal" if input.claims.big == data.big` + "\n" + `deny contains "near" if input.claims.big == data.near`,
			Data:   []File{{Name: "a.json", Text: `{"big": 9007199254740993, "near": 9007199254740992}`}},
		}, []string{"equal"}},
		{"what stands below a package is its own", Sources{Files: []File{
			module("a.rego", "outrider", `deny contains "x" if data.outrider.lib.deny`),
			module("b.rego", "outrider.lib", `deny := true`),
		}}, []string{"x"}},
		{"a bundle with packages of others", Sources{
			Files: []File{
				{Name: "bundle:a.rego", Text: head + `deny contains "x" if data.acme.roles.known(input.tool.name)`, Bundled: true},
				{Name: "bundle:b.rego", Text: "package acme.roles\nimport data.acme.names\nknown(n) if n in names\nother if input.review.kind == \"Pod\"", Bundled: true},
			},
			Bundle: map[string]any{"acme": map[string]any{"names": []any{"merge_it"}}},
		}, []string{"x"}},
	} {
		m, err := Compile(tc.src, nil)
		if err != nil {
			t.Errorf("%s: %v", tc.name, err)
			continue
		}
		if got, err := m.Deny(toolCall("{}")); err != nil || !reflect.DeepEqual(got, tc.deny) {
			t.Errorf("%s: got %q, %v", tc.name, got, err)
		}
	}
}

func TestSourcesRefused(t *testing.T) {
	allow := head + "allow := true"
	for _, tc := range []struct {
		src  Sources
		want string
	}{
		{Sources{Files: []File{module("lib/a.rego", "outrider", "x := 1")}}, "lib/a.rego:1:1: the module defines none of allow, deny and mutate: define one of them"},
		{Sources{Files: []File{module("a.rego", "outrider", "x := 1"), module("b.rego", "outrider.lib", "allow := true")}}, "no module defines allow, deny or mutate in package outrider: define one of them"},
		{Sources{Inline: allow, Files: []File{module("a.rego", "outriders", "deny contains 1")}}, "a.rego:1:1: the package is outriders: write `package outrider`, or one below it"},
		{Sources{Inline: allow, Files: []File{{Name: "bundle:a.rego", Text: "package acme\nx if", Bundled: true}}}, "bundle:a.rego:2:4: "},
		{Sources{Inline: allow, Files: []File{module("a.rego", "outrider.lib", "x if input.toool.name")}}, "a.rego:2:6: no field input.toool.name"},
		{Sources{Inline: head + "allow if data.acme.x", Files: []File{{Name: "bundle:a.rego", Text: "package acme\nx if input.review", Bundled: true}}}, "bundle:a.rego:2:6: no field input.review"},
		{Sources{Inline: head + "allow if data.acme.x", Files: []File{{Name: "bundle:a.rego", Text: "package acme\nx if http.send({})", Bundled: true}}}, "bundle:a.rego:2:6: http.send is not available"},
		{Sources{Inline: head + "allow if data.outrider.lib.x", Files: []File{module("a.rego", "outrider.lib", "x if input.tool.args.y")}}, "the module reads the arguments of tool calls but does not say"},
		{Sources{Inline: head + "allow if data.acme.x", Files: []File{{Name: "bundle:a.rego", Text: "package acme\nx if input.tool.args.y", Bundled: true}}}, "the module reads the arguments of tool calls but does not say"},
		{Sources{Inline: allow, Files: []File{{Name: "a.rego", Text: "# nothing"}}}, "a.rego: empty module"},
		{Sources{Inline: allow, Files: []File{module("a.rego", "outrider.lib", "# "+strings.Repeat("x", maxModule))}}, "a.rego: the module is longer than 65536 bytes"},
		{Sources{Inline: head + "allow if data.user.ann", Data: []File{{Name: "a.json", Text: `{"users": {}}`}}}, "at 2:10 of the module: there is no data.user.ann: name rules of a module, or what a data file holds"},
		{Sources{Inline: head + "allow if data[_].ann", Data: []File{{Name: "a.json", Text: `{"users": {}}`}}}, "at 2:10 of the module: there is no data[_].ann"},
		{Sources{Inline: head + "allow if count(data) > 1", Data: []File{{Name: "a.json", Text: `{"users": {}}`}}}, "at 2:1 of the module: rule data.outrider.allow is recursive"},
		{Sources{Inline: allow, Data: []File{{Name: "a.json", Text: `{"outrider": {"allow": true}}`}}}, "a.json: it defines data.outrider, which are the modules' own rules"},
		{Sources{Inline: allow, Bundle: map[string]any{"outrider": true}}, "the bundle: it defines data.outrider"},
		{Sources{Inline: allow, Data: []File{{Name: "a.json", Text: `{"x": 1}`}, {Name: "b.json", Text: `{"x": 1}`}}}, "b.json: data.x stands in a.json already: keep one"},
		{Sources{Inline: allow, Data: []File{{Name: "a.json", Text: `{"x": 1}`}}, Bundle: map[string]any{"x": 2}}, "a.json: data.x stands in the bundle already: keep one"},
		{Sources{Inline: allow, Data: []File{{Name: "a.json", Text: "{\n \"x\": 1,\n \"x\": 2}"}}}, "a.json:3:2: a member name stands twice in one object: a data file is one JSON object"},
		{Sources{Inline: allow, Data: []File{{Name: "a.json", Text: "[1]"}}}, "a.json:1:1: the file is an array"},
		{Sources{Inline: allow, Data: []File{{Name: "a.json", Text: ""}}}, "a.json:1:1: the file is empty"},
		{Sources{Inline: allow, Data: []File{{Name: "a.json", Text: strings.Repeat(`{"a":`, 70)}}}, "a.json:1:"},
		{
			Sources{Inline: allow, Files: []File{{Name: "bundle:a.rego", Text: "package acme.x\ny := 1", Bundled: true}}, Data: []File{{Name: "a.json", Text: `{"acme": {"x": 1}}`}}},
			"bundle:a.rego:2:1: conflicting rule for data path acme/x/y found",
		},
	} {
		_, err := Compile(tc.src, nil)
		var e *Error
		if !errors.As(err, &e) || !strings.HasPrefix(err.Error(), tc.want) {
			t.Errorf("got  %v\nwant %s", err, tc.want)
		}
	}
}

func TestModulesAreBounded(t *testing.T) {
	src := Sources{Inline: head + "allow := true"}
	for i := range maxModules {
		src.Files = append(src.Files, module(fmt.Sprintf("%d.rego", i), "outrider.lib", ""))
	}
	if _, err := Compile(src, nil); err == nil || !strings.Contains(err.Error(), "more than 256 modules") {
		t.Errorf("got %v", err)
	}
}

// An error of an evaluation names the file without its folder.
func TestErrorsNameTheFile(t *testing.T) {
	m, err := Compile(Sources{Files: []File{module("lib/deep/a.rego", "outrider", "\nallow if to_number(input.tool.name) > 3")}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Allow(toolCall("{}")); err == nil || err.Error() != "a built-in function cannot use a value (a.rego:3)" {
		t.Errorf("got %v", err)
	}
}

// FuzzData: what a data file holds is what the standard library reads of it,
// or it is refused at a place inside it.
func FuzzData(f *testing.F) {
	for _, seed := range []string{`{}`, `{"a": [1, 2.5, {"b": null}]}`, "{\n\"a\": 1,\n\"a\": 2}", `[1]`, "", `{"outrider": 1}`, `{"a": 1e999}`, `{"a": "\ud800"}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		src := Sources{Data: []File{{Name: "a.json", Text: text}}}
		data, err := src.document()
		if err != nil {
			var e *Error
			if lines := strings.Count(text, "\n") + 1; !errors.As(err, &e) || e.File != "a.json" || e.Line > lines {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		if _, has := data["outrider"]; has {
			t.Fatalf("%q reaches the rules", text)
		}
	})
}
