package road

import (
	"fmt"
	"net/http"
	"strings"
	"syscall"
	"testing"

	"outrider.dev/outrider/audit"
	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/dialect/inbound"
	"outrider.dev/outrider/test/started"
)

// secKeyless are providers and servers that need no key, beside one that does.
const secKeyless = `llm: {providers: [{name: local, url: $script/v1}]}
mcp:
  servers:
    - {name: plain, url: $script/mcp}
    - {name: github, url: $github, auth: {bearer: {file: $dir/github.key}}}
`

// rulesOnly is a policy of rules and nothing else.
const rulesOnly = `---
apiVersion: outrider.dev/v1
kind: AgentPolicy
metadata: {name: road}
spec:
  agents: {matchLabels: {app: road}}
  traffic:
    jwtAuthentication:
      providers: [{issuer: $issuer, audiences: ["$audience"], jwks: {remote: {url: $jwks}}}]
  backend: {llm: {models: {allow: ["grok-*"]}}}
  rules:
    - {name: readers, allow: {tools: ["list_*", "get_*"]}, when: "'mcp:read' in scopes"}
    - {name: writers, allow: {tools: ["create_*"]}, when: "'mcp:write' in scopes"}
    - {name: no-infra, deny: {tools: ["get_*"]}, when: "has(tool.args.repo) && tool.args.repo.startsWith('infra/')"}
`

// moded is a road whose decision service is another process, with the fail modes
// of a configuration.
func moded(t *testing.T, far, policy, modes string) (*Road, *part) {
	t.Helper()
	s := newSetup(t, func(s *setup) {
		s.far, s.policy = far, policy
		s.decision = fmt.Sprintf("{target: %q, timeout: %v, %s}", "unix://"+s.socket(), quick, strings.ReplaceAll(modes, "$script", s.script.url))
	})
	s.script.play(bothKinds)
	pdp := startPDPPart(t, s)
	log := &started.Log{}
	base, admin := dialPlane(t, s, log)
	return stand(t, s, log, base, admin, "http://"+s.ports.pdp), pdp
}

// bothKinds answers as a provider and as a server of MCP.
func bothKinds(w http.ResponseWriter, r *http.Request) {
	switch {
	case strings.HasSuffix(r.URL.Path, "/embeddings"):
		says("application/json", `{"object":"list","data":[{"object":"embedding","index":0,"embedding":[1]}],"model":"m","usage":{"prompt_tokens":1,"total_tokens":1}}`)(w, r)
	case strings.HasSuffix(r.URL.Path, "/models"):
		says("application/json", `{"object":"list","data":[{"id":"grok-4","object":"model"}]}`)(w, r)
	case strings.HasPrefix(r.URL.Path, "/v1"):
		says("application/json", `{"choices":[{"message":{"role":"assistant","content":"fine"},"index":0}]}`)(w, r)
	default:
		says("application/json", `{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"fine"}],"tools":[{"name":"get_thing","inputSchema":{"type":"object"}}]}}`)(w, r)
	}
}

// made is a call of the workload.
type made struct {
	name, path, body string
	eligible         bool // where the upstream needs no key
}

// workload is one call of each kind that an agent makes in the course of a day.
func workload(server string) []made {
	path := pathMCP + "/" + server
	return []made{
		{"initialize", path, rpc("initialize", `{"protocolVersion":"`+legacy+`","capabilities":{},"clientInfo":{"name":"road","version":"1"}}`), true},
		{"ping", path, rpc("ping", "{}"), true},
		{"tools/list", path, rpc("tools/list", "{}"), false},
		{"tools/call", path, toolCall("get_thing", "{}"), true},
		{"tools/call by arguments", path, toolCall("get_thing", `{"repo":"a/b"}`), true},
		{"tools/call of another tool", path, toolCall("list_things", `{"any":"thing"}`), true},
		{"chat", pathChat, chat("grok-4", "hi"), true},
		{"chat, streamed", pathChat, chat("grok-4", "hi", streamed), true},
		{"embeddings", pathEmbeddings, `{"model":"grok-4","input":["one"]}`, true},
	}
}

