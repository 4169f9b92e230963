package decision

import (
	"net"
	"strconv"
	"strings"
)

// LoopbackHost reports whether a host, with or without a port, is this
// machine: the name localhost or a loopback address. Plain http and plain gRPC
// are allowed there and nowhere else.
func LoopbackHost(host string) bool {
	if h, port, err := net.SplitHostPort(host); err == nil {
		if _, err := strconv.ParseUint(port, 10, 16); err != nil {
			return false // 127.0.0.1:80@elsewhere is another machine to some readers
		}
		host = h
	}
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return ip != nil && ip.IsLoopback()
}
