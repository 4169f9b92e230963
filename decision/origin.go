package decision

import (
	"net"
	"strings"
)

// LoopbackHost reports whether a host, with or without a port, is this
// machine: the name localhost or a loopback address. Plain http and plain gRPC
// are allowed there and nowhere else.
func LoopbackHost(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return ip != nil && ip.IsLoopback()
}
