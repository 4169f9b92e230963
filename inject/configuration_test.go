package inject

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"outrider.dev/outrider/config"
)

// TestConfigurationLoads: what is written for the sidecar, it can read.
func TestConfigurationLoads(t *testing.T) {
	pod, _ := injected(t, injector(t, func(s *Settings) { s.ServerName = "pdp.example" }), `{"metadata": {"labels": {"app": "x", "tricky": "yes", "a.b/c": "1e3", "pod-template-hash": "1"},
		"annotations": {"outrider.dev/agent": "weird\"name:<&>é", "outrider.dev/port": "15000"}}, "spec": {"containers": [{"name": "a"}]}}`)
	file := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(file, []byte(text(at(pod, "metadata", "annotations"), annotationConfig)), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.LoadSidecar(file)
	if err != nil {
		t.Fatal(err)
	}
	if got := cfg.GetAgent().GetName(); got != "weird\"name:<&>é" {
		t.Errorf("the agent is %q", got)
	}
	if got, want := cfg.GetAgent().GetLabels(), map[string]string{"app": "x", "tricky": "yes", "a.b/c": "1e3"}; !reflect.DeepEqual(got, want) {
		t.Errorf("labels are %v, want %v", got, want)
	}
	if cfg.GetListen().GetAgent() != "127.0.0.1:15000" || cfg.GetDecision().GetToken() != mountPath+"/token" ||
		cfg.GetDecision().GetTls().GetCa() != mountPath+"/ca.crt" || cfg.GetDecision().GetTls().GetServerName() != "pdp.example" {
		t.Errorf("the configuration is %v", cfg)
	}
}
