package answer

import (
	"mime"
	"net/http"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/dialect/mcp"
)

// Head reads what an answer to an LLM call says before its body: its media
// type, and whether it is a stream. It refuses what cannot be judged, and what
// would make the agent go past whoever judges. The error is a *decision.Error.
func (l *LLM) Head(status int, h http.Header) (kind string, stream bool, err error) {
	switch {
	case status == http.StatusUnauthorized || status == http.StatusProxyAuthRequired:
		// The agent's key is not meant; it must not try another one, and the
		// answer may repeat a part of the one that was sent.
		err = decision.Refuse(decision.CodeUpstreamInvalid, "the provider refuses the credential that it was sent")
	case status < http.StatusOK:
		err = decision.Refuse(decision.CodeUpstreamInvalid, "the provider wants to speak another protocol than HTTP")
	case Elsewhere(status):
		err = decision.Refuse(decision.CodeUpstreamInvalid, "the provider answered with a redirect, and nothing is sent to where it points")
	case encoded(h):
		err = decision.Refuse(decision.CodeUpstreamInvalid, "the provider sent a compressed answer, which cannot be judged")
	}
	kind = mediaType(h)
	return kind, kind == eventStream, err
}

const (
	eventStream = "text/event-stream"
	plainJSON   = "application/json"
)

// mediaType is what the answer says it is, without parameters.
func mediaType(h http.Header) string {
	said := h.Get("Content-Type")
	if said == plainJSON || said == eventStream { // as nearly all say
		return said
	}
	kind, _, _ := mime.ParseMediaType(said)
	return kind
}

func encoded(h http.Header) bool {
	enc := h.Get("Content-Encoding")
	return enc != "" && enc != "identity"
}

// Head reads what a server's answer says before its body, and reports whether
// its messages come as server-sent events. It refuses what cannot be judged.
// The error is a *decision.Error.
func (m *MCP) Head(status int, h http.Header, server string) (stream bool, err error) {
	kind := mediaType(h)
	switch {
	case encoded(h):
		return false, Invalid(server, "sent a compressed answer, which cannot be judged")
	case status == http.StatusUnauthorized, status == http.StatusProxyAuthRequired:
		// The agent's token is not meant; it must not try another one.
		return false, Invalid(server, "refuses the credential that it was sent")
	case kind == plainJSON && (status == http.StatusOK || status >= http.StatusBadRequest):
		return false, nil
	case kind == eventStream && status == http.StatusOK:
		return true, nil
	case m.Call.Method.Name == mcp.MethodDiscover && SpeaksNot(status):
		return false, LegacyOnly()
	default:
		return false, Invalid(server, "answered "+http.StatusText(status)+" without an MCP message")
	}
}

// Invalid is an answer of a server that cannot be taken.
func Invalid(server, what string) error {
	return decision.Refuse(decision.CodeUpstreamInvalid, "the server "+server+" "+what)
}

// Taken reports whether the server took a notification. Servers answer 202 or
// 204; some say 200 and add a body, which means nothing.
func Taken(status int) bool { return status >= 200 && status <= 299 }

// SpeaksNot reports whether an answer without a message is what a server of the
// legacy era says to the modern one: a plain 4xx.
func SpeaksNot(status int) bool {
	switch status {
	case http.StatusBadRequest, http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusNotAcceptable:
		return true
	default:
		return false
	}
}

// LegacyOnly makes a client fall back to initialize.
func LegacyOnly() error {
	return decision.Refuse(decision.CodeMethodUnknown, "not every server here speaks a protocol version of the modern era: use initialize")
}

// Elsewhere reports whether an answer sends the agent to another place. An
// agent that followed would take its unedited body there, past whoever judges.
func Elsewhere(status int) bool {
	switch status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther,
		http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return true
	default:
		return false
	}
}
