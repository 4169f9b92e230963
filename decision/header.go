package decision

import "strings"

// maxHeaderValue bounds a header that a policy adds, in bytes.
const maxHeaderValue = 1024

// PolicyHeader reports whether a policy may add a header of this name to what
// is sent upstream. Credentials come by grants alone; the connection, the body
// and the protocol are the data plane's to describe; and where a request comes
// from or goes to is not for a policy to say.
func PolicyHeader(name string) bool {
	lower := strings.ToLower(name)
	if !isToken(lower) {
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

// isToken reports whether a lower-case name is one of RFC 9110, section 5.1.
func isToken(lower string) bool {
	for i := range len(lower) {
		c := lower[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && !strings.ContainsRune("!#$%&'*+-.^_`|~", rune(c)) {
			return false
		}
	}
	return lower != "" && len(lower) <= 128
}
