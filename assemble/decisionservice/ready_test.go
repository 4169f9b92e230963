package decisionservice

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"outrider.dev/outrider/config"
	"outrider.dev/outrider/telemetry"
)

// TestReadyBesideAnIssuerThatIsAway: a service that knows one issuer serves its
// tokens, and tells on its readiness page which one is missing.
func TestReadyBesideAnIssuerThatIsAway(t *testing.T) {
	const known = `{issuer: "https://known", audiences: [a], jwks: {inline: '{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}'}}`
	const away = `{issuer: "http://127.0.0.1:1", audiences: [a], jwks: {remote: {url: "http://127.0.0.1:1/keys"}}}`
	for name, tt := range map[string]struct {
		providers, says string
		status          int
	}{
		"beside another": {known + ", " + away, `{"name":"issuers","ok":true},{"name":"issuers without keys","ok":true,"message":"issuer \"http://127.0.0.1:1\"`, http.StatusOK},
		"alone":          {away, `{"name":"issuers","ok":false,"message":"issuer \"http://127.0.0.1:1\": its keys cannot be fetched`, http.StatusServiceUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			loaded, err := config.Text("test", "apiVersion: outrider.dev/v1\nkind: Config\nagent: {name: copilot}\nllm: {providers: [{name: local, url: \"http://127.0.0.1:1/v1\"}]}\n"+
				"pdp: {state: "+t.TempDir()+"}\n---\napiVersion: outrider.dev/v1\nkind: AgentPolicy\nmetadata: {name: p}\n"+
				"spec: {traffic: {jwtAuthentication: {providers: ["+tt.providers+"]}}}\n")
			if err != nil {
				t.Fatal(err)
			}
			tel, err := telemetry.New(telemetry.Options{Service: "test", Log: io.Discard})
			if err != nil {
				t.Fatal(err)
			}
			s, err := New(loaded, Options{Telemetry: tel})
			if err != nil {
				t.Fatal(err)
			}
			ctx, stop := context.WithCancel(t.Context())
			done := make(chan error, 1)
			go func() { done <- s.Run(ctx) }()
			defer func() {
				stop()
				if err := <-done; err != nil {
					t.Error(err)
				}
			}()
			var page *httptest.ResponseRecorder
			for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
				page = httptest.NewRecorder()
				tel.Health.Ready().ServeHTTP(page, httptest.NewRequest(http.MethodGet, "/readyz", nil))
				if page.Code == tt.status && strings.Contains(page.Body.String(), tt.says) {
					return
				}
			}
			t.Errorf("%d: %s", page.Code, page.Body)
		})
	}
}
