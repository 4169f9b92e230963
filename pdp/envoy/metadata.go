package envoy

import (
	"google.golang.org/protobuf/types/known/structpb"

	"outrider.dev/outrider/decision"
)

// Namespace is where Envoy keeps what ext_authz tells it about a call.
const Namespace = "envoy.filters.http.ext_authz"

// What is said there for the filters behind: the exchange that ext_proc is to
// go on with, and the effect of the verdict.
const (
	ExchangeKey = "exchange_id"
	EffectKey   = "effect"
)

// metadata is what Envoy hears of an allowed call, for its log, for routes and
// for the filters behind. It never holds a secret.
func (c *check) metadata(v *decision.Verdict) *structpb.Struct {
	out := describe(v.ID, v)
	if c.route.Paired {
		out[ExchangeKey] = structpb.NewStringValue(v.ID)
	}
	if len(v.Limits) > 0 {
		out["limits"] = limits(v.Limits)
	}
	return &structpb.Struct{Fields: out}
}

// metadataOfDenial has the code that the agent is told where nobody was asked.
func metadataOfDenial(id string, code decision.Code, v *decision.Verdict) *structpb.Struct {
	if v == nil {
		v = &decision.Verdict{Reason: decision.Reason{Code: code}}
	}
	return &structpb.Struct{Fields: describe(id, v)}
}

func describe(id string, v *decision.Verdict) map[string]*structpb.Value {
	out := make(map[string]*structpb.Value, 8)
	told := func(key, value string) {
		if value != "" {
			out[key] = structpb.NewStringValue(value)
		}
	}
	told("decision_id", id)
	told(EffectKey, v.Effect.String())
	told("sub", v.Subject)
	told("policy", v.Policy)
	told("version", v.Version)
	told("rule", v.Reason.Rule)
	told("reason", string(v.Reason.Code))
	return out
}

// limits tells what is left of each limit that counts the call.
func limits(list []decision.LimitState) *structpb.Value {
	out := &structpb.ListValue{}
	for _, l := range list {
		one := map[string]*structpb.Value{"name": structpb.NewStringValue(l.Name), "per": structpb.NewStringValue(l.Per)}
		left(one, "requests", l.Requests)
		left(one, "tokens", l.Tokens)
		out.Values = append(out.Values, structpb.NewStructValue(&structpb.Struct{Fields: one}))
	}
	return structpb.NewListValue(out)
}

func left(into map[string]*structpb.Value, what string, f decision.Fill) {
	if f.Of == 0 {
		return
	}
	rest := uint64(0)
	if f.Used < f.Of {
		rest = f.Of - f.Used
	}
	into[what+"_limit"] = structpb.NewNumberValue(float64(f.Of))
	into[what+"_remaining"] = structpb.NewNumberValue(float64(rest))
}
