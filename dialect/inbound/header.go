package inbound

import (
	"net/http"
	"slices"
	"strings"

	"outrider.dev/outrider/decision"
)

// stays reports whether a header never travels on, in neither direction: what
// belongs to one connection (RFC 9110 section 7.6.1), what describes bytes that
// are rebuilt here, and what says where else to go.
func stays(name string) bool {
	switch name {
	case "Connection", "Keep-Alive", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade", "Http2-Settings", "Expect",
		"Content-Length", "Content-Encoding", "Accept-Encoding", "Host",
		"Proxy-Authenticate", "Set-Cookie", "Alt-Svc":
		return true
	}
	return false
}

// redirects reports whether a header of the agent's, in lower case, asks some
// servers to take the request for another than the one that was judged.
func redirects(name string) bool {
	dashed := dashes(name)
	switch dashed {
	case "range", "if-range", "x-original-url", "x-rewrite-url", "x-http-method", "x-http-method-override", "x-method-override":
		return true
	}
	return dashed != name && strings.HasPrefix(dashed, "mcp-") // what mirrors the body was checked under its own name
}

// personal reports whether a header of the agent's, in lower case, proves who
// the agent is, or says where it stands. Vendors invent such names, so words
// decide.
func personal(name string) bool {
	name = dashes(name)
	for _, word := range [...]string{"authorization", "api-key", "apikey", "token", "secret", "credential", "cookie"} {
		if strings.Contains(name, word) {
			return true
		}
	}
	return name == "forwarded" || name == "x-real-ip" || strings.HasPrefix(name, "x-forwarded-")
}

// dashes writes a name as servers read it that take underscores for dashes, as
// those behind CGI's and Python's interfaces do.
func dashes(name string) string { return strings.ReplaceAll(name, "_", "-") }

// RequestHeader returns what of the agent's headers travels on. Identity is
// asked for, so that the answer can be judged.
func RequestHeader(in http.Header) http.Header {
	out := kept(in)
	for name := range out {
		if lower := strings.ToLower(name); personal(lower) || redirects(lower) {
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
	out := make(map[string]string, len(in))
	for name, values := range in {
		lower := strings.ToLower(name)
		if surface == decision.MCP && !ofMCP(lower) || stays(name) || personal(lower) {
			continue
		}
		// Rules and the wire read text, and an agent must not make questions
		// that cannot be sent.
		out[lower] = strings.ToValidUTF8(strings.Join(values, ", "), "\uFFFD")
	}
	return out
}

func ofMCP(lower string) bool {
	switch lower {
	case "mcp-session-id": // a secret between client and server
		return false
	case "user-agent", "content-type", "accept", "traceparent":
		return true
	}
	return strings.HasPrefix(lower, "mcp-")
}

// Stripped names, in lower case and in order, the headers of the agent that
// must not reach a target: a proxy that forwards the others by itself takes
// them out.
func (c *Call) Stripped() []string {
	var out []string
	for name := range c.in.Header {
		if lower := strings.ToLower(name); personal(lower) || redirects(lower) {
			out = append(out, lower)
		}
	}
	slices.Sort(out)
	return out
}
