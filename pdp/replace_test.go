package pdp

import (
	"strings"
	"sync"
	"testing"

	"outrider.dev/outrider/audit"
	"outrider.dev/outrider/decision"
)

// everything is a policy with rules of all times: before the guards, after
// them, and about answers; in both languages, with mutations.
func everything(name, enforcement, site string) string {
	return `
apiVersion: outrider.dev/v1
kind: AgentPolicy
metadata: {name: ` + name + `}
spec:
  agents: {matchLabels: {app: copilot}}
  enforcement: ` + enforcement + `
  traffic:
    rateLimiting: [{match: {provider: first}, per: Agent, limits: [{requestsPerMinute: 1000000}]}]
  backend:
    mcp: {guards: {request: [{type: PII, action: Tokenize}], response: [{type: Secret, action: Redact}]}}
    llm: {guards: {request: [{type: PII, action: Tokenize}], response: [{type: Secret, action: Redact}]}}
  mutations:
    - {name: site, match: {tools: ["*"]}, set: {argument: /site, value: ` + site + `}}
    - {name: few, match: {models: ["*"]}, clampMaxTokens: 100}
    - {name: team, match: {}, header: {name: X-Site, value: ` + site + `}}
  rules:
    - {name: all, allow: {tools: ["*"]}}
    - {name: no-mail, deny: {tools: ["send_*"]}, when: "findings.exists(f, f.type == 'pii.email') && tool.args.to != ''", message: "No mail."}
    - {name: not-first, deny: {providers: [first]}, when: "findings.exists(f, f.type == 'pii.email')"}
    - {name: results, deny: {models: ["*"], phases: [Result]}, when: "findings.exists(f, f.type.startsWith('secret.') && f.phase == 'Result')"}
  rego: |
    package outrider
    deny contains "not there" if input.tool.args.site == "nowhere"
    visible if input.tool.name
`
}

// TestReplaceUnderLoad: calls of all kinds go on while the configuration
// changes under them, and each is decided by one version: the header and the
// argument of a call come from the same policies. Explanations are made by
// somebody else at the same time.
func TestReplaceUnderLoad(t *testing.T) {
	e, seen := engine(t, false, everything("enforced", "Enforce", "here"), everything("tried", "Observe", "nowhere"))
	other, _ := engine(t, false, everything("enforced", "Enforce", "there"), everything("tried", "Observe", "nowhere"))
	configs := []Config{e.state.Load().Config, other.state.Load().Config}
	configs[1].Recorder = seen
	const rounds = 40
	var work sync.WaitGroup
	work.Go(func() {
		for k := range 2 * rounds {
			if err := e.Replace(configs[k%2]); err != nil {
				t.Error(err)
			}
		}
	})
	secret := fakeToken()
	for range 4 {
		work.Go(func() {
			for range rounds {
				r := toolCall(t, "", "github__get_a", `{"to":"ann@example.com"}`)
				if v, x := open(t, e, r); !v.Allowed() || len(v.Headers) != 1 ||
					!strings.Contains(forwarded(r, v), `"site":"`+string(v.Headers[0].Value)+`"`) || strings.Contains(forwarded(r, v), "ann@") {
					t.Errorf("%+v sends %s", v, forwarded(r, v))
				} else {
					_, _ = x.Judge(t.Context(), decision.Part{Tools: []decision.Tool{{Server: "github", Name: "get_a"}, {Server: "github", Name: "send_a"}}})
					_ = x.Settle(t.Context(), decision.Outcome{End: decision.EndCompleted})
				}
				if v, _ := open(t, e, toolCall(t, "", "github__send_a", `{"to":"ann@example.com"}`)); v.Reason.Code != decision.CodeDeniedByRule {
					t.Errorf("got %+v", v)
				}
				v, x := open(t, e, chat(t, "to ann@example.com"))
				if !v.Allowed() || v.Grants[0].Target.Provider != "second" {
					t.Errorf("got %+v", v)
					continue
				}
				denied := false
				for k := 0; k < len(secret); k += 7 {
					r, err := x.Judge(t.Context(), decision.Part{Deltas: []decision.Delta{{Lane: "c0", Text: secret[k:min(k+7, len(secret))], Last: k+7 >= len(secret)}}})
					denied = denied || err != nil || r.Effect == decision.Deny
				}
				if !denied {
					t.Error("the rule about answers was not asked")
				}
				_ = x.Settle(t.Context(), decision.Outcome{End: decision.EndDenied})
				if got, err := e.Explain(t.Context(), toolCall(t, "", "github__send_a", `{"to":"ann@example.com"}`)); err != nil || got.Verdict.Allowed() {
					t.Errorf("got %+v, %v", got, err)
				}
			}
		})
	}
	work.Go(func() {
		for range rounds {
			for _, rec := range seen.of(audit.PhaseRequest) {
				if rec.Explain != nil {
					rec.Explain()
					break
				}
			}
		}
	})
	work.Wait()
	if n := len(e.pending); n != 0 {
		t.Errorf("%d exchanges are open", n)
	}
}
