package envoy

import (
	"fmt"
	"net/http"
	"testing"

	"outrider.dev/outrider/demo/issuer"
)

// parts are what the changes below look at.
func parts(t *testing.T, envoy tree) (manager, host tree, filters, routes []any) {
	t.Helper()
	manager = in(t, envoy, "static_resources", "listeners", 0, "filter_chains", 0, "filters", 0, "typed_config").(tree)
	host = in(t, manager, "route_config", "virtual_hosts", 0).(tree)
	return manager, host, manager["http_filters"].([]any), host["routes"].([]any)
}

// authzAlone leaves ext_authz.
func authzAlone(t *testing.T) func(*site, tree, tree) {
	return func(_ *site, envoy, _ tree) {
		manager, host, filters, routes := parts(t, envoy)
		manager["http_filters"] = []any{filters[0], filters[2]}
		delete(in(t, host, "typed_per_filter_config", "envoy.filters.http.ext_authz", "check_settings", "context_extensions").(tree), "paired")
		delete(in(t, routes[2], "typed_per_filter_config").(tree), "envoy.filters.http.ext_proc")
	}
}

// deciding is a policy that ext_authz can enforce alone: it edits nothing and
// reads no answer.
const deciding = `apiVersion: outrider.dev/v1
kind: AgentPolicy
metadata: {name: my-agent}
spec:
  agents: {names: [my-agent]}
  traffic:
    jwtAuthentication:
      mode: Strict
      providers:
        - issuer: %s
          audiences: [%q]
          jwks: {remote: {url: %q}}
  backend:
    llm:
      models: {allow: ["gpt-*", "grok-*"]}
      guards: {request: [{type: Injection, action: Block}]}
  rules:
    - {name: readers, allow: {tools: ["list_*", "get_*", "search_*"]}, when: "'mcp:read' in scopes || 'mcp:write' in scopes"}
    - {name: writers, allow: {tools: ["create_*", "comment_*"]}, when: "'mcp:write' in scopes"}
    - {name: no-infra, deny: {tools: ["create_issue"]}, when: "has(tool.args.repo) && tool.args.repo.startsWith('infra/')", message: "Ask the platform team."}
    - {name: no-deletes, deny: {tools: ["delete_*"]}}
`

// TestAuthzAlone takes ext_proc out of the chain: what only decides holds, and
// what would need more is refused.
func TestAuthzAlone(t *testing.T) {
	for _, v := range variants() {
		t.Run(v.name, func(t *testing.T) {
			s := newSite(t, v, authzAlone(t), func(s *site, _, _ tree) {
				s.write(t, "policy.yaml", fmt.Sprintf(deciding, s.issuer.URL, issuer.Audience, s.issuer.JWKS()))
			})
			t.Run("LLM allowed", s.llmAllowed)
			t.Run("LLM streamed", s.llmStreamed)
			t.Run("LLM refused", s.llmRefused)
			t.Run("MCP allowed", s.mcpAllowed)
			t.Run("MCP without a token", s.mcpUnauthenticated)
			t.Run("MCP refused", s.mcpRefused)
			t.Run("attacks", func(t *testing.T) { s.attacks(t, s.token(t, reader)) })
			t.Run("a list", func(t *testing.T) {
				got := s.rpc(t, s.token(t, reader), `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`)
				if e := got.refusal(t); e.Data.Reason != "face_cannot_enforce" {
					t.Errorf("%d %+v", got.status, e)
				}
			})
		})
	}
	t.Run("guards that edit", func(t *testing.T) {
		s := newSite(t, variants()[0], authzAlone(t))
		for name, got := range map[string]*answer{
			"an edit": s.chat(t, model, "Write to ann@example.com.", false), "an answer to judge": s.chat(t, model, "Say hello.", true),
		} {
			if e := got.refusal(t); got.status != http.StatusForbidden || e.Code != "face_cannot_enforce" {
				t.Errorf("%s: %d %+v", name, got.status, e)
			}
		}
		s.nothingArrived(t)
	})
}
