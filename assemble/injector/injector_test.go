package injector

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"outrider.dev/outrider/inject"

	"outrider.dev/outrider/test/freeport"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// apiServer stands in for the API server: one Secret, one configuration, events.
type apiServer struct {
	mu     sync.Mutex
	minor  string
	secret []byte
	bundle string
	events chan map[string]any
}

func (s *apiServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	switch {
	case r.URL.Path == "/version":
		_, _ = fmt.Fprintf(w, `{"minor": %q}`, s.minor)
	case strings.HasSuffix(r.URL.Path, "/events"):
		var event map[string]any
		if json.Unmarshal(body, &event) == nil {
			s.events <- event
		}
	case strings.Contains(r.URL.Path, "/mutatingwebhookconfigurations/"):
		if r.Method == http.MethodPatch {
			var ops []map[string]any
			if json.Unmarshal(body, &ops) == nil {
				s.bundle, _ = ops[1]["value"].(string)
			}
		}
		_, _ = fmt.Fprintf(w, `{"webhooks": [{"name": "a", "clientConfig": {"caBundle": %q}}]}`, s.bundle)
	case r.Method == http.MethodGet && s.secret == nil:
		w.WriteHeader(http.StatusNotFound)
	case r.Method == http.MethodGet:
		_, _ = w.Write(s.secret)
	default:
		s.secret = body
	}
}

func (s *apiServer) believes() *x509.CertPool {
	s.mu.Lock()
	defer s.mu.Unlock()
	raw, err := base64.StdEncoding.DecodeString(s.bundle)
	pool := x509.NewCertPool()
	if err != nil || !pool.AppendCertsFromPEM(raw) {
		return nil
	}
	return pool
}

// start runs the webhook against the stand-in and returns its two addresses.
func start(t *testing.T, api *apiServer, more string) (hook, admin string) {
	t.Helper()
	srv := httptest.NewTLSServer(api)
	t.Cleanup(srv.Close)
	dir := t.TempDir()
	hook, admin = freeport.For(t), freeport.For(t)
	for name, content := range map[string]string{
		"ca.crt": string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw})),
		"token":  "t",
		"injection.yaml": fmt.Sprintf("apiVersion: outrider.dev/v1\nkind: Injection\nwebhook:\n  listen: %q\n  admin: %q\n  api: {url: %q, ca: ca.crt, token: token}\n%s",
			hook, admin, srv.URL, more),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- Run(ctx, filepath.Join(dir, "injection.yaml"), "test") }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return hook, admin
}

