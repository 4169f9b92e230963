package bench

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// patience bounds every wait.
const patience = 20 * time.Second

// process is one process that a benchmark started. It ends with the benchmark.
type process struct {
	name string
	cmd  *exec.Cmd
	said *bytes.Buffer // on stderr; to be read after the end
}

// start starts a program. Variables are NAME=value.
func start(tb testing.TB, name, program string, args []string, variables ...string) *process {
	tb.Helper()
	p := &process{name: name, cmd: exec.Command(program, args...), said: &bytes.Buffer{}}
	p.cmd.Env = append(os.Environ(), variables...)
	p.cmd.Stderr = p.said
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		tb.Fatalf("%s: %v", name, err)
	}
	tb.Cleanup(func() { p.stop(tb) })
	return p
}

func (p *process) stop(tb testing.TB) {
	tb.Helper()
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
	if tb.Failed() {
		tb.Logf("%s said:\n%.4000s", p.name, p.said)
	}
}

// startRole starts this binary again as what stands beside the road.
func startRole(tb testing.TB, role, address, target string) *process {
	tb.Helper()
	own, err := os.Executable()
	if err != nil {
		tb.Fatal(err)
	}
	p := start(tb, role, own, nil, roleVariable+"="+role, roleAddress+"="+address, roleTarget+"="+target)
	answersAt(tb, address)
	return p
}

// cpu is the processor time that the process has had so far, in user and
// system mode. The kernel keeps a clock of it that is finer than its ticks.
func (p *process) cpu(tb testing.TB) time.Duration {
	tb.Helper()
	const wholeProcess = 2 // CPUCLOCK_SCHED of the kernel
	var t unix.Timespec
	if err := unix.ClockGettime(int32(^p.cmd.Process.Pid<<3|wholeProcess), &t); err != nil {
		tb.Fatalf("the CPU clock of %s: %v", p.name, err)
	}
	return time.Duration(t.Nano())
}

// anonymous is the memory of the process that no file backs, in bytes.
func (p *process) anonymous(tb testing.TB) int {
	tb.Helper()
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		tb.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(raw), "RssAnon:")
	kib, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil {
		tb.Fatal(err)
	}
	return kib << 10
}

// build builds the commands as `make build` does.
func build(tb testing.TB) (dir string) {
	tb.Helper()
	dir = tb.TempDir()
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", dir+string(filepath.Separator), "./cmd/...")
	cmd.Dir = filepath.Join("..", "..")
	if out, err := cmd.CombinedOutput(); err != nil {
		tb.Fatalf("%v: %s", err, out)
	}
	return dir
}

// answersAt waits until something listens.
func answersAt(tb testing.TB, address string) {
	tb.Helper()
	eventually(tb, address, func() bool {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	})
}

func readyAt(tb testing.TB, admin string) {
	tb.Helper()
	eventually(tb, admin, func() bool {
		resp, err := http.Get("http://" + admin + "/readyz")
		if err != nil {
			return false
		}
		_ = resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
}

func eventually(tb testing.TB, what string, happened func() bool) {
	tb.Helper()
	for end := time.Now().Add(patience); !happened(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			tb.Fatalf("waited %v in vain for %s", patience, what)
		}
	}
}
