package road

import (
	"net/http"
	"strings"
	"testing"

	"outrider.dev/outrider/audit"
	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/demo/llm"
)

// rules adds named rules to the policy, one to a line.
func rules(list ...string) func(*setup) {
	return func(s *setup) {
		for _, r := range list {
			s.policy += "    - " + r + "\n"
		}
	}
}

// onlyObserve lets guards of LLM calls find but neither change nor block.
func onlyObserve(s *setup) {
	from, to, _ := strings.Cut(s.policy, "    llm:\n")
	llm, rest, _ := strings.Cut(to, "  rules:\n")
	llm = strings.NewReplacer("action: Redact", "action: Observe", "action: Block", "action: Observe").Replace(llm)
	s.policy = from + "    llm:\n" + llm + "  rules:\n" + rest
}

// TestFailoverNeverReachesARefusedProvider lets the first provider fail where
// policy refuses the second.
func TestFailoverNeverReachesARefusedProvider(t *testing.T) {
	eachWay(t, func(t *testing.T, r *Road) {
		for _, failure := range []llm.Failure{llm.Drop, http.StatusServiceUnavailable, http.StatusTooManyRequests} {
			r.main.FailNext(1, failure)
			a := r.post(t, pathChat, chat("failover-1", "hi"))
			if a.status < 400 {
				t.Errorf("%d: the agent saw %d %s", failure, a.status, a.body)
			}
		}
		if n := r.spare.Total(); n != 0 {
			t.Errorf("%d requests arrived at the refused provider", n)
		}
		r.post(t, pathChat, chat("failover-1", "hi")).wantPassed(t)
		r.wantArrivals(t, 4)
	}, rules(`{name: no-spare, deny: {providers: ["spa*"]}}`))
}

// TestRefusedProviderIsPassedOver takes the next target of the route for the
// first, and refuses the call when none is left.
func TestRefusedProviderIsPassedOver(t *testing.T) {
	eachWay(t, func(t *testing.T, r *Road) {
		r.post(t, pathChat, chat("failover-1", "hi")).wantPassed(t)
		if r.main.Total() != 0 || r.spare.Total() != 1 {
			t.Errorf("%d requests arrived at the refused provider, %d at the other", r.main.Total(), r.spare.Total())
		}
		a := r.post(t, pathChat, chat("grok-4", "hi"))
		if got := a.wantRefused(t, decision.CodeDeniedByRule); !strings.Contains(got.Message, "Not there.") {
			t.Errorf("refused with %q", got.Message)
		}
		if got := phaseOf(r.records(t, a.id(t), audit.PhaseRequest), audit.PhaseRequest); got == nil || !strings.Contains(got.Rule, "no-main") {
			t.Errorf("recorded %+v", got)
		}
		r.post(t, pathChat, chat("unrouted-1", "hi")).wantRefused(t, decision.CodeNoRoute)
		r.wantArrivals(t, 1)
	}, rules(`{name: no-main, deny: {}, when: "llm.provider == 'main'", message: "Not there."}`))
}

// TestFindingsChooseTheProvider keeps personal data from one provider.
func TestFindingsChooseTheProvider(t *testing.T) {
	eachWay(t, func(t *testing.T, r *Road) {
		r.post(t, pathChat, chat("failover-1", "hi")).wantPassed(t)
		if r.main.Total() != 1 {
			t.Error("a clean prompt goes to the first provider")
		}
		r.post(t, pathChat, chat("failover-1", "to jane@example.com")).wantPassed(t)
		if r.main.Total() != 1 || r.spare.Total() != 1 {
			t.Errorf("%d requests arrived at the first provider, %d at the other", r.main.Total(), r.spare.Total())
		}
		r.post(t, pathChat, chat("grok-4", "to jane@example.com")).wantRefused(t, decision.CodeDeniedByRule)
		r.wantArrivals(t, 2)
	}, onlyObserve, rules(`{name: no-pii, deny: {providers: [main]}, when: "findings.exists(f, f.type.startsWith('pii.') && f.origin == 'user')"}`))
}

