package decisionservice

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"outrider.dev/outrider/config"
	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/telemetry"
)

const reloadConfig = `apiVersion: outrider.dev/v1
kind: Config
agent: {name: copilot}
llm: {providers: [{name: local, url: "http://127.0.0.1:1/v1"}]}
policies: [policies]
pdp: {state: state}
`

func reloadPolicy(model string) string {
	return `apiVersion: outrider.dev/v1
kind: AgentPolicy
metadata: {name: models}
spec:
  backend: {llm: {models: {allow: ["` + model + `"]}}}
  traffic: {rateLimiting: [{per: Global, limits: [{requestsPerMinute: 100000}]}]}
`
}

// reloading is a service on files that a test edits.
type reloading struct {
	*Service
	dir string
	tel *telemetry.Telemetry
}

func startReloading(t *testing.T) *reloading {
	t.Helper()
	r := &reloading{dir: t.TempDir()}
	signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP) // an early one must not end the test
	if err := os.Mkdir(filepath.Join(r.dir, "policies"), 0o700); err != nil {
		t.Fatal(err)
	}
	r.write(t, "outrider.yaml", reloadConfig)
	r.write(t, "policies/models.yaml", reloadPolicy("a-*"))
	file := filepath.Join(r.dir, "outrider.yaml")
	loaded, err := config.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	if r.tel, err = telemetry.New(telemetry.Options{Service: "test", Log: io.Discard}); err != nil {
		t.Fatal(err)
	}
	if r.Service, err = New(loaded, Options{Telemetry: r.tel, File: file}); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return r
}

// write replaces a file as editors do: whole, under another name first.
func (r *reloading) write(t *testing.T, name, text string) {
	t.Helper()
	path := filepath.Join(r.dir, name)
	if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

func (r *reloading) allows(t *testing.T, model string) bool {
	t.Helper()
	return r.ask(t, model).Allowed()
}

func (r *reloading) ask(t *testing.T, model string) *decision.Verdict {
	t.Helper()
	v, err := r.Engine.Check(t.Context(), &decision.Request{
		Surface: decision.LLM, Method: "chat.completions", Caller: decision.Caller{Agent: "copilot"},
		Face: decision.FullFace(), LLM: decision.LLMCall{Model: model},
	})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// hangup asks for a reload now.
func hangup(t *testing.T) {
	t.Helper()
	if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
}

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if is() {
			return
		}
	}
	t.Fatal("not within ten seconds: " + what)
}

func (r *reloading) ready(t *testing.T) (ok bool, said string) {
	t.Helper()
	rec := httptest.NewRecorder()
	r.tel.Health.Ready().ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/readyz", nil))
	var page struct {
		OK     bool
		Checks []struct{ Name, Message string }
	}
	if err := json.Unmarshal(rec.Body.Bytes(), &page); err != nil {
		t.Fatal(err)
	}
	for _, c := range page.Checks {
		if c.Name == "configuration" {
			said = c.Message
		}
	}
	return page.OK, said
}

func TestReload(t *testing.T) {
	r := startReloading(t)
	if !r.allows(t, "a-1") || r.allows(t, "b-1") {
		t.Fatal("the first policy must apply")
	}
	r.write(t, "policies/models.yaml", reloadPolicy("b-*"))
	eventually(t, "an edited policy applies without a signal", func() bool { return r.allows(t, "b-1") && !r.allows(t, "a-1") })

	r.write(t, "policies/models.yaml", strings.Replace(reloadPolicy("c-*"), "models:", "modles:", 1))
	hangup(t)
	eventually(t, "readiness tells of the bad file", func() bool { _, said := r.ready(t); return strings.Contains(said, "models.yaml:") })
	if ok, _ := r.ready(t); !ok || !r.allows(t, "b-1") || r.allows(t, "c-1") {
		t.Error("a bad file keeps the policy before, and the service ready")
	}

	r.write(t, "policies/models.yaml", reloadPolicy("c-*"))
	hangup(t)
	eventually(t, "the mended file applies", func() bool { return r.allows(t, "c-1") })
	eventually(t, "readiness forgets the bad file", func() bool { _, said := r.ready(t); return said == "" })

	r.write(t, "outrider.yaml", strings.Replace(reloadConfig, "{name: copilot}", "{name: other}", 1))
	hangup(t)
	eventually(t, "what needs a restart is told", func() bool { _, said := r.ready(t); return strings.Contains(said, "restart") })
}

