package decisionservice

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"outrider.dev/outrider/guards"
	configv1 "outrider.dev/outrider/proto/outrider/config/v1"
)

func keyConfig(state string, src *configv1.KeySource) *configv1.Config {
	return &configv1.Config{Pdp: &configv1.PDP{State: state}, Guards: &configv1.GuardSettings{Key: src}}
}

func TestOwnGuardKey(t *testing.T) {
	cfg := keyConfig(filepath.Join(t.TempDir(), "state"), nil)
	keys := make([]guards.Key, 8)
	var starts sync.WaitGroup
	for i := range keys {
		starts.Go(func() {
			var err error
			if keys[i], err = GuardKey(cfg); err != nil {
				t.Error(err)
			}
		})
	}
	starts.Wait()
	for _, k := range keys {
		if len(k) != guards.KeySize || !bytes.Equal(k, keys[0]) {
			t.Fatalf("keys differ: %x and %x", k, keys[0])
		}
	}
	entries, err := os.ReadDir(cfg.GetPdp().GetState())
	if err != nil || len(entries) != 1 {
		t.Fatalf("left behind: %v, %v", entries, err)
	}
	path := filepath.Join(cfg.GetPdp().GetState(), guardKeyFile)
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != fs.FileMode(0o600) {
		t.Errorf("%v, %v", info, err)
	}
	if err := os.WriteFile(path, []byte("short"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := GuardKey(cfg); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("a broken key: %v", err)
	}
}

func TestGivenGuardKey(t *testing.T) {
	state := filepath.Join(t.TempDir(), "state")
	t.Setenv("GUARD_KEY", strings.Repeat("a", 40))
	env := keyConfig(state, &configv1.KeySource{Env: "GUARD_KEY"})
	one, err := GuardKey(env)
	again, errAgain := GuardKey(env)
	if err != nil || errAgain != nil || len(one) != guards.KeySize || !bytes.Equal(one, again) {
		t.Errorf("%x %v, %x %v", one, err, again, errAgain)
	}
	if _, err := os.Stat(state); err == nil {
		t.Error("a key was made though one is given")
	}
	t.Setenv("GUARD_KEY", "secret")
	if _, err := GuardKey(env); err == nil || strings.Contains(err.Error(), "secret") || !strings.Contains(err.Error(), "at least 32") {
		t.Errorf("a short key: %v", err)
	}
}
