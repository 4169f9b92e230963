package wire

import (
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"outrider.dev/outrider/decision"
	decisionv1 "outrider.dev/outrider/proto/outrider/decision/v1"
)

// VerdictProto returns v as a message.
func VerdictProto(v *decision.Verdict) *decisionv1.Verdict {
	m := &decisionv1.Verdict{
		Id:         v.ID,
		Effect:     effectProto(v.Effect),
		Reason:     reasonProto(&v.Reason),
		Splices:    splicesProto(v.Splices),
		Findings:   findingsProto(v.Findings),
		Settlement: v.Settlement,
		Duty:       &decisionv1.Duty{JudgeResponse: v.Duty.JudgeResponse, Settle: v.Duty.Settle},
		Policy:     v.Policy,
		Version:    v.Version,
		Subject:    v.Subject,
		Limits:     limitsProto(v.Limits),
	}
	for i := range v.Headers {
		m.Headers = append(m.Headers, headerProto(&v.Headers[i]))
	}
	for i := range v.Grants {
		m.Grants = append(m.Grants, GrantProto(&v.Grants[i]))
	}
	if v.Lifeboat != nil {
		m.Lifeboat = &decisionv1.Lifeboat{NotAfter: timestamppb.New(v.Lifeboat.NotAfter), InputsRead: v.Lifeboat.InputsRead}
	}
	return m
}

// Verdict returns the message as a verdict about a body of the given length.
// Without a message nobody has decided, which is an error and no denial.
func Verdict(m *decisionv1.Verdict, body int) (*decision.Verdict, error) {
	if m == nil {
		return nil, outOfTurn("verdict")
	}
	splices, err := splices(m.GetSplices(), body)
	if err != nil {
		return nil, err
	}
	v := &decision.Verdict{
		ID:         m.GetId(),
		Effect:     effect(m.GetEffect()),
		Reason:     reason(m.GetReason()),
		Splices:    splices,
		Findings:   findings(m.GetFindings()),
		Settlement: m.GetSettlement(),
		Duty:       decision.Duty{JudgeResponse: m.GetDuty().GetJudgeResponse(), Settle: m.GetDuty().GetSettle()},
		Policy:     m.GetPolicy(),
		Version:    m.GetVersion(),
		Subject:    m.GetSubject(),
		Limits:     limits(m.GetLimits()),
	}
	for _, h := range m.GetHeaders() {
		v.Headers = append(v.Headers, header(h))
	}
	for _, g := range m.GetGrants() {
		grant := Grant(g)
		if grant == nil {
			return nil, decision.Refuse(decision.CodeInternal, "the decision service sent a grant without a target")
		}
		v.Grants = append(v.Grants, *grant)
	}
	if l := m.GetLifeboat(); l != nil {
		v.Lifeboat = &decision.Lifeboat{NotAfter: l.GetNotAfter().AsTime(), InputsRead: l.GetInputsRead()}
	}
	return v, nil
}

// outOfTurn is the error of an answer of another kind than the question's.
func outOfTurn(want string) error {
	return decision.Refuse(decision.CodeInternal, "the decision service sent something else than a "+want)
}

func effectProto(e decision.Effect) decisionv1.Effect {
	switch e {
	case decision.Allow:
		return decisionv1.Effect_EFFECT_ALLOW
	case decision.Mutate:
		return decisionv1.Effect_EFFECT_MUTATE
	default:
		return decisionv1.Effect_EFFECT_DENY
	}
}

// effect reads anything that is not an allow as a denial.
func effect(e decisionv1.Effect) decision.Effect {
	switch e {
	case decisionv1.Effect_EFFECT_ALLOW:
		return decision.Allow
	case decisionv1.Effect_EFFECT_MUTATE:
		return decision.Mutate
	default:
		return decision.Deny
	}
}

func reasonProto(r *decision.Reason) *decisionv1.Reason {
	m := &decisionv1.Reason{
		Code:         string(r.Code),
		Message:      r.Message,
		Rule:         r.Rule,
		NeededScopes: r.NeededScopes,
		Hidden:       r.Hidden,
	}
	if r.RetryAfter > 0 {
		m.RetryAfter = durationpb.New(r.RetryAfter)
	}
	return m
}

