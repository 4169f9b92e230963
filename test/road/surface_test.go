package road

import (
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"outrider.dev/outrider/test/started"
)

// TestSurface compares what every listener serves with a list that is read by
// people before it changes: nothing administrative, and nothing that nobody
// meant to serve, stands on an address that others can reach.
func TestSurface(t *testing.T) {
	s := newSetup(t, overTLS("client"), func(s *setup) {
		s.listen += `, socket: "` + s.socket() + `", admin: "127.0.0.1:0"`
	})
	log := &started.Log{}
	service := startPDP(t, load(t, s.text(secHead, secLimits, secPDP, secRoutes, s.policy)), newTelemetry(t, log))
	s.grpc = grpcOf(service)
	s.decision = strings.ReplaceAll(s.decision, "$grpc", s.grpc)
	base, admin := dialPlane(t, s, log)
	r := stand(t, s, log, base, admin)

	var urls []string
	for _, a := range service.Addresses() {
		if isURL(a) {
			urls = append(urls, a)
		}
	}
	if len(urls) != 2 {
		t.Fatalf("the decision service listens at %v", service.Addresses())
	}
	served := service.Served()
	listeners := map[string]string{"listen.agent": base, "listen.admin": admin, "pdp.listen.http": urls[0], "pdp.listen.admin": urls[1]}
	var got []string
	for _, field := range []string{"pdp.listen.socket", "pdp.listen.grpc"} {
		for _, method := range served[field] {
			got = append(got, field+" "+method)
		}
	}
	paths := candidates(served["pdp.listen.http"], served["pdp.listen.admin"])
	for field, url := range listeners {
		for _, path := range paths {
			for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete} {
				if r.serves(t, method, url+path) {
					got = append(got, field+" "+method+" "+path)
				}
			}
		}
	}
	slices.Sort(got)
	raw, err := os.ReadFile("testdata/surface.txt")
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Split(strings.TrimSpace(string(raw)), "\n")
	for _, line := range got {
		if !slices.Contains(want, line) {
			t.Errorf("served, and not in testdata/surface.txt: %s", line)
		}
	}
	for _, line := range want {
		if !slices.Contains(got, line) {
			t.Errorf("in testdata/surface.txt, and not served: %s", line)
		}
	}
}

// serves reports whether something answers there, be it with a refusal.
func (r *Road) serves(t *testing.T, method, url string) bool {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	status := r.do(t, req).status
	return status != http.StatusNotFound && status != http.StatusMethodNotAllowed
}

// candidates are all paths that anything serves, and those by which programs
// are commonly administrated.
func candidates(served ...[]string) []string {
	out := append(slices.Concat(served...), posts()...)
	out = append(out, pathModels, "/v1/messages", "/v1/responses",
		"/", "/debug/pprof/", "/debug/pprof/cmdline", "/debug/vars", "/config_dump", "/config", "/policies", "/reload", "/stop", "/quitquitquit",
		"/admin", "/v1/explain", "/v1/settle", "/v1/decide", "/v1/exchange", "/v1/", "/why", "/records", "/audit", "/keys", "/healthz/", "/metrics/")
	slices.Sort(out)
	return slices.Compact(out)
}
