package kubernetes

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// network is a network namespace with a loopback and nothing else, which pods and this
// process share: it stands for the network of a cluster. One thread lives in it; sockets
// that it opens belong there, whoever uses them.
type network struct{ calls chan func() }

func newNetwork(t *testing.T) *network {
	t.Helper()
	n := &network{calls: make(chan func())}
	ready := make(chan error)
	var done sync.WaitGroup
	done.Go(func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with its goroutine
		ready <- loopback()
		for call := range n.calls {
			call()
		}
	})
	if err := <-ready; err != nil {
		t.Fatalf("a network for pods: %v (root can make one)", err)
	}
	t.Cleanup(func() {
		close(n.calls)
		done.Wait()
	})
	return n
}

// loopback moves the thread into a new network namespace and sets its loopback up.
func loopback() error {
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return err
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(fd) }()
	lo, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	lo.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	return unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, lo)
}

// do runs f on the thread that lives in the network.
func (n *network) do(f func()) {
	done := make(chan struct{})
	n.calls <- func() { defer close(done); f() }
	<-done
}

func (n *network) listen(t *testing.T, address string) net.Listener {
	t.Helper()
	var l net.Listener
	var err error
	n.do(func() { l, err = net.Listen("tcp", address) })
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// client dials in the network; by address, since names are looked up elsewhere.
func (n *network) client() *http.Client {
	return &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(_ context.Context, kind, address string) (c net.Conn, err error) {
		n.do(func() { c, err = net.Dial(kind, address) })
		return c, err
	}}}
}

// ready asks a probe's question.
func (n *network) ready(url string) error {
	res, err := n.client().Get(url)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	body, _ := io.ReadAll(res.Body)
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s: %s", url, res.Status, body)
	}
	return nil
}

// relay carries connections to an address outside, until the end of the test.
func (n *network) relay(t *testing.T, from, to string) {
	t.Helper()
	l := n.listen(t, from)
	var open sync.WaitGroup
	open.Go(func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			open.Go(func() { carry(in, to) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		open.Wait()
	})
}

// carry copies both ways until either side has ended.
func carry(in net.Conn, to string) {
	defer func() { _ = in.Close() }()
	out, err := net.Dial("tcp", to)
	if err != nil {
		return
	}
	defer func() { _ = out.Close() }()
	done := make(chan struct{}, 2)
	for from, to := range map[net.Conn]net.Conn{in: out, out: in} {
		go func() {
			_, _ = io.Copy(to, from)
			done <- struct{}{}
		}()
	}
	<-done
	_ = in.Close()
	_ = out.Close()
	<-done
}

// serve serves a handler in the network.
func (n *network) serve(t *testing.T, address string, h http.Handler) {
	t.Helper()
	srv := &http.Server{Handler: h}
	l := n.listen(t, address)
	var running sync.WaitGroup
	running.Go(func() { _ = srv.Serve(l) })
	t.Cleanup(func() {
		_ = srv.Close()
		running.Wait()
	})
}
