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

// description is what is told as text, in one piece of memory.
type description struct {
	values [7]structpb.Value
	texts  [7]structpb.Value_StringValue
}

func describe(id string, v *decision.Verdict) map[string]*structpb.Value {
	told := [...]struct{ key, value string }{
		{"decision_id", id},
		{EffectKey, v.Effect.String()},
		{"sub", v.Subject},
		{"policy", v.Policy},
		{"version", v.Version},
		{"rule", v.Reason.Rule},
		{"reason", string(v.Reason.Code)},
	}
	out, d := make(map[string]*structpb.Value, len(told)+1), &description{}
	for i, one := range told {
		if one.value != "" {
			d.texts[i].StringValue = one.value
			d.values[i].Kind = &d.texts[i]
			out[one.key] = &d.values[i]
		}
	}
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
