package extproc

import (
	filterv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/ext_proc/v3"
	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"

	"outrider.dev/outrider/decision"
)

// modes is how Envoy shows the bodies of a call.
type modes struct {
	request, response filterv3.ProcessingMode_BodySendMode
}

const (
	buffered = filterv3.ProcessingMode_BUFFERED
	duplex   = filterv3.ProcessingMode_FULL_DUPLEX_STREAMED
)

// readModes reads what Envoy tells with the first message of a stream. One that
// tells nothing shows nothing.
func readModes(m *extprocv3.ProtocolConfiguration) modes {
	return modes{request: m.GetRequestBodyMode(), response: m.GetResponseBodyMode()}
}

// holds reports whether a body in this mode waits for what is said of it. In
// the others its head has gone by then, or a part of it is never shown.
func holds(m filterv3.ProcessingMode_BodySendMode) bool { return m == buffered || m == duplex }

// face is what can be enforced in these modes.
func (m modes) face() decision.Face {
	shown := holds(m.response)
	return decision.Face{Edits: true, Headers: true, Responses: shown, Streams: shown, Settles: true, Forwards: true}
}
