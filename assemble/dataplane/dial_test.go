package dataplane

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"

	configv1 "outrider.dev/outrider/proto/outrider/config/v1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestDialWithoutTLS: plain text only where nobody else can listen.
func TestDialWithoutTLS(t *testing.T) {
	for target, allowed := range map[string]bool{
		"unix:///run/outrider/pdp.sock":      true,
		"127.0.0.1:9191":                     true,
		"[::1]:9191":                         true,
		"localhost:9191":                     true,
		"dns:///localhost:9191":              true,
		"10.0.0.1:9191":                      false,
		"pdp.example:9191":                   false,
		"dns:///pdp.example:9191":            false,
		"dns://192.0.2.53/localhost:9191":    false, // a foreign resolver
		"passthrough:///192.0.2.1:9191":      false,
		"ipv4:192.0.2.1:9191":                false,
		"127.0.0.1.example:9191":             false,
		"localhost.example:9191":             false,
		"unix-abstract:somebody":             false,
		"xds:///pdp":                         false,
		"dns:///pdp.example:9191/127.0.0.1:": false,
		"":                                   false,
	} {
		conn, err := Dial(&configv1.Decision{Target: target})
		if (err == nil) != allowed {
			t.Errorf("%q: %v", target, err)
		}
		if err != nil && !strings.Contains(err.Error(), "decision.t") {
			t.Errorf("%q: the error names no field: %v", target, err)
		}
		if conn != nil {
			_ = conn.Close()
		}
	}
}

func TestDialNamesBadFiles(t *testing.T) {
	dir := t.TempDir()
	empty := filepath.Join(dir, "empty.pem")
	if err := os.WriteFile(empty, []byte("nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	for ca, want := range map[string]string{filepath.Join(dir, "nowhere"): "decision.tls.ca: open", empty: "holds no certificate"} {
		_, err := Dial(&configv1.Decision{Target: "pdp.example:9191", Tls: &configv1.ClientTLS{Ca: ca, Cert: empty, Key: empty}})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", ca, err)
		}
	}
}

// TestConnectedTellsALostService also while no call comes: a connection that
// was lost is idle, which says nothing.
func TestConnectedTellsALostService(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := grpc.NewServer()
	served := make(chan error, 1)
	go func() { served <- srv.Serve(l) }()
	conn, err := Dial(&configv1.Decision{Target: l.Addr().String()})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	ready := connected(conn)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if err := ready(ctx); err != nil {
		t.Errorf("the service runs: %v", err)
	}
	srv.Stop()
	if err := <-served; err != nil {
		t.Error(err)
	}
	for ready(ctx) == nil && ctx.Err() == nil { // until the end of the connection is seen
		time.Sleep(10 * time.Millisecond)
	}
	if err := ready(ctx); err == nil || !strings.Contains(err.Error(), l.Addr().String()) || ctx.Err() != nil {
		t.Errorf("the service is away: %v", err)
	}
}

func TestSidecarConfig(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte("apiVersion: outrider.dev/v1\nkind: Config\n"+text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	full := write("full.yaml", "agent: {name: a}\ndecision: {target: \"127.0.0.1:1\", timeout: 3s}\n")
	bare := write("bare.yaml", "agent: {name: a}\n")
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		opt           RunOptions
		agent, target string
		timeout       time.Duration
	}{
		"file":           {RunOptions{Config: full}, "a", "127.0.0.1:1", 3 * time.Second},
		"flag over file": {RunOptions{Config: full, Decision: "127.0.0.1:2"}, "a", "127.0.0.1:2", 3 * time.Second},
		"flag and file":  {RunOptions{Config: bare, Decision: "127.0.0.1:2"}, "a", "127.0.0.1:2", defaultTimeout},
		"flag":           {RunOptions{Decision: "unix:///x"}, host, "unix:///x", defaultTimeout},
	} {
		cfg, err := sidecarConfig(tt.opt)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if cfg.GetAgent().GetName() != tt.agent || cfg.GetDecision().GetTarget() != tt.target || cfg.GetDecision().GetTimeout().AsDuration() != tt.timeout {
			t.Errorf("%s: %v", name, cfg)
		}
	}
	for name, tt := range map[string]struct {
		opt  RunOptions
		want string
	}{
		"no service": {RunOptions{Config: bare}, "no decision service is named: give --decision"},
		"no agent":   {RunOptions{Config: write("nobody.yaml", "decision: {target: \"127.0.0.1:1\"}\n")}, "agent.name"},
		"keys":       {RunOptions{Config: write("keys.yaml", "agent: {name: a}\nllm: {providers: [{name: x, preset: openai}]}\n")}, "keys.yaml:4:"},
	} {
		if _, err := sidecarConfig(tt.opt); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
