package inbound

import (
	"net/http"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/dialect"
	"outrider.dev/outrider/dialect/mcp"
	"outrider.dev/outrider/strictjson"
)

// Request is what an agent sent, without its body.
type Request struct {
	Method string
	Path   string      // as it came, still escaped, without the query
	Query  string      // as it came, without the question mark
	Header http.Header // under canonical names
	Source string      // address of the agent, host:port
}

// Call is one request on its way to be a question: [New], then [Call.Accept],
// then, where [Call.HasBody] says so, [Call.Read]. An error of either ends it:
// [Call.Refuse] words the answer.
type Call struct {
	Ask     decision.Request // whole once the body was read
	LLM     *dialect.Call    // of an LLM call, nil before it was read
	Message *mcp.Message     // of an MCP call, nil before it was read

	in  *Request
	row row
}

// New begins a call on behalf of an agent, by a face. Its id is known from here
// on, for every answer carries it.
func New(in *Request, agent decision.Caller, face decision.Face) *Call {
	row, server := find(in.Path)
	c := &Call{in: in, row: row}
	c.Ask = decision.Request{
		ExchangeID: decision.NewID(), Surface: row.kind(), Method: row.operation, Caller: agent, Face: face,
		Server: server, Source: in.Source,
	}
	c.Ask.Body.Dialect = row.dialect
	return c
}

// HasBody reports whether the call is one that has a body.
func (c *Call) HasBody() bool { return c.row.method == http.MethodPost }

// Read reads the body. The error is a *decision.Error, or unwraps to one.
func (c *Call) Read(raw []byte, lim strictjson.Limits) error {
	c.Ask.Body.Raw = raw
	if c.Ask.Surface == decision.MCP {
		return c.readMessage(raw, lim)
	}
	got, err := c.row.read(raw, lim)
	if err != nil {
		return err
	}
	c.LLM, c.Ask.Body.Segments = got, got.Segments
	c.Ask.LLM = decision.LLMCall{Model: got.Model, Stream: got.Stream, MaxTokens: got.MaxTokens}
	return nil
}

func (c *Call) readMessage(raw []byte, lim strictjson.Limits) error {
	msg, err := mcp.Read(raw, c.in.Header, lim)
	if err != nil {
		return err
	}
	c.Message = msg
	if msg.Kind == mcp.Response {
		return decision.Refuse(decision.CodeBodyInvalid, "responses are not accepted: no server can ask the agent through here")
	}
	q := &c.Ask
	q.Method, q.Body.Segments = msg.Method.Name, msg.Segments
	q.Resource, q.Prompt = msg.URI, msg.Prompt
	if msg.Tool != "" {
		q.Tool = decision.Tool{Exposed: msg.Tool, ArgsStart: msg.ArgsStart, ArgsEnd: msg.ArgsEnd}
	}
	return nil
}
