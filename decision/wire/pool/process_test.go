package pool

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"

	"outrider.dev/outrider/decision"
	decisionv1 "outrider.dev/outrider/proto/outrider/decision/v1"
)

// processEnv makes the test binary a decision service at the socket it names.
const processEnv = "OUTRIDER_POOL_SERVICE"

func playService(socket string) int {
	_ = os.Remove(socket)
	l, err := net.Listen("unix", socket)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	srv := grpc.NewServer()
	service := &scripted{gone: make(chan struct{})}
	decisionv1.RegisterDecisionServiceServer(srv, service)
	healthv1.RegisterHealthServer(srv, health.NewServer())
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, func() {
		close(service.gone)
		srv.GracefulStop()
	})
	if err := srv.Serve(l); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// process is a decision service in a process of its own.
type process struct {
	socket string
	cmd    *exec.Cmd
}

func (p *process) start(t *testing.T) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p.cmd = exec.Command(self)
	p.cmd.Env = append(os.Environ(), processEnv+"="+p.socket)
	p.cmd.Stderr = os.Stderr
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
}

// end ends the process by a signal and waits for it.
func (p *process) end(sig syscall.Signal) {
	_ = p.cmd.Process.Signal(sig)
	_ = p.cmd.Wait() // a killed process is an error
}

// questionTime is how long a question to processes may take: a share of it is
// enough for a busy machine, and it is shorter than they hang.
const questionTime = 800 * time.Millisecond

// processes are two services, and a pool that asks them.
type processes struct {
	a, b *process
	pool *Pool
	lost atomic.Int64 // outcomes
}

func startProcesses(t *testing.T) *processes {
	t.Helper()
	dir, err := os.MkdirTemp("", "pool") // t.TempDir is too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	ps := &processes{a: &process{socket: filepath.Join(dir, "a")}, b: &process{socket: filepath.Join(dir, "b")}}
	for _, p := range []*process{ps.a, ps.b} {
		p.start(t)
		t.Cleanup(func() { p.end(syscall.SIGKILL) })
	}
	ps.pool, err = New(Config{
		Targets: []string{"unix://" + ps.a.socket, "unix://" + ps.b.socket},
		Lookup:  net.DefaultResolver.LookupHost,
		Log:     slog.New(slog.DiscardHandler),
		Count: func(e Event) {
			if e == Unsettled {
				ps.lost.Add(1)
			}
		},
		Dial: func(a Address) (*grpc.ClientConn, error) {
			return grpc.NewClient(a.Dial, grpc.WithTransportCredentials(insecure.NewCredentials()),
				grpc.WithConnectParams(grpc.ConnectParams{Backoff: backoff.Config{BaseDelay: 50 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: 200 * time.Millisecond}}))
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- ps.pool.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		<-ended
		ps.pool.Close()
	})
	ps.connected(t, 2)
	return ps
}

// connected waits until so many services are.
func (ps *processes) connected(t *testing.T, want int) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		n := 0
		for _, s := range ps.pool.list() {
			if s.rank() < rankConnecting {
				n++
			}
		}
		if n == want {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%d services are connected, want %d: %s", n, want, ps.pool.Services())
		}
	}
}

// tally is what calls came to.
type tally struct {
	calls, refused, cut, wrong int           // refused: not opened; cut: lost in the middle
	longest                    time.Duration // of opening
}

// load makes calls from several sides while something happens to the services.
func (ps *processes) load(workers int, happens func()) tally {
	var mu sync.Mutex
	var total tally
	stop := make(chan struct{})
	var work sync.WaitGroup
	for range workers {
		work.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				one := ps.call([]string{good, bad}[n%2])
				mu.Lock()
				total.calls++
				total.refused += one.refused
				total.cut += one.cut
				total.wrong += one.wrong
				total.longest = max(total.longest, one.longest)
				mu.Unlock()
			}
		})
	}
	happens()
	close(stop)
	work.Wait()
	return total
}

