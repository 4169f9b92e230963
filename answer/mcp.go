package answer

import (
	"context"
	"slices"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/dialect/mcp"
	"outrider.dev/outrider/strictjson"
)

// MCP is an MCP call whose answer comes.
type MCP struct {
	Asker  Asker
	Judged bool // the verdict demands it
	Call   *mcp.Message
	Limits strictjson.Limits
}

// Pass judges one message of the server and returns the bytes that may reach
// the agent. last is set for the response, after which nothing follows. The
// error is a [Denial], an *mcp.Error or a *decision.Error.
func (m *MCP) Pass(ctx context.Context, raw []byte, server string) (out []byte, last bool, err error) {
	a, page, err := m.readMessage(raw)
	if err != nil {
		return nil, false, err
	}
	last = a.Kind == mcp.Response
	var splices []decision.Splice
	if page != nil {
		splices, err = m.filter(ctx, raw, page, server)
	} else {
		splices, err = m.judge(ctx, raw, a.Segments)
	}
	if err != nil {
		return nil, false, err
	}
	out, err = edited(raw, splices)
	return out, last, err
}

// readMessage reads one message of the server; the page is that of a tool list.
func (m *MCP) readMessage(raw []byte) (*mcp.Answer, *mcp.ToolPage, error) {
	if m.Call.Method.Name != mcp.MethodToolsList {
		a, err := m.Read(raw)
		return a, nil, err
	}
	a, page, err := mcp.ReadListed(raw, m.Limits)
	if err == nil {
		err = m.belongs(a)
	}
	return a, page, err
}

// Read reads one message of the server and refuses one that does not belong to
// this call.
func (m *MCP) Read(raw []byte) (*mcp.Answer, error) {
	a, err := mcp.ReadAnswer(raw, m.Limits)
	if err != nil {
		return nil, err
	}
	return a, m.belongs(a)
}

func (m *MCP) belongs(a *mcp.Answer) error {
	switch {
	case a.Kind == mcp.Request:
		return decision.Refuse(decision.CodeUpstreamInvalid,
			"the server asks the agent something in the middle of a call; servers that do so are not served here")
	case a.Kind == mcp.Response && !a.Answers(m.Call.ID):
		return decision.Refuse(decision.CodeUpstreamInvalid, "the server's response has the id of another call")
	}
	return nil
}

// judge asks about a message where the verdict demands it. One without text is
// an answer, too: rules may refuse it whatever it says.
func (m *MCP) judge(ctx context.Context, raw []byte, segments []decision.Segment) ([]decision.Splice, error) {
	if !m.Judged {
		return nil, nil
	}
	ruling := m.Asker.Judge(ctx, decision.Part{Whole: &decision.Body{Dialect: mcp.Dialect, Raw: raw, Segments: segments}})
	if ruling.Effect == decision.Deny {
		return nil, &Denial{ruling.Reason}
	}
	return ruling.Splices, nil
}

// filter asks which tools of a page may be seen, always, and about the text
// around them where the verdict demands it.
func (m *MCP) filter(ctx context.Context, raw []byte, page *mcp.ToolPage, server string) ([]decision.Splice, error) {
	visible, err := m.Visible(ctx, AppendTools(nil, page, server))
	if err != nil {
		return nil, err
	}
	splices, err := page.Filter(visible)
	if err != nil || len(page.Segments) == 0 {
		return splices, err
	}
	around, err := m.judge(ctx, raw, page.Segments)
	if err != nil || len(around) == 0 {
		return splices, err
	}
	splices = append(splices, around...)
	mcp.SortSplices(splices)
	return splices, nil
}

// AppendTools adds the tools of a server's page to those that are asked about.
func AppendTools(out []decision.Tool, page *mcp.ToolPage, server string) []decision.Tool {
	out = slices.Grow(out, len(page.Tools))
	for _, t := range page.Tools {
		out = append(out, decision.Tool{Server: server, Name: t.Name, Definition: t.Definition})
	}
	return out
}

// Visible asks which tools may be seen. Nothing is asked about no tools.
func (m *MCP) Visible(ctx context.Context, tools []decision.Tool) (*decision.Visibility, error) {
	if len(tools) == 0 {
		return &decision.Visibility{}, nil
	}
	ruling := m.Asker.Judge(ctx, decision.Part{Tools: tools})
	if ruling.Effect == decision.Deny {
		return nil, &Denial{ruling.Reason}
	}
	return ruling.Visibility, nil
}

// NoResponse is the error of an answer that ends without the call's response.
func NoResponse() error {
	return decision.Refuse(decision.CodeUpstreamInvalid, "the server ended its answer without a response")
}
