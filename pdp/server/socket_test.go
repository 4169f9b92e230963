package server

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"google.golang.org/grpc/credentials/insecure"

	configv1 "outrider.dev/outrider/proto/outrider/config/v1"
)

func TestOwnUserIsGranted(t *testing.T) {
	_, conn := onSocket(t, &engine{})
	wantGranted(t, conn, "devops-copilot")
	wantAnswered(t, conn, "a")
}

func TestPeersByUser(t *testing.T) {
	other := *ownUID() + 1
	for name, c := range map[string]struct {
		peers   []*configv1.Peer
		granted []string
		refused []string
	}{
		"the own user for all":  {[]*configv1.Peer{{Uid: ownUID(), Agents: []string{"*"}}}, []string{"a", ""}, nil},
		"a list without us":     {[]*configv1.Peer{{Uid: &other, Agents: []string{"*"}}}, nil, []string{"a"}},
		"a certificate only":    {[]*configv1.Peer{{Spiffe: "*", Agents: []string{"*"}}}, nil, []string{"a"}},
		"a peer without a name": {[]*configv1.Peer{{Agents: []string{"*"}}}, nil, []string{"a"}},
		"no agents":             {[]*configv1.Peer{{Uid: ownUID()}}, nil, []string{"a", ""}},
		"some agents": {
			[]*configv1.Peer{{Uid: ownUID(), Agents: []string{"prod-*", "billing"}}},
			[]string{"prod-a", "prod-", "billing"},
			[]string{"dev-a", "prod", "xprod-a", "Prod-a", "billing2", "*", ""},
		},
		"agents of two lines": {
			[]*configv1.Peer{{Uid: ownUID(), Agents: []string{"a"}}, {Uid: &other, Agents: []string{"b"}}, {Uid: ownUID(), Agents: []string{"c"}}},
			[]string{"a", "c"},
			[]string{"b"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			r, conn := onSocket(t, &engine{}, c.peers...)
			for _, agent := range c.granted {
				wantGranted(t, conn, agent)
				wantAnswered(t, conn, agent)
			}
			for _, agent := range c.refused {
				wantRefused(t, r, conn, agent)
				wantUnanswered(t, conn, agent)
			}
		})
	}
}

func TestSocketMode(t *testing.T) {
	r, _ := onSocket(t, &engine{})
	info, err := os.Stat(r.cfg.Listen.GetSocket())
	if err != nil || info.Mode().Perm() != 0o660 {
		t.Fatalf("got %v, %v", info.Mode(), err)
	}
	if got := r.Addresses(); len(got) != 1 || got[0] != r.cfg.Listen.GetSocket() {
		t.Errorf("it listens on %q", got)
	}
	r.stop()
	<-r.done
	if _, err := os.Stat(r.cfg.Listen.GetSocket()); !os.IsNotExist(err) {
		t.Errorf("the socket stays behind: %v", err)
	}
}

func TestStaleSocketIsReplaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pdp.sock")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	_ = l.Close() // as a process that was killed leaves it
	start(t, config(t, &engine{}, &configv1.PDPListen{Socket: path}))
	wantGranted(t, dial(t, "unix://"+path, insecure.NewCredentials()), "a")
}

func TestLiveSocketStays(t *testing.T) {
	r, conn := onSocket(t, &engine{})
	wantNotListening(t, r.cfg.Listen.GetSocket(), "another process")
	wantGranted(t, conn, "a")
	// A connection that was there goes on, and so does a new one.
	wantGranted(t, dial(t, "unix://"+r.cfg.Listen.GetSocket(), insecure.NewCredentials()), "a")
}

func wantNotListening(t *testing.T, path, why string) {
	t.Helper()
	s, err := New(config(t, &engine{}, &configv1.PDPListen{Socket: path}))
	if err == nil {
		s.close()
		t.Fatal("it listens all the same")
	}
	if !strings.Contains(err.Error(), "pdp.listen.socket") || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), why) {
		t.Fatalf("the error says %v", err)
	}
}

// TestOtherFilesStay: what stands under the path is removed only where it is a
// socket that nobody listens on.
func TestOtherFilesStay(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	wantNotListening(t, file, "taken")
	if raw, err := os.ReadFile(file); err != nil || string(raw) != "precious" {
		t.Errorf("the file is gone: %q, %v", raw, err)
	}

	link := filepath.Join(dir, "link")
	if err := os.Symlink(file, link); err != nil {
		t.Fatal(err)
	}
	wantNotListening(t, link, "taken")
	if _, err := os.Lstat(link); err != nil {
		t.Errorf("the link is gone: %v", err)
	}

	// A socket of another kind is alive, although it takes no connection.
	datagrams := filepath.Join(dir, "datagrams")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: datagrams, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	wantNotListening(t, datagrams, "taken")
	if _, err := os.Lstat(datagrams); err != nil {
		t.Errorf("the live socket is gone: %v", err)
	}

	wantNotListening(t, filepath.Join(dir, "absent", "pdp.sock"), "no such file")
	wantNotListening(t, filepath.Join(dir, strings.Repeat("x", 200)), "")
}

// TestFullSocketStays: a service that is too busy to take a connection is
// alive.
func TestFullSocketStays(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pdp.sock")
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(fd)
	if err := syscall.Bind(fd, &syscall.SockaddrUnix{Name: path}); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	for range 2 { // fills what waits to be accepted
		if conn, err := net.Dial("unix", path); err == nil {
			defer conn.Close()
		}
	}
	wantNotListening(t, path, "")
	if _, err := os.Lstat(path); err != nil {
		t.Errorf("the live socket is gone: %v", err)
	}
}

func TestSocketCredentialsOnly(t *testing.T) {
	if _, _, err := (unixCredentials{}).ServerHandshake(&net.TCPConn{}); err == nil {
		t.Error("a TCP connection has a user")
	}
	if _, _, err := (unixCredentials{}).ClientHandshake(t.Context(), "", nil); err == nil {
		t.Error("the server dials")
	}
}
