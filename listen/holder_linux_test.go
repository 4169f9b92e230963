package listen

import (
	"bufio"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// holdVariable makes the test binary a process that holds a port.
const holdVariable = "LISTEN_TEST_HOLD"

func TestMain(m *testing.M) {
	if addr := os.Getenv(holdVariable); addr != "" {
		hold(addr)
		return
	}
	os.Exit(m.Run())
}

// hold listens until its standard input ends.
func hold(addr string) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(l.Addr())
	_, _ = bufio.NewReader(os.Stdin).ReadByte()
	_ = l.Close()
}

// otherProcess starts a process that listens on addr, and returns its id and
// the port.
func otherProcess(t *testing.T, addr string) (pid int, port string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), holdVariable+"="+addr, "GORACE=atexit_sleep_ms=0")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = stdin.Close()
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	_, port, err = net.SplitHostPort(strings.TrimSpace(line))
	if err != nil {
		t.Fatalf("the other process said %q", line)
	}
	return cmd.Process.Pid, port
}

func TestListenNamesTheHolder(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ held, asked string }{
		{"127.0.0.1:0", "127.0.0.1"},
		{"127.0.0.1:0", "localhost"},
		{"127.0.0.1:0", ""},
		{"0.0.0.0:0", "127.0.0.1"},
		{":0", "127.0.0.1"},
		{"127.0.0.2:0", "127.0.0.2"},
	} {
		t.Run(c.held+" "+c.asked, func(t *testing.T) {
			pid, port := otherProcess(t, c.held)
			addr := net.JoinHostPort(c.asked, port)
			_, err := Listen("listen.agent", addr)
			want := fmt.Sprintf("listen.agent: %s is in use by %s (pid %d): stop it or choose another port",
				addr, filepath.Base(self), pid)
			if err == nil || err.Error() != want {
				t.Fatalf("got %v, want %s", err, want)
			}
		})
	}
}

func TestListenIsNotConfusedByItsNeighbours(t *testing.T) {
	_, port := otherProcess(t, "127.0.0.2:0")
	l, err := Listen("listen.agent", "127.0.0.1:"+port)
	if err != nil {
		t.Fatalf("the same port of another address is free: %v", err)
	}
	defer l.Close()
	_, err = Listen("listen.agent", "127.0.0.1:"+port)
	if want := fmt.Sprintf("(pid %d)", os.Getpid()); err == nil || !strings.Contains(err.Error(), want) {
		t.Fatalf("got %v, want our own process, %s", err, want)
	}
}

func TestHolderUnknown(t *testing.T) {
	for _, addr := range []string{"nonsense", "127.0.0.1:1"} {
		if got := holder(addr); got != "" {
			t.Errorf("%s is held by %q", addr, got)
		}
	}
	if got := owner([]string{"socket:[0]"}); got != "" {
		t.Errorf("nobody's socket is owned by %q", got)
	}
	if got := listeners("/proc/net/of-another-world", netip.MustParseAddrPort("127.0.0.1:1")); got != nil {
		t.Errorf("an absent table lists %q", got)
	}
	if got := command("/proc/of-another-world"); got != "a process" {
		t.Errorf("an absent process runs %q", got)
	}
}

func TestCommandIsPrintable(t *testing.T) {
	dir := t.TempDir()
	if err := os.Symlink("/opt/bad\x1b[31m\nname (deleted)", filepath.Join(dir, "exe")); err != nil {
		t.Fatal(err)
	}
	if got := command(dir); got != "bad?[31m?name" {
		t.Fatalf("got %q", got)
	}
}

const (
	lineV4     = "   0: 0100007F:0FA0 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0 100 0 0 10 0"
	lineV6     = "   1: 00000000000000000000000001000000:1F90 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4712 1 0 100 0 0 10 0"
	lineMapped = "   2: 0000000000000000FFFF00000100007F:0FA0 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4713 1 0 100 0 0 10 0"
	lineOpen   = "   3: 0100007F:0FA0 0100007F:C350 01 00000000:00000000 00:00000000 00000000     0        0 4714 1 0 100 0 0 10 0"
)

func TestListenerLine(t *testing.T) {
	for _, c := range []struct{ name, line, at, inode string }{
		{"IPv4", lineV4, "127.0.0.1:4000", "4711"},
		{"IPv6", lineV6, "[::1]:8080", "4712"},
		{"IPv4 in IPv6", lineMapped, "[::ffff:127.0.0.1]:4000", "4713"},
	} {
		t.Run(c.name, func(t *testing.T) {
			at, inode, ok := listener(c.line)
			if !ok || at.String() != c.at || inode != c.inode {
				t.Fatalf("got %v %q %v, want %s %s", at, inode, ok, c.at, c.inode)
			}
		})
	}
	for name, line := range map[string]string{
		"an open connection": lineOpen,
		"the heading":        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode",
		"nothing":            "",
		"no port":            strings.Replace(lineV4, ":0FA0", "", 1),
		"a port too large":   strings.Replace(lineV4, ":0FA0", ":10FA0", 1),
		"no hexadecimals":    strings.Replace(lineV4, "0100007F", "01x0007F", 1),
		"half an address":    strings.Replace(lineV4, "0100007F", "0100", 1),
		"two words":          strings.Replace(lineV4, "0100007F", "0100007F0100007F", 1),
	} {
		if at, _, ok := listener(line); ok {
			t.Errorf("%s was read as a listener at %v", name, at)
		}
	}
}

func TestCollide(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"127.0.0.1:80", "127.0.0.1:80", true},
		{"127.0.0.1:80", "127.0.0.1:81", false},
		{"127.0.0.1:80", "127.0.0.2:80", false},
		{"0.0.0.0:80", "127.0.0.1:80", true},
		{"[::]:80", "127.0.0.1:80", true},
		{"[::1]:80", "127.0.0.1:80", false},
		{"[::ffff:127.0.0.1]:80", "127.0.0.1:80", true},
	} {
		a, b := netip.MustParseAddrPort(c.a), netip.MustParseAddrPort(c.b)
		if collide(a, b) != c.want || collide(b, a) != c.want {
			t.Errorf("%s and %s: want %v", c.a, c.b, c.want)
		}
	}
}

func FuzzListenerLine(f *testing.F) {
	for _, line := range []string{lineV4, lineV6, lineMapped, lineOpen, "a b c 0A e f g h i j", ""} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		at, inode, ok := listener(line)
		if ok && (!at.IsValid() || inode == "" || strings.ContainsAny(inode, " \t\n")) {
			t.Fatalf("%q: got %v %q", line, at, inode)
		}
	})
}
