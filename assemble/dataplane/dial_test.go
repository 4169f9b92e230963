package dataplane

import (
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"

	configv1 "outrider.dev/outrider/proto/outrider/config/v1"
	"outrider.dev/outrider/telemetry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestDialWithoutTLS: plain text only where nobody else can listen.
func TestDialWithoutTLS(t *testing.T) {
	tel := silent(t)
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
		for _, targets := range [][]string{{target}, {"127.0.0.1:9191", target}} {
			services, err := Dial(&configv1.Decision{Target: targets}, tel)
			if (err == nil) != allowed {
				t.Errorf("%q: %v", targets, err)
			}
			if err != nil && !strings.Contains(err.Error(), "decision.t") {
				t.Errorf("%q: the error names no field: %v", targets, err)
			}
			if services != nil {
				services.Close()
			}
		}
	}
}

func silent(t *testing.T) *telemetry.Telemetry {
	t.Helper()
	tel, err := telemetry.New(telemetry.Options{Service: "test", Log: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tel.Close(context.Background()) })
	return tel
}

func TestDialNamesBadFiles(t *testing.T) {
	dir := t.TempDir()
	empty := filepath.Join(dir, "empty.pem")
	if err := os.WriteFile(empty, []byte("nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	for ca, want := range map[string]string{filepath.Join(dir, "nowhere"): "decision.tls.ca: open", empty: "holds no certificate"} {
		_, err := Dial(&configv1.Decision{Target: []string{"pdp.example:9191"}, Tls: &configv1.ClientTLS{Ca: ca, Cert: empty, Key: empty}}, silent(t))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", ca, err)
		}
	}
}

// TestDialNames: the certificate must be for the name, whichever address of it is
// asked, and a socket beside it needs none.
func TestDialNames(t *testing.T) {
	dir := t.TempDir()
	ca := filepath.Join(dir, "ca.crt")
	cert, authority := selfSigned(t)
	write(t, ca, string(authority))
	addr, _, stop := serveTLS(t, "127.0.0.1:0", cert)
	defer stop()
	_, port, _ := strings.Cut(addr, ":")
	socket := filepath.Join(dir, "s")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	srv, served := grpc.NewServer(), make(chan error, 1)
	go func() { served <- srv.Serve(l) }()
	defer func() {
		srv.Stop()
		<-served
	}()
	for name, c := range map[string]struct {
		target, server string
		ready          bool
	}{
		"the name":               {"dns:///localhost:" + port, "", true},
		"another name is given":  {"dns:///localhost:" + port, "pdp.example", false},
		"the address":            {addr, "", true},
		"the address as a name":  {"dns:///" + addr, "", true},
		"the address, with name": {addr, "localhost", true},
		"a socket":               {"unix://" + socket, "", true},
	} {
		t.Run(name, func(t *testing.T) {
			services, err := Dial(&configv1.Decision{
				Target: []string{c.target}, Tls: &configv1.ClientTLS{Ca: ca, ServerName: c.server}, Token: filepath.Join(dir, "none"),
			}, silent(t))
			if err != nil {
				t.Fatal(err)
			}
			defer services.Close()
			ctx, end := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- services.Run(ctx) }()
			defer func() {
				end()
				<-ended
			}()
			soon, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			if err := services.Ready(soon); (err == nil) != c.ready {
				t.Errorf("ready: %v, it says %s", err, services.Services())
			}
		})
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
		agent, target string // the targets, with spaces between
		timeout       time.Duration
	}{
		"file":           {RunOptions{Config: full}, "a", "127.0.0.1:1", 3 * time.Second},
		"flag over file": {RunOptions{Config: full, Decision: []string{"127.0.0.1:2", "127.0.0.1:3"}}, "a", "127.0.0.1:2 127.0.0.1:3", 3 * time.Second},
		"flag and file":  {RunOptions{Config: bare, Decision: []string{"127.0.0.1:2"}}, "a", "127.0.0.1:2", defaultTimeout},
		"flag":           {RunOptions{Decision: []string{"unix:///x"}}, host, "unix:///x", defaultTimeout},
	} {
		cfg, err := sidecarConfig(tt.opt)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if cfg.GetAgent().GetName() != tt.agent || strings.Join(cfg.GetDecision().GetTarget(), " ") != tt.target || cfg.GetDecision().GetTimeout().AsDuration() != tt.timeout {
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
