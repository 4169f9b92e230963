package upstream

import (
	"net/http"
	"slices"
	"strings"
)

// dropped are the headers that never travel on: what belongs to one
// connection (RFC 9110 section 7.6.1), what proves who the agent is, and what
// describes bytes that are rebuilt here.
func dropped() []string {
	return []string{
		"Connection", "Keep-Alive", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade", "Expect",
		"Authorization", "Proxy-Authorization", "Proxy-Authenticate", "Cookie", "Set-Cookie", "X-Api-Key", "Api-Key",
		"Content-Length", "Content-Encoding", "Accept-Encoding", "Host",
		"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-Ip",
	}
}

// RequestHeader returns what of the agent's headers travels on. Identity is
// asked for, so that the answer can be judged.
func RequestHeader(in http.Header) http.Header {
	out := kept(in)
	out.Set("Accept-Encoding", "identity")
	return out
}

// ResponseHeader returns what of the upstream's headers reaches the agent.
func ResponseHeader(in http.Header) http.Header { return kept(in) }

func kept(in http.Header) http.Header {
	drop := dropped()
	for _, line := range in["Connection"] {
		for name := range strings.SplitSeq(line, ",") {
			drop = append(drop, http.CanonicalHeaderKey(strings.TrimSpace(name)))
		}
	}
	out := make(http.Header, len(in)+1)
	for name, values := range in {
		if !slices.Contains(drop, name) {
			out[name] = values
		}
	}
	return out
}

// ReadableHeader returns what rules may read of the agent's headers: lower-case
// names, the first value of each, and nothing that proves who the agent is.
func ReadableHeader(in http.Header) map[string]string {
	drop := dropped()
	out := make(map[string]string, len(in))
	for name, values := range in {
		if len(values) > 0 && !slices.Contains(drop, name) {
			out[strings.ToLower(name)] = values[0]
		}
	}
	return out
}
