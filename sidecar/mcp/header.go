package mcp

import (
	"net/http"

	"outrider.dev/outrider/decision"
)

// acceptBoth is what a client of the streamable HTTP transport accepts.
const acceptBoth = "application/json, text/event-stream"

// carried are the agent's headers that travel on as they are. MCP says what a
// request needs, so the rest stays here: an unknown header could hold a
// credential, or text that nobody judged.
func carried() []string {
	return []string{"Accept", "Accept-Language", "User-Agent", "Traceparent", "Tracestate"}
}

// outgoing returns the headers of the forwarded request.
func outgoing(in, mirror http.Header, ops []decision.HeaderOp) http.Header {
	out := http.Header{
		"Accept":          {acceptBoth},
		"Accept-Encoding": {"identity"},
		"Content-Type":    {"application/json"},
	}
	for _, name := range carried() {
		if values := in[name]; len(values) > 0 {
			out[name] = values
		}
	}
	for name, values := range mirror {
		out[name] = values
	}
	for _, op := range ops {
		if op.Remove {
			out.Del(op.Name)
		} else {
			out.Set(op.Name, string(op.Value))
		}
	}
	return out
}
