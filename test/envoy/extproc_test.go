package envoy

import (
	"net/http"
	"strings"
	"testing"
)

// procAlone leaves ext_proc, which then hears from its own metadata where a
// route leads.
func procAlone(t *testing.T) func(*site, tree, tree) {
	return func(_ *site, envoy, _ tree) {
		manager, host, filters, routes := parts(t, envoy)
		manager["http_filters"] = []any{filters[1], filters[2]}
		config := in(t, filters[1], "typed_config").(tree)
		delete(config, "metadata_options")
		in(t, config, "grpc_service").(tree)["initial_metadata"] = []any{metadata("agent", "my-agent")}
		delete(host, "typed_per_filter_config")
		for i, target := range []tree{metadata("provider", "openai"), metadata("server", "github")} {
			routes[i].(tree)["typed_per_filter_config"] = tree{"envoy.filters.http.ext_proc": tree{
				"@type":     "type.googleapis.com/envoy.extensions.filters.http.ext_proc.v3.ExtProcPerRoute",
				"overrides": tree{"grpc_initial_metadata": []any{target}},
			}}
		}
		delete(in(t, routes[2], "typed_per_filter_config").(tree), "envoy.filters.http.ext_authz")
	}
}

func metadata(key, value string) tree { return tree{"key": "x-outrider-" + key, "value": value} }

// modes sets how bodies are shown.
func modes(t *testing.T, request, response string) func(*site, tree, tree) {
	return func(_ *site, envoy, _ tree) {
		_, _, filters, _ := parts(t, envoy)
		for _, f := range filters {
			if mode, ok := in(t, f, "typed_config").(tree)["processing_mode"].(tree); ok {
				mode["request_body_mode"], mode["response_body_mode"] = request, response
			}
		}
	}
}

// TestProcAlone takes ext_authz out of the chain: everything holds, however
// bodies are shown.
func TestProcAlone(t *testing.T) {
	for _, tt := range []struct{ name, request, response string }{
		{"as configured", "BUFFERED", "FULL_DUPLEX_STREAMED"},
		{"in full duplex", "FULL_DUPLEX_STREAMED", "FULL_DUPLEX_STREAMED"},
		{"buffered", "BUFFERED", "BUFFERED"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newSite(t, variants()[0], procAlone(t), modes(t, tt.request, tt.response))
			t.Run("LLM allowed", s.llmAllowed)
			t.Run("LLM streamed", s.llmStreamed)
			t.Run("LLM models", s.llmModels)
			t.Run("LLM refused", s.llmRefused)
			t.Run("LLM redacted", s.llmRedacted)
			t.Run("LLM leaks", s.llmLeaks)
			t.Run("MCP allowed", s.mcpAllowed)
			t.Run("MCP listed", s.mcpListed)
			t.Run("MCP without a token", s.mcpUnauthenticated)
			t.Run("MCP refused", s.mcpRefused)
			t.Run("MCP redacted", s.mcpRedacted)
			if tt.request != "BUFFERED" { // the others are driven where both filters stand
				t.Run("attacks", func(t *testing.T) { s.attacks(t, s.token(t, reader)) })
			}
			s.checkLogs(t)
		})
	}
}

// TestRequestTrailers sends a body that ends with trailers: the call passes as
// any other, and nothing waits for them.
func TestRequestTrailers(t *testing.T) {
	s := newSite(t, variants()[0])
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: &protocols}
	defer transport.CloseIdleConnections()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.base+"/v1/chat/completions", strings.NewReader(chatBody(t, model, "Say hello.", false)))
	if err != nil {
		t.Fatal(err)
	}
	req.ContentLength = -1
	req.Header.Set("Content-Type", "application/json")
	req.Trailer = http.Header{"X-Smuggled": {"text that nobody reads"}}
	res, err := transport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK || res.ProtoMajor != 2 {
		t.Errorf("%s, by %s", res.Status, res.Proto)
	}
}
