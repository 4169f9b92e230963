package road

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"outrider.dev/outrider/test/freeport"
	"outrider.dev/outrider/test/started"
)

// part is one part of the road in a process of its own, which can be killed,
// stopped and started again.
type part struct {
	cmd   *exec.Cmd
	ended chan error
}

// startPart starts a part with a configuration. What it says goes to a file
// that a failed test shows.
func startPart(t *testing.T, s *setup, name, config string) *part {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	log, err := os.CreateTemp(s.dir, name+".*.log")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = log.Close() }() // the process has its own descriptor
	p := &part{cmd: exec.Command(self, config), ended: make(chan error, 1)}
	p.cmd.Env = append(os.Environ(), partEnv+"="+name)
	p.cmd.Stdout, p.cmd.Stderr = log, log
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { p.ended <- p.cmd.Wait() }()
	t.Cleanup(func() {
		p.signal(syscall.SIGKILL)
		if said, _ := os.ReadFile(log.Name()); t.Failed() {
			t.Logf("the %s said:\n%s", name, said)
		}
	})
	return p
}

// signal sends a signal. One that kills is waited for.
func (p *part) signal(sig syscall.Signal) error {
	_ = p.cmd.Process.Signal(sig) // fails only where it has ended
	if sig != syscall.SIGKILL && sig != syscall.SIGTERM {
		return nil
	}
	err := <-p.ended
	p.ended <- err
	return err
}

// startPDPPart starts the decision service and waits until it is ready.
func startPDPPart(t *testing.T, s *setup) *part {
	t.Helper()
	if s.ports.pdp == "127.0.0.1:0" {
		s.ports.pdp = freeport.For(t)
	}
	s.write(t, "policy.yaml", s.text(s.policy))
	p := startPart(t, s, partPDP, s.write(t, "pdp.yaml", s.text(secHead, secLimits, secPDP, s.far, "policies: [policy.yaml]\n")))
	eventually(t, "the decision service is ready", func() bool { return ready("http://" + s.ports.pdp) })
	return p
}

func ready(admin string) bool {
	resp, err := http.Get(admin + "/readyz")
	if err != nil {
		return false
	}
	_ = resp.Body.Close()
	http.DefaultClient.CloseIdleConnections()
	return resp.StatusCode == http.StatusOK
}

// hang stops the part, and returns when it answers no more at its admin
// address: the signal takes its time.
func (p *part) hang(admin string) {
	client := &http.Client{Timeout: 50 * time.Millisecond}
	defer client.CloseIdleConnections()
	_ = p.signal(syscall.SIGSTOP)
	for end := time.Now().Add(patience); time.Now().Before(end); {
		resp, err := client.Get(admin + "/healthz")
		if err != nil {
			return
		}
		_ = resp.Body.Close()
	}
}

// apart is a road whose decision service is another process, and which asks
// it for so long.
func apart(t *testing.T, timeout time.Duration) (*Road, *part) {
	t.Helper()
	s := newSetup(t, func(s *setup) {
		s.decision = "{target: \"unix://" + filepath.Join(s.dir, "pdp.sock") + "\", timeout: " + timeout.String() + "}"
	})
	pdp := startPDPPart(t, s)
	log := &started.Log{}
	base, admin := dialPlane(t, s, log)
	return stand(t, s, log, base, admin, "http://"+s.ports.pdp), pdp
}
