package wire

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"

	"outrider.dev/outrider/decision"
)

func TestExplanationProto(t *testing.T) {
	m := ExplanationProto(&decision.Explanation{
		Verdict: &decision.Verdict{
			ID: "exchange-1", Effect: decision.Mutate, Settlement: []byte("handle"),
			Splices: []decision.Splice{{Start: 3, End: 4, With: []byte("s3cr3t")}},
			Headers: []decision.HeaderOp{{Name: "X-Team", Value: decision.Secret("s3cr3t")}},
			Grants:  []decision.Grant{{Credential: decision.Credential{Header: decision.HeaderOp{Name: "Authorization", Value: decision.Secret("s3cr3t")}}}},
		},
		Rules: []decision.RuleOutcome{
			{
				Policy: "p", Version: "v", Cluster: true, Effect: decision.RuleDenies, Rule: "rules[0] r", At: "a:b/p.yaml:7:9", Result: decision.ResultTrue, Note: "Ask.", Decides: true,
				When:   &decision.Condition{Operator: decision.OperatorAll, Result: decision.ResultTrue, Parts: []decision.Condition{{Text: "x", Result: decision.ResultError, Note: "no"}}},
				Values: []decision.ReadValue{{Path: "tool.name", Value: `"x"`}},
			},
			{Rule: "s", At: "p.yaml", Result: decision.ResultError, Note: "missing", Observe: true},
		},
		Limits: []decision.LimitState{{Name: "l", Per: "Agent", Requests: decision.Fill{Used: 3, Of: 3}, Refuses: true}},
		Change: "wait 3 s",
	})
	raw, err := protojson.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.ReplaceAll(string(raw), " ", "")
	for _, want := range []string{
		`"file":"a:b/p.yaml","line":7,"outcome":"true","values":{"tool.name":"\"x\""},"effect":"deny","note":"Ask.","version":"v","cluster":true,"decides":true`,
		`"condition":{"operator":"all","outcome":"true","parts":[{"text":"x","outcome":"error","error":"no"}]}`,
		`{"rule":"s","file":"p.yaml","outcome":"error","error":"missing","observe":true}`,
		`"smallestChange":"wait3s"`,
		`"limits":[{"name":"l","per":"Agent","requests":{"used":"3","of":"3"},"tokens":{},"refuses":true}]`,
		`"name":"X-Team"`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%s lacks %s", text, want)
		}
	}
	for _, secret := range []string{"s3cr3t", "czNjcjN0", "aGFuZGxl", "grants"} {
		if strings.Contains(text, secret) {
			t.Errorf("%s leaves: %s", secret, text)
		}
	}
}

func TestPlace(t *testing.T) {
	for at, want := range map[string]struct {
		file string
		line uint32
	}{
		"":                 {"", 0},
		"p.yaml":           {"p.yaml", 0},
		"p.yaml:3:1":       {"p.yaml", 3},
		"p.yaml:x:1":       {"p.yaml:x:1", 0},
		"c:/p.yaml:12:4":   {"c:/p.yaml", 12},
		"environment:99:1": {"environment", 99},
	} {
		if file, line := place(at); file != want.file || line != want.line {
			t.Errorf("%s: %s, %d", at, file, line)
		}
	}
}
