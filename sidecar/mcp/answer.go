package mcp

import (
	"errors"
	"io"
	"mime"
	"net/http"

	"outrider.dev/outrider/decision"
	message "outrider.dev/outrider/dialect/mcp"
	"outrider.dev/outrider/dialect/sse"
)

// maxStream bounds all events of one answer, in bytes.
const maxStream = 64 << 20

// messages yields the messages of one answer, from either framing.
type messages struct {
	stream bool // server-sent events
	body   io.Reader
	events *sse.Reader
	limit  int
	done   bool // the one message of a plain body was read
}

// open looks at the head of an answer. It refuses what cannot be judged.
func (x *exchange) open(resp *http.Response, provider string) (*messages, error) {
	if enc := resp.Header.Get("Content-Encoding"); enc != "" && enc != "identity" {
		return nil, invalid(provider, "sent a compressed answer, which cannot be judged")
	}
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	success := resp.StatusCode == http.StatusOK
	switch {
	case resp.StatusCode == http.StatusUnauthorized, resp.StatusCode == http.StatusProxyAuthRequired:
		// The agent's token is not meant; it must not try another one.
		return nil, invalid(provider, "refuses the credential that it was sent")
	case kind == "application/json" && (success || resp.StatusCode >= http.StatusBadRequest):
		return &messages{body: resp.Body, limit: x.Limits.Bytes}, nil
	case kind == "text/event-stream" && success:
		body := io.LimitReader(resp.Body, maxStream)
		return &messages{stream: true, events: sse.NewReader(body, x.Limits.Bytes)}, nil
	default:
		return nil, invalid(provider, "answered "+http.StatusText(resp.StatusCode)+" without an MCP message")
	}
}

func invalid(provider, what string) error {
	return decision.Refuse(decision.CodeUpstreamInvalid, "the server "+provider+" "+what)
}

// next returns the next message, nil for a sign of life without one. It is
// good until the next call. The error is io.EOF after the last one.
func (m *messages) next() ([]byte, error) {
	if m.stream {
		return m.nextEvent()
	}
	if m.done {
		return nil, io.EOF
	}
	m.done = true
	raw, err := io.ReadAll(io.LimitReader(m.body, int64(m.limit)+1))
	if err != nil {
		return nil, cutShort(err)
	}
	if len(raw) > m.limit {
		return nil, decision.Refuse(decision.CodeUpstreamInvalid, "the server's answer is larger than limits.body")
	}
	return raw, nil
}

func (m *messages) nextEvent() ([]byte, error) {
	for {
		ev, err := m.events.Next()
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return nil, io.EOF
		case err != nil:
			return nil, cutShort(err)
		case len(ev.Name) > 0 && string(ev.Name) != "message":
			continue // clients pass over events of other names
		case len(ev.Data) == 0:
			return nil, nil
		default:
			return ev.Data, nil
		}
	}
}

// cutShort names the loss of an answer under way; a refusal stays what it is.
func cutShort(err error) error {
	if errors.As(err, new(*decision.Error)) {
		return err
	}
	return &decision.Error{Code: decision.CodeUpstreamUnavailable, Message: "the server's answer broke off", Err: err}
}

// response reads on to the response of the call and returns it. What comes
// before it is not for an answer that several servers make together.
func (m *messages) response(x *exchange) ([]byte, *message.Answer, error) {
	for {
		raw, err := m.next()
		if errors.Is(err, io.EOF) {
			return nil, nil, noResponse()
		}
		if err != nil {
			return nil, nil, err
		}
		if raw == nil {
			continue
		}
		a, err := x.readAnswer(raw)
		if err != nil {
			return nil, nil, err
		}
		if a.Kind == message.Response {
			return raw, a, nil
		}
	}
}

func noResponse() error {
	return decision.Refuse(decision.CodeUpstreamInvalid, "the server ended its answer without a response")
}

// readAnswer reads one message of a server and refuses one that does not
// belong to this call.
func (x *exchange) readAnswer(raw []byte) (*message.Answer, error) {
	a, err := message.ReadAnswer(raw, x.Limits)
	if err != nil {
		return nil, err
	}
	return a, x.belongs(a)
}

func (x *exchange) belongs(a *message.Answer) error {
	switch {
	case a.Kind == message.Request:
		return decision.Refuse(decision.CodeUpstreamInvalid,
			"the server asks the agent something in the middle of a call; servers that do so are not served here")
	case a.Kind == message.Response && !a.Answers(x.msg.ID):
		return decision.Refuse(decision.CodeUpstreamInvalid, "the server's response has the id of another call")
	}
	return nil
}