// TestReloadOfRegoFiles: a module and data in files are looked at like the
// policy that names them, and so are those that only a refused change names.
func TestReloadOfRegoFiles(t *testing.T) {
	r := startReloading(t)
	policy := func(files string) string {
		return "apiVersion: outrider.dev/v1\nkind: AgentPolicy\nmetadata: {name: models}\nspec: {regoModules: {files: [" + files + "]}}\n"
	}
	if err := os.Mkdir(filepath.Join(r.dir, "policies/lib"), 0o700); err != nil {
		t.Fatal(err)
	}
	r.write(t, "policies/lib/a.rego", "package outrider\nallow if input.llm.model in data.models\n")
	r.write(t, "policies/lib/a.json", `{"models": ["b-1"]}`)
	r.write(t, "policies/models.yaml", policy("lib"))
	eventually(t, "the module applies", func() bool { return r.allows(t, "b-1") && !r.allows(t, "a-1") })
	r.write(t, "policies/lib/a.json", `{"models": ["c-1"]}`)
	eventually(t, "other data applies", func() bool { return r.allows(t, "c-1") && !r.allows(t, "b-1") })
	r.write(t, "policies/lib/b.rego", "package outrider\ndeny contains \"no\" if input.llm.model == \"c-1\"\n")
	eventually(t, "a new file in the folder applies", func() bool { return !r.allows(t, "c-1") })
	version := r.ask(t, "c-1").Version

	r.write(t, "policies/lib/b.rego", "package outrider\ndeny contains \"no\" if input.llm.modle\n")
	eventually(t, "readiness tells the place in the module", func() bool { _, said := r.ready(t); return strings.Contains(said, "lib/b.rego:2:23: ") })
	r.write(t, "policies/models.yaml", policy("lib, late.rego"))
	eventually(t, "readiness tells of the missing file", func() bool { _, said := r.ready(t); return strings.Contains(said, "late.rego") })
	if r.ask(t, "c-1").Version != version {
		t.Error("a bad change keeps what was before")
	}
	r.write(t, "policies/lib/b.rego", "package outrider\n")
	r.write(t, "policies/late.rego", "package outrider\nallow if input.llm.model == \"d-1\"\n")
	eventually(t, "the missing file is seen when it comes", func() bool { return r.allows(t, "c-1") && r.allows(t, "d-1") })
}

// TestReloadUnderLoad: while the policies change, every call is decided by
// one version of them, and none is lost.
func TestReloadUnderLoad(t *testing.T) {
	r := startReloading(t)
	both := func(a, b string) string {
		one := strings.Replace(reloadPolicy(a), "name: models", "name: first", 1)
		return one + "---\n" + strings.Replace(reloadPolicy(b), "name: models", "name: second", 1)
	}
	single := r.ask(t, "a-1").Version
	r.write(t, "policies/models.yaml", both("a-*", "a-*"))
	hangup(t)
	eventually(t, "both policies apply", func() bool { return r.ask(t, "a-1").Version != single })
	var stop atomic.Bool
	var versions sync.Map
	var work sync.WaitGroup
	for range 4 {
		work.Go(func() {
			for !stop.Load() {
				v := r.ask(t, "a-1")
				versions.Store(v.Version, v.Allowed())
			}
		})
	}
	for i := range 6 {
		model := []string{"a-*", "b-*"}[i%2]
		r.write(t, "policies/models.yaml", both(model, model))
		hangup(t)
		eventually(t, model+" applies", func() bool { return r.allows(t, model[:2]+"1") })
	}
	stop.Store(true)
	work.Wait()
	seen := 0
	versions.Range(func(_, _ any) bool { seen++; return true })
	if seen != 2 {
		t.Errorf("calls saw %d versions, want the two that were whole", seen)
	}
}
