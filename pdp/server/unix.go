package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"syscall"
	"time"

	"google.golang.org/grpc/credentials"
)

// unixCredentials authenticates peers of a unix socket by the kernel's word.
// The bytes travel as they are: they never leave the machine.
type unixCredentials struct{}

var _ credentials.TransportCredentials = unixCredentials{}

// ServerHandshake implements credentials.TransportCredentials.
func (unixCredentials) ServerHandshake(conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	sock, ok := conn.(*net.UnixConn)
	if !ok {
		return nil, nil, errors.New("not a unix socket")
	}
	id, err := peerOf(sock)
	if err != nil {
		return nil, nil, err
	}
	return conn, proof(id, "unix"), nil
}

// ClientHandshake implements credentials.TransportCredentials; the server
// never dials.
func (unixCredentials) ClientHandshake(context.Context, string, net.Conn) (net.Conn, credentials.AuthInfo, error) {
	return nil, nil, errors.New("server credentials cannot dial")
}

// Info implements credentials.TransportCredentials.
func (unixCredentials) Info() credentials.ProtocolInfo {
	return credentials.ProtocolInfo{SecurityProtocol: "unix"}
}

// Clone implements credentials.TransportCredentials.
func (c unixCredentials) Clone() credentials.TransportCredentials { return c }

// OverrideServerName implements credentials.TransportCredentials.
func (unixCredentials) OverrideServerName(string) error { return nil }

// listenSocket listens on a unix socket that only its owner and group may
// open. A stale socket, which nobody listens on, is replaced; whatever else
// stands under its path is not.
func listenSocket(path string) (net.Listener, error) {
	conn, err := net.DialTimeout("unix", path, time.Second)
	switch {
	case err == nil:
		_ = conn.Close()
		return nil, fmt.Errorf("pdp.listen.socket: %s: another process answers there; stop it or give another path", path)
	case errors.Is(err, syscall.ECONNREFUSED) && isSocket(path):
		_ = os.Remove(path)
	case !errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("pdp.listen.socket: %s is taken (%w); give another path", path, err)
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("pdp.listen.socket: %w; make the folder, writable for this user, or give another path", err)
	}
	if err := os.Chmod(path, 0o660); err != nil { //nolint:gosec // the group may ask, by design
		_ = l.Close()
		return nil, fmt.Errorf("pdp.listen.socket: %w", err)
	}
	return l, nil
}

func isSocket(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && info.Mode()&os.ModeSocket != 0
}
