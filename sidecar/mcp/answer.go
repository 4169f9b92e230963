package mcp

import (
	"errors"
	"io"
	"mime"
	"net/http"

	"outrider.dev/outrider/answer"
	"outrider.dev/outrider/decision"
	message "outrider.dev/outrider/dialect/mcp"
)

// answers is what judges the messages of the answer.
func (x *exchange) answers() *answer.MCP {
	return &answer.MCP{Asker: x.gate, Judged: x.verdict.Duty.JudgeResponse, Call: x.msg, Limits: x.Limits}
}

// open looks at the head of an answer. It refuses what cannot be judged.
func (x *exchange) open(resp *http.Response, provider string) (*answer.Messages, error) {
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
		return answer.OneMessage(resp.Body, x.Limits.Bytes), nil
	case kind == "text/event-stream" && success:
		return answer.EventMessages(resp.Body, x.Limits.Bytes), nil
	default:
		return nil, invalid(provider, "answered "+http.StatusText(resp.StatusCode)+" without an MCP message")
	}
}

func invalid(provider, what string) error {
	return decision.Refuse(decision.CodeUpstreamInvalid, "the server "+provider+" "+what)
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
