package authz

import (
	"strings"
	"testing"

	"outrider.dev/outrider/authz/input"
	"outrider.dev/outrider/decision"
)

// A policy that lacks what it cannot judge without refuses every call, whatever
// the rest of it allows; one that only observes says that it would.
func TestUnready(t *testing.T) {
	spec := "spec: {regoModules: {bundle: {url: \"https://x.example/b\"}}, rules: [{name: all, allow: {}}], rego: \"package outrider\\nallow if data.missing.x\"}"
	call := func() *input.Call {
		return input.New(&decision.Request{Surface: decision.MCP, Method: "tools/call", Tool: decision.Tool{Name: "x"}, Caller: decision.Caller{Agent: "a"}}, nil)
	}
	doc := parse(t, "metadata: {name: p}\n"+spec)
	set := load(t, Source{Doc: doc, Unready: "its bundle is away"})
	sel := set.Select(&decision.Caller{Agent: "a"})
	if p := sel.Unready(); p == nil || p.Name != "p" {
		t.Errorf("got %v", p)
	}
	out := sel.Judge(call())
	if out.Allow || out.Reason.Message != "its bundle is away" || !strings.Contains(out.Rule, "regoModules.bundle") || !out.Reason.Hidden {
		t.Errorf("got %+v", out)
	}
	if shown := sel.Visible(call(), []decision.Tool{{Name: "x"}, {Name: "y"}}); shown[0] || shown[1] {
		t.Errorf("shown %v", shown)
	}
	if e := sel.Explain(call(), call()); e.Code != decision.CodeDeniedByRule {
		t.Errorf("explained as %+v", e)
	}
	if w := set.Warnings(); len(w) != 1 || w[0].Problem != "its bundle is away" {
		t.Errorf("warnings %v", w)
	}

	observing := parse(t, "metadata: {name: o}\nspec: {enforcement: Observe, regoModules: {bundle: {url: \"https://x.example/b\"}}}")
	passing := parse(t, "metadata: {name: q}\nspec: {rules: [{name: all, allow: {}}]}")
	sel = load(t, Source{Doc: observing, Unready: "its bundle is away"}, Source{Doc: passing}).Select(&decision.Caller{Agent: "a"})
	if sel.Unready() != nil || !sel.Judge(call()).Allow {
		t.Error("a policy that observes refuses")
	}
	if seen := sel.Observe(call()); len(seen) != 1 || seen[0].Reason.Message != "its bundle is away" {
		t.Errorf("observed %+v", seen)
	}
}

// A deny of either language is final, and an allow of either is enough, however
// the two are mixed.
func TestBothLanguages(t *testing.T) {
	for _, tc := range []struct {
		celAllow, celDeny, regoAllow, regoDeny string
		want                                   decision.Code
	}{
		{"true", "", "", "", ""},
		{"", "", "true", "", ""},
		{"false", "", "true", "", ""},
		{"true", "", "false", "", ""},
		{"false", "", "false", "", decision.CodeNotAllowed},
		{"", "", "", "", decision.CodeNotAllowed},
		{"true", "true", "true", "", decision.CodeDeniedByRule},
		{"true", "", "true", "true", decision.CodeDeniedByRule},
		{"true", "true", "true", "true", decision.CodeDeniedByRule},
		{"true", "claims.x == 1", "true", "false", decision.CodeRuleError},
		{"true", "false", "true", "to_number(input.tool.name) > 1", decision.CodeRuleError},
		{"true", "claims.x == 1", "true", "true", decision.CodeDeniedByRule},
		{"true", "true", "true", "to_number(input.tool.name) > 1", decision.CodeDeniedByRule},
	} {
		spec := "metadata: {name: p}\nspec:\n  backend:\n    mcp:\n"
		if tc.celAllow != "" {
			spec += "      authorization: {policy: {matchExpressions: [\"tool.name != '' && " + tc.celAllow + "\"]}}\n"
		}
		deny := tc.celDeny
		if deny == "" {
			deny = "false"
		}
		spec += "      denyPolicy: {matchExpressions: [\"tool.name != '' && " + deny + "\"]}\n"
		module := "package outrider\n"
		for rule, when := range map[string]string{"allow": tc.regoAllow, `deny contains "no"`: tc.regoDeny} {
			if when == "" {
				when = "false"
			}
			module += rule + " if {\n\tinput.tool.name\n\t" + when + "\n}\n"
		}
		doc := parse(t, spec)
		doc.Spec.Rego = module
		sel := load(t, Source{Doc: doc}).Select(&decision.Caller{Agent: "a"})
		r := &decision.Request{Surface: decision.MCP, Method: "tools/call", Tool: decision.Tool{Name: "x"}, Caller: decision.Caller{Agent: "a"}}
		if out := sel.Judge(input.New(r, nil)); out.Reason.Code != tc.want || out.Allow != (tc.want == "") {
			t.Errorf("%+v: got %+v", tc, out)
		}
	}
}
