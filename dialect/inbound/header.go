package inbound

import (
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"outrider.dev/outrider/decision"
)

// stays reports whether a header never travels on, in neither direction: what
// belongs to one connection (RFC 9110 section 7.6.1), what describes bytes that
// are rebuilt here, what says where else to go, and what is ours to say. With an
// underscore in it, a name is what servers take it for that read a dash there.
func stays(name string) bool {
	if strings.Contains(name, "_") {
		name = http.CanonicalHeaderKey(strings.ReplaceAll(name, "_", "-"))
		if name == "Content-Type" { // the body was read by the other one
			return true
		}
	}
	switch name {
	case "Connection", "Keep-Alive", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade", "Http2-Settings", "Expect",
		"Content-Length", "Content-Encoding", "Accept-Encoding", "Host",
		"Proxy-Authenticate", "Set-Cookie", "Alt-Svc", decision.IDHeader:
		return true
	}
	return false
}

// redirects reports whether a header of the agent's asks some servers to take
// the request for another than the one that was judged.
func redirects(name string) bool {
	for _, word := range [...]string{
		"range", "if-range", "x-original-url", "x-rewrite-url", "x-http-method", "x-http-method-override", "x-method-override",
	} {
		if decision.SameHeader(name, word) {
			return true
		}
	}
	return begins(name, "mcp-") && strings.Contains(name, "_") // what mirrors the body was checked under its own name
}

// personal reports whether a header of the agent's proves who the agent is, or
// says where it stands. Vendors invent such names, so words decide. A name that
// HTTP does not know, beyond ASCII, counts as one: servers may read anything in it.
func personal(name string) bool {
	for i := range len(name) {
		rest := name[i:]
		switch decision.FoldHeader(name[i]) {
		case 'a':
			if begins(rest, "authorization") || begins(rest, "api-key") || begins(rest, "apikey") {
				return true
			}
		case 'c':
			if begins(rest, "cookie") || begins(rest, "credential") {
				return true
			}
		case 's':
			if begins(rest, "secret") {
				return true
			}
		case 't':
			if begins(rest, "token") {
				return true
			}
		default:
			if name[i] >= utf8.RuneSelf {
				return true
			}
		}
	}
	return begins(name, "x-forwarded-") || decision.SameHeader(name, "forwarded") || decision.SameHeader(name, "x-real-ip")
}

// begins reports whether a name begins with a word, which is in lower case.
func begins(name, word string) bool {
	if len(name) < len(word) {
		return false
	}
	for i := range len(word) {
		if decision.FoldHeader(name[i]) != word[i] {
			return false
		}
	}
	return true
}

// RequestHeader returns what of the agent's headers travels on. Identity is
// asked for, so that the answer can be judged.
func RequestHeader(in http.Header) http.Header {
	out := kept(in)
	for name := range out {
		if personal(name) || redirects(name) {
			delete(out, name)
		}
	}
	out.Set("Accept-Encoding", "identity")
	return out
}

// ResponseHeader returns what of the upstream's headers reaches the agent.
func ResponseHeader(in http.Header) http.Header { return kept(in) }

func kept(in http.Header) http.Header {
	out := make(http.Header, len(in)+1)
	for name, values := range in {
		if !stays(name) {
			out[name] = values
		}
	}
	for _, line := range in["Connection"] {
		for name := range strings.SplitSeq(line, ",") {
			delete(out, http.CanonicalHeaderKey(strings.TrimSpace(name)))
		}
	}
	return out
}

// Readable returns what rules may read of the agent's headers: lower-case
// names, all values of each, and nothing that proves who the agent is. On MCP
// these are the protocol's own headers and what describes the client.
func Readable(surface decision.Surface, in http.Header) map[string]string {
	room := len(in)
	if surface == decision.MCP {
		room = 0 // few are left
	}
	out := make(map[string]string, room)
	for name, values := range in {
		if surface == decision.MCP && !decision.MCPHeader(name) || stays(name) || personal(name) {
			continue
		}
		// Rules and the wire read text, and an agent must not make questions
		// that cannot be sent.
		out[strings.ToLower(name)] = strings.ToValidUTF8(strings.Join(values, ", "), "\uFFFD")
	}
	return out
}

// Stripped names, in lower case and in order, the headers of the agent that
// must not reach a target: a proxy that forwards the others by itself takes
// them out. Among them is what servers could take for a header that is set, of
// which own holds the names.
func (c *Call) Stripped(own []string) []string {
	var out []string
	for name := range c.in.Header {
		underscored := strings.Contains(name, "_") && stays(name)
		shadows := func(of string) bool { return !strings.EqualFold(of, name) && decision.SameHeader(of, name) }
		if personal(name) || redirects(name) || underscored || slices.ContainsFunc(own, shadows) {
			out = append(out, strings.ToLower(name))
		}
	}
	slices.Sort(out)
	return out
}
