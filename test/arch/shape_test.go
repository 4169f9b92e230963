package arch

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The bars, in lines unless said otherwise. funlen in .golangci.yml asks for a
// stated reason above maxUsual.
const (
	maxP90      = 30  // of the functions
	maxUsual    = 60  // of a function
	maxShare    = 1.5 // percent of the functions that may be longer than that
	maxFunction = 100
	maxFile     = 500
	maxDirect   = 30 // direct dependencies
)

// drawers are package names that say nothing about what belongs there.
var drawers = []string{"util", "utils", "common", "helper", "helpers", "shared", "internal", "misc", "base", "lib"}

// source is one hand-written Go file.
type source struct {
	name string // path within the module
	fset *token.FileSet
	file *ast.File
}

func (s source) line(p token.Pos) int { return s.fset.Position(p).Line }
func (s source) test() bool           { return strings.HasSuffix(s.name, "_test.go") }

// sources parses every hand-written Go file of the module.
func sources(t *testing.T) []source {
	t.Helper()
	var all []source
	top := root(t)
	err := filepath.WalkDir(top, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && name != top && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || d.Name() == "node_modules") {
			return filepath.SkipDir
		}
		if d.IsDir() || filepath.Ext(name) != ".go" {
			return nil
		}
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, name, nil, parser.ParseComments)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(top, name)
		if err == nil && !ast.IsGenerated(file) {
			all = append(all, source{filepath.ToSlash(rel), fset, file})
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestFunctionsAreSmall(t *testing.T) {
	var lengths []int
	long := 0
	for _, s := range sources(t) {
		if s.test() {
			continue
		}
		for _, d := range s.file.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Body == nil {
				continue
			}
			n := s.line(fn.End()) - s.line(fn.Pos()) + 1
			lengths = append(lengths, n)
			if n > maxUsual {
				long++
				t.Logf("%s: %s has %d lines", s.name, fn.Name.Name, n)
			}
			if n > maxFunction {
				t.Errorf("%s: %s has %d lines, more than %d", s.name, fn.Name.Name, n, maxFunction)
			}
		}
	}
	slices.Sort(lengths)
	if p90 := lengths[len(lengths)*9/10]; p90 > maxP90 {
		t.Errorf("one function in ten has %d lines or more; the bar is %d", p90, maxP90)
	}
	if share := 100 * float64(long) / float64(len(lengths)); share > maxShare {
		t.Errorf("%.1f %% of the functions have more than %d lines; the bar is %.1f %%", share, maxUsual, maxShare)
	}
}

func TestFilesAreSmall(t *testing.T) {
	for _, s := range sources(t) {
		if n := s.line(s.file.FileEnd); n > maxFile {
			t.Errorf("%s has %d lines, more than %d", s.name, n, maxFile)
		}
	}
}

func TestPackagesSayWhatTheyAre(t *testing.T) {
	documented := map[string]bool{}
	for _, s := range sources(t) {
		dir := path.Dir(s.name)
		if slices.Contains(drawers, path.Base(dir)) {
			t.Errorf("%s: a package name says what belongs there; %q does not", s.name, path.Base(dir))
		}
		if !s.test() {
			documented[dir] = documented[dir] || s.file.Doc != nil
		}
	}
	for dir, ok := range documented {
		if !ok {
			t.Errorf("package %s has no package comment", dir)
		}
	}
}

// TestNoTestSkips keeps absence loud: a part that is left out is named in
// OUTRIDER_TEST_SKIP, which the Makefile alone reads.
func TestNoTestSkips(t *testing.T) {
	skips := []string{"Skip", "Skipf", "SkipNow", "Short"}
	for _, s := range sources(t) {
		if !s.test() {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok || !slices.Contains(skips, sel.Sel.Name) {
				return true
			}
			if x, ok := sel.X.(*ast.Ident); ok && slices.Contains([]string{"t", "b", "f", "tb", "testing"}, x.Name) {
				t.Errorf("%s:%d: %s.%s: a test does not skip", s.name, s.line(n.Pos()), x.Name, sel.Sel.Name)
			}
			return true
		})
	}
}

func TestDirectDependenciesAreFew(t *testing.T) {
	var mod struct {
		Require []struct {
			Path     string
			Indirect bool
		}
	}
	if err := json.Unmarshal(goTool(t, "mod", "edit", "-json"), &mod); err != nil {
		t.Fatal(err)
	}
	var direct []string
	for _, r := range mod.Require {
		if !r.Indirect {
			direct = append(direct, r.Path)
		}
	}
	if len(direct) > maxDirect {
		t.Errorf("%d direct dependencies, more than %d:\n%s", len(direct), maxDirect, strings.Join(direct, "\n"))
	}
}
