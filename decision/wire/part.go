package wire

import (
	"outrider.dev/outrider/decision"
	decisionv1 "outrider.dev/outrider/proto/outrider/decision/v1"
)

// partProto returns the message that asks for a ruling on p.
func partProto(p *decision.Part) *decisionv1.ExchangeRequest {
	switch {
	case p.Whole != nil:
		return &decisionv1.ExchangeRequest{Message: &decisionv1.ExchangeRequest_Whole{Whole: bodyProto(p.Whole)}}
	case p.Tools != nil:
		return &decisionv1.ExchangeRequest{Message: &decisionv1.ExchangeRequest_Tools{Tools: ToolsProto(p.Tools)}}
	default:
		m := &decisionv1.Deltas{}
		for i := range p.Deltas {
			d := &p.Deltas[i]
			m.Deltas = append(m.Deltas, &decisionv1.Delta{Lane: d.Lane, Text: d.Text, Last: d.Last})
		}
		return &decisionv1.ExchangeRequest{Message: &decisionv1.ExchangeRequest_Deltas{Deltas: m}}
	}
}

// Deltas returns the message as deltas.
func Deltas(m *decisionv1.Deltas) ([]decision.Delta, error) {
	if len(m.GetDeltas()) > maxDeltas {
		return nil, decision.Refuse(decision.CodeBodyInvalid, "deltas: too many in one message")
	}
	out := make([]decision.Delta, 0, len(m.GetDeltas()))
	for _, d := range m.GetDeltas() {
		out = append(out, decision.Delta{Lane: d.GetLane(), Text: d.GetText(), Last: d.GetLast()})
	}
	return out, nil
}

// ToolsProto returns a page of tools as a message.
func ToolsProto(list []decision.Tool) *decisionv1.ToolPage {
	m := &decisionv1.ToolPage{}
	for i := range list {
		m.Tools = append(m.Tools, toolProto(&list[i]))
	}
	return m
}

// Tools returns the message as a page of tools.
func Tools(m *decisionv1.ToolPage) ([]decision.Tool, error) {
	if len(m.GetTools()) > maxTools {
		return nil, decision.Refuse(decision.CodeBodyInvalid, "tools: too many in one page")
	}
	out := make([]decision.Tool, 0, len(m.GetTools()))
	for _, t := range m.GetTools() {
		one, err := tool(t, 0)
		if err != nil {
			return nil, err
		}
		out = append(out, one)
	}
	return out, nil
}

// RulingProto returns r as a message.
func RulingProto(r *decision.Ruling) *decisionv1.Ruling {
	m := &decisionv1.Ruling{
		Effect:   effectProto(r.Effect),
		Reason:   reasonProto(&r.Reason),
		Splices:  splicesProto(r.Splices),
		Findings: findingsProto(r.Findings),
	}
	for i := range r.Releases {
		rel := &r.Releases[i]
		p := &decisionv1.Release{Lane: rel.Lane, Upto: rel.Upto}
		for _, x := range rel.Replace {
			p.Replace = append(p.Replace, &decisionv1.Replacement{Start: x.Start, End: x.End, With: x.With})
		}
		m.Releases = append(m.Releases, p)
	}
	return m
}

// ruling returns the message as a ruling on a body of the given length.
func ruling(m *decisionv1.Ruling, body int) (*decision.Ruling, error) {
	if m == nil {
		return nil, outOfTurn("ruling")
	}
	s, err := splices(m.GetSplices(), body)
	if err != nil {
		return nil, err
	}
	r := &decision.Ruling{
		Effect:   effect(m.GetEffect()),
		Reason:   reason(m.GetReason()),
		Splices:  s,
		Findings: findings(m.GetFindings()),
	}
	for _, p := range m.GetReleases() {
		rel := decision.Release{Lane: p.GetLane(), Upto: p.GetUpto()}
		for _, x := range p.GetReplace() {
			rel.Replace = append(rel.Replace, decision.Replacement{Start: x.GetStart(), End: x.GetEnd(), With: x.GetWith()})
		}
		r.Releases = append(r.Releases, rel)
	}
	return r, nil
}

// VisibilityProto returns v as a message.
func VisibilityProto(v *decision.Visibility) *decisionv1.Visibility {
	return &decisionv1.Visibility{Bitmap: v.Bitmap, Splices: splicesProto(v.Splices)}
}

// visibility returns the message as an answer about the tools. Splices that lie
// outside of their tool's definition, overlap or are out of order are refused.
func visibility(m *decisionv1.Visibility, tools []decision.Tool) (*decision.Visibility, error) {
	if m == nil {
		return nil, outOfTurn("visibility")
	}
	v := &decision.Visibility{Bitmap: m.GetBitmap()}
	var tool, at uint32
	for _, s := range m.GetSplices() {
		if s.GetIndex() > tool {
			tool, at = s.GetIndex(), 0
		}
		if s.GetIndex() < tool || int(tool) >= len(tools) ||
			s.GetStart() < at || s.GetEnd() < s.GetStart() || int(s.GetEnd()) > len(tools[tool].Definition) {
			return nil, decision.Refuse(decision.CodeInternal, "the decision service sent splices that do not fit the tools")
		}
		at = s.GetEnd()
		v.Splices = append(v.Splices, decision.Splice{Start: s.GetStart(), End: s.GetEnd(), With: s.GetWith(), Index: tool})
	}
	return v, nil
}

func outcomeProto(o *decision.Outcome) *decisionv1.Outcome {
	return &decisionv1.Outcome{
		ExchangeId: o.ExchangeID,
		Settlement: o.Settlement,
		Provider:   o.Provider,
		Usage: &decisionv1.Usage{
			Input: o.Usage.Input, Output: o.Usage.Output, Cached: o.Usage.Cached, Estimated: o.Usage.Estimated,
		},
		End:      string(o.End),
		Attempts: o.Attempts,
		Unjudged: unjudgedProto(o.Unjudged),
	}
}

// Outcome returns the message as an outcome.
func Outcome(m *decisionv1.Outcome) decision.Outcome {
	u := m.GetUsage()
	return decision.Outcome{
		ExchangeID: m.GetExchangeId(),
		Settlement: m.GetSettlement(),
		Provider:   m.GetProvider(),
		Usage:      decision.Usage{Input: u.GetInput(), Output: u.GetOutput(), Cached: u.GetCached(), Estimated: u.GetEstimated()},
		End:        decision.End(m.GetEnd()),
		Attempts:   m.GetAttempts(),
		Unjudged:   unjudged(m.GetUnjudged()),
	}
}
