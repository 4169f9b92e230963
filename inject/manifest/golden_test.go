package manifest

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"outrider.dev/outrider/config"
	"outrider.dev/outrider/inject"
)

var update = flag.Bool("update", false, "write testdata/*/out.yaml and report.txt anew; read the diff")

func newInjector(t testing.TB) *inject.Injector {
	t.Helper()
	cfg, err := config.LoadInjection("")
	if err != nil {
		t.Fatal(err)
	}
	i, err := inject.New(inject.SettingsOf(cfg, inject.Native))
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func cases(t testing.TB) map[string][]byte {
	t.Helper()
	names, err := filepath.Glob("testdata/*/in.yaml")
	if err != nil || len(names) < 10 {
		t.Fatalf("found %d cases, %v", len(names), err)
	}
	out := map[string][]byte{}
	for _, name := range names {
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		out[filepath.Dir(name)] = raw
	}
	return out
}

func told(reports []inject.Report) string {
	var b strings.Builder
	for _, r := range reports {
		fmt.Fprintf(&b, "%s %s/%s: %s", r.Kind, r.Namespace, r.Name, r.Outcome)
		if r.Outcome == inject.Skipped {
			fmt.Fprintf(&b, " (%s): %s\n", r.Reason, r.Detail)
			continue
		}
		fmt.Fprintf(&b, " as %s (%s)\n", r.Agent, r.From)
		for _, n := range r.Notes {
			mark := " "
			if n.Warning {
				mark = "!"
			}
			fmt.Fprintf(&b, " %s %s: %s\n", mark, n.Container, n.Text)
		}
	}
	return b.String()
}

func TestGolden(t *testing.T) {
	i := newInjector(t)
	for dir, raw := range cases(t) {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			out, reports, err := Inject(raw, i)
			if err != nil {
				t.Fatal(err)
			}
			for name, got := range map[string]string{"out.yaml": string(out), "report.txt": told(reports)} {
				file := filepath.Join(dir, name)
				if *update {
					if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
						t.Fatal(err)
					}
				}
				want, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(string(want), got); diff != "" {
					t.Errorf("%s (-want +got):\n%s", name, diff)
				}
			}
			if strings.Contains(told(reports), "not-to-be-shown") || strings.Contains(told(reports), "hunter2") {
				t.Error("the report shows a value of the environment")
			}
		})
	}
}
