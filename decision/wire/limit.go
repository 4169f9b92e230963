package wire

import (
	"outrider.dev/outrider/decision"
	decisionv1 "outrider.dev/outrider/proto/outrider/decision/v1"
)

func limitsProto(list []decision.LimitState) []*decisionv1.LimitState {
	var out []*decisionv1.LimitState
	for _, l := range list {
		out = append(out, &decisionv1.LimitState{
			Name: l.Name, Per: l.Per, Refuses: l.Refuses, Observe: l.Observe,
			Requests: &decisionv1.Fill{Used: l.Requests.Used, Of: l.Requests.Of},
			Tokens:   &decisionv1.Fill{Used: l.Tokens.Used, Of: l.Tokens.Of},
		})
	}
	return out
}

func limits(list []*decisionv1.LimitState) []decision.LimitState {
	var out []decision.LimitState
	for _, l := range list {
		out = append(out, decision.LimitState{
			Name: l.GetName(), Per: l.GetPer(), Refuses: l.GetRefuses(), Observe: l.GetObserve(),
			Requests: decision.Fill{Used: l.GetRequests().GetUsed(), Of: l.GetRequests().GetOf()},
			Tokens:   decision.Fill{Used: l.GetTokens().GetUsed(), Of: l.GetTokens().GetOf()},
		})
	}
	return out
}