func reason(m *decisionv1.Reason) decision.Reason {
	return decision.Reason{
		Code:         decision.Code(m.GetCode()),
		Message:      m.GetMessage(),
		Rule:         m.GetRule(),
		NeededScopes: m.GetNeededScopes(),
		RetryAfter:   max(m.GetRetryAfter().AsDuration(), 0),
		Hidden:       m.GetHidden(),
	}
}

func splicesProto(list []decision.Splice) []*decisionv1.Splice {
	var out []*decisionv1.Splice
	for i := range list {
		s := &list[i]
		out = append(out, &decisionv1.Splice{Start: s.Start, End: s.End, With: s.With, Index: s.Index})
	}
	return out
}

// splices refuses a list that is out of order, overlaps or leaves the body:
// applying it would forward bytes that nobody judged.
func splices(list []*decisionv1.Splice, body int) ([]decision.Splice, error) {
	var out []decision.Splice
	var at uint32
	for _, m := range list {
		if m.GetStart() < at || m.GetEnd() < m.GetStart() || int(m.GetEnd()) > body {
			return nil, decision.Refuse(decision.CodeInternal, "the decision service sent splices that do not fit the body")
		}
		at = m.GetEnd()
		out = append(out, decision.Splice{Start: m.GetStart(), End: m.GetEnd(), With: m.GetWith()})
	}
	return out, nil
}

func headerProto(h *decision.HeaderOp) *decisionv1.HeaderOp {
	return &decisionv1.HeaderOp{Name: h.Name, Value: string(h.Value), Remove: h.Remove}
}

func header(m *decisionv1.HeaderOp) decision.HeaderOp {
	return decision.HeaderOp{Name: m.GetName(), Value: decision.Secret(m.GetValue()), Remove: m.GetRemove()}
}

func findingsProto(list []decision.Finding) []*decisionv1.Finding {
	var out []*decisionv1.Finding
	for i := range list {
		f := &list[i]
		out = append(out, &decisionv1.Finding{
			Type: f.Type, Segment: f.Segment, Start: f.Start, End: f.End,
			Confidence: f.Confidence, Action: string(f.Action), Rule: f.Rule,
		})
	}
	return out
}

func findings(list []*decisionv1.Finding) []decision.Finding {
	var out []decision.Finding
	for _, m := range list {
		out = append(out, decision.Finding{
			Type: m.GetType(), Segment: m.GetSegment(), Start: m.GetStart(), End: m.GetEnd(),
			Confidence: m.GetConfidence(), Action: decision.Action(m.GetAction()), Rule: m.GetRule(),
		})
	}
	return out
}

// GrantProto returns g as a message; nil becomes a grant without a target.
func GrantProto(g *decision.Grant) *decisionv1.Grant {
	m := &decisionv1.Grant{}
	if g == nil {
		return m
	}
	m.Target = &decisionv1.Target{
		Provider: g.Target.Provider,
		Origin:   g.Target.Origin,
		Path:     g.Target.Path,
		Dialect:  g.Target.Dialect,
		Model:    g.Target.Model,
	}
	if g.Credential.Header.Name != "" {
		m.Credential = &decisionv1.Credential{Kind: &decisionv1.Credential_Header{Header: headerProto(&g.Credential.Header)}}
	}
	if !g.Expires.IsZero() {
		m.Expires = timestamppb.New(g.Expires)
	}
	return m
}

// Grant returns the message as a grant, nil where it names no target.
func Grant(m *decisionv1.Grant) *decision.Grant {
	t := m.GetTarget()
	if t == nil {
		return nil
	}
	g := &decision.Grant{Target: decision.Target{
		Provider: t.GetProvider(),
		Origin:   t.GetOrigin(),
		Path:     t.GetPath(),
		Dialect:  t.GetDialect(),
		Model:    t.GetModel(),
	}}
	if h := m.GetCredential().GetHeader(); h != nil {
		g.Credential.Header = header(h)
	}
	if m.GetExpires() != nil {
		g.Expires = m.GetExpires().AsTime()
	}
	return g
}
