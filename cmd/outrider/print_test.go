package main

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode"

	"outrider.dev/outrider/audit"
	"outrider.dev/outrider/decision"
)

// request, ruling and outcome are the records of one call, changed a little.
func request(effect string, change ...func(*audit.Record)) audit.Record {
	r := audit.Record{
		ID: "0123456789abcdef", Time: time.Date(2026, 3, 1, 12, 0, 0, 0, time.Local), Phase: audit.PhaseRequest,
		Method: "chat.completions", Model: "m", Effect: effect, Providers: []string{"one"},
	}
	for _, c := range change {
		c(&r)
	}
	return r
}

func ruling(effect string, code decision.Code, found ...audit.Finding) audit.Record {
	return request(effect, func(r *audit.Record) { r.Phase, r.Code, r.Findings = audit.PhaseRuling, code, found })
}

func outcome(end decision.End, u decision.Usage) audit.Record {
	return request("allow", func(r *audit.Record) { r.Phase, r.End, r.Usage = audit.PhaseOutcome, end, u })
}

func TestOneLineForEachCall(t *testing.T) {
	used := decision.Usage{Input: 3, Output: 4}
	email := audit.Finding{Type: "pii.email"}
	for name, tt := range map[string]struct {
		records []audit.Record
		want    string
	}{
		"completed": {
			[]audit.Record{request("allow"), outcome(decision.EndCompleted, used)},
			"allow   chat.completions m  3 in, 4 out tokens",
		},
		"estimated": {
			[]audit.Record{request("allow"), outcome(decision.EndCompleted, decision.Usage{Output: 4, Estimated: true})},
			"allow   chat.completions m  about 0 in, 4 out tokens",
		},
		"by a rule": {
			[]audit.Record{
				request("allow", func(r *audit.Record) {
					r.Method, r.Model, r.Tool, r.Rule = "tools/call", "", "get", "rules[0] reads (p.yaml:3:4)"
				}),
				outcome(decision.EndCompleted, decision.Usage{}),
			},
			"allow   chat.completions m  rules[0] reads",
		},
		"without a decision": {
			[]audit.Record{request("allow", func(r *audit.Record) { r.Phase, r.End = audit.PhaseUnjudged, decision.EndCompleted })},
			"allow   chat.completions m  without a decision",
		},
		"changed": {
			[]audit.Record{request("mutate", func(r *audit.Record) { r.Findings = []audit.Finding{email, email} }), outcome(decision.EndCompleted, used)},
			"mutate  chat.completions m  3 in, 4 out tokens, pii.email",
		},
		"answer changed": {
			[]audit.Record{request("allow"), ruling("mutate", "", email), ruling("allow", ""), outcome(decision.EndCompleted, used)},
			"mutate  chat.completions m  3 in, 4 out tokens, pii.email",
		},
		"answer denied": {
			[]audit.Record{request("allow"), ruling("deny", decision.CodeSecret, audit.Finding{Type: "secret.github"}), outcome(decision.EndDenied, used)},
			"deny    chat.completions m  guard_secret, secret.github",
		},
		"denied": {
			[]audit.Record{request("deny", func(r *audit.Record) { r.Code, r.Rule = decision.CodeDeniedByRule, "rules[1] no (x)" })},
			"deny    chat.completions m  denied_by_rule rules[1] no",
		},
		"asked by a program": {
			[]audit.Record{request("allow", func(r *audit.Record) { r.Providers = nil })},
			"allow   chat.completions m",
		},
		"failed": {
			[]audit.Record{request("allow"), outcome(decision.EndFailed, decision.Usage{})},
			"failed  chat.completions m  no good answer from one",
		},
		"left": {
			[]audit.Record{request("mutate"), outcome(decision.EndDisconnected, used)},
			"left    chat.completions m  the agent went away",
		},
		"forgotten": {
			[]audit.Record{outcome(decision.EndCompleted, used)},
			"allow   chat.completions m  3 in, 4 out tokens",
		},
	} {
		var out bytes.Buffer
		p := newCallPrinter(newScreen(&out), false)
		for _, r := range tt.records {
			p.print(r)
		}
		p.close()
		line := apart(strings.ReplaceAll(strings.TrimSuffix(out.String(), "\n"), "\n", "|"))
		want := apart("12:00:00  " + tt.want + "  01234567")
		if line != want || len(p.open) != 0 {
			t.Errorf("%s: %q, want %q; %d calls open", name, line, want, len(p.open))
		}
	}
}

// apart puts two blanks between columns, whatever their width.
func apart(line string) string {
	for strings.Contains(line, "   ") {
		line = strings.ReplaceAll(line, "   ", "  ")
	}
	return line
}

func TestColumnsAreAligned(t *testing.T) {
	var out bytes.Buffer
	p := newCallPrinter(newScreen(&out), false)
	for _, model := range []string{"", "m", "é", strings.Repeat("long", 100), "a\x1b[2J\r\nallow\u202e"} {
		p.print(request("deny", func(r *audit.Record) { r.Model = model }))
	}
	p.close()
	width := -1
	for line := range strings.Lines(out.String()) {
		runes := []rune(strings.TrimSuffix(line, "\n"))
		if width < 0 {
			width = len(runes)
		}
		if len(runes) != width || string(runes[width-8:]) != "01234567" {
			t.Errorf("%d columns, want %d: %q", len(runes), width, line)
		}
		for _, r := range runes {
			if !unicode.IsPrint(r) {
				t.Errorf("%q reaches the terminal", r)
			}
		}
	}
}

func TestColorsTellEffectsApart(t *testing.T) {
	for end, want := range map[decision.End]string{
		decision.EndCompleted: "\x1b[32mallow ", decision.EndFailed: "\x1b[31mfailed", decision.EndDisconnected: "\x1b[33mleft  ",
	} {
		var out bytes.Buffer
		p := newCallPrinter(newScreen(&out), true)
		p.print(request("allow"))
		p.print(outcome(end, decision.Usage{}))
		p.close()
		if !strings.Contains(out.String(), want+"\x1b[0m") {
			t.Errorf("%s: %q", end, out.String())
		}
	}
}

// TestOpenCallsAreBounded: calls whose end never comes take no memory for ever.
func TestOpenCallsAreBounded(t *testing.T) {
	p := newCallPrinter(newScreen(&bytes.Buffer{}), false)
	defer p.close()
	for i := range 3 * maxOpen {
		p.print(request("allow", func(r *audit.Record) { r.ID = fmt.Sprint(i) }))
	}
	if len(p.open) > maxOpen {
		t.Errorf("%d calls are open", len(p.open))
	}
}