func (r *Road) make(t *testing.T, c made, token string) *answer {
	t.Helper()
	return r.post(t, c.path, c.body, authorized(c.path, token)...)
}

// planeMetrics are those of the data plane alone.
func (r *Road) planeMetrics(t *testing.T) string {
	t.Helper()
	return string(r.get(t, r.admins[0]+"/metrics").body)
}

// TestLifeboat takes the decision service away. Calls that it allowed a moment
// ago pass, where rules alone decided about them and no key goes with them; all
// others are refused. When it is back, with another policy, it decides.
func TestLifeboat(t *testing.T) {
	r, pdp := moded(t, secKeyless, rulesOnly, "failMode: Lifeboat")
	token, other := r.token(t, scopeRead), r.token(t, scopeRead)
	calls := append(workload("plain"), made{"with a key", pathMCP + "/github", toolCall("list_issues", `{"repo":"a/b"}`), false})
	for _, c := range calls {
		r.make(t, c, token).wantPassed(t)
	}
	r.make(t, made{path: pathMCP + "/plain", body: toolCall("get_thing", `{"repo":"infra/x"}`)}, token).wantRefused(t, decision.CodeDeniedByRule)
	_ = pdp.signal(syscall.SIGKILL)
	served, passes := 0, map[string]made{} // by decision id
	for _, c := range calls {
		a := r.make(t, c, token)
		passed := a.status == http.StatusOK
		if passed != c.eligible {
			t.Errorf("%s: passed %v, want %v", c.name, passed, c.eligible)
		}
		if passed {
			served++
			passes[a.id(t)] = c
		}
	}
	t.Logf("eligible and served: %d of %d kinds of calls", served, len(calls))
	for _, c := range []made{ // what differs in something that the rules read
		{path: pathMCP + "/plain", body: toolCall("get_thing", `{"repo":"a/c"}`)},
		{path: pathMCP + "/plain", body: toolCall("get_thing", `{"repo":"infra/x"}`)},
		{path: pathMCP + "/plain", body: toolCall("create_thing", "{}")},
		{path: pathMCP + "/github", body: toolCall("get_thing", "{}")},
		{path: pathMCP, body: toolCall("plain__get_thing", "{}")},
		{path: pathChat, body: chat("grok-5", "hi")},
	} {
		r.make(t, c, token).wantRefused(t, decision.CodePDPUnavailable)
	}
	r.make(t, made{path: pathMCP + "/plain", body: toolCall("get_thing", "{}")}, other).wantRefused(t, decision.CodePDPUnavailable)
	// What the rules do not read may differ: so it says of the verdict.
	r.make(t, made{path: pathMCP + "/plain", body: toolCall("list_things", `{"another":"thing"}`)}, token).wantPassed(t)
	r.post(t, pathChat, chat("grok-4", "something else")).wantPassed(t)
	log := r.log.String()
	if n := strings.Count(log, "a call passes without a decision"); n != served+2 {
		t.Errorf("%d calls are written down, want %d", n, served+2)
	}
	for _, secret := range []string{token, other, "something else"} {
		if strings.Contains(log, secret) {
			t.Error("the log holds a token or what was said")
		}
	}
	if m := r.planeMetrics(t); !strings.Contains(m, fmt.Sprintf("outrider_fail_mode_total{mode=\"lifeboat\"} %d", served+2)) || !strings.Contains(m, `outrider_fail_mode_total{mode="closed"} 9`) {
		t.Error("the metrics do not count them")
	}

	r.policy = strings.ReplaceAll(r.policy, `"get_*"`, `"never_*"`)
	startPDPPart(t, r.setup)
	eventually(t, "the decision service answers", func() bool { return r.post(t, pathChat, chat("grok-9", "hi")).status == http.StatusOK })
	before := strings.Count(r.log.String(), "a call passes without a decision")
	r.make(t, made{path: pathMCP + "/plain", body: toolCall("get_thing", "{}")}, token).wantRefused(t, decision.CodeToolUnknown)
	if strings.Count(r.log.String(), "a call passes without a decision") != before {
		t.Error("the lifeboat was used while the decision service answered")
	}
	for id, c := range passes {
		rec := r.records(t, id, audit.PhaseUnjudged)[0]
		if rec.Surface != inbound.SurfaceOf(c.path) || rec.Agent != "road" || rec.Effect != "allow" || rec.Policy != "road" || rec.End != decision.EndCompleted ||
			!strings.Contains(rec.Message, `"Lifeboat"`) {
			t.Errorf("%s is recorded as %+v", c.name, rec)
		}
	}
	eventually(t, "all are recorded", func() bool { return strings.Count(r.recordFiles(t), `"phase":"unjudged"`) == served+2 })
}

