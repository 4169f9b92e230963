package policytest

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/dialect"
	"outrider.dev/outrider/dialect/mcp"
	"outrider.dev/outrider/dialect/openai"
	"outrider.dev/outrider/strictjson"
)

// piece is the least length in bytes of the pieces in which a streamed answer
// comes: about that of a token, so that most findings are cut.
const piece = 5

// judgeAnswer lets the engine judge what the case says is answered to a call
// that may pass. The exchange is one of a new engine, because the first one may
// have counted the call already.
func (s *Suite) judgeAnswer(ctx context.Context, q question, a *Answer) error {
	text := q.GetCall().GetAnswer() + q.GetChat().GetAnswer()
	if text == "" || !a.Verdict.Allowed() {
		return nil
	}
	engine, _, err := s.engine(s.compiled)
	if err != nil {
		return err
	}
	raw := a.request.Body.Raw
	v, exchange, err := engine.Open(ctx, a.request)
	if err != nil {
		return err
	}
	if exchange == nil {
		return fmt.Errorf("%s: the call passes as a question and not as an exchange: %s", q.GetName(), v.Reason.Message)
	}
	defer exchange.Settle(ctx, decision.Outcome{ExchangeID: v.ID, End: decision.EndCompleted}) //nolint:errcheck // the engine ends with the case
	text = echo(text, string(dialect.Apply(nil, raw, v.Splices)))
	if q.GetChat().GetStream() {
		return a.stream(ctx, exchange, text)
	}
	return a.whole(ctx, exchange, q, text)
}

// whole shows the answer at once.
func (a *Answer) whole(ctx context.Context, x decision.Exchange, q question, text string) error {
	body, err := readReply(q, text)
	if err != nil {
		return err
	}
	ruling, err := x.Judge(ctx, decision.Part{Whole: body})
	if err != nil {
		return err
	}
	if a.ruled(ruling); ruling.Effect == decision.Deny {
		return nil
	}
	a.Returned, err = replyText(q, dialect.Apply(nil, body.Raw, ruling.Splices))
	return err
}

// stream shows the answer piece by piece, and puts together what is released.
func (a *Answer) stream(ctx context.Context, x decision.Exchange, text string) error {
	const lane = "c0"
	var out strings.Builder
	var released uint64
	for from := 0; ; {
		end := cut(text, from)
		ruling, err := x.Judge(ctx, decision.Part{Deltas: []decision.Delta{{Lane: lane, Text: text[from:end], Last: end == len(text)}}})
		if err != nil {
			return err
		}
		a.ruled(ruling)
		for _, r := range ruling.Releases {
			for _, p := range r.Replace {
				out.WriteString(text[released:p.Start])
				out.WriteString(p.With)
				released = p.End
			}
			out.WriteString(text[released:max(released, r.Upto)])
			released = max(released, r.Upto)
		}
		if a.Returned = out.String(); ruling.Effect == decision.Deny || end == len(text) {
			return nil
		}
		from = end
	}
}

// cut returns where the piece that begins at from ends: never within a rune,
// because events carry whole ones.
func cut(text string, from int) int {
	end := min(from+piece, len(text))
	for end < len(text) && !utf8.RuneStart(text[end]) {
		end++
	}
	return end
}

// ruled puts a ruling on the answer above the verdict on the request.
func (a *Answer) ruled(r *decision.Ruling) {
	a.found(r.Findings)
	switch r.Effect {
	case decision.Deny:
		a.Verdict.Effect, a.Verdict.Reason = decision.Deny, r.Reason
	case decision.Mutate:
		a.Verdict.Effect = decision.Mutate
	}
}

// readReply returns the answer as its server sends it.
func readReply(q question, text string) (*decision.Body, error) {
	if q.GetChat() == nil {
		raw, err := json.Marshal(toolReply{Version: "2.0", ID: 1, Result: toolResult{[]content{{"text", text}}}})
		if err != nil {
			return nil, err
		}
		read, err := mcp.ReadAnswer(raw, strictjson.Limits{})
		if err != nil {
			return nil, err
		}
		return &decision.Body{Dialect: mcp.Dialect, Raw: raw, Segments: read.Segments}, nil
	}
	raw, err := json.Marshal(chatReply{Choices: []choice{{Message: chatMessage{"assistant", text}, Finish: "stop"}}})
	if err != nil {
		return nil, err
	}
	read, err := openai.ReadAnswer(openai.Chat, raw, strictjson.Limits{})
	if err != nil {
		return nil, err
	}
	return &decision.Body{Dialect: openai.Chat, Raw: raw, Segments: read.Segments}, nil
}

func replyText(q question, raw []byte) (string, error) {
	if q.GetChat() == nil {
		r := toolReply{Result: toolResult{make([]content, 1)}}
		err := json.Unmarshal(raw, &r)
		return r.Result.Content[0].Text, err
	}
	r := chatReply{Choices: make([]choice, 1)}
	err := json.Unmarshal(raw, &r)
	return r.Choices[0].Message.Content, err
}

// toolReply is the answer to a tool call.
type toolReply struct {
	Version string     `json:"jsonrpc"`
	ID      int        `json:"id"`
	Result  toolResult `json:"result"`
}

type toolResult struct {
	Content []content `json:"content"`
}

type content struct {
	Type string `json:"type"`
	Text string `json:"text"`
}

// chatReply is the answer to an LLM call.
type chatReply struct {
	Choices []choice `json:"choices"`
}

type choice struct {
	Index   int         `json:"index"`
	Message chatMessage `json:"message"`
	Finish  string      `json:"finish_reason"`
}
