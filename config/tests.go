package config

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	configv1 "outrider.dev/outrider/proto/outrider/config/v1"
)

// Test is one PolicyTest document and where it came from.
type Test struct {
	Doc    *configv1.PolicyTest // its policies are paths from the working directory
	File   string
	Lines  map[string]Position // by field path, such as spec.cases[2].expect
	Tables [][]Cell            // of the matrices, in their order
}

// Position is the place of a field's value, as [Policy.Position].
func (t *Test) Position(path string) Position {
	at, _ := lookup(t.Lines, path)
	if at.File == "" {
		at.File = t.File
	}
	return at
}

// Tests reads the PolicyTest documents of files and folders. A folder stands
// for the *.yaml and *.yml files in it and below it that speak of a PolicyTest;
// documents of other kinds are passed over.
func Tests(paths ...string) ([]Test, error) {
	l := newLoader()
	for _, path := range paths {
		l.tests(path)
	}
	loaded, err := l.result()
	if err != nil {
		return nil, err
	}
	return loaded.Tests, nil
}

func (l *loader) tests(path string) {
	fail := func(problem, fix string) { l.open(path).add(Position{File: path}, "", problem, fix) }
	info, err := os.Stat(path)
	if err != nil {
		fail("cannot be read: "+cause(err), "name a file, or a folder for all *.yaml files in it and below it")
		return
	}
	files := []string{path}
	if info.IsDir() {
		if files, err = testFiles(path); err != nil {
			fail("cannot be read: "+cause(err), "check the path and its permissions")
			return
		}
	}
	if len(l.files)+len(files) > maxFiles {
		fail(fmt.Sprintf("brings more than %d files", maxFiles), "name the folders with tests alone")
		return
	}
	found := false
	for _, file := range files {
		found = l.testsOf(filepath.Clean(file)) || found
	}
	if !found {
		fail("holds no PolicyTest", "name a document with kind: PolicyTest; `outrider init` writes one")
	}
}

// testsOf reads the tests of one file and reports whether it holds any, sound
// or not.
func (l *loader) testsOf(file string) bool {
	if !l.once(file) {
		return true
	}
	documents := l.documents(file)
	found := len(l.problems[len(l.problems)-1].list) > 0
	for _, d := range documents {
		if kind, _ := d.kind(); kind != kindTest && knownKind(kind) {
			continue
		}
		l.read(d, kindTest)
		found = true
	}
	return found
}

// testFiles lists the files below a folder that may hold tests, without what
// is hidden. Other people's YAML, which need not be readable here, is left out
// by its words.
func testFiles(folder string) ([]string, error) {
	var files []string
	err := filepath.WalkDir(folder, func(name string, entry fs.DirEntry, err error) error {
		switch extension := filepath.Ext(name); {
		case err != nil:
			return err
		case name != folder && strings.HasPrefix(entry.Name(), ".") && entry.IsDir():
			return fs.SkipDir
		case entry.IsDir() || strings.HasPrefix(entry.Name(), ".") || extension != ".yaml" && extension != ".yml":
			return nil
		}
		raw, err := readBounded(name, maxFileBytes)
		if err == nil && strings.Contains(string(raw), kindTest) {
			files = append(files, name)
		}
		return err
	})
	return files, err
}

func (l *loader) readTest(d *document) {
	t := &configv1.PolicyTest{}
	d.message(t.ProtoReflect(), d.root, "")
	tables := d.checkTest(t)
	resolveTest(t, d.file)
	l.loaded.Tests = append(l.loaded.Tests, Test{Doc: t, File: d.file, Lines: d.lines, Tables: tables})
}

func resolveTest(t *configv1.PolicyTest, file string) {
	for i, path := range t.GetSpec().GetPolicies() {
		t.Spec.Policies[i] = inFolder(file, path)
	}
}
