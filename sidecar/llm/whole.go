package llm

import (
	"io"
	"net/http"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/dialect"
	"outrider.dev/outrider/dialect/openai"
)

// whole answers with a body that is not a stream. One that cannot be read is
// refused while answers are judged: what was not read was not judged. The error
// is an answer that broke off.
func (x *exchange) whole(resp *http.Response, kind string) error {
	raw, err := io.ReadAll(io.LimitReader(resp.Body, int64(x.Limits.Bytes)+1))
	switch {
	case err != nil:
		return &decision.Error{Code: decision.CodeUpstreamUnavailable, Message: "the provider's answer broke off", Err: err}
	case len(raw) > x.Limits.Bytes:
		x.refuse(decision.Refuse(decision.CodeUpstreamInvalid, "the provider's answer is larger than limits.body"))
		return nil
	}
	answer, err := openai.ReadAnswer(x.ask.Body.Dialect, raw, x.Limits)
	if err != nil || kind != "application/json" {
		if x.duty.JudgeResponse && len(raw) > 0 {
			x.refuse(decision.Refuse(decision.CodeUpstreamInvalid, "the provider's answer is not JSON that can be judged"))
			return nil
		}
		answer = &dialect.Answer{}
	}
	x.result.Usage = answer.Usage
	if x.duty.JudgeResponse {
		if raw = x.judged(raw, answer); raw == nil {
			return nil
		}
	}
	x.begin(resp)
	if _, err := x.w.Write(raw); err == nil { //nolint:gosec // G705: what was judged, under the provider's own content type
		x.result.End = decision.EndCompleted
	}
	return nil
}

// judged returns the answer as it may pass, nil when it was refused.
func (x *exchange) judged(raw []byte, answer *dialect.Answer) []byte {
	ruling := x.gate.Judge(x.ctx, decision.Part{Whole: &decision.Body{
		Dialect:  x.ask.Body.Dialect,
		Raw:      raw,
		Segments: answer.Segments,
	}})
	if ruling.Effect == decision.Deny {
		x.result.End = decision.EndDenied
		x.deny(ruling.Reason)
		return nil
	}
	splices, err := dialect.UniteSplices(ruling.Splices, answer.Splices)
	if err == nil {
		err = dialect.Check(raw, splices)
	}
	if err != nil {
		x.refuse(err)
		return nil
	}
	return dialect.Apply(nil, raw, splices)
}
