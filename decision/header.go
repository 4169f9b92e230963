package decision

import (
	"net/http"
	"strings"
)

// Bounds of a header that a policy adds, in bytes.
const (
	maxHeaderName  = 128
	maxHeaderValue = 1024
)

// PolicyHeader reports whether a policy may add a header of this name to what
// is sent upstream. Credentials come by grants alone; the connection, the body
// and the protocol are the data plane's to describe; and where a request comes
// from or goes to is not for a policy to say.
func PolicyHeader(name string) bool {
	lower := strings.ToLower(name)
	if !HeaderName(name) || len(name) > maxHeaderName {
		return false
	}
	lower = strings.ReplaceAll(lower, "_", "-") // as servers of CGI read it
	for _, word := range [...]string{"authoriz", "authentic", "api-key", "apikey", "token", "secret", "credential", "cookie", "password"} {
		if strings.Contains(lower, word) {
			return false
		}
	}
	for _, prefix := range [...]string{"content-", "accept", "mcp-", "outrider-", "proxy-", "x-forwarded-", "x-original-", "x-rewrite-", "x-http-method", "sec-", "if-", "grpc-"} {
		if strings.HasPrefix(lower, prefix) {
			return false
		}
	}
	switch lower {
	case "host", "connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "http2-settings", "expect", "via", "alt-svc",
		"range", "forwarded", "x-real-ip", "x-method-override", "origin", "referer", "user-agent", "traceparent", "tracestate", "baggage",
		"last-event-id", "date":
		return false
	}
	return true
}

// HeaderText reports whether a header can carry the text as it stands: visible
// ASCII and spaces between.
func HeaderText(text string) bool {
	if text == "" || len(text) > maxHeaderValue || strings.TrimSpace(text) != text {
		return false
	}
	for i := range len(text) {
		if text[i] < ' ' || text[i] > '~' {
			return false
		}
	}
	return true
}

// HeaderName reports whether HTTP allows a header of this name: a token of RFC
// 9110, section 5.6.2.
func HeaderName(name string) bool {
	for i := range len(name) {
		c := name[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && strings.IndexByte("!#$%&'*+-.^_`|~", c) < 0 {
			return false
		}
	}
	return name != ""
}

// SetHeader puts a header in the place of all that servers take for it.
func SetHeader(h http.Header, name, value string) {
	RemoveHeader(h, name)
	h.Set(name, value)
}

// RemoveHeader takes away all that servers take for a header of this name.
func RemoveHeader(h http.Header, name string) {
	for other := range h {
		if SameHeader(other, name) {
			delete(h, other)
		}
	}
}

// SameHeader reports whether servers may take two names for the same one: in
// any case, and with an underscore for a dash, as those behind CGI's and
// Python's interfaces do.
func SameHeader(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if FoldHeader(a[i]) != FoldHeader(b[i]) {
			return false
		}
	}
	return true
}

// FoldHeader writes a letter of a header's name as it counts for [SameHeader].
func FoldHeader(b byte) byte {
	switch {
	case 'A' <= b && b <= 'Z':
		return b + 'a' - 'A'
	case b == '_':
		return '-'
	}
	return b
}

// MCPHeader reports whether rules read a header of MCP calls, given in its
// canonical form: the protocol's own and what describes the client. No other
// travels on.
func MCPHeader(name string) bool {
	switch name {
	case "Mcp-Session-Id": // a secret between client and server
		return false
	case "User-Agent", "Content-Type", "Accept", "Traceparent":
		return true
	}
	return strings.HasPrefix(name, "Mcp-")
}