func (ps *processes) call(model string) (one tally) {
	ctx, cancel := context.WithTimeout(context.Background(), questionTime)
	begun := time.Now()
	v, ex, err := ps.pool.Open(ctx, question(model))
	one.longest = time.Since(begun)
	cancel()
	switch {
	case err != nil:
		one.refused++
		return one
	case v.Allowed() != (model == good) || v.Allowed() != (ex != nil):
		one.wrong++
	}
	if ex == nil {
		return one
	}
	ctx, cancel = context.WithTimeout(context.Background(), questionTime)
	defer cancel()
	if _, err := ex.Judge(ctx, decision.Part{Deltas: []decision.Delta{{Text: "x"}}}); err != nil {
		one.cut++
	}
	_ = ex.Settle(ctx, outcome(v))
	return one
}

const workers = 4

// TestKilled: a service that is killed under load costs no call that was to be
// opened; those under way there end.
func TestKilled(t *testing.T) {
	ps := startProcesses(t)
	got := ps.load(workers, func() {
		time.Sleep(200 * time.Millisecond)
		ps.a.end(syscall.SIGKILL)
		time.Sleep(500 * time.Millisecond)
	})
	t.Logf("%+v", got)
	if got.refused != 0 || got.cut > workers || got.wrong != 0 {
		t.Errorf("got %+v", got)
	}
}

// TestHung: one that hangs for a second, and goes on.
func TestHung(t *testing.T) {
	ps := startProcesses(t)
	got := ps.load(workers, func() {
		time.Sleep(200 * time.Millisecond)
		_ = ps.a.cmd.Process.Signal(syscall.SIGSTOP)
		time.Sleep(time.Second)
		_ = ps.a.cmd.Process.Signal(syscall.SIGCONT)
		time.Sleep(300 * time.Millisecond)
	})
	t.Logf("%+v", got)
	if got.refused+got.cut > workers-1 || got.wrong != 0 {
		t.Errorf("got %+v", got)
	}
}

// TestRestarted: one after the other is asked to stop and started again, under
// load: no call is refused, and none under way is cut.
func TestRestarted(t *testing.T) {
	ps := startProcesses(t)
	got := ps.load(workers, func() {
		for _, p := range []*process{ps.a, ps.b, ps.a} {
			time.Sleep(100 * time.Millisecond)
			p.end(syscall.SIGTERM)
			time.Sleep(100 * time.Millisecond)
			p.start(t)
			ps.connected(t, 2)
		}
	})
	t.Logf("%+v", got)
	if got.refused+got.cut+got.wrong != 0 {
		t.Errorf("got %+v", got)
	}
}

// TestAllAway: every call is refused in a bounded time, and as one that nobody
// answered; when one service is back, calls pass.
func TestAllAway(t *testing.T) {
	for name, away := range map[string]syscall.Signal{"killed": syscall.SIGKILL, "hung": syscall.SIGSTOP} {
		t.Run(name, func(t *testing.T) {
			ps := startProcesses(t)
			for _, p := range []*process{ps.a, ps.b} {
				if away == syscall.SIGKILL {
					p.end(away)
				} else {
					_ = p.cmd.Process.Signal(away)
				}
			}
			for end := time.Now().Add(20 * time.Second); ps.pool.someoneAnswers(t.Context()); { // signals take their time
				if time.Now().After(end) {
					t.Fatal("some service still answers")
				}
			}
			for range 5 {
				ctx, cancel := context.WithTimeout(t.Context(), questionTime)
				v, ex, err := ps.pool.Open(ctx, question(good))
				cancel()
				if !errors.Is(err, decision.ErrAway) || v != nil || ex != nil {
					t.Fatalf("got %+v, %v, %v", v, ex, err)
				}
			}
			if away == syscall.SIGKILL {
				ps.b.start(t)
			} else {
				_ = ps.b.cmd.Process.Signal(syscall.SIGCONT)
			}
			ps.connected(t, 1)
			if got := ps.call(good); got.refused+got.cut+got.wrong > 0 {
				t.Errorf("got %+v", got)
			}
		})
	}
}
