package pdp

import (
	"slices"
	"strings"
	"testing"

	"outrider.dev/outrider/audit"
	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/dialect/mcp"
	"outrider.dev/outrider/dialect/openai"
)

// proxy is the face of one that forwards by itself and changes headers alone.
func proxy() decision.Face { return decision.Face{Headers: true, Forwards: true} }

const plainRules = `
apiVersion: outrider.dev/v1
kind: AgentPolicy
metadata: {name: plain}
spec:
  agents: {matchLabels: {app: copilot}}
  traffic:
    jwtAuthentication:
      surfaces: [MCP, LLM]
      mode: Optional
      providers: [{issuer: "` + issuerURL + `", audiences: ["api"], jwks: {remote: {url: "` + issuerURL + `/keys"}}}]
    rateLimiting: [{match: {provider: first}, per: Agent, limits: [{requestsPerMinute: 5}]}]
  rules:
    - {name: anything, allow: {tools: ["*"]}}
`

// TestTargetOfTheAsker: a call that goes its own way is granted for that way
// or not at all.
func TestTargetOfTheAsker(t *testing.T) {
	byProvider := strings.Replace(plainRules, "  rules:\n", `  rules:
    - {name: no-second, deny: {providers: [second]}}
`, 1)
	for _, c := range []struct {
		name, policy, target string
		face                 decision.Face
		want                 decision.Code
		provider             string
	}{
		{"none", plainRules, "", proxy(), "", "first"},
		{"the first", plainRules, "first", proxy(), "", "first"},
		{"one further on, as another model", plainRules, "second", proxy(), decision.CodeFaceCannotEnforce, ""},
		{"the same, where bodies can be changed", plainRules, "second", decision.FullFace(), "", "second"},
		{"one that the rules refuse", byProvider, "second", decision.FullFace(), decision.CodeDeniedByRule, ""},
		{"one that they admit", byProvider, "first", decision.FullFace(), "", "first"},
		{"one that nobody knows", plainRules, "third", decision.FullFace(), decision.CodeFaceCannotEnforce, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			e, _ := engine(t, false, c.policy)
			r := chat(t, "hi")
			r.Target, r.Face = c.target, c.face
			v, x := open(t, e, r)
			if v.Reason.Code != c.want || v.Allowed() != (c.want == "") {
				t.Fatalf("got %+v", v)
			}
			if !v.Allowed() {
				return
			}
			if v.Grants[0].Target.Provider != c.provider {
				t.Errorf("granted for %s", v.Grants[0].Target.Provider)
			}
			if g, _ := x.Attempt(t.Context(), decision.Attempt{FailedProvider: c.provider}); c.target != "" && g != nil {
				t.Errorf("failover to %s", g.Target.Provider)
			}
		})
	}
}

func TestServerOfTheAsker(t *testing.T) {
	e, _ := engine(t, false, plainRules)
	for name, code := range map[string]decision.Code{"github__list_issues": "", "slack__list_channels": decision.CodeToolUnknown} {
		r := toolCall(t, "reader", name, `{}`)
		r.Target = "github"
		if v, _ := open(t, e, r); v.Reason.Code != code {
			t.Errorf("%s: %+v", name, v)
		}
	}
	r := &decision.Request{ExchangeID: decision.NewID(), Surface: decision.MCP, Method: mcp.MethodInitialize, Caller: copilot("reader"), Target: "github", Face: proxy()}
	if v, _ := open(t, e, r); len(v.Grants) != 1 || v.Grants[0].Target.Provider != "github" {
		t.Errorf("granted %+v", v)
	}
	r.Target = "elsewhere"
	if v, _ := open(t, e, r); v.Reason.Code != decision.CodeServerUnknown {
		t.Errorf("got %+v", v)
	}
}

