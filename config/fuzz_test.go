package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzLoad: no bytes make the loader panic or hang, each problem says where and
// what, and whatever loads can be written out and loads equal.
func FuzzLoad(f *testing.F) {
	for _, pattern := range []string{"testdata/good/*.y*ml", "testdata/good/policies/*.yaml", "testdata/bad/*.yaml"} {
		names, err := filepath.Glob(pattern)
		if err != nil || len(names) == 0 {
			f.Fatal(pattern, err)
		}
		for _, name := range names {
			src, err := os.ReadFile(name)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(string(src))
		}
	}
	f.Fuzz(func(t *testing.T, src string) {
		if strings.Contains(src, "policies") {
			return // would read files of this machine
		}
		loaded, err := Text("x.yaml", src)
		if err != nil {
			checkErrors(t, err.(Errors)) //nolint:errorlint // the loader returns nothing else
			return
		}
		if loaded.Config != nil {
			checkRoundTrip(t, "x.yaml", loaded.Config)
		}
		for _, p := range loaded.Policies {
			checkRoundTrip(t, "x.yaml", p.Doc)
		}
		for _, one := range loaded.Tests {
			checkRoundTrip(t, "x.yaml", one.Doc)
		}
	})
}

func checkErrors(t *testing.T, all Errors) {
	t.Helper()
	if len(all) == 0 || len(all) > maxProblems+1 {
		t.Fatalf("%d problems", len(all))
	}
	for _, e := range all {
		if e.Problem == "" || e.File != "x.yaml" || e.Line > 0 && e.Column < 1 || strings.ContainsAny(e.Error(), "\n\r") {
			t.Errorf("%+v", e)
		}
	}
}

// FuzzSize: whatever is read is never negative, and only digits and units are.
func FuzzSize(f *testing.F) {
	for _, s := range []string{"1", "64KiB", "10MiB", "1GiB", "9223372036854775807", "1MB", "", "-1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, err := Size(s)
		if err == nil && (n < 0 || strings.Trim(s, "0123456789KMGiB") != "") {
			t.Errorf("Size(%q) = %d", s, n)
		}
	})
}
