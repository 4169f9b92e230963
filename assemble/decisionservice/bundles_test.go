package decisionservice

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/open-policy-agent/opa/v1/bundle"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"outrider.dev/outrider/config"
	"outrider.dev/outrider/decision"
	configv1 "outrider.dev/outrider/proto/outrider/config/v1"
	"outrider.dev/outrider/telemetry"
)

// pack writes a bundle as OPA's tools do.
func pack(t testing.TB, revision, module string) []byte {
	t.Helper()
	return packSigned(t, revision, module, "", 0)
}

// packSigned signs the bundle with a private key, if there is one, at the time
// of iat, if that is not zero.
func packSigned(t testing.TB, revision, module, private string, iat int64) []byte {
	t.Helper()
	b := bundle.Bundle{Manifest: bundle.Manifest{Revision: revision}, Data: map[string]any{"models": []any{"a-1"}}}
	b.Manifest.Init()
	b.Modules = []bundle.ModuleFile{{URL: "/main.rego", Path: "/main.rego", Raw: []byte("package outrider\n" + module)}}
	if private != "" {
		claims := filepath.Join(t.TempDir(), "claims.json")
		says := "{}"
		if iat != 0 {
			says = fmt.Sprintf(`{"iat":%d}`, iat)
		}
		if err := os.WriteFile(claims, []byte(says), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := b.GenerateSignature(bundle.NewSigningConfig(private, "ES256", claims), "", false); err != nil {
			t.Fatal(err)
		}
	}
	var out bytes.Buffer
	if err := bundle.NewWriter(&out).DisableFormat(true).Write(b); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// bundleServer has one bundle, or none, or does not answer.
type bundleServer struct {
	*httptest.Server
	raw   atomic.Pointer[[]byte] // nil: none
	hangs atomic.Bool
}

func serveBundle(t *testing.T, raw []byte) *bundleServer {
	t.Helper()
	s := &bundleServer{}
	if raw != nil {
		s.raw.Store(&raw)
	}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		now := s.raw.Load()
		switch {
		case s.hangs.Load():
			<-r.Context().Done()
		case now == nil:
			w.WriteHeader(http.StatusNotFound)
		default:
			_, _ = w.Write(*now)
		}
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *bundleServer) put(raw []byte) { s.raw.Store(&raw) }

// withBundle is a service with a policy whose bundle a server has.
type withBundle struct {
	reloading
	log lockedLog
	end func()
}

type lockedLog struct {
	mu sync.Mutex
	bytes.Buffer
}

func (l *lockedLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.Buffer.Write(p)
}

func (l *lockedLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.Buffer.String()
}

// startWithBundle starts a service on a state folder. The spec comes in
// addition to the bundle; what follows "signature=" in it is of the bundle.
func startWithBundle(t *testing.T, url, state, spec string) *withBundle {
	t.Helper()
	w := &withBundle{}
	spec, signature, _ := strings.Cut(spec, "signature=")
	loaded, err := config.Text("test", `apiVersion: outrider.dev/v1
kind: Config
agent: {name: copilot}
llm: {providers: [{name: local, url: "http://127.0.0.1:1/v1"}]}
mcp: {servers: [{name: github, url: "http://127.0.0.1:1/mcp"}]}
pdp: {state: `+state+`}
---
apiVersion: outrider.dev/v1
kind: AgentPolicy
metadata: {name: models}
spec:
  regoModules: {bundle: {url: "`+url+`"`+signature+`}}
`+spec)
	if err != nil {
		t.Fatal(err)
	}
	loaded.Policies[0].Doc.Spec.RegoModules.Bundle.PollInterval = durationpb.New(20 * time.Millisecond)
	if w.tel, err = telemetry.New(telemetry.Options{Service: "test", Log: &w.log}); err != nil {
		t.Fatal(err)
	}
	if w.Service, err = New(loaded, Options{Telemetry: w.tel}); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	w.end = sync.OnceFunc(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(w.end)
	return w
}

// said is what readiness says of bundles.
func (w *withBundle) said(t *testing.T) string {
	t.Helper()
	rec := httptest.NewRecorder()
	w.tel.Health.Ready().ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/readyz", nil))
	var page struct {
		Checks []struct{ Name, Message string }
	}
	if err := json.Unmarshal(rec.Body.Bytes(), &page); err != nil || rec.Code != http.StatusOK {
		t.Fatal(rec.Code, err)
	}
	for _, c := range page.Checks {
		if c.Name == "bundles" {
			return c.Message
		}
	}
	return ""
}

const byModel = "allow if input.llm.model in data.models\n"

func TestBundle(t *testing.T) {
	srv := serveBundle(t, pack(t, "r1", byModel))
	w := startWithBundle(t, srv.URL, t.TempDir(), "")
	eventually(t, "the first bundle applies", func() bool { return w.allows(t, "a-1") })
	first := w.ask(t, "a-1").Version
	if w.allows(t, "b-1") || w.said(t) != "" {
		t.Errorf("b-1 passes, or readiness complains: %s", w.said(t))
	}
	srv.put(pack(t, "r2", `allow if input.llm.model == "b-1"`))
	eventually(t, "the second applies", func() bool { return w.allows(t, "b-1") && !w.allows(t, "a-1") })
	if second := w.ask(t, "b-1").Version; second == first || len(second) != len(first) {
		t.Errorf("versions %s and %s", first, second)
	}
	srv.put(pack(t, "r3", "allow if input.llm.modle"))
	eventually(t, "readiness tells what is wrong", func() bool {
		return strings.Contains(w.said(t), `policy models goes on with revision "r2" of its bundle: the bundle is not taken: bundle:main.rego:2:10: `)
	})
	if !w.allows(t, "b-1") {
		t.Error("a bad bundle replaced the good one")
	}
	srv.raw.Store(nil)
	eventually(t, "readiness tells that there is none", func() bool { return strings.Contains(w.said(t), "the server answered status 404") })
	srv.put(pack(t, "r4", byModel))
	eventually(t, "the fourth applies", func() bool { return w.allows(t, "a-1") && w.said(t) == "" })
	for _, want := range []string{"the bundle of a policy is taken", "the bundle of a policy is not taken", "r4", "r3"} {
		if !strings.Contains(w.log.String(), want) {
			t.Errorf("the log lacks %s:\n%s", want, w.log.String())
		}
	}
}

// TestNoBundleYet: without any good bundle the policy refuses every call that
// it governs, the handshake too, and the start does not wait for one.
func TestNoBundleYet(t *testing.T) {
	srv := serveBundle(t, pack(t, "r1", "allow := true"))
	srv.hangs.Store(true)
	w := startWithBundle(t, srv.URL, t.TempDir(), "  rules: [{name: all, allow: {}}]\n")
	for _, r := range []*decision.Request{
		{Surface: decision.LLM, Method: "chat.completions", LLM: decision.LLMCall{Model: "a-1"}},
		{Surface: decision.LLM, Method: "models.list"},
		{Surface: decision.MCP, Method: "initialize"},
		{Surface: decision.MCP, Method: "tools/list"},
		{Surface: decision.MCP, Method: "tools/call", Tool: decision.Tool{Name: "x", Server: "github"}},
	} {
		r.Caller, r.Face = decision.Caller{Agent: "copilot"}, decision.FullFace()
		v, err := w.Engine.Check(t.Context(), r)
		if err != nil || v.Allowed() || v.Reason.Code != decision.CodePolicyAway || v.Policy != "models" || !strings.Contains(v.Reason.Message, "its bundle has not arrived yet") {
			t.Errorf("%s: %+v, %v", r.Method, v, err)
		}
	}
	r := &decision.Request{Surface: decision.MCP, Method: "tools/list", Caller: decision.Caller{Agent: "copilot"}, Face: decision.FullFace()}
	if seen, err := w.Engine.FilterTools(t.Context(), r, []decision.Tool{{Name: "x", Server: "github"}}); err != nil || seen.Visible(0) {
		t.Errorf("a tool is shown, %v", err)
	}
	if said := w.said(t); said != "policy models refuses every call until its bundle arrives" {
		t.Errorf("readiness says %q", said)
	}
	srv.hangs.Store(false)
	srv.CloseClientConnections()
	eventually(t, "the bundle applies when it comes", func() bool { return w.allows(t, "a-1") })
}

// TestRestart: with the server away a start goes on with the last good bundle,
// and with none where it is gone.
func TestRestart(t *testing.T) {
	state := t.TempDir()
	srv := serveBundle(t, pack(t, "r1", byModel))
	w := startWithBundle(t, srv.URL, state, "")
	kept := filepath.Join(state, "bundles", "*.tar.gz")
	eventually(t, "the bundle is kept", func() bool { files, _ := filepath.Glob(kept); return len(files) == 1 && w.allows(t, "a-1") })
	version := w.ask(t, "a-1").Version
	w.end()
	srv.Close()

	w = startWithBundle(t, srv.URL, state, "")
	if v := w.ask(t, "a-1"); !v.Allowed() || v.Version != version {
		t.Errorf("with the server away: %+v", v)
	}
	if log := w.log.String(); !strings.Contains(log, "begins with its kept bundle") || !strings.Contains(log, "age") {
		t.Errorf("the log does not tell:\n%s", log)
	}
	eventually(t, "readiness tells that the server is away", func() bool {
		return strings.Contains(w.said(t), `goes on with revision "r1" of its bundle: the server cannot be reached`)
	})
	w.end()

	// What was kept does not fit a policy that has changed since.
	w = startWithBundle(t, srv.URL, state, "  rego: |\n    package outrider\n    allow if data.users.ann\n")
	if v := w.ask(t, "a-1"); v.Reason.Code != decision.CodePolicyAway {
		t.Errorf("a kept bundle that does not compile: %+v", v)
	}
	w.end()

	files, _ := filepath.Glob(kept)
	if err := os.WriteFile(files[0], []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	w = startWithBundle(t, srv.URL, state, "")
	if v := w.ask(t, "a-1"); v.Reason.Code != decision.CodePolicyAway || !strings.Contains(w.log.String(), "kept bundle of a policy cannot be used") {
		t.Errorf("a damaged kept bundle: %+v", v)
	}
}

// TestSignedBundle: what the policy's signer did not sign changes nothing, and
// begins nothing at a restart with another signer.
func TestSignedBundle(t *testing.T) {
	public, private := keyPair(t)
	asks := func(key []byte) string {
		return fmt.Sprintf("signature=, signature: {publicKey: %q, algorithm: ES256}", key)
	}
	state := t.TempDir()
	srv := serveBundle(t, pack(t, "r0", byModel))
	w := startWithBundle(t, srv.URL, state, asks(public))
	eventually(t, "readiness tells that the bundle is not signed", func() bool { return strings.Contains(w.said(t), "the bundle is not signed") })
	if v := w.ask(t, "a-1"); v.Reason.Code != decision.CodePolicyAway {
		t.Errorf("unsigned: %+v", v)
	}
	srv.put(packSigned(t, "r1", byModel, private, 0))
	eventually(t, "the signed bundle applies", func() bool { return w.allows(t, "a-1") })
	_, other := keyPair(t)
	for what, raw := range map[string][]byte{"failed to verify": packSigned(t, "r2", "allow := true", other, 0), "is not signed": pack(t, "r3", "allow := true")} {
		srv.put(raw)
		eventually(t, what, func() bool { return strings.Contains(w.said(t), what) })
		if w.allows(t, "b-1") || !w.allows(t, "a-1") {
			t.Errorf("%s: taken", what)
		}
	}
	w.end()
	srv.Close()
	w = startWithBundle(t, srv.URL, state, asks(public))
	if !w.allows(t, "a-1") {
		t.Error("the kept bundle is not used")
	}
	w.end()
	w = startWithBundle(t, srv.URL, state, asks(publicKey(t)))
	if v := w.ask(t, "a-1"); v.Reason.Code != decision.CodePolicyAway {
		t.Errorf("kept of another signer: %+v", v)
	}
}

// TestOlderBundle: one that was signed before the one in use does not come back,
// neither while the service runs nor after a restart.
func TestOlderBundle(t *testing.T) {
	public, private := keyPair(t)
	asks := fmt.Sprintf("signature=, signature: {publicKey: %q, algorithm: ES256}", public)
	state, now := t.TempDir(), time.Now().Unix()
	old := packSigned(t, "r1", "allow := true", private, now-60)
	srv := serveBundle(t, old)
	w := startWithBundle(t, srv.URL, state, asks)
	eventually(t, "the first applies", func() bool { return w.allows(t, "b-1") })
	srv.put(packSigned(t, "r2", byModel, private, now))
	eventually(t, "the second applies", func() bool { return !w.allows(t, "b-1") })
	srv.put(old)
	for range 2 {
		eventually(t, "readiness tells it", func() bool { return strings.Contains(w.said(t), "before the one in use") })
		if w.allows(t, "b-1") || !w.allows(t, "a-1") || !strings.Contains(w.log.String(), "the bundle of a policy is not taken") {
			t.Error("the older one is taken")
		}
		w.end()
		w = startWithBundle(t, srv.URL, state, asks)
	}
	srv.put(packSigned(t, "r3", "allow := true", private, now+1))
	eventually(t, "signed anew it applies", func() bool { return w.allows(t, "b-1") })
}

// TestBundlesUnderLoad: while bundles change, every call is decided by one of
// them as a whole.
func TestBundlesUnderLoad(t *testing.T) {
	srv := serveBundle(t, pack(t, "a", "allow := true"))
	w := startWithBundle(t, srv.URL, t.TempDir(), "")
	eventually(t, "the first applies", func() bool { return w.allows(t, "a-1") })
	allowing, denying := w.ask(t, "a-1").Version, ""
	var stop atomic.Bool
	var mixed atomic.Int64
	var work sync.WaitGroup
	for range 4 {
		work.Go(func() {
			for !stop.Load() {
				if v := w.ask(t, "a-1"); v.Allowed() != (v.Version == allowing) {
					mixed.Add(1)
				}
			}
		})
	}
	for i := range 6 {
		if i%2 == 0 {
			srv.put(pack(t, "b", `deny contains "no"`))
			eventually(t, "the denying one applies", func() bool { return !w.allows(t, "a-1") })
			denying = w.ask(t, "a-1").Version
		} else {
			srv.put(pack(t, "a", "allow := true"))
			eventually(t, "the allowing one applies", func() bool { return w.allows(t, "a-1") })
		}
	}
	stop.Store(true)
	work.Wait()
	if mixed.Load() > 0 || denying == allowing {
		t.Errorf("%d calls saw a version that decides otherwise; versions %s and %s", mixed.Load(), allowing, denying)
	}
}

func publicKey(t *testing.T) []byte {
	t.Helper()
	public, _ := keyPair(t)
	return public
}

func keyPair(t *testing.T) (public []byte, private string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: raw}), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}))
}

