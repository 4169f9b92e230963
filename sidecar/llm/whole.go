package llm

import (
	"bytes"
	"io"
	"net/http"
	"strconv"

	"outrider.dev/outrider/answer"
	"outrider.dev/outrider/decision"
)

// answers is what judges the answer of the call.
func (x *exchange) answers() *answer.LLM {
	return &answer.LLM{
		Asker: x.gate, Judged: x.duty.JudgeResponse, Dialect: x.ask.Body.Dialect, Sent: uint64(len(x.ask.Body.Raw)), Limits: x.Limits,
	}
}

// whole answers with a body that is not a stream. The error is an answer that
// broke off.
func (x *exchange) whole(resp *http.Response, kind string) error {
	raw, err := readWhole(resp, x.Limits.Bytes)
	if err != nil {
		return &decision.Error{Code: decision.CodeUpstreamUnavailable, Message: "the provider's answer broke off", Err: err}
	}
	raw, x.result.Usage, err = x.answers().Whole(x.ctx, raw, kind)
	if err != nil {
		x.refuse(err)
		return nil
	}
	if len(raw) > 0 {
		x.w.Header().Set("Content-Length", strconv.Itoa(len(raw)))
	}
	x.begin(resp)
	_, err = x.w.Write(raw)
	// The agent has its answer before the call is settled.
	if err == nil && http.NewResponseController(x.w).Flush() == nil {
		x.result.End = decision.EndCompleted
	}
	return nil
}

// believedLength is how much memory an announced length gets, in bytes, before
// the answer is there.
const believedLength = 1 << 20

// readWhole reads at most one byte more than the limit. An announced length that
// is to be believed gets a buffer of just that length.
func readWhole(resp *http.Response, limit int) ([]byte, error) {
	if n := resp.ContentLength; n >= 0 && n <= int64(min(believedLength, limit)) {
		raw := make([]byte, n)
		if _, err := io.ReadFull(resp.Body, raw); err != nil {
			return nil, err
		}
		_, err := io.Copy(io.Discard, resp.Body) // its end frees the connection
		return raw, err
	}
	var buf bytes.Buffer
	buf.Grow(int(min(max(resp.ContentLength, 0), believedLength)) + bytes.MinRead)
	_, err := buf.ReadFrom(io.LimitReader(resp.Body, int64(limit)+1))
	return buf.Bytes(), err
}
