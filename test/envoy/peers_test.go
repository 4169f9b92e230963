package envoy

import (
	"net/http"
	"os"
	"testing"
)

// TestStrangers: an Envoy that the decision service does not know gets no key,
// whatever its configuration says.
func TestStrangers(t *testing.T) {
	t.Run("another user", func(t *testing.T) {
		s := newSite(t, variants()[0], func(_ *site, _, outrider tree) {
			outrider["pdp"].(tree)["peers"] = []any{tree{"uid": 4242, "agents": []any{"my-agent"}}}
		})
		s.wantNothing(t)
	})
	t.Run("another certificate", func(t *testing.T) {
		s := newSite(t, variants()[1], func(s *site, envoy, _ tree) {
			tls := in(t, cluster(t, envoy, "outrider"), "transport_socket", "typed_config", "common_tls_context").(tree)
			s.show(t, tls, "stranger")
		})
		s.wantNothing(t)
	})
	t.Run("another agent", func(t *testing.T) {
		s := newSite(t, variants()[0], func(_ *site, envoy, _ tree) {
			host := in(t, envoy, "static_resources", "listeners", 0, "filter_chains", 0, "filters", 0, "typed_config", "route_config", "virtual_hosts", 0)
			in(t, host, "typed_per_filter_config", "envoy.filters.http.ext_authz", "check_settings", "context_extensions").(tree)["agent"] = "other-agent"
		}, func(_ *site, _, outrider tree) {
			outrider["pdp"].(tree)["peers"] = []any{tree{"uid": os.Getuid(), "agents": []any{"my-agent"}}}
		})
		s.wantNothing(t)
	})
}

// wantNothing holds that calls are refused, and that nobody behind Envoy heard
// of them.
func (s *site) wantNothing(t *testing.T) {
	t.Helper()
	for name, got := range map[string]*answer{
		"chat": s.chat(t, model, "Say hello.", false),
		"tool": s.tool(t, s.token(t, reader), "list_issues", map[string]any{"repo": "acme/web"}),
	} {
		if got.status < http.StatusBadRequest {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
	}
	s.nothingArrived(t)
}
