package road

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"outrider.dev/outrider/audit"
	"outrider.dev/outrider/decision"
)

// changing adds a policy that changes calls to the one of all roads.
func changing(s *setup) {
	s.policy += `---
apiVersion: outrider.dev/v1
kind: AgentPolicy
metadata: {name: changes}
spec:
  backend: {llm: {models: {allow: ["grok-*", "failover-*", "script-*"]}}}
  mutations:
    - {name: page-size, match: {tools: ["list_*"]}, when: "!has(tool.args.per_page)", set: {argument: /per_page, value: 50}}
    - {name: cap, match: {tools: ["list_*"]}, clamp: {argument: /per_page, min: 1, max: 100}}
    - {name: never-force, match: {tools: ["post_*"]}, remove: {argument: /force}}
    - {name: signed, match: {tools: ["post_*"]}, set: {argument: /from/agent, expression: agent.name}}
    - {name: aimed, match: {tools: [create_issue]}, when: "tool.args.title == 'aim'", set: {argument: /repo, value: infra/x}}
    - {name: restless, match: {tools: [create_issue]}, when: "tool.args.title == 'count'", set: {argument: /n, expression: "tool.args.n + 1"}}
    - {name: short, match: {models: ["*"]}, clampMaxTokens: 64}
    - {name: cheaper, match: {models: [grok-4-heavy]}, model: grok-4}
    - {name: sturdy, match: {models: [grok-frail]}, model: failover-1}
    - {name: escape, match: {models: [grok-escape]}, model: limited-1}
    - {name: team, match: {}, header: {name: X-Team, value: platform}}
---
apiVersion: outrider.dev/v1
kind: AgentPolicy
metadata: {name: trial}
spec:
  enforcement: Observe
  mutations:
    - {name: tighter, match: {tools: ["list_*"]}, clamp: {argument: /per_page, max: 10}}
`
}

// TestChangedCalls: a server receives exactly what the mutations leave, with
// the headers that mirror it, and every other byte as the agent sent it.
func TestChangedCalls(t *testing.T) {
	for _, tt := range []struct{ name, tool, server, args, arrives string }{
		{"set", "github__list_issues", "github", `{"repo":"acme/web" }`, `{"repo":"acme/web","per_page":50 }`},
		{"clamped", "github__list_issues", "github", `{"per_page": 5e3, "repo":"acme/web","big":18446744073709551617}`, `{"per_page": 100, "repo":"acme/web","big":18446744073709551617}`},
		{"left as it is", "github__list_issues", "github", `{"repo":"acme/web","per_page":7}`, `{"repo":"acme/web","per_page":7}`},
		{
			"removed, set and redacted", "slack__post_message", "slack", `{"force":true,"channel":"ops","text":"mail jane@example.com"}`,
			`{"channel":"ops","text":"mail [EMAIL]","from":{"agent":"road"}}`,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			eachWay(t, func(t *testing.T, r *Road) {
				token := r.token(t, scopeWrite)
				for _, era := range []string{legacy, modern} {
					recorder := r.recorders()[tt.server]
					mark := recorder.Total()
					body, header := inEra(era, "tools/call", fmt.Sprintf(`{"name":%q,"arguments":%s}`, tt.tool, tt.args), tt.tool)
					r.post(t, pathMCP, body, append(header, bearer(token)...)...).wantPassed(t)
					_, own, _ := strings.Cut(tt.tool, "__")
					got := recorder.Since(mark)
					if want := strings.NewReplacer(tt.tool, own, tt.args, tt.arrives).Replace(body); len(got) != 1 || string(got[0].Body) != want {
						t.Fatalf("in %s arrived %q, want %s", era, got, want)
					}
					if h := got[0].Header; h.Get("X-Team") != "platform" || era == modern && h.Get("Mcp-Name") != own {
						t.Errorf("in %s arrived with the headers %v", era, h)
					}
				}
			}, changing)
		})
	}
}

// TestChangedMirrors: headers that repeat arguments follow them.
func TestChangedMirrors(t *testing.T) {
	eachWay(t, func(t *testing.T, r *Road) {
		body, header := inEra(modern, "tools/call", `{"name":"github__list_issues","arguments":{"repo":"acme/web","per_page":500}}`, "github__list_issues")
		header = append(header, "Mcp-Param-Size", "500", "Mcp-Param-Repo", "acme/web")
		r.post(t, pathMCP, body, append(header, bearer(r.token(t, scopeRead))...)...).wantPassed(t)
		got := r.github.Since(0)
		if len(got) != 1 || got[0].Header.Get("Mcp-Param-Size") != "100" || got[0].Header.Get("Mcp-Param-Repo") != "acme/web" {
			t.Errorf("arrived %v", got)
		}
		body, header = inEra(modern, "tools/call", `{"name":"slack__post_message","arguments":{"channel":"ops","text":"hi","force":"yes"}}`, "slack__post_message")
		header = append(header, "Mcp-Param-Force", "yes", "Mcp-Param-Channel", "ops")
		r.post(t, pathMCP, body, append(header, bearer(r.token(t, scopeWrite))...)...).wantPassed(t)
		sent := r.slack.Since(0)
		if len(sent) != 1 || sent[0].Header.Values("Mcp-Param-Force") != nil || sent[0].Header.Get("Mcp-Param-Channel") != "ops" {
			t.Errorf("arrived %v", sent)
		}
	}, changing)
}

