package pdp

import (
	"cmp"
	"slices"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/dialect"
	"outrider.dev/outrider/dialect/mcp"
	"outrider.dev/outrider/dialect/openai"
	"outrider.dev/outrider/strictjson"
)

// read takes the question in: a body that came without its segments is read,
// and what it names must be legible.
func (c *call) read() error {
	if err := c.readBody(); err != nil {
		return err
	}
	r := c.req
	for _, one := range [...]struct{ what, name string }{
		{"model", r.LLM.Model}, {"tool", r.Tool.Exposed}, {"tool", r.Tool.Name}, {"prompt", r.Prompt}, {"resource", r.Resource},
	} {
		if !decision.Legible(one.name) {
			return decision.Refuse(decision.CodeBodyInvalid, "the name of the "+one.what+" holds what is not seen, or spaces around it: send it without")
		}
	}
	return nil
}

// readBody reads a body that came without its segments. What the body says
// then replaces what its asker said of it.
func (c *call) readBody() error {
	b := &c.req.Body
	switch {
	case len(b.Segments) > 0:
		return nil
	case len(b.Raw) == 0 && (b.Dialect == "" || c.req.Unseen || c.req.Method == openai.OperationModels):
		return c.readArguments()
	}
	if b.Dialect != mcp.Dialect {
		return c.state.readLLM(c.req)
	}
	m, err := c.state.readMCP(c.req)
	if err != nil {
		return err
	}
	tool := decision.Tool{Server: c.req.Tool.Server, Exposed: m.Tool, ArgsStart: m.ArgsStart, ArgsEnd: m.ArgsEnd}
	switch {
	case m.Tool == "":
		tool = decision.Tool{}
	case tool.Server != "":
		tool.Name = m.Tool
	}
	c.req.Tool = tool
	return nil
}

// readArguments reads the arguments of a program that sent them without a body,
// as strictly as those in one, so that guards read their texts. The program has
// no body in which an edit could be made. Of an LLM call without a body nobody
// knows the texts.
func (c *call) readArguments() error {
	r := c.req
	if r.Surface == decision.LLM {
		r.Unseen = r.Unseen || r.Method != openai.OperationModels
		return nil
	}
	if r.Method != mcp.MethodToolsCall || len(r.Tool.Args) == 0 {
		return nil
	}
	alone, err := strictjson.Parse(r.Tool.Args, c.state.Limits) // nothing may follow them
	if err != nil {
		return err
	}
	alone.Free()
	name := cmp.Or(r.Tool.Name, r.Tool.Exposed)
	raw := slices.Concat([]byte(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":`), jsonString(name), []byte(`,"arguments":`), r.Tool.Args, []byte(`}}`))
	m, err := mcp.Read(raw, nil, c.state.Limits)
	if err != nil {
		return err
	}
	r.Face.Edits = false
	c.arguments = &decision.Body{Dialect: mcp.Dialect, Raw: raw, Segments: slices.Clone(m.Segments)}
	for _, s := range m.Segments {
		s.Text, s.Start, s.End = string(dialect.Text(raw, s)), 0, 0
		r.Body.Segments = append(r.Body.Segments, s)
	}
	return nil
}

// reread returns the request with another body, which edits made of its own.
// Edits never make another call of it, nor one that two readers could take for
// different ones.
func (s *state) reread(r *decision.Request, raw []byte) (*decision.Request, error) {
	edited := *r
	edited.Body.Raw = raw
	if r.Surface == decision.LLM {
		if err := s.readLLM(&edited); err != nil {
			return nil, unreadable(err)
		}
		return &edited, nil
	}
	m, err := s.readMCP(&edited)
	if err != nil {
		return nil, unreadable(err)
	}
	if edited.Method != r.Method || m.Tool != r.Tool.Exposed && m.Tool != r.Tool.Name {
		return nil, unreadable(nil)
	}
	edited.Tool.ArgsStart, edited.Tool.ArgsEnd, edited.Tool.Args = m.ArgsStart, m.ArgsEnd, nil
	return &edited, nil
}

func unreadable(err error) error {
	return &decision.Error{Code: decision.CodeEditConflict, Message: "the policy's edits leave no readable call", Err: err}
}

// readLLM fills in what the body of an LLM call says.
func (s *state) readLLM(r *decision.Request) error {
	var operation string
	var read func([]byte, strictjson.Limits) (*dialect.Call, error)
	switch r.Body.Dialect {
	case openai.Chat:
		operation, read = openai.OperationChat, openai.ReadChat
	case openai.Embeddings:
		operation, read = openai.OperationEmbeddings, openai.ReadEmbeddings
	default:
		return decision.Refuse(decision.CodeBodyInvalid, "body.dialect: "+decision.Quoted(r.Body.Dialect)+" is not one that is read here")
	}
	got, err := read(r.Body.Raw, s.Limits)
	if err != nil {
		return err
	}
	r.Surface, r.Method = decision.LLM, operation
	r.Body.Segments = got.Segments
	r.LLM = decision.LLMCall{Model: got.Model, Stream: got.Stream, MaxTokens: got.MaxTokens}
	return nil
}

// readMCP fills in what an MCP message says, but for its tool.
func (s *state) readMCP(r *decision.Request) (*mcp.Message, error) {
	m, err := mcp.Read(r.Body.Raw, nil, s.Limits)
	if err != nil {
		return nil, err
	}
	if m.Kind == mcp.Response {
		return nil, decision.Refuse(decision.CodeBodyInvalid, "responses are not judged: no server can ask the agent")
	}
	r.Surface, r.Method = decision.MCP, m.Method.Name
	r.Body.Segments = m.Segments
	r.Resource, r.Prompt = m.URI, m.Prompt
	return m, nil
}
