package wire

import (
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"outrider.dev/outrider/decision"
	decisionv1 "outrider.dev/outrider/proto/outrider/decision/v1"
)

func unjudgedProto(u *decision.Unjudged) *decisionv1.Unjudged {
	if u == nil {
		return nil
	}
	return &decisionv1.Unjudged{
		FailMode: u.FailMode,
		Time:     timestamppb.New(u.Time),
		Agent:    u.Agent,
		Surface:  string(u.Surface),
		Method:   u.Method,
		Server:   u.Server,
		Tool:     u.Tool,
		Model:    u.Model,
		Policy:   u.Policy,
		Version:  u.Version,
		Rule:     u.Rule,
		Age:      durationpb.New(u.Age),
	}
}

// unjudged returns the message as a call, nil where there is none. A time that is
// none is zero.
func unjudged(m *decisionv1.Unjudged) *decision.Unjudged {
	if m == nil {
		return nil
	}
	u := &decision.Unjudged{
		FailMode: m.GetFailMode(),
		Agent:    m.GetAgent(),
		Surface:  decision.Surface(m.GetSurface()),
		Method:   m.GetMethod(),
		Server:   m.GetServer(),
		Tool:     m.GetTool(),
		Model:    m.GetModel(),
		Policy:   m.GetPolicy(),
		Version:  m.GetVersion(),
		Rule:     m.GetRule(),
	}
	if m.GetTime().IsValid() {
		u.Time = m.GetTime().AsTime()
	}
	if m.GetAge().IsValid() {
		u.Age = m.GetAge().AsDuration()
	}
	return u
}