// TestChangedCallsAreJudged: nothing arrives of a call that a mutation leads
// into a deny, that it never stops changing, or that it cannot change.
func TestChangedCallsAreJudged(t *testing.T) {
	eachWay(t, func(t *testing.T, r *Road) {
		token := r.token(t, scopeWrite)
		for name, tt := range map[string]struct {
			body string
			code decision.Code
		}{
			"into a deny":      {toolCall("github__create_issue", `{"repo":"acme/web","title":"aim"}`), decision.CodeDeniedByRule},
			"again and again":  {toolCall("github__create_issue", `{"title":"count","n":1}`), decision.CodeEditConflict},
			"no title to read": {toolCall("github__create_issue", `{"repo":"acme/web"}`), decision.CodeRuleError},
			"no number":        {toolCall("github__list_issues", `{"per_page":"all"}`), decision.CodeRuleError},
			"another spelling": {toolCall("github__list_issues", `{"Per_Page":5}`), decision.CodeEditConflict},
		} {
			t.Run(name, func(t *testing.T) {
				r.post(t, pathMCP, tt.body, bearer(token)...).wantRefused(t, tt.code)
			})
		}
		r.post(t, pathChat, chat("grok-escape", "hi")).wantRefused(t, decision.CodeModelNotAllowed)
		r.wantArrivals(t, 0)
	}, changing)
}

// TestChangedChats: providers receive the model, the bound and the header that
// the mutations say; failover goes on from there.
func TestChangedChats(t *testing.T) {
	eachWay(t, func(t *testing.T, r *Road) {
		for _, tt := range []struct{ sent, arrives string }{
			{chat("grok-4", "hi"), chat("grok-4", "hi", `,"max_tokens":64`)},
			{chat("grok-4", "mail jane@example.com", `,"max_tokens":5000,"top_p":1.0`), chat("grok-4", "mail [EMAIL]", `,"max_tokens":64,"top_p":1.0`)},
			{chat("grok-4-heavy", "hi", `,"max_completion_tokens":5000`), chat("grok-4", "hi", `,"max_completion_tokens":64`)},
			{chat("grok-4-heavy", "hi", `,"max_tokens":5`), chat("grok-4", "hi", `,"max_tokens":5`)},
		} {
			mark := r.main.Total()
			r.post(t, pathChat, tt.sent).wantPassed(t)
			got := r.main.Since(mark)
			if len(got) != 1 || string(got[0].Body) != tt.arrives {
				t.Fatalf("arrived %q, want %s", got, tt.arrives)
			}
			if got[0].Header.Get("X-Team") != "platform" {
				t.Errorf("arrived with the headers %v", got[0].Header)
			}
		}
		r.main.FailNext(1, http.StatusServiceUnavailable)
		r.post(t, pathChat, chat("grok-frail", "mail jane@example.com")).wantPassed(t)
		got := r.spare.Since(0)
		if want := chat(spareModel, "mail [EMAIL]", `,"max_tokens":64`); len(got) != 1 || string(got[0].Body) != want || got[0].Header.Get("X-Team") != "platform" {
			t.Errorf("arrived at the spare %q, want %s", got, want)
		}
	}, changing)
}

// TestChangesAreRecorded: with the mutations and their places, and without the
// values.
func TestChangesAreRecorded(t *testing.T) {
	eachWay(t, func(t *testing.T, r *Road) {
		a := r.post(t, pathMCP, toolCall("github__list_issues", `{"repo":"acme/secret-name"}`), bearer(r.token(t, scopeRead))...)
		a.wantPassed(t)
		rec := phaseOf(r.records(t, a.id(t), audit.PhaseRequest), audit.PhaseRequest)
		if rec.Effect != decision.Mutate.String() || len(rec.Edits) != 2 || rec.Edits[0].What != "argument /per_page" ||
			!strings.HasPrefix(rec.Edits[0].Rule, "mutations[0] page-size (road:") || rec.Edits[1].What != "header x-team" {
			t.Errorf("recorded %+v", rec)
		}
		if strings.Contains(r.recordFiles(t), "secret-name") {
			t.Error("the record holds an argument")
		}
	}, changing)
}

// TestObservedChanges: a policy that observes changes nothing, and the record
// says what it would have changed of the call as it came.
func TestObservedChanges(t *testing.T) {
	eachWay(t, func(t *testing.T, r *Road) {
		a := r.post(t, pathMCP, toolCall("github__list_issues", `{"repo":"acme/web","per_page":20}`), bearer(r.token(t, scopeRead))...)
		a.wantPassed(t)
		if got := r.github.Since(0); len(got) != 1 || !strings.Contains(string(got[0].Body), `"per_page":20`) {
			t.Errorf("arrived %q", got)
		}
		rec := phaseOf(r.records(t, a.id(t), audit.PhaseRequest), audit.PhaseRequest)
		if len(rec.Observed) != 1 || rec.Observed[0].Policy != "trial" || rec.Observed[0].Change != "argument /per_page" {
			t.Errorf("observed %+v", rec.Observed)
		}
	}, changing)
}
