package bench

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"outrider.dev/outrider/test/freeport"
)

// system is one way for a call to travel, and the processes whose CPU it
// takes.
type system struct {
	name      string
	address   string
	processes []*process
	bare      bool // forwards everything: no token, no rule, no guard
	guards    bool
}

func (s *system) cpu(tb testing.TB) time.Duration {
	tb.Helper()
	var sum time.Duration
	for _, p := range s.processes {
		sum += p.cpu(tb)
	}
	return sum
}

// site is where the systems stand.
type site struct {
	bin, jwks, farSide string
}

func newSite(tb testing.TB, s *signer) *site {
	tb.Helper()
	address := freeport.For(tb)
	startRole(tb, roleFarSide, address, "")
	return &site{bin: build(tb), jwks: s.jwks(tb), farSide: "http://" + address}
}

// proxy is what everything is compared with.
func (s *site) proxy(tb testing.TB) *system {
	tb.Helper()
	address := freeport.For(tb)
	return &system{name: "ReverseProxy", address: address, processes: []*process{startRole(tb, roleProxy, address, s.farSide)}, bare: true}
}

// direct is nothing in between.
func (s *site) direct() *system {
	return &system{name: "direct", address: strings.TrimPrefix(s.farSide, "http://"), bare: true}
}

// inProcess is `outrider run`.
func (s *site) inProcess(tb testing.TB, guards bool) *system {
	tb.Helper()
	dir := tb.TempDir()
	c := s.setup(tb, guards)
	c.pdp = fmt.Sprintf("{state: %q}", dir)
	p := start(tb, "outrider run", filepath.Join(s.bin, "outrider"), []string{"run", "-c", write(tb, dir, c, true)})
	readyAt(tb, c.admin)
	return &system{name: "run" + withGuards(guards), address: c.agent, processes: []*process{p}, guards: guards}
}

// overSocket is `outrider-sidecar` with `outrider-pdp` behind a unix socket.
func (s *site) overSocket(tb testing.TB, guards bool) *system {
	tb.Helper()
	dir, c := tb.TempDir(), s.setup(tb, guards)
	decider := s.startPDP(tb, dir, c)
	p := s.startSidecar(tb, dir, c)
	readyAt(tb, c.admin)
	return &system{name: "sidecar + pdp" + withGuards(guards), address: c.agent, processes: []*process{p, decider}, guards: guards}
}

func socket(dir string) string { return filepath.Join(dir, "s") }

func (s *site) startPDP(tb testing.TB, dir string, c setup) *process {
	tb.Helper()
	c.pdp = fmt.Sprintf("{listen: {socket: %q}, peers: [{uid: %d, agents: [bench]}], state: %q}", socket(dir), os.Getuid(), dir)
	return start(tb, "outrider-pdp", filepath.Join(s.bin, "outrider-pdp"), []string{"-c", write(tb, dir, c, true)})
}

func (s *site) startSidecar(tb testing.TB, dir string, c setup) *process {
	tb.Helper()
	return start(tb, "outrider-sidecar", filepath.Join(s.bin, "outrider-sidecar"),
		[]string{"--decision", "unix://" + socket(dir), "-c", write(tb, dir, c, false)})
}

func (s *site) setup(tb testing.TB, guards bool) setup {
	tb.Helper()
	return setup{agent: freeport.For(tb), admin: freeport.For(tb), farSide: s.farSide, jwks: s.jwks, guards: guards}
}

// write writes the files of a configuration and returns the first one.
func write(tb testing.TB, dir string, c setup, decides bool) string {
	tb.Helper()
	file, text := filepath.Join(dir, "sidecar.yaml"), c.sidecar()
	if decides {
		file, text = filepath.Join(dir, "pdp.yaml"), c.config()+"policies: [policy.yaml]\n"
		if err := os.WriteFile(filepath.Join(dir, "policy.yaml"), []byte(c.policy()), 0o600); err != nil {
			tb.Fatal(err)
		}
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		tb.Fatal(err)
	}
	return file
}

func withGuards(on bool) string {
	if on {
		return ", guards"
	}
	return ""
}

// prove makes sure that the system does what it is measured for.
func (s *system) prove(tb testing.TB, token string) {
	tb.Helper()
	if s.bare {
		return
	}
	for _, q := range proofs(token, s.guards) {
		one, err := newAgents(s.address, 1)
		if err == nil {
			_, err = one.each[0].ask(q)
			one.close()
		}
		if err != nil {
			tb.Fatalf("%s does not do its work: %v", s.name, err)
		}
	}
}