// TestResultsAreRefused lets calls pass and refuses what comes back.
func TestResultsAreRefused(t *testing.T) {
	result := func(text string) http.HandlerFunc {
		return says("application/json", `{"jsonrpc":"2.0","id":7,"result":{"content":[{"type":"text","text":"`+text+`"}]}}`)
	}
	eachWay(t, func(t *testing.T, r *Road) {
		token := bearer(r.token(t, scopeRead))
		for _, tt := range []struct {
			tool, text string
			code       decision.Code
		}{
			{"get_thing", "fine", decision.CodeNone},
			{"get_thing", "to jane@example.com", decision.CodeDeniedByRule},
			{"list_things", "to jane@example.com", decision.CodeNone},
			{"list_secrets", "fine", decision.CodeDeniedByRule},
		} {
			r.script.play(result(tt.text))
			a := r.post(t, pathMCP+"/script", oddCall(tt.tool), token...)
			if tt.code == decision.CodeNone {
				a.wantPassed(t)
				continue
			}
			a.wantRefused(t, tt.code)
			ruling := phaseOf(r.records(t, a.id(t), audit.PhaseOutcome), audit.PhaseRuling)
			if ruling == nil || ruling.Code != tt.code || ruling.Policy != "road" || !strings.Contains(ruling.Rule, "results") {
				t.Errorf("%s: recorded %+v", tt.tool, ruling)
			}
		}
		r.wantArrivals(t, 4)
	}, rules(
		`{name: pii-results, deny: {tools: ["get_*"], phases: [Result]}, when: "findings.exists(f, f.type == 'pii.email' && f.kind == 'result' && f.phase == 'Result')"}`,
		`{name: secret-results, deny: {tools: [list_secrets], phases: [Result]}, when: "!('mcp:admin' in scopes)"}`,
	))
}

// TestStreamEndsByRule cuts a stream before what a rule refuses, though the
// guard that finds it only observes.
func TestStreamEndsByRule(t *testing.T) {
	secret := "gh" + "p_" + "x7Kq2mVt9LpZ4nWc8RbY3hJd6GsF1aQeXu5T"
	eachWay(t, func(t *testing.T, r *Road) {
		for cut := 0; cut < len(secret); cut += 3 {
			r.script.play(streams(nil, chunks(content, before, secret[:cut], secret[cut:]+after)...))
			a := r.post(t, pathChat, chat("script-1", "hello", streamed))
			a.wantRefused(t, decision.CodeDeniedByRule)
			if text := a.streamed(t); !strings.HasPrefix(before, text) || strings.Contains(string(a.body), "[DONE]") {
				t.Errorf("cut at %d: the agent received %q", cut, text)
			}
		}
		r.script.play(streams(nil, chunks(content, before, after)...))
		a := r.post(t, pathChat, chat("script-1", "hello", streamed))
		a.wantPassed(t)
		if text := a.streamed(t); text != before+after {
			t.Errorf("a clean stream arrived as %q", text)
		}
	}, onlyObserve, rules(`{name: no-secrets, deny: {models: ["*"], phases: [Result]}, when: "findings.exists(f, f.type.startsWith('secret.') && f.origin == 'assistant')"}`))
}

// TestResultsWithoutTextAreRefused holds that a rule about answers needs no text
// to refuse one: numbers and the names of tools are results, too.
func TestResultsWithoutTextAreRefused(t *testing.T) {
	named := `data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"call_1","type":"function",` +
		`"function":{"name":"drop_all","arguments":""}}]}}]}` + "\n\n"
	eachWay(t, func(t *testing.T, r *Road) {
		token := bearer(r.token(t, scopeRead))
		for _, result := range []string{`{"structuredContent":{"salary":120000}}`, `{}`} {
			r.script.play(says("application/json", `{"jsonrpc":"2.0","id":7,"result":`+result+`}`))
			a := r.post(t, pathMCP+"/script", oddCall("list_secrets"), token...)
			a.wantRefused(t, decision.CodeDeniedByRule)
			if strings.Contains(string(a.body), "salary") {
				t.Errorf("the agent received %s", a.body)
			}
		}
		r.script.play(streams(nil, append([]string{named}, chunks(content)...)...))
		a := r.post(t, pathChat, chat("script-1", "hello", streamed))
		a.wantRefused(t, decision.CodeDeniedByRule)
		if strings.Contains(string(a.body), "drop_all") {
			t.Errorf("the agent received %s", a.body)
		}
	}, rules(
		`{name: no-results, deny: {tools: [list_secrets], phases: [Result]}}`,
		`{name: no-answers, deny: {models: ["*"], phases: [Result]}}`,
	))
}