// TestLifeboatOfTheStory: with keys and guards nothing may be remembered.
func TestLifeboatOfTheStory(t *testing.T) {
	r, pdp := moded(t, secRoutes, policy, "failMode: Lifeboat")
	token := r.token(t, scopeRead)
	for _, path := range posts() {
		r.post(t, path, goodBody(path), authorized(path, token)...)
	}
	_ = pdp.signal(syscall.SIGKILL)
	r.wantUnavailable(t, token, quick)
}

// TestHungAndAboard: a service that hangs answers nothing, and is no reason to
// keep a call waiting for longer than one question may take.
func TestHungAndAboard(t *testing.T) {
	r, pdp := moded(t, secKeyless, rulesOnly, "failMode: Lifeboat")
	r.post(t, pathChat, chat("grok-4", "hi")).wantPassed(t)
	pdp.hang(r.admins[1])
	r.post(t, pathChat, chat("grok-4", "hi")).wantPassed(t)
	r.post(t, pathChat, chat("grok-5", "hi")).wantRefused(t, decision.CodePDPUnavailable)
	_ = pdp.signal(syscall.SIGCONT)
	eventually(t, "the decision service answers again", func() bool {
		return r.post(t, pathChat, chat("grok-5", "hi")).status == http.StatusOK
	})
}

// TestOpen: an open route is warned of, decided by the service while that
// answers, and goes to its own target while none does.
func TestOpen(t *testing.T) {
	const modes = `routes: [{match: {surface: LLM, models: ["grok-open"]}, failMode: Open, url: "$script/v1"}, ` +
		`{match: {surface: MCP, server: plain}, failMode: Open, url: "$script/mcp"}]`
	r, pdp := moded(t, secKeyless, strings.Replace(rulesOnly, `"grok-*"`, `"grok-4"`, 1), modes)
	if n := strings.Count(r.log.String(), "is Open: while no decision service answers"); n != 2 {
		t.Errorf("the start warns %d times", n)
	}
	r.post(t, pathChat, chat("grok-open", "hi")).wantRefused(t, decision.CodeModelNotAllowed)
	r.make(t, made{path: pathMCP + "/plain", body: toolCall("create_thing", "{}")}, r.token(t, scopeRead)).wantRefused(t, decision.CodeToolUnknown)
	_ = pdp.signal(syscall.SIGKILL)
	before := len(r.arrived())
	r.post(t, pathChat, chat("grok-open", "hi")).wantPassed(t)
	for _, c := range workload("plain")[:6] {
		r.make(t, c, "not-even-a-token").wantPassed(t)
	}
	r.post(t, pathChat, chat("grok-4", "hi")).wantRefused(t, decision.CodePDPUnavailable)
	r.make(t, made{path: pathMCP + "/github", body: toolCall("list_issues", `{"repo":"a/b"}`)}, "").wantRefused(t, decision.CodePDPUnavailable)
	for _, a := range r.arrived()[before:] {
		if a.Header.Get("Authorization") != "" {
			t.Errorf("%s %s travelled with %q", a.Method, a.Path, a.Header.Get("Authorization"))
		}
	}
	if m := r.planeMetrics(t); !strings.Contains(m, `outrider_fail_mode_total{mode="open"} 7`) {
		t.Error("the metrics do not count seven calls")
	}
}
