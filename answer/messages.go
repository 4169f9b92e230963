package answer

import (
	"bytes"
	"errors"
	"io"
	"slices"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/dialect/sse"
)

// maxStream bounds all events of one MCP answer, in bytes.
const maxStream = 64 << 20

// Messages yields the messages of one MCP answer, from either framing.
type Messages struct {
	body   io.Reader
	events *sse.Reader // nil: the body is one message
	limit  int
	done   bool // the one message was read
}

// OneMessage returns the message that a plain body is.
func OneMessage(body io.Reader, limit int) *Messages { return &Messages{body: body, limit: limit} }

// EventMessages returns those of a stream of server-sent events.
func EventMessages(body io.Reader, limit int) *Messages {
	return &Messages{events: sse.NewReader(io.LimitReader(body, maxStream), limit), limit: limit}
}

// Stream reports whether the messages come as server-sent events.
func (m *Messages) Stream() bool { return m.events != nil }

// Next returns the next message, nil for a sign of life without one. It is
// good until the next call. The error is io.EOF after the last one, else a
// *decision.Error.
func (m *Messages) Next() ([]byte, error) {
	if m.events != nil {
		return m.nextEvent()
	}
	if m.done {
		return nil, io.EOF
	}
	m.done = true
	raw, err := io.ReadAll(io.LimitReader(m.body, int64(m.limit)+1))
	if err != nil {
		return nil, cutShort(brokeOff, err)
	}
	if len(raw) > m.limit {
		return nil, decision.Refuse(decision.CodeUpstreamInvalid, "the server's answer is larger than limits.body")
	}
	return raw, nil
}

const brokeOff = "the server's answer broke off"

func (m *Messages) nextEvent() ([]byte, error) {
	for {
		ev, err := m.events.Next()
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return nil, io.EOF
		case err != nil:
			return nil, cutShort(brokeOff, err)
		case len(ev.Name) > 0 && string(ev.Name) != "message":
			continue // clients pass over events of other names
		case len(ev.Data) == 0:
			return nil, nil
		default:
			return ev.Data, nil
		}
	}
}

// AppendEvent frames a message. Ids and retry times of the server are not
// repeated: a stream cannot be resumed here, and a client that saw an id would
// try. Without a message the frame is a comment that keeps the connection
// alive.
func AppendEvent(dst, data []byte) []byte {
	if data == nil {
		return append(dst, ":\n\n"...)
	}
	const open = "event: message\n"
	dst = append(slices.Grow(dst, len(open)+len("data: \n\n")+len(data)), open...)
	for line := range bytes.SplitSeq(data, []byte("\n")) {
		dst = append(append(append(dst, "data: "...), line...), '\n')
	}
	return append(dst, '\n')
}
