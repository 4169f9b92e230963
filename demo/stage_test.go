package demo

import (
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"outrider.dev/outrider/config"
	"outrider.dev/outrider/demo/tools"
)

func stage(t *testing.T) *Stage {
	t.Helper()
	s, err := NewStage(t.TempDir(), "", false)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestFilesAreForTheirOwnerOnly(t *testing.T) {
	s := stage(t)
	seen := 0
	err := filepath.WalkDir(s.Dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == s.Dir {
			return err
		}
		seen++
		info, err := d.Info()
		if err != nil {
			return err
		}
		if perm := info.Mode().Perm(); perm&0o077 != 0 {
			t.Errorf("%s has mode %o", path, perm)
		}
		return nil
	})
	if err != nil || seen != 7 {
		t.Errorf("%d entries, %v; want 3 files, 3 keys and a folder", seen, err)
	}
}

// read parses a file of the stage.
func read(t *testing.T, path string) (string, map[string]any) {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]any{}
	if err := yaml.Unmarshal(raw, &out); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return string(raw), out
}

func TestKeysStandOnlyWithTheDecisionService(t *testing.T) {
	s := stage(t)
	sidecar, doc := read(t, s.Config(Sidecar))
	if doc["kind"] != "Config" || doc["llm"] != nil || doc["mcp"] != nil || doc["policies"] != nil {
		t.Errorf("the data plane knows more than it may: %v", doc)
	}
	for _, key := range []string{s.LLM.Key(), s.GitHub.Token(), s.Slack.Token()} {
		pdp, _ := read(t, s.Config(PDP))
		if strings.Contains(sidecar, key) || strings.Contains(pdp, key) {
			t.Error("a key stands in a configuration instead of its file")
		}
	}
	raw, err := os.ReadFile(s.KeyFile("xai"))
	if err != nil || strings.TrimSpace(string(raw)) != s.LLM.Key() {
		t.Errorf("the provider's key file: %q, %v", raw, err)
	}
}

func TestThePolicyNamesTheIssuer(t *testing.T) {
	s := stage(t)
	text, doc := read(t, filepath.Join(s.Dir, "policy.yaml"))
	if doc["kind"] != "AgentPolicy" {
		t.Errorf("kind is %v", doc["kind"])
	}
	for _, want := range []string{s.Issuer.URL, s.Issuer.JWKS(), s.Audience(), "{requests_per_minute: 10}"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q does not stand in the policy", want)
		}
	}
	if strings.Contains(text, "{{") || strings.Contains(text, "<no value>") {
		t.Error("a placeholder was left in the policy")
	}
}

func TestPortsAreFreeAndDifferent(t *testing.T) {
	s := stage(t)
	all := []string{s.AgentAddress, s.AdminAddress, s.PDPAddress}
	for i, address := range all {
		l, err := net.Listen("tcp", address)
		if err != nil {
			t.Errorf("%s: %v", address, err)
			continue
		}
		_ = l.Close()
		if slices.Contains(all[i+1:], address) {
			t.Errorf("%s is given twice", address)
		}
	}
}

func TestStandardPorts(t *testing.T) {
	s, err := NewStage(t.TempDir(), "", true)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	if s.AgentURL() != "http://127.0.0.1:4000" || s.AdminAddress != "127.0.0.1:4001" || s.PDPAddress != "127.0.0.1:9192" {
		t.Errorf("got %s %s %s", s.AgentURL(), s.AdminAddress, s.PDPAddress)
	}
}

func TestAStageThatCannotStandIsTakenDown(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := NewStage(file, "", false); err == nil || !strings.Contains(err.Error(), "the decision service's folder") {
		t.Errorf("a stage in a file: %v", err)
	}
	if _, err := NewStage("/"+strings.Repeat("long/", 20), "", false); err == nil || !strings.Contains(err.Error(), "TMPDIR") {
		t.Errorf("a stage too deep for a socket: %v", err)
	}
}

// The table of the story names exactly the tools that the servers have.
func TestTheTableNamesEveryTool(t *testing.T) {
	s := stage(t)
	var served []string
	for _, server := range []*tools.Server{s.GitHub, s.Slack} {
		a := newAgent(strings.TrimSuffix(server.URL, tools.Path))
		names, _, err := a.list(t.Context(), server.Token())
		a.http.CloseIdleConnections()
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range names {
			served = append(served, server.Name+"__"+n)
		}
	}
	var table []string
	for _, row := range toolTable() {
		table = append(table, row.name)
	}
	slices.Sort(served)
	slices.Sort(table)
	if !slices.Equal(served, table) {
		t.Errorf("the servers have %v, the table %v", served, table)
	}
	if mcp.MetaKeyProtocolVersion != "io.modelcontextprotocol/protocolVersion" {
		t.Error("the agent writes another key than the SDK reads")
	}
}

// Both parts' files are what the loader accepts.
func TestTheFilesLoad(t *testing.T) {
	s := stage(t)
	loaded, err := config.Load(s.Config(PDP))
	if err != nil {
		t.Fatalf("the decision service's file does not load: %v", err)
	}
	if len(loaded.Policies) != 1 {
		t.Errorf("%d policies, want 1", len(loaded.Policies))
	}
	if _, err := config.LoadSidecar(s.Config(Sidecar)); err != nil {
		t.Errorf("the data plane's file does not load: %v", err)
	}
}
