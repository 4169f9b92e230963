package llm

import (
	"bytes"
	"io"
	"net/http"
	"strconv"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/dialect"
	"outrider.dev/outrider/dialect/openai"
)

// whole answers with a body that is not a stream. One that cannot be read is
// refused while answers are judged: what was not read was not judged. The error
// is an answer that broke off.
func (x *exchange) whole(resp *http.Response, kind string) error {
	raw, err := readWhole(resp, x.Limits.Bytes)
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
	if len(raw) > 0 {
		x.w.Header().Set("Content-Length", strconv.Itoa(len(raw)))
	}
	x.begin(resp)
	_, err = x.w.Write(raw) //nolint:gosec // G705: what was judged, under the provider's own content type
	// The agent has its answer before the call is settled.
	if err == nil && http.NewResponseController(x.w).Flush() == nil {
		x.result.End = decision.EndCompleted
	}
	return nil
}

// believedLength is how much memory an announced length gets, in bytes, before
// the answer is there.
const believedLength = 1 << 20

// readWhole reads at most one byte more than the limit, into one buffer of the
// announced length where that is to be believed.
func readWhole(resp *http.Response, limit int) ([]byte, error) {
	var buf bytes.Buffer
	buf.Grow(int(min(max(resp.ContentLength, 0), believedLength)) + bytes.MinRead)
	_, err := buf.ReadFrom(io.LimitReader(resp.Body, int64(limit)+1))
	return buf.Bytes(), err
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
	if len(splices) == 0 {
		return raw
	}
	return dialect.Apply(nil, raw, splices)
}
