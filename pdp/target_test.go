package pdp

import (
	"strings"
	"testing"

	"outrider.dev/outrider/audit"
	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/dialect/mcp"
	"outrider.dev/outrider/strictjson"
)

// staged is a policy whose guards only observe, a limit on the first
// provider, and these rules.
func staged(enforcement, rules string) string {
	return `
apiVersion: outrider.dev/v1
kind: AgentPolicy
metadata: {name: staged}
spec:
  agents: {matchLabels: {app: copilot}}
  enforcement: ` + enforcement + `
  traffic:
    rateLimiting: [{match: {provider: first}, per: Agent, limits: [{requestsPerMinute: 2}]}]
  backend:
    llm: {guards: {request: [{type: PII, action: Observe}], response: [{type: Secret, action: Observe}]}}
  rules:
` + rules
}

// The place in the limits of a provider that a finding excludes is given back.
func TestFindingsMoveTheReservation(t *testing.T) {
	e, _ := engine(t, false, staged("Enforce", `    - {name: no-pii, deny: {providers: [first]}, when: "findings.exists(f, f.type == 'pii.email')"}`))
	for range 3 {
		v, x := open(t, e, chat(t, "to ann@example.com"))
		if !v.Allowed() || v.Grants[0].Target.Provider != "second" {
			t.Fatalf("got %+v", v)
		}
		if g, _ := x.Attempt(t.Context(), decision.Attempt{FailedProvider: "second"}); g != nil {
			t.Errorf("failover to %s", g.Target.Provider)
		}
	}
	if v, _ := open(t, e, chat(t, "hi")); !v.Allowed() || v.Grants[0].Target.Provider != "first" {
		t.Errorf("the first provider's limit is used up: %+v", v)
	}
}

// The denial is that of the rule that refused the first target.
func TestNoTargetIsLeft(t *testing.T) {
	e, seen := engine(t, false, staged("Enforce", `    - {name: no-first, deny: {providers: [first]}, message: "Not the first."}
    - {name: no-second, deny: {providers: [second]}, message: "Not the second."}`))
	v, _ := open(t, e, chat(t, "hi"))
	if v.Allowed() || v.Reason.Code != decision.CodeDeniedByRule || v.Reason.Message != "Not the first." || !strings.Contains(v.Reason.Rule, "no-first") || v.Policy != "staged" {
		t.Errorf("got %+v", v)
	}
	if got := seen.of(audit.PhaseRequest); len(got) != 1 || !strings.Contains(got[0].Rule, "no-first") {
		t.Errorf("recorded %+v", got)
	}
	for _, o := range seen.of(audit.PhaseRequest)[0].Explain().Rules {
		if strings.Contains(o.Rule, "no-first") != o.Decides {
			t.Errorf("explained as %+v", o)
		}
	}
}

// Rules about answers are asked about the provider that answers: the one that
// took over anew, and the one that failed where nobody did.
func TestAnswersAreOfTheirProvider(t *testing.T) {
	judge := func(x decision.Exchange) decision.Effect {
		r, err := x.Judge(t.Context(), decision.Part{Deltas: []decision.Delta{{Lane: "c0", Text: "fine"}}})
		if err != nil {
			t.Fatal(err)
		}
		return r.Effect
	}
	e, _ := engine(t, false, staged("Enforce", `    - {name: no-second, deny: {providers: [second], phases: [Result]}}`))
	_, x := open(t, e, chat(t, "hi"))
	if got := judge(x); got != decision.Allow {
		t.Errorf("first: %v", got)
	}
	if g, _ := x.Attempt(t.Context(), decision.Attempt{FailedProvider: "first"}); g == nil {
		t.Fatal("nobody took over")
	}
	if got := judge(x); got != decision.Deny {
		t.Errorf("second: %v", got)
	}

	e, _ = engine(t, false, strings.Replace(staged("Enforce", `    - {name: no-first, deny: {providers: [first], phases: [Result]}}`),
		"provider: first}, per: Agent, limits: [{requestsPerMinute: 2}", "provider: second}, per: Agent, limits: [{requestsPerMinute: 1}", 1))
	for _, granted := range []bool{true, false} {
		_, x := open(t, e, chat(t, "hi"))
		if g, _ := x.Attempt(t.Context(), decision.Attempt{FailedProvider: "first"}); (g != nil) != granted {
			t.Fatalf("got %+v", g)
		}
		if got := judge(x); (got == decision.Allow) != granted {
			t.Errorf("second took over %v: %v", granted, got)
		}
	}
}

