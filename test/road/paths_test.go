package road

import (
	"net/http"
	"strings"
	"testing"

	"outrider.dev/outrider/decision"
)

// TestUnknownPaths asks for what nothing serves.
func TestUnknownPaths(t *testing.T) {
	paths := []string{
		"/", "/v1", "/v1/", "/v1/responses", "/v1/chat/completions/", "/v1/chat", "/v1/models/grok-4", "/v1/files",
		"/V1/chat/completions", "/healthz", "/metrics", "/debug/pprof/", "/v1/chat%2Fcompletions",
	}
	eachWay(t, func(t *testing.T, r *Road) {
		for _, path := range paths {
			for _, method := range []string{http.MethodPost, http.MethodGet, http.MethodOptions} {
				req := r.request(t, path, strings.NewReader(goodBody(pathChat)))
				req.Method = method
				r.do(t, req).wantRefused(t, decision.CodeMethodUnknown)
			}
		}
		r.wantArrivals(t, 0)
	})
}

// TestOddPaths asks for paths in other spellings. Whatever they lead to, it is
// not past the policy.
func TestOddPaths(t *testing.T) {
	eachWay(t, func(t *testing.T, r *Road) {
		for _, path := range []string{"//v1/chat/completions", "/x/../v1/chat/completions", "/./mcp", "/mcp/", "/mcp//", "/mcp/..", "/mcp/github/x", "/mcp/%67ithub", "/mcp/GITHUB", "/mcp/a%2Fb"} {
			for _, a := range r.raw(t, head(path, placeholder)+lastCall+"Content-Length: 2\r\n\r\n{}", false) {
				if a.status < 300 {
					t.Errorf("%s is answered with %d %s", path, a.status, a.body)
				}
			}
		}
		r.wantArrivals(t, 0)
	})
}
