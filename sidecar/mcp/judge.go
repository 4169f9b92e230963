package mcp

import (
	"slices"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/dialect"
	message "outrider.dev/outrider/dialect/mcp"
)

// pass judges one message of the server and returns the bytes that may reach
// the agent. last is set for the response, after which nothing follows.
func (x *exchange) pass(raw []byte, provider string) (out []byte, last bool, err error) {
	a, page, err := x.readMessage(raw)
	if err != nil {
		return nil, false, err
	}
	last = a.Kind == message.Response
	var splices []decision.Splice
	if page != nil {
		splices, err = x.filter(raw, page, provider)
	} else {
		splices, err = x.judge(raw, a.Segments)
	}
	if err != nil || len(splices) == 0 {
		return raw, last, err
	}
	if err := dialect.Check(raw, splices); err != nil {
		return nil, false, err
	}
	return dialect.Apply(nil, raw, splices), last, nil
}

// readMessage reads one message of the server; the page is that of a tool list.
func (x *exchange) readMessage(raw []byte) (*message.Answer, *message.ToolPage, error) {
	if x.msg.Method.Name != message.MethodToolsList {
		a, err := x.readAnswer(raw)
		return a, nil, err
	}
	a, page, err := message.ReadListed(raw, x.Limits)
	if err == nil {
		err = x.belongs(a)
	}
	return a, page, err
}

// judge asks about a message where the verdict demands it. One without text is
// an answer, too: rules may refuse it whatever it says.
func (x *exchange) judge(raw []byte, segments []decision.Segment) ([]decision.Splice, error) {
	if !x.verdict.Duty.JudgeResponse {
		return nil, nil
	}
	ruling := x.gate.Judge(x.ctx, decision.Part{Whole: &decision.Body{Dialect: message.Dialect, Raw: raw, Segments: segments}})
	if ruling.Effect == decision.Deny {
		return nil, &denial{ruling.Reason}
	}
	return ruling.Splices, nil
}

// filter asks which tools of a page may be seen, always, and about the text
// around them where the verdict demands it.
func (x *exchange) filter(raw []byte, page *message.ToolPage, provider string) ([]decision.Splice, error) {
	visible, err := x.visible(appendTools(nil, page, provider))
	if err != nil {
		return nil, err
	}
	splices, err := page.Filter(visible)
	if err != nil || len(page.Segments) == 0 {
		return splices, err
	}
	around, err := x.judge(raw, page.Segments)
	if err != nil || len(around) == 0 {
		return splices, err
	}
	splices = append(splices, around...)
	message.SortSplices(splices)
	return splices, nil
}

func appendTools(out []decision.Tool, page *message.ToolPage, provider string) []decision.Tool {
	out = slices.Grow(out, len(page.Tools))
	for _, t := range page.Tools {
		out = append(out, decision.Tool{Server: provider, Name: t.Name, Definition: t.Definition})
	}
	return out
}

// visible asks which tools may be seen. Nothing is asked about no tools.
func (x *exchange) visible(tools []decision.Tool) (*decision.Visibility, error) {
	if len(tools) == 0 {
		return &decision.Visibility{}, nil
	}
	ruling := x.gate.Judge(x.ctx, decision.Part{Tools: tools})
	if ruling.Effect == decision.Deny {
		return nil, &denial{ruling.Reason}
	}
	return ruling.Visibility, nil // the gate denies a ruling without it
}