// An observing policy changes nothing, and every target is recorded.
func TestTargetsAreObserved(t *testing.T) {
	e, seen := engine(t, false, staged("Observe", `    - {name: no-first, deny: {providers: [first]}}
    - {name: no-second, deny: {providers: [second]}}
    - {name: no-pii, deny: {}, when: "size(findings) > 0"}
    - {name: no-answer, deny: {models: ["*"], phases: [Result]}}`))
	v, x := open(t, e, chat(t, "to ann@example.com"))
	if !v.Allowed() || v.Grants[0].Target.Provider != "first" || !v.Duty.JudgeResponse {
		t.Fatalf("got %+v", v)
	}
	var rules []string
	for _, o := range seen.of(audit.PhaseRequest)[0].Observed {
		rules = append(rules, o.Rule)
	}
	if got := strings.Join(rules, " "); !strings.Contains(got, "no-first") || !strings.Contains(got, "no-second") || !strings.Contains(got, "no-pii") || len(rules) != 3 {
		t.Errorf("observed %q", rules)
	}
	for range 2 {
		r, err := x.Judge(t.Context(), decision.Part{Deltas: []decision.Delta{{Lane: "c0", Text: "fine"}}})
		if err != nil || r.Effect != decision.Allow {
			t.Fatalf("got %+v, %v", r, err)
		}
	}
	rulings := seen.of(audit.PhaseRuling)
	if len(rulings) != 1 || len(rulings[0].Observed) != 1 || !strings.Contains(rulings[0].Observed[0].Rule, "no-answer") {
		t.Errorf("rulings %+v", rulings)
	}
}

// Whoever does not show answers cannot pass where rules are about them, and
// only there.
func TestAnswersNeedAFace(t *testing.T) {
	e, _ := engine(t, false, strings.Replace(staged("Enforce", `    - {name: results, deny: {models: ["gpt-5"], providers: [second], phases: [Result]}, when: "agent.name == 'other'"}`), ", response: [{type: Secret, action: Observe}]", "", 1))
	for model, code := range map[string]decision.Code{"gpt-5": decision.CodeFaceCannotEnforce, "gpt-4": decision.CodeNone} {
		r := chat(t, "hi")
		r.LLM.Model, r.Face = model, decision.Face{Edits: true}
		if v, err := e.Check(t.Context(), r); err != nil || v.Reason.Code != code || v.Allowed() != (code == "") {
			t.Errorf("%s: %+v, %v", model, v, err)
		}
	}
}

// An explanation tells of the rules that wait, and of those about the provider
// that was judged; what it proposes passes all of them.
func TestWaitingRulesAreExplained(t *testing.T) {
	e, _ := engine(t, false, staged("Enforce", `    - {name: no-pii, deny: {providers: [first, second], models: ["gpt-5"]}, when: "findings.exists(f, f.type == 'pii.email')"}
    - {name: some, allow: {models: ["gpt-5", "gpt-6"]}}`))
	got, err := e.Explain(t.Context(), chat(t, "to ann@example.com"))
	if err != nil || got.Verdict.Allowed() || len(got.Rules) == 0 {
		t.Fatalf("got %+v, %v", got, err)
	}
	for _, o := range got.Rules {
		if strings.Contains(o.Rule, "no-pii") && (o.Result != decision.ResultTrue || !o.Decides) {
			t.Errorf("the rule came to %+v", o)
		}
	}
	if got, err = e.Explain(t.Context(), chat(t, "hi")); err != nil || !got.Verdict.Allowed() {
		t.Errorf("got %+v, %v", got, err)
	}
}

// Handshakes, lists and notifications need no rule, whatever a module reads
// beside findings; a finding in one is judged all the same.
func TestFindingsInWhatNeedsNoRule(t *testing.T) {
	e, _ := engine(t, false, staged("Enforce", `    - {name: all, allow: {tools: ["*"]}}
  rego: |
    package outrider
    deny contains "no scope" if not "mcp:read" in input.scopes
    deny contains "no mail" if {
      some f in input.findings
      f.type == "pii.email"
    }
`), guarding("b", "Enforce", "{type: PII, action: Observe}", ""))
	message := func(method, params string) *decision.Request {
		raw := []byte(`{"jsonrpc":"2.0","id":1,"method":"` + method + `","params":` + params + `}`)
		if strings.HasPrefix(method, "notifications/") {
			raw = []byte(strings.Replace(string(raw), `"id":1,`, "", 1))
		}
		m, err := mcp.Read(raw, nil, strictjson.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		r := toolCall(t, "", "github__get_a", "{}")
		r.Method, r.Body, r.Tool = m.Method.Name, decision.Body{Dialect: mcp.Dialect, Raw: raw, Segments: m.Segments}, decision.Tool{}
		return r
	}
	const hello = `{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"a","version":"1"}}`
	for name, tt := range map[string]struct {
		r    *decision.Request
		code decision.Code
	}{
		"handshake":    {message("initialize", hello), decision.CodeNone},
		"list":         {message("tools/list", "{}"), decision.CodeNone},
		"notification": {message("notifications/progress", `{"progressToken":1,"progress":1}`), decision.CodeNone},
		"with mail":    {message("notifications/progress", `{"progressToken":1,"progress":1,"message":"to ann@example.com"}`), decision.CodeDeniedByRule},
		"call":         {toolCall(t, "", "github__get_a", "{}"), decision.CodeDeniedByRule},
	} {
		if v, _ := open(t, e, tt.r); v.Reason.Code != tt.code || v.Allowed() != (tt.code == decision.CodeNone) {
			t.Errorf("%s: %+v", name, v.Reason)
		}
	}
}
