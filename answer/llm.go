package answer

import (
	"context"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/dialect"
	"outrider.dev/outrider/dialect/openai"
	"outrider.dev/outrider/strictjson"
)

// LLM is an LLM call whose answer comes.
type LLM struct {
	Asker   Asker
	Judged  bool   // the verdict demands it
	Dialect string // of the call's body
	Sent    uint64 // bytes of the call's body, for an estimate of tokens
	Limits  strictjson.Limits
}

// Whole returns a body that is no stream as it may pass, and what the call
// used. One that cannot be read is refused while answers are judged: what was
// not read was not judged. The kind is its media type. The error is a [Denial]
// or a *decision.Error; the usage is good all the same.
func (l *LLM) Whole(ctx context.Context, raw []byte, kind string) ([]byte, decision.Usage, error) {
	if len(raw) > l.Limits.Bytes {
		return nil, decision.Usage{}, decision.Refuse(decision.CodeUpstreamInvalid, "the provider's answer is larger than limits.body")
	}
	a, err := openai.ReadAnswer(l.Dialect, raw, l.Limits)
	if err != nil || kind != plainJSON {
		if l.Judged && len(raw) > 0 {
			return nil, decision.Usage{}, decision.Refuse(decision.CodeUpstreamInvalid, "the provider's answer is not JSON that can be judged")
		}
		a = &dialect.Answer{}
	}
	if l.Judged {
		raw, err = l.judged(ctx, raw, a)
		return raw, a.Usage, err
	}
	return raw, a.Usage, nil
}

// judged returns the answer with what the ruling changes.
func (l *LLM) judged(ctx context.Context, raw []byte, a *dialect.Answer) ([]byte, error) {
	ruling := l.Asker.Judge(ctx, decision.Part{Whole: &decision.Body{Dialect: l.Dialect, Raw: raw, Segments: a.Segments}})
	if ruling.Effect == decision.Deny {
		return nil, &Denial{ruling.Reason}
	}
	splices, err := dialect.UniteSplices(ruling.Splices, a.Splices)
	if err != nil {
		return nil, err
	}
	return edited(raw, splices)
}

// edited makes the splices. Those that do not fit are an error: without them
// the bytes are not what was judged.
func edited(raw []byte, splices []decision.Splice) ([]byte, error) {
	if len(splices) == 0 {
		return raw, nil
	}
	if err := dialect.Check(raw, splices); err != nil {
		return nil, err
	}
	return dialect.Apply(nil, raw, splices), nil
}
