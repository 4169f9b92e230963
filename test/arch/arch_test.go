package arch

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the imports found to arch.txt; read the diff before you commit it")

const archFile = "arch.txt"

// layers is arch.txt: the packages in the order of the file, each with the
// packages of this module that it may import.
type layers struct {
	header  []string // comment lines at the top
	order   []string
	imports map[string][]string
}

// TestImports holds the tree to arch.txt, both ways: an import that is not
// listed and a listed import that is gone both fail.
func TestImports(t *testing.T) {
	found := realImports(t)
	raw, err := os.ReadFile(archFile)
	if err != nil {
		t.Fatal(err)
	}
	want, err := parse(string(raw))
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		want = want.updated(found)
		if err := os.WriteFile(archFile, []byte(want.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, problem := range append(want.compare(found), want.upward()...) {
		t.Error(problem)
	}
}

// realImports reads which packages of this module import which.
func realImports(t *testing.T) map[string][]string {
	found := map[string][]string{}
	for _, p := range list(t, "./...") {
		own := []string{}
		for _, path := range p.Imports {
			if rel, ok := strings.CutPrefix(path, modulePath+"/"); ok {
				own = append(own, rel)
			}
		}
		slices.Sort(own)
		found[p.rel()] = own
	}
	return found
}

func parse(text string) (*layers, error) {
	l := &layers{imports: map[string][]string{}}
	for i, line := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
		if line == "" || strings.HasPrefix(line, "#") {
			if len(l.order) == 0 {
				l.header = append(l.header, line)
			}
			continue
		}
		name, imports, ok := strings.Cut(line, ":")
		if _, twice := l.imports[name]; !ok || twice {
			return nil, fmt.Errorf("%s:%d: want \"package: imports\", each package once, have %q", archFile, i+1, line)
		}
		l.order = append(l.order, name)
		l.imports[name] = strings.Fields(imports)
	}
	return l, nil
}

func (l *layers) String() string {
	var b strings.Builder
	for _, line := range l.header {
		b.WriteString(line + "\n")
	}
	for _, name := range l.order {
		b.WriteString(strings.TrimRight(name+": "+strings.Join(l.imports[name], " "), " ") + "\n")
	}
	return b.String()
}

// compare tells every difference between the file and the tree.
func (l *layers) compare(found map[string][]string) []string {
	var problems []string
	for name, imports := range found {
		allowed, ok := l.imports[name]
		if !ok {
			problems = append(problems, fmt.Sprintf("package %s does not stand in %s", name, archFile))
			continue
		}
		for _, to := range imports {
			if !slices.Contains(allowed, to) {
				problems = append(problems, fmt.Sprintf("%s imports %s, which %s does not allow", name, to, archFile))
			}
		}
	}
	for name, allowed := range l.imports {
		imports, ok := found[name]
		if !ok {
			problems = append(problems, fmt.Sprintf("%s lists %s, which does not exist", archFile, name))
			continue
		}
		for _, to := range allowed {
			if !slices.Contains(imports, to) {
				problems = append(problems, fmt.Sprintf("%s lists %s -> %s, which nobody needs", archFile, name, to))
			}
		}
	}
	slices.Sort(problems)
	return problems
}

// upward tells every import that goes against the order of the file.
func (l *layers) upward() []string {
	var problems []string
	for i, name := range l.order {
		for _, to := range l.imports[name] {
			if slices.Index(l.order, to) > i {
				problems = append(problems, fmt.Sprintf("%s imports %s, which stands below it in %s: imports go one way", name, to, archFile))
			}
		}
	}
	return problems
}

// updated is the file as the tree has it. Packages keep their place; a new
// one stands right after the last of its imports.
func (l *layers) updated(found map[string][]string) *layers {
	next := &layers{header: l.header, imports: found}
	for _, name := range l.order {
		if _, ok := found[name]; ok {
			next.order = append(next.order, name)
		}
	}
	for len(next.order) < len(found) {
		next.insert()
	}
	return next
}

// insert places one package whose imports all stand in the order already; Go
// refuses import cycles, so there is always one.
func (l *layers) insert() {
	names := make([]string, 0, len(l.imports))
	for name := range l.imports {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		at, ready := 0, !slices.Contains(l.order, name)
		for _, to := range l.imports[name] {
			i := slices.Index(l.order, to)
			ready = ready && i >= 0
			at = max(at, i+1)
		}
		if ready {
			l.order = slices.Insert(l.order, at, name)
			return
		}
	}
}

// TestLayers proves that the comparison itself notices what it is for.
func TestLayers(t *testing.T) {
	l, err := parse("# header\na:\nb: a\nc: a b\n")
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name  string
		found map[string][]string
		want  int
	}{
		{"equal", map[string][]string{"a": nil, "b": {"a"}, "c": {"a", "b"}}, 0},
		{"new edge", map[string][]string{"a": nil, "b": {"a", "z"}, "c": {"a", "b"}}, 1},
		{"edge gone", map[string][]string{"a": nil, "b": nil, "c": {"a", "b"}}, 1},
		{"new package", map[string][]string{"a": nil, "b": {"a"}, "c": {"a", "b"}, "d": nil}, 1},
		{"package gone", map[string][]string{"a": nil, "b": {"a"}}, 1},
	}
	for _, tt := range tests {
		if got := l.compare(tt.found); len(got) != tt.want {
			t.Errorf("%s: %d problems, want %d: %v", tt.name, len(got), tt.want, got)
		}
	}
	grown := l.updated(map[string][]string{"a": nil, "b": {"a"}, "c": {"a", "b"}, "d": {"b"}})
	if got, want := grown.String(), "# header\na:\nb: a\nd: b\nc: a b\n"; got != want {
		t.Errorf("updated:\n%s\nwant:\n%s", got, want)
	}
	turned := l.updated(map[string][]string{"a": {"c"}, "b": {"a"}, "c": nil})
	if got := turned.upward(); len(got) != 1 {
		t.Errorf("an import against the order: %d problems, want 1: %v", len(got), got)
	}
	for _, bad := range []string{"a b", "a:\na:"} {
		if _, err := parse(bad); err == nil {
			t.Errorf("parse(%q) succeeds", bad)
		}
	}
}
