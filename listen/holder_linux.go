package listen

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// holder names the process that listens on the address, empty where the kernel
// does not tell: processes of other users, and other namespaces.
func holder(addr string) string {
	tcp, err := net.ResolveTCPAddr("tcp", addr)
	if err != nil {
		return ""
	}
	var sockets []string
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		sockets = append(sockets, listeners(table, tcp.AddrPort())...)
	}
	if len(sockets) == 0 {
		return ""
	}
	return owner(sockets)
}

// listeners returns the sockets of a table of the kernel that stand in the way
// of the address, as links to them read below /proc/PID/fd.
func listeners(table string, want netip.AddrPort) []string {
	f, err := os.Open(table) //nolint:gosec // one of two fixed names
	if err != nil {
		return nil
	}
	defer func() { _ = f.Close() }()
	var found []string
	for lines := bufio.NewScanner(f); lines.Scan(); {
		at, inode, ok := listener(lines.Text())
		if ok && collide(at, want) {
			found = append(found, "socket:["+inode+"]")
		}
	}
	return found
}

// listener reads a line of /proc/net/tcp or tcp6, and reports whether it is a
// listening socket.
func listener(line string) (at netip.AddrPort, inode string, ok bool) {
	const local, state, node, listening = 1, 3, 9, "0A"
	fields := strings.Fields(line)
	if len(fields) <= node || fields[state] != listening {
		return netip.AddrPort{}, "", false
	}
	host, port, _ := strings.Cut(fields[local], ":")
	ip, err := hex.DecodeString(host)
	if err != nil || len(ip)%4 != 0 {
		return netip.AddrPort{}, "", false
	}
	// The address stands there in words of the machine's own byte order.
	for i := 0; i < len(ip); i += 4 {
		binary.BigEndian.PutUint32(ip[i:], binary.NativeEndian.Uint32(ip[i:]))
	}
	addr, ok := netip.AddrFromSlice(ip)
	number, err := strconv.ParseUint(port, 16, 16)
	return netip.AddrPortFrom(addr, uint16(number)), fields[node], ok && err == nil
}

// collide reports whether two listeners exclude each other. One on all
// addresses excludes every other; that both could have asked for IPv6 alone is
// left aside, since the kernel has already said that they collide.
func collide(a, b netip.AddrPort) bool {
	x, y := a.Addr().Unmap(), b.Addr().Unmap()
	return a.Port() == b.Port() && (x == y || !x.IsValid() || !y.IsValid() || x.IsUnspecified() || y.IsUnspecified())
}

// owner names the first process that has one of the sockets open.
func owner(sockets []string) string {
	links, err := filepath.Glob("/proc/[0-9]*/fd/*")
	if err != nil {
		return ""
	}
	for _, link := range links {
		to, err := os.Readlink(link)
		if err != nil || !slices.Contains(sockets, to) {
			continue
		}
		process := filepath.Dir(filepath.Dir(link))
		return fmt.Sprintf("%s (pid %s)", command(process), filepath.Base(process))
	}
	return ""
}

// command returns the name of a process's program, fit to be printed.
func command(process string) string {
	program, err := os.Readlink(filepath.Join(process, "exe"))
	if err != nil {
		return "a process"
	}
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, filepath.Base(strings.TrimSuffix(program, " (deleted)")))
}
