package mcp

import (
	"errors"
	"io"
	"net/http"

	"outrider.dev/outrider/answer"
	message "outrider.dev/outrider/dialect/mcp"
)

// answers is what judges the messages of the answer.
func (x *exchange) answers() *answer.MCP {
	return &answer.MCP{Asker: x.gate, Judged: x.verdict.Duty.JudgeResponse, Call: x.msg, Limits: x.Limits}
}

// open looks at the head of an answer. It refuses what cannot be judged.
func (x *exchange) open(resp *http.Response, provider string) (*answer.Messages, error) {
	stream, err := x.answers().Head(resp.StatusCode, resp.Header, provider)
	switch {
	case err != nil:
		return nil, err
	case stream:
		return answer.EventMessages(resp.Body, x.Limits.Bytes), nil
	default:
		return answer.OneMessage(resp.Body, x.Limits.Bytes), nil
	}
}

// response reads on to the response of the call and returns it. What comes
// before it is not for an answer that several servers make together.
func (x *exchange) response(m *answer.Messages) ([]byte, *message.Answer, error) {
	for {
		raw, err := m.Next()
		if errors.Is(err, io.EOF) {
			return nil, nil, answer.NoResponse()
		}
		if err != nil {
			return nil, nil, err
		}
		if raw == nil {
			continue
		}
		a, err := x.answers().Read(raw)
		if err != nil {
			return nil, nil, err
		}
		if a.Kind == message.Response {
			return raw, a, nil
		}
	}
}
