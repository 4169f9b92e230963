package server

import (
	"fmt"
	"net"

	"golang.org/x/sys/unix"

	"outrider.dev/outrider/pdp/peer"
)

// peerOf asks the kernel who runs the process at the other end.
func peerOf(conn *net.UnixConn) (peer.Identity, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return peer.Identity{}, fmt.Errorf("unix peer: %w", err)
	}
	var cred *unix.Ucred
	var sockErr error
	err = raw.Control(func(fd uintptr) {
		cred, sockErr = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	})
	if err != nil {
		return peer.Identity{}, fmt.Errorf("unix peer: %w", err)
	}
	if sockErr != nil {
		return peer.Identity{}, fmt.Errorf("unix peer: %w", sockErr)
	}
	return peer.User(cred.Uid, cred.Gid, cred.Pid), nil
}
