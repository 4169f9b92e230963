package config

import (
	"strings"
	"testing"
	"testing/quick"
)

// Places in expressions are places in the file, however it is written there.
func TestInside(t *testing.T) {
	const src = `apiVersion: outrider.dev/v1
kind: AgentPolicy
metadata: {name: p}
spec:
  rules:
    - {name: double, deny: {}, when: "tool.nam == 'x'"}
    - {name: single, deny: {}, when: 'tool.nam == "x"'}
    - {name: escaped, deny: {}, when: "\"x\" == tool.nam && true"}
    - {name: doubled, deny: {}, when: '''x'' == tool.nam && true'}
    - name: plain
      deny: {}
      when: tool.name == 'é' &&
        tool.nam == 'x'
    - name: literal
      deny: {}
      when: |
        'a' in scopes &&
          tool.nam == 'x'
    - name: folded
      deny: {}
      when: >-
        'a' in scopes &&

        tool.nam == 'x'
    - {name: end, deny: {}, when: tool.name ==   }
`
	loaded, err := Text("p.yaml", src)
	if err != nil {
		t.Fatal(err)
	}
	p := &loaded.Policies[0]
	for i, want := range []string{"6:39", "7:39", "", "", "13:9", "18:11", "24:9"} {
		text := p.Doc.GetSpec().GetRules()[i].GetWhen()
		at := strings.Index(text, "tool.nam ")
		line := strings.Count(text[:at], "\n") + 1
		column := len([]rune(text[strings.LastIndex(text[:at], "\n")+1:at])) + 1
		got, ok := p.Inside(rulePath(i), text, line, column)
		if ok != (want != "") || ok && got.String() != "p.yaml:"+want {
			t.Errorf("%s: %s, want %s", p.Doc.GetSpec().GetRules()[i].GetName(), got, want)
		}
	}
	if got, ok := p.Inside(rulePath(7), "tool.name ==", 1, 13); !ok || got.String() != "p.yaml:25:47" {
		t.Errorf("behind the end: %s", got)
	}
	for _, path := range []string{"spec.rules[9].when", "nowhere"} {
		if got, ok := p.Inside(path, "x", 1, 1); ok {
			t.Errorf("%s: %s", path, got)
		}
	}
}

func rulePath(i int) string { return "spec.rules[" + string(rune('0'+i)) + "].when" }

// Whatever the text and the place, the answer lies in the file or is none.
func TestInsideStaysInside(t *testing.T) {
	check := func(source []string, text string, line, column int8) bool {
		p := &Policy{Lines: map[string]Position{"x": {"f", 1, 1}}, source: source}
		at, ok := p.Inside("x", text, int(line), int(column))
		return !ok || at.Line >= 0 && at.Line <= len(source)
	}
	if err := quick.Check(check, nil); err != nil {
		t.Error(err)
	}
}