// TestFacesThatForward: what policies demand of answers is demanded of whoever
// sends the call on.
func TestFacesThatForward(t *testing.T) {
	list := func() *decision.Request {
		return &decision.Request{Surface: decision.MCP, Method: mcp.MethodToolsList, Caller: copilot("reader")}
	}
	models := func() *decision.Request {
		return &decision.Request{Surface: decision.LLM, Method: openai.OperationModels, Caller: copilot("")}
	}
	observing := strings.Replace(plainRules, "spec:\n", "spec:\n  enforcement: Observe\n", 1)
	tagging := mutating("tags", `    - {name: m, match: {}, header: {name: X-Team, value: a}}`)
	for _, c := range []struct {
		name, policy string
		r            *decision.Request
		face         decision.Face
		want         decision.Code
	}{
		{"a list, by a proxy", plainRules, list(), proxy(), decision.CodeFaceCannotEnforce},
		{"a list, by a program", plainRules, list(), decision.Face{}, ""},
		{"a list, by one that shows it", plainRules, list(), decision.Face{Forwards: true, Responses: true}, ""},
		{"a list that nobody filters", observing, list(), proxy(), ""},
		{"models, by a proxy", plainRules, models(), proxy(), decision.CodeFaceCannotEnforce},
		{"an answer that guards read", rulesYAML, toolCall(t, "reader", "github__list_issues", `{}`), proxy(), decision.CodeFaceCannotEnforce},
		{"a text that guards change", rulesYAML, toolCall(t, "reader", "github__list_issues", `{"to":"ann@example.com"}`), proxy(), decision.CodeFaceCannotEnforce},
		{"an answer that guards observe", staged("Enforce", `    - {name: readers, allow: {tools: ["*"]}}`), chat(t, "hi"), proxy(), ""},
		{"a header, by a proxy", tagging, chat(t, "hi"), proxy(), ""},
		{"a header, by a program", tagging, chat(t, "hi"), decision.Face{}, decision.CodeFaceCannotEnforce},
	} {
		t.Run(c.name, func(t *testing.T) {
			e, _ := engine(t, false, c.policy)
			c.r.Face = c.face
			v, err := e.Check(t.Context(), c.r)
			if err != nil || v.Reason.Code != c.want || v.Allowed() != (c.want == "") {
				t.Fatalf("got %+v, %v", v, err)
			}
		})
	}
}

// TestObservedAnswersRefuseNothing: what an observing policy would say of an
// answer is no demand.
func TestObservedAnswersRefuseNothing(t *testing.T) {
	rule := `    - {name: no-leak, deny: {providers: [first]}, when: "findings.exists(f, f.phase == 'result')"}`
	e, _ := engine(t, false, plainRules, strings.Replace(staged("Observe", rule), "name: staged", "name: watcher", 1))
	r := chat(t, "hi")
	r.Face = proxy()
	if v, _ := open(t, e, r); !v.Allowed() || v.Duty.JudgeResponse {
		t.Errorf("got %+v", v)
	}
	r = chat(t, "hi")
	r.Face = decision.FullFace()
	if v, _ := open(t, e, r); !v.Allowed() || !v.Duty.JudgeResponse {
		t.Errorf("got %+v", v)
	}
}

// TestProxiesHearOfWhom: the subject and the limits go to a face that forwards,
// and to nobody else.
func TestProxiesHearOfWhom(t *testing.T) {
	e, seen := engine(t, false, plainRules)
	r := toolCall(t, "reader", "github__list_issues", `{}`)
	r.Face = proxy()
	if v, _ := open(t, e, r); v.Subject != "reader" || len(v.Limits) != 0 {
		t.Errorf("got %+v", v)
	}
	r = chat(t, "hi")
	r.Face = proxy()
	v, x := open(t, e, r)
	used := decision.Fill{Used: 1, Of: 5}
	if len(v.Limits) != 1 || v.Limits[0].Requests != used || v.Limits[0].Refuses {
		t.Errorf("limits %+v", v.Limits)
	}
	if err := x.Settle(t.Context(), decision.Outcome{End: decision.EndUnseen}); err != nil {
		t.Fatal(err)
	}
	if got := seen.of(audit.PhaseOutcome); len(got) != 1 || got[0].End != decision.EndUnseen {
		t.Errorf("recorded %+v", got)
	}
	r = toolCall(t, "late", "github__list_issues", `{}`)
	r.Face = proxy()
	if v, _ := open(t, e, r); v.Subject != "" || v.Allowed() {
		t.Errorf("got %+v", v)
	}
	r = chat(t, "hi")
	if v, _ := open(t, e, r); v.Subject != "" || slices.Clone(v.Limits) != nil {
		t.Errorf("got %+v", v)
	}
}
