package envoy

import (
	"net/http"
	"testing"
)

// TestRoutes: what no route names leads nowhere, whoever spells it how.
func TestRoutes(t *testing.T) {
	s := newSite(t, variants()[0])
	for path, want := range map[string]int{
		"/":                       http.StatusNotFound,
		"/mcp":                    http.StatusNotFound,
		"/mcp/slack":              http.StatusNotFound,
		"/mcp/github/x":           http.StatusNotFound,
		"/v1":                     http.StatusNotFound,
		"/v1/../metrics":          http.StatusNotFound,
		"/v1/..//v2/chat":         http.StatusNotFound,
		"/mcp/github/../../admin": http.StatusNotFound,
	} {
		if got := s.call(t, http.MethodPost, path, "{}"); got.status != want {
			t.Errorf("%s: %d, want %d", path, got.status, want)
		}
	}
	for _, path := range []string{"/v1%2f..%2fmetrics", "/v1/chat%5ccompletions", "/v1/chat%2fcompletions"} {
		if got := s.call(t, http.MethodPost, path, "{}"); got.status < http.StatusBadRequest {
			t.Errorf("%s: %d", path, got.status)
		}
	}
	s.nothingArrived(t)
}

// nothingArrived holds that no stand-in received anything so far.
func (s *site) nothingArrived(t *testing.T) {
	t.Helper()
	if n := s.provider.Total() + s.github.Total(); n != 0 {
		t.Errorf("%d calls reached a stand-in", n)
	}
}
