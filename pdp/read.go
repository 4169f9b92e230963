package pdp

import (
	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/dialect"
	"outrider.dev/outrider/dialect/mcp"
	"outrider.dev/outrider/dialect/openai"
	"outrider.dev/outrider/strictjson"
)

// read reads the body of a program that sent one without its segments. What
// the body says then replaces what the program said of it.
func (c *call) read() error {
	b := &c.req.Body
	if len(b.Raw) == 0 || len(b.Segments) > 0 {
		return nil
	}
	switch b.Dialect {
	case openai.Chat:
		return c.readLLM(openai.OperationChat, openai.ReadChat)
	case openai.Embeddings:
		return c.readLLM(openai.OperationEmbeddings, openai.ReadEmbeddings)
	case mcp.Dialect:
		return c.readMCP()
	default:
		return decision.Refuse(decision.CodeBodyInvalid, "body.dialect: "+quoted(b.Dialect)+" is not one that is read here")
	}
}

func (c *call) readLLM(operation string, read func([]byte, strictjson.Limits) (*dialect.Call, error)) error {
	got, err := read(c.req.Body.Raw, c.state.Limits)
	if err != nil {
		return err
	}
	c.req.Surface, c.req.Method = decision.LLM, operation
	c.req.Body.Segments = got.Segments
	c.req.LLM = decision.LLMCall{Model: got.Model, Stream: got.Stream, MaxTokens: got.MaxTokens}
	return nil
}

func (c *call) readMCP() error {
	m, err := mcp.Read(c.req.Body.Raw, nil, c.state.Limits)
	if err != nil {
		return err
	}
	c.req.Surface, c.req.Method = decision.MCP, m.Method.Name
	c.req.Body.Segments = m.Segments
	c.req.Resource, c.req.Prompt = m.URI, m.Prompt
	if m.Tool == "" {
		c.req.Tool = decision.Tool{}
		return nil
	}
	c.req.Tool = decision.Tool{Server: c.req.Tool.Server, Exposed: m.Tool, ArgsStart: m.ArgsStart, ArgsEnd: m.ArgsEnd}
	if c.req.Tool.Server != "" {
		c.req.Tool.Name = m.Tool
	}
	return nil
}