// TestBundlesOfAReload: a changed policy keeps deciding by its bundle where the
// same signature is asked, and begins anew where another is.
func TestBundlesOfAReload(t *testing.T) {
	srv := serveBundle(t, pack(t, "r1", byModel))
	w := startWithBundle(t, srv.URL, t.TempDir(), "")
	eventually(t, "the first bundle applies", func() bool { return w.allows(t, "a-1") })
	before := *w.bundles.Load()
	moved := func(change func(*config.Policy)) bundles {
		t.Helper()
		policy := w.loaded.Policies[0]
		policy.Doc = proto.CloneOf(policy.Doc)
		change(&policy)
		next, err := w.bundlesOf(&config.Loaded{Config: w.loaded.Config, Policies: []config.Policy{policy}}, before)
		if err != nil {
			t.Fatal(err)
		}
		return next
	}
	if next := moved(func(p *config.Policy) { p.Doc.Spec.Enforcement = "Observe" }); next["models"] != before["models"] {
		t.Error("the same bundle is asked for anew")
	}
	next := moved(func(p *config.Policy) { p.Doc.Spec.RegoModules.Bundle.Url = srv.URL + "/moved" })
	if next["models"] == before["models"] || next["models"].now.Load() != before["models"].now.Load() {
		t.Error("a bundle that moved is not decided by until it is there")
	}
	key := publicKey(t)
	next = moved(func(p *config.Policy) {
		p.Doc.Spec.RegoModules.Bundle.Signature = &configv1.BundleSignature{Algorithm: "ES256", PublicKey: string(key)}
		p.Rego.Key = key
	})
	if next["models"].now.Load() != nil {
		t.Error("a bundle that nobody signed is decided by")
	}
	if next = moved(func(p *config.Policy) { p.Doc.Spec.RegoModules = nil }); len(next) != 0 {
		t.Error("a bundle that nobody asks for is kept")
	}
	stale := offered{from: &served{policy: "models"}, bundle: before["models"].now.Load(), done: make(chan error, 1)}
	if err := (&following{Service: w.Service}).take(t.Context(), stale); err == nil {
		t.Error("a bundle of a policy as it was is taken")
	}
}