// get waits for a page to be served well.
func get(t *testing.T, url string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := client.Do(req)
		if err == nil {
			body, err := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			if err == nil && resp.StatusCode == http.StatusOK {
				return string(body)
			}
		}
		if ctx.Err() != nil {
			t.Fatalf("%s: %v", url, err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func mutate(t *testing.T, hook string, api *apiServer, pod string) (patch []inject.Op) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true, ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: api.believes(), ServerName: "outrider-injector.outrider.svc"},
	}}
	body := fmt.Sprintf(`{"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {"uid": "u", "kind": {"version": "v1", "kind": "Pod"}, "operation": "CREATE", "namespace": "prod", "object": %s}}`, pod)
	resp, err := client.Post("https://"+hook+Path, "application/json", bytes.NewBufferString(body))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.ProtoMajor != 2 { // as the API server asks
		t.Errorf("answered by %s", resp.Proto)
	}
	var answer struct {
		Response struct {
			Allowed bool   `json:"allowed"`
			Patch   []byte `json:"patch"`
		} `json:"response"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil || !answer.Response.Allowed {
		t.Fatalf("%+v, %v", answer, err)
	}
	if len(answer.Response.Patch) > 0 {
		if err := json.Unmarshal(answer.Response.Patch, &patch); err != nil {
			t.Fatal(err)
		}
	}
	return patch
}

func paths(ops []inject.Op) string {
	var out []string
	for _, op := range ops {
		out = append(out, op.Path)
	}
	return strings.Join(out, " ")
}

// TestWebhook is the whole of it: certificate, review, event, metrics.
func TestWebhook(t *testing.T) {
	api := &apiServer{minor: "29", events: make(chan map[string]any, 4)}
	hook, admin := start(t, api, "")
	if ready := get(t, "http://"+admin+"/readyz"); !strings.Contains(ready, "certificate") || api.believes() == nil {
		t.Fatalf("ready before the API server can ask: %s", ready)
	}
	if got := paths(mutate(t, hook, api, `{"spec": {"containers": [{"name": "a"}]}}`)); !strings.Contains(got, "/spec/initContainers") {
		t.Errorf("the patch is at %s", got)
	}
	if got := mutate(t, hook, api, `{"metadata": {"name": "p"}, "spec": {"hostNetwork": true, "containers": [{"name": "a"}]}}`); len(got) > 0 {
		t.Errorf("a pod on its node's network is injected: %v", got)
	}
	for range 2 { // the first runs as the service account default, which is warned of
		if event := <-api.events; event["reason"] != "OutriderNotInjected" && event["reason"] != "OutriderWarning" {
			t.Errorf("event %v", event)
		}
	}
	metrics := get(t, "http://"+admin+"/metrics")
	for _, want := range []string{`outrider_injections_total{reason="",result="injected"} 1`, `outrider_injections_total{reason="host_network",result="skipped"} 1`} {
		if !strings.Contains(metrics, want) {
			t.Errorf("no %s", want)
		}
	}
	get(t, "http://"+admin+"/healthz")
}

// TestPlacementFollowsTheCluster, unless the document says it.
func TestPlacementFollowsTheCluster(t *testing.T) {
	for name, tt := range map[string]struct{ minor, more, want string }{
		"old": {"28+", "", "/spec/containers/-"},
		"new": {"35", "", "/spec/initContainers"},
		"set": {"28", "sidecar: {placement: Native}\n", "/spec/initContainers"},
	} {
		t.Run(name, func(t *testing.T) {
			api := &apiServer{minor: tt.minor, events: make(chan map[string]any, 4)}
			hook, admin := start(t, api, tt.more)
			get(t, "http://"+admin+"/readyz")
			if got := paths(mutate(t, hook, api, `{"spec": {"containers": [{"name": "a"}]}}`)); !strings.Contains(got+" ", tt.want+" ") {
				t.Errorf("the patch is at %s, not at %s", got, tt.want)
			}
		})
	}
}

// TestCertificateOfOthers: files are served and read again, and neither Secret
// nor caBundle is touched.
func TestCertificateOfOthers(t *testing.T) {
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")
	write := func() {
		pool := httptest.NewUnstartedServer(nil)
		pool.StartTLS()
		defer pool.Close()
		pair := pool.TLS.Certificates[0]
		private, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
		if err != nil {
			t.Fatal(err)
		}
		for file, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: pair.Certificate[0]}, key: {Type: "PRIVATE KEY", Bytes: private}} {
			if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	write()
	api := &apiServer{minor: "35", events: make(chan map[string]any, 4)}
	hook, admin := start(t, api, fmt.Sprintf("  tls: {cert: %q, key: %q}\n", cert, key))
	get(t, "http://"+admin+"/readyz")
	conn, err := tls.Dial("tcp", hook, &tls.Config{MinVersion: tls.VersionTLS13, InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if org := conn.ConnectionState().PeerCertificates[0].Subject.Organization; len(org) == 0 || org[0] != "Acme Co" {
		t.Errorf("served with the certificate of %v", org)
	}
	api.mu.Lock()
	defer api.mu.Unlock()
	if api.secret != nil || api.bundle != "" {
		t.Errorf("Secret %s, caBundle %q", api.secret, api.bundle)
	}
}

func TestRunTellsWhatIsWrong(t *testing.T) {
	dir := t.TempDir()
	bad := filepath.Join(dir, "bad.yaml")
	if err := os.WriteFile(bad, []byte("apiVersion: outrider.dev/v1\nkind: Injection\nsidecar: {imge: x}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Run(t.Context(), bad, "test"); err == nil || !strings.Contains(err.Error(), "bad.yaml:3:") {
		t.Errorf("got %v", err)
	}
	if err := os.WriteFile(bad, []byte("apiVersion: outrider.dev/v1\nkind: Injection\nwebhook: {listen: \"127.0.0.1:0\", admin: \"127.0.0.1:0\", tls: {cert: a, key: b}, api: {url: \"https://x\", ca: ca.crt, token: t}}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewTLSServer(nil)
	defer srv.Close()
	if err := os.WriteFile(filepath.Join(dir, "ca.crt"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Run(t.Context(), bad, "test"); err == nil || !strings.Contains(err.Error(), "webhook.tls") {
		t.Errorf("got %v", err)
	}
	t.Setenv("KUBERNETES_SERVICE_HOST", "")
	if err := Run(t.Context(), "", "test"); err == nil || !strings.Contains(err.Error(), "webhook.api") {
		t.Errorf("got %v", err)
	}
}
