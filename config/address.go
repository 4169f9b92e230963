package config

import (
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"

	"outrider.dev/outrider/decision"
)

// checkAddress holds an address to host:port with a numeric port, 0 for any
// free one, and returns its host.
func (d *document) checkAddress(path, address string) (host string, ok bool) {
	host, port, err := net.SplitHostPort(address)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil || host == "" {
		d.fail(path, fmt.Sprintf("%s: %s is not an address", path, quoted(address)), "write host:port, such as 127.0.0.1:4000")
		return "", false
	}
	return host, true
}

// checkURL holds a URL to https, or http on loopback. It shows no part of the
// URL but scheme and host: users put keys into the rest.
func (d *document) checkURL(path, raw string) {
	u, err := url.Parse(raw)
	if err != nil || u.Hostname() == "" || u.Opaque != "" {
		d.fail(path, path+" is not a URL with a host", "write it in full, such as https://api.example.com/v1")
		return
	}
	switch {
	case u.Scheme == "http" && !decision.LoopbackHost(u.Hostname()):
		d.fail(path, fmt.Sprintf("%s: plain http to %s would travel in the clear", path, quoted(u.Hostname())), "use https; http is for loopback only")
	case u.Scheme != "https" && u.Scheme != "http":
		d.fail(path, fmt.Sprintf("%s: the scheme %s is not served", path, quoted(u.Scheme)), "use https, or http on loopback")
	case u.User != nil:
		d.fail(path, path+" carries a user name or password", "remove it from the URL; give the key by env or file")
	case u.Fragment != "" || strings.HasSuffix(raw, "#"):
		d.fail(path, path+" carries a fragment", "remove the part from # on")
	}
}

// checkBaseURL is checkURL for an address to which paths are added.
func (d *document) checkBaseURL(path, raw string) {
	d.checkURL(path, raw)
	if strings.Contains(raw, "?") && d.sound(path) {
		d.fail(path, path+" carries a query", "give the base address alone, such as https://api.example.com/v1")
	}
}
