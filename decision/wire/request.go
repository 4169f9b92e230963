package wire

import (
	"outrider.dev/outrider/decision"
	decisionv1 "outrider.dev/outrider/proto/outrider/decision/v1"
)

// Bounds on what one message may list. A body of the largest permitted size
// cannot hold more segments than this that are worth a rule.
const (
	maxSegments = 1 << 20
	maxTools    = 1 << 14
	maxDeltas   = 1 << 14
)

// RequestProto returns r as a message. Bytes are shared, not copied.
func RequestProto(r *decision.Request) *decisionv1.Request {
	return &decisionv1.Request{
		ExchangeId: r.ExchangeID,
		Surface:    string(r.Surface),
		Method:     r.Method,
		Caller: &decisionv1.Caller{
			Agent:          r.Caller.Agent,
			Namespace:      r.Caller.Namespace,
			ServiceAccount: r.Caller.ServiceAccount,
			Labels:         r.Caller.Labels,
			Bearer:         r.Caller.Bearer,
			Shared:         r.Caller.Shared,
			Identity:       r.Caller.Identity,
			Subject:        r.Caller.Subject,
		},
		Face: &decisionv1.Face{
			Edits:     r.Face.Edits,
			Responses: r.Face.Responses,
			Streams:   r.Face.Streams,
			Settles:   r.Face.Settles,
			Headers:   r.Face.Headers,
			Forwards:  r.Face.Forwards,
		},
		Http:     &decisionv1.HTTPRequest{Method: r.HTTP.Method, Path: r.HTTP.Path, Headers: r.HTTP.Headers},
		Body:     bodyProto(&r.Body),
		Tool:     toolProto(&r.Tool),
		Llm:      &decisionv1.LLMCall{Model: r.LLM.Model, Stream: r.LLM.Stream, MaxTokens: r.LLM.MaxTokens},
		Server:   r.Server,
		Resource: r.Resource,
		Prompt:   r.Prompt,
		Session:  r.Session,
		Source:   r.Source,
		Unseen:   r.Unseen,
		Target:   r.Target,
	}
}

// Request returns the message as a question, or an error that says which part
// cannot be believed. Absent parts are zero.
func Request(m *decisionv1.Request) (*decision.Request, error) {
	body, err := Body(m.GetBody())
	if err != nil {
		return nil, err
	}
	tool, err := tool(m.GetTool(), len(body.Raw))
	if err != nil {
		return nil, err
	}
	r := &decision.Request{
		ExchangeID: m.GetExchangeId(),
		Surface:    decision.Surface(m.GetSurface()),
		Method:     m.GetMethod(),
		Caller:     caller(m.GetCaller()),
		Face:       face(m.GetFace()),
		HTTP: decision.HTTP{
			Method:  m.GetHttp().GetMethod(),
			Path:    m.GetHttp().GetPath(),
			Headers: m.GetHttp().GetHeaders(),
		},
		Body:     *body,
		Tool:     tool,
		LLM:      decision.LLMCall{Model: m.GetLlm().GetModel(), Stream: m.GetLlm().GetStream(), MaxTokens: m.GetLlm().GetMaxTokens()},
		Server:   m.GetServer(),
		Resource: m.GetResource(),
		Prompt:   m.GetPrompt(),
		Session:  m.GetSession(),
		Source:   m.GetSource(),
		Unseen:   m.GetUnseen(),
		Target:   m.GetTarget(),
	}
	if r.Surface != decision.LLM && r.Surface != decision.MCP {
		return nil, decision.Refuse(decision.CodeBodyInvalid, `surface: must be "llm" or "mcp"`)
	}
	return r, nil
}

func caller(m *decisionv1.Caller) decision.Caller {
	return decision.Caller{
		Agent:          m.GetAgent(),
		Namespace:      m.GetNamespace(),
		ServiceAccount: m.GetServiceAccount(),
		Labels:         m.GetLabels(),
		Bearer:         m.GetBearer(),
		Shared:         m.GetShared(),
		Identity:       m.GetIdentity(),
		Subject:        m.GetSubject(),
	}
}

func face(m *decisionv1.Face) decision.Face {
	return decision.Face{
		Edits:     m.GetEdits(),
		Responses: m.GetResponses(),
		Streams:   m.GetStreams(),
		Settles:   m.GetSettles(),
		Headers:   m.GetHeaders(),
		Forwards:  m.GetForwards(),
	}
}

func bodyProto(b *decision.Body) *decisionv1.Body {
	m := &decisionv1.Body{Dialect: b.Dialect, Raw: b.Raw}
	if len(b.Segments) == 0 {
		return m
	}
	store := make([]decisionv1.Segment, len(b.Segments))
	m.Segments = make([]*decisionv1.Segment, len(b.Segments))
	for i := range b.Segments {
		s, p := &b.Segments[i], &store[i]
		p.Id, p.Kind, p.Origin = s.ID, string(s.Kind), string(s.Origin)
		p.Start, p.End, p.Text = s.Start, s.End, s.Text
		m.Segments[i] = p
	}
	return m
}

// Body returns the message as a body whose segments lie inside it.
func Body(m *decisionv1.Body) (*decision.Body, error) {
	b := &decision.Body{Dialect: m.GetDialect(), Raw: m.GetRaw()}
	list := m.GetSegments()
	if len(list) > maxSegments {
		return nil, decision.Refuse(decision.CodeBodyInvalid, "body.segments: too many")
	}
	if len(list) == 0 {
		return b, nil
	}
	b.Segments = make([]decision.Segment, len(list))
	for i, p := range list {
		if p.GetStart() > p.GetEnd() || int(p.GetEnd()) > len(b.Raw) {
			return nil, decision.Refuse(decision.CodeBodyInvalid, "body.segments: a segment lies outside the body")
		}
		if len(b.Raw) > 0 && p.GetText() != "" {
			return nil, decision.Refuse(decision.CodeBodyInvalid, "body.segments: text goes without a body")
		}
		b.Segments[i] = decision.Segment{
			ID:     uint32(i),
			Kind:   decision.SegmentKind(p.GetKind()),
			Origin: decision.Origin(p.GetOrigin()),
			Start:  p.GetStart(), End: p.GetEnd(),
			Text: p.GetText(),
		}
	}
	return b, nil
}

func toolProto(t *decision.Tool) *decisionv1.Tool {
	return &decisionv1.Tool{
		Server:     t.Server,
		Name:       t.Name,
		Exposed:    t.Exposed,
		ArgsStart:  t.ArgsStart,
		ArgsEnd:    t.ArgsEnd,
		Args:       t.Args,
		Definition: t.Definition,
	}
}

func tool(m *decisionv1.Tool, body int) (decision.Tool, error) {
	if m.GetArgsStart() > m.GetArgsEnd() || int(m.GetArgsEnd()) > body {
		return decision.Tool{}, decision.Refuse(decision.CodeBodyInvalid, "tool: the arguments lie outside the body")
	}
	return decision.Tool{
		Server:     m.GetServer(),
		Name:       m.GetName(),
		Exposed:    m.GetExposed(),
		ArgsStart:  m.GetArgsStart(),
		ArgsEnd:    m.GetArgsEnd(),
		Args:       m.GetArgs(),
		Definition: m.GetDefinition(),
	}, nil
}
