package extproc

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strconv"

	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"

	"outrider.dev/outrider/answer"
	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/dialect/inbound"
)

// answer lets what comes back through as far as it is judged.
func (c *conversation) answer() error {
	m, err := c.nextOfAnswer()
	if err != nil {
		return err
	}
	if m.GetResponseHeaders() == nil {
		return cannot("an answer came without its head: set response_header_mode to SEND")
	}
	c.head = readHead(m.GetResponseHeaders())
	status, err := strconv.Atoi(c.head.pseudo[":status"])
	if err != nil {
		return decision.Refuse(decision.CodeUpstreamInvalid, "the answer has no status")
	}
	if !c.head.last && !holds(c.modes.response) {
		return c.unseen(status)
	}
	if c.modes.response == buffered && !c.head.last { // its body comes once the head is answered, and both wait
		if err := c.send(responseHeaders(c.answerHeader())); err != nil {
			return err
		}
	}
	if c.call.Ask.Surface == decision.MCP {
		return c.messages(status)
	}
	return c.completion(status)
}

// nextOfAnswer returns the next message about the answer.
func (c *conversation) nextOfAnswer() (*extprocv3.ProcessingRequest, error) {
	for {
		m, err := c.next()
		if err != nil {
			return nil, err
		}
		switch m.GetRequest().(type) {
		case *extprocv3.ProcessingRequest_RequestHeaders:
			return nil, cannot("a message came out of order")
		case *extprocv3.ProcessingRequest_RequestBody: // Envoy says the end of some bodies twice
		case *extprocv3.ProcessingRequest_RequestTrailers:
			if err := c.aside(m); err != nil {
				return nil, err
			}
		default:
			return m, nil
		}
	}
}

// unseen lets an answer through that nobody judges and whose body is not shown.
func (c *conversation) unseen(status int) error {
	if err := c.fits(status); err != nil {
		return err
	}
	c.result.End = decision.EndUnseen
	c.begun, c.ended = true, true
	return c.send(responseHeaders(c.answerHeader()))
}

func (c *conversation) fits(status int) error {
	if c.call.Ask.Surface == decision.MCP {
		if c.call.Message.Method.Notification && answer.Taken(status) {
			return nil
		}
		_, err := c.mcp().Head(status, c.head.header, c.result.Provider)
		return err
	}
	_, _, err := c.llm().Head(status, c.head.header)
	return err
}

func (c *conversation) llm() *answer.LLM {
	return &answer.LLM{
		Asker: c, Judged: c.verdict.Duty.JudgeResponse, Dialect: c.call.Ask.Body.Dialect,
		Sent: uint64(len(c.call.Ask.Body.Raw)), Limits: c.Limits,
	}
}

func (c *conversation) mcp() *answer.MCP {
	return &answer.MCP{Asker: c, Judged: c.verdict.Duty.JudgeResponse, Call: c.call.Message, Limits: c.Limits}
}

// Judge implements answer.Asker. Nobody's ruling denies.
func (c *conversation) Judge(ctx context.Context, p decision.Part) *decision.Ruling {
	r, err := c.exchange.Judge(ctx, p)
	if err == nil && r != nil && (p.Tools == nil || r.Effect == decision.Deny || r.Visibility != nil) {
		return r
	}
	c.Log.LogAttrs(ctx, slog.LevelError, "no ruling", slog.String("decision", c.verdict.ID), slog.Any("error", err))
	return &decision.Ruling{Reason: decision.Reason{Code: decision.CodePDPUnavailable, Message: "the answer could not be judged"}}
}

// completion lets the answer of an LLM call through.
func (c *conversation) completion(status int) error {
	call := c.llm()
	kind, stream, err := call.Head(status, c.head.header)
	if err != nil {
		return err
	}
	if stream {
		s := call.Stream(&body{c: c, done: c.head.last})
		err := s.Run(c.ctx, c.write)
		c.result.Usage = s.Usage()
		return c.finish(err)
	}
	raw, err := io.ReadAll(io.LimitReader(&body{c: c, done: c.head.last}, int64(c.Limits.Bytes)+1))
	if err != nil {
		return err
	}
	raw, c.result.Usage, err = call.Whole(c.ctx, raw, kind)
	if err == nil {
		err = c.write(raw)
	}
	return c.finish(err)
}

// messages lets the answer of an MCP server through.
func (c *conversation) messages(status int) error {
	call, server := c.mcp(), c.result.Provider
	if call.Call.Method.Notification && answer.Taken(status) {
		return c.taken()
	}
	stream, err := call.Head(status, c.head.header, server)
	if err != nil {
		return err
	}
	from := answer.OneMessage(&body{c: c, done: c.head.last}, c.Limits.Bytes)
	if stream {
		from = answer.EventMessages(&body{c: c, done: c.head.last}, c.Limits.Bytes)
	}
	for {
		raw, err := from.Next()
		if errors.Is(err, io.EOF) {
			err = answer.NoResponse()
		}
		var out []byte
		var last bool
		if err == nil && raw != nil {
			out, last, err = call.Pass(c.ctx, raw, server)
		}
		if err == nil && stream {
			out = answer.AppendEvent(nil, out)
		}
		if err == nil && !stream && !last {
			err = answer.NoResponse()
		}
		if err == nil {
			err = c.write(out)
		}
		if err != nil || last {
			return c.finish(err)
		}
	}
}

// taken answers a notification, whatever the server adds.
func (c *conversation) taken() error {
	_, err := io.Copy(io.Discard, io.LimitReader(&body{c: c, done: c.head.last}, int64(c.Limits.Bytes)))
	return c.finish(err)
}

// answerHeader returns the changes of the answer's head. What comes with an MCP
// answer besides its messages is for the server's own clients.
func (c *conversation) answerHeader() *extprocv3.HeaderMutation {
	has := c.head.header
	wanted := inbound.ResponseHeader(has)
	if c.call.Ask.Surface == decision.MCP {
		wanted = http.Header{}
		for _, name := range []string{"Content-Type", "Cache-Control", "Retry-After", "Date", "Server"} {
			if values, ok := has[name]; ok {
				wanted[name] = values
			}
		}
	}
	wanted.Set(decision.IDHeader, c.verdict.ID) // whatever the upstream calls its own
	return changes(has, wanted)
}
