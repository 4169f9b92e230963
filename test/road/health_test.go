package road

import (
	"net"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/demo/issuer"
	"outrider.dev/outrider/demo/standin"
)

func TestHealth(t *testing.T) {
	eachWay(t, func(t *testing.T, r *Road) {
		r.post(t, pathChat, chat("grok-4", "to jane@example.com")).wantPassed(t)
		r.post(t, pathChat, chat("llama-4", "hi")).wantRefused(t, decision.CodeModelNotAllowed)
		for _, admin := range r.admins {
			for _, path := range []string{"/healthz", "/readyz"} {
				if a := r.get(t, admin+path); a.status != http.StatusOK || !strings.Contains(string(a.body), `"ok":true`) {
					t.Errorf("%s%s: %d %s", admin, path, a.status, a.body)
				}
			}
		}
		for _, line := range []string{
			`outrider_calls_total\{effect="mutate",reason="",surface="llm"\} 1\b`,
			`outrider_calls_total\{effect="deny",reason="model_not_allowed",surface="llm"\} 1\b`,
			`outrider_guard_findings_total\{action="redact",type="pii.email"\} 1\b`,
			`outrider_call_seconds_count\{phase="call",surface="llm"\} 2\b`,
		} {
			want := regexp.MustCompile(line)
			eventually(t, "the metrics have the line "+line, func() bool { return want.MatchString(r.metrics(t)) })
		}
		for _, path := range []string{"/healthz", "/readyz", "/metrics"} {
			if a := r.get(t, r.base+path); a.status != http.StatusNotFound {
				t.Errorf("the agent's port serves %s: %d", path, a.status)
			}
		}
	})
}

// metrics returns what both parts measure. A call is timed to its end, which
// is after the agent has its answer.
func (r *Road) metrics(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	for _, admin := range r.admins {
		all.Write(r.get(t, admin+"/metrics").body)
	}
	return all.String()
}

// TestIssuerAway starts a road before its issuer. It is not ready, tells why
// and refuses tokens, until the issuer is there.
func TestIssuerAway(t *testing.T) {
	var away *issuer.Issuer
	var address string
	absent := func(s *setup) { s.issuer = away }
	for _, w := range ways() {
		t.Run(w.name, func(t *testing.T) {
			away, address = newIssuer(t)
			r := w.build(t, newSetup(t, absent))
			pdp := r.admins[len(r.admins)-1]
			token, err := away.Forge(issuer.Expired, "reader", scopeRead) // no key to tell that it has expired
			if err != nil {
				t.Fatal(err)
			}
			a := r.post(t, pathMCP, rpc("tools/list", "{}"), bearer(token)...)
			a.wantRefused(t, decision.CodeIssuerUnavailable)
			if ready := r.get(t, pdp+"/readyz"); ready.status != http.StatusServiceUnavailable || !strings.Contains(string(ready.body), away.URL) {
				t.Errorf("/readyz says %d %s", ready.status, ready.body)
			}
			if live := r.get(t, pdp+"/healthz"); live.status != http.StatusOK {
				t.Errorf("/healthz says %d", live.status)
			}
			r.post(t, pathChat, chat("grok-4", "hi")).wantPassed(t) // needs no token

			serveIssuer(t, away, address)
			eventually(t, "the road is ready", func() bool { return r.get(t, pdp+"/readyz").status == http.StatusOK })
			r.post(t, pathMCP, rpc("tools/list", "{}"), bearer(token)...).wantRefused(t, decision.CodeTokenExpired)
			r.wantArrivals(t, 1)
		})
	}
}

// newIssuer makes an issuer that does not listen yet.
func newIssuer(t *testing.T) (*issuer.Issuer, string) {
	t.Helper()
	l, url, err := standin.Listen()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	i, err := issuer.New(url, clients()...)
	if err != nil {
		t.Fatal(err)
	}
	return i, l.Addr().String()
}

func serveIssuer(t *testing.T, i *issuer.Issuer, address string) {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	server := standin.Serve(l, i)
	t.Cleanup(func() { _ = server.Close() })
}
