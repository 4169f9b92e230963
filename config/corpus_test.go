package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// loadAs reads a file of the corpus in the way that its name asks for.
func loadAs(name string) (*Loaded, error) {
	switch {
	case strings.HasPrefix(name, "sidecar"):
		c, err := LoadSidecar(name)
		return &Loaded{Config: c}, err
	case strings.HasPrefix(name, "load-"):
		return Load(name)
	default:
		return Files(name)
	}
}

// TestBadCorpus: every file of testdata/bad begins with what is said of it.
func TestBadCorpus(t *testing.T) {
	t.Chdir("testdata/bad")
	names, err := filepath.Glob("*.yaml")
	if err != nil || len(names) < 170 {
		t.Fatalf("found %d files, %v", len(names), err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(name, ".yaml"), func(t *testing.T) {
			want := expected(t, name)
			_, err := loadAs(name)
			var all Errors
			if !errors.As(err, &all) {
				t.Fatalf("error is %T %v, want Errors", err, err)
			}
			if diff := cmp.Diff(want, strings.Split(all.Error(), "\n")); diff != "" {
				t.Errorf("messages (-want +got):\n%s", diff)
			}
			if strings.Contains(all.Error(), "not-to-be-shown") {
				t.Errorf("a message shows a value that may be a key: %s", all)
			}
		})
	}
}

// expected returns the leading comment lines, which name the file and so
// differ from comments of the document.
func expected(t *testing.T, name string) []string {
	t.Helper()
	src, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for line := range strings.Lines(string(src)) {
		text, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "# ")
		if !ok || !strings.Contains(text, ".yaml:") {
			break
		}
		want = append(want, text)
	}
	if len(want) == 0 {
		t.Fatal("the file expects nothing")
	}
	return want
}

// TestGoodCorpus: every file of testdata/good loads, and loads equal after it
// was written out again.
func TestGoodCorpus(t *testing.T) {
	t.Chdir("testdata/good")
	names, err := filepath.Glob("*.y*ml")
	if err != nil || len(names) < 4 {
		t.Fatalf("found %d files, %v", len(names), err)
	}
	for _, name := range append(names, "policies/fragment.yaml") {
		t.Run(name, func(t *testing.T) {
			loaded, err := loadAs(name)
			if err != nil {
				t.Fatal(err)
			}
			if loaded.Config != nil {
				checkRoundTrip(t, name, loaded.Config)
			}
			for _, p := range loaded.Policies {
				checkRoundTrip(t, p.File, p.Doc)
			}
			for _, p := range loaded.Tests {
				checkRoundTrip(t, p.File, p.Doc)
			}
		})
	}
}
