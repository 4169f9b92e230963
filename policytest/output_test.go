package policytest

import (
	"encoding/xml"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const mixedYAML = headYAML + principalsYAML + `  cases:
    - {name: passes, call: {tool: mail}, expect: {effect: Allow}}
    - {name: it's off, principal: reader, call: {tool: put_x}, expect: {effect: Allow, rule: leads}}
    - {name: a line, chat: {model: gpt-5, prompt: "a\nb"}, expect: {text: b}}
`

func TestText(t *testing.T) {
	r := report(t, policyYAML, mixedYAML, Options{Coverage: true, Pattern: pattern("suite/")})
	r.Took = 12345 * time.Microsecond
	var out strings.Builder
	r.Text(&out, false)
	want := `FAIL  suite  2 of 3 cases failed       tests.yaml

      it's off  tests.yaml:16:7
        effect   want Allow
                 got  Deny
        rule     want leads
                 got  nothing
        because  not_allowed: no rule allows tool put_x for scopes [read]
        policy   main
        scopes   would pass with write
        again    outrider test tests.yaml --run '^suite/it'\''s off$'

      a line  tests.yaml:17:7
        text    want b
                got  a\nb
        policy  main
        again   outrider test tests.yaml --run '^suite/a line$'

rules 2 of 9 held for a case (22 %)
      never  backend.mcp.authorization[0]  policy.yaml:12:51
      never  backend.mcp.authorization[1]  policy.yaml:12:120
      never  backend.mcp.denyPolicy[0]     policy.yaml:13:39
      never  backend.mcp.denyPolicy[1]     policy.yaml:13:71
      never  rules[0] leads                policy.yaml:19:7
      never  rules[1] on-ice               policy.yaml:20:7
      never  rego                          policy.yaml:23:5

3 cases in 1 document: 1 passed, 2 failed (12ms)
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	out.Reset()
	r.Text(&out, true)
	if colored := out.String(); !strings.Contains(colored, "\x1b[31mFAIL\x1b[0m") || stripColor(colored) != want {
		t.Errorf("colour changes the words:\n%s", colored)
	}
}

func stripColor(s string) string { return regexp.MustCompile("\x1b\\[[0-9]*m").ReplaceAllString(s, "") }

func TestTextOfPasses(t *testing.T) {
	first := headYAML + "  cases: [{name: c, call: {tool: mail}, expect: {effect: Allow}}]\n"
	longer := strings.Replace(first, "{name: suite}", "{name: longer-name}", 1)
	r := report(t, policyYAML, first+"---\n"+longer, Options{})
	r.Took = 0
	var out strings.Builder
	r.Text(&out, false)
	want := `ok    suite        1 case                    tests.yaml
ok    longer-name  1 case                    tests.yaml

2 cases in 2 documents: 2 passed, 0 failed (0s)
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// TestJUnit: what was written reads as XML and says the same as the report.
func TestJUnit(t *testing.T) {
	r := report(t, policyYAML, mixedYAML, Options{})
	var out strings.Builder
	if err := r.JUnit(&out); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(out.String(), "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites tests=\"3\" failures=\"2\" time=\"") {
		t.Errorf("begins with %.100s", out.String())
	}
	var doc junitSuites
	if err := xml.Unmarshal([]byte(out.String()), &doc); err != nil {
		t.Fatal(err)
	}
	suite := doc.Suites[0]
	if suite.Name != "suite" || suite.File != "tests.yaml" || suite.Tests != 3 || suite.Failures != 2 || len(suite.Cases) != 3 {
		t.Errorf("got %+v", suite)
	}
	if one := suite.Cases[0]; one.Name != "passes" || one.Suite != "suite" || one.Line != 15 || one.Failure != nil {
		t.Errorf("got %+v", one)
	}
	failure := suite.Cases[1].Failure
	if failure == nil || failure.Message != "effect: want Allow, got Deny" || !strings.Contains(failure.Text, "\nnot_allowed: no rule allows tool put_x") {
		t.Errorf("got %+v", failure)
	}
}

// FuzzShellWord: a shell reads the word as it was.
func FuzzShellWord(f *testing.F) {
	for _, s := range []string{"", "plain/path-1.yaml", "it's", "a b", "$HOME", "`x`", "^a\\.b$", "\"", "*", "é", "-n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if strings.ContainsRune(s, 0) {
			return // no argument can hold it
		}
		out, err := exec.Command("sh", "-c", "printf %s "+shellWord(s)).Output()
		if err != nil || string(out) != s {
			t.Errorf("%q became %q, %v", s, out, err)
		}
	})
}

// FuzzQuoteMeta: the pattern of a name matches it and nothing else.
func FuzzQuoteMeta(f *testing.F) {
	f.Add("suite/a (b) [c] {2} a.b|c+d*e?f^g$h\\i", "suite/a")
	f.Fuzz(func(t *testing.T, name, other string) {
		p, err := regexp.Compile("^" + quoteMeta(name) + "$")
		if err != nil {
			if strings.ToValidUTF8(name, "") == name {
				t.Errorf("%q: %v", name, err)
			}
			return
		}
		if !p.MatchString(name) || other != name && strings.ToValidUTF8(other, "") == other && p.MatchString(other) {
			t.Errorf("%q as a pattern, against %q", name, other)
		}
	})
}
