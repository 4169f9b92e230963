package mcp

import (
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"

	"outrider.dev/outrider/answer"
	"outrider.dev/outrider/decision"
)

// What is read of a body that nobody needs any more, so that its connection
// can be used again.
const (
	drained = 4 << 10 // bytes
	linger  = 20 * time.Millisecond
)

// finish closes a body. Most servers end theirs right after the response.
func finish(body io.ReadCloser) {
	enough := time.AfterFunc(linger, func() { _ = body.Close() })
	_, _ = io.CopyN(io.Discard, body, drained)
	enough.Stop()
	_ = body.Close()
}

// forwardOne sends the message to its only server and relays the answer.
func (x *exchange) forwardOne(grant *decision.Grant) {
	x.result.Attempts, x.result.Provider = 1, grant.Target.Provider
	resp, err := x.Sender.Send(x.ctx, grant, http.MethodPost, x.header, x.body) //nolint:bodyclose // finish closes it
	if err != nil {
		x.refuse(err)
		return
	}
	defer finish(resp.Body)
	if x.msg.Method.Notification && answer.Taken(resp.StatusCode) {
		x.accepted()
		return
	}
	came, err := x.open(resp, grant.Target.Provider)
	switch {
	case err != nil:
		x.refuse(err)
	case came.Stream():
		x.relayStream(came, grant.Target.Provider)
	default:
		x.relayWhole(came, resp, grant.Target.Provider)
	}
}

func (x *exchange) accepted() {
	x.result.End = decision.EndCompleted
	x.w.WriteHeader(http.StatusAccepted)
}

// relayWhole lets an answer of one message through.
func (x *exchange) relayWhole(came *answer.Messages, resp *http.Response, provider string) {
	raw, err := came.Next()
	if err != nil {
		x.refuse(err)
		return
	}
	out, last, err := x.answers().Pass(x.ctx, raw, provider)
	switch {
	case err != nil:
		x.refuse(err)
		return
	case !last:
		x.refuse(answer.NoResponse())
		return
	}
	if seconds, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && resp.StatusCode != http.StatusOK {
		x.w.Header().Set("Retry-After", strconv.Itoa(seconds))
	}
	x.result.End = decision.EndCompleted
	x.write(resp.StatusCode, out)
}

// relayStream lets a stream through, message by message, up to the response.
func (x *exchange) relayStream(came *answer.Messages, provider string) {
	h := x.w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-cache")
	h.Set("X-Accel-Buffering", "no")
	x.w.WriteHeader(http.StatusOK) // it leaves with the first message
	judged := x.answers()
	var frame []byte
	for {
		raw, err := came.Next()
		var out []byte
		var last bool
		if err == nil && raw != nil {
			out, last, err = judged.Pass(x.ctx, raw, provider)
		}
		if errors.Is(err, io.EOF) {
			err = answer.NoResponse()
		}
		if err != nil {
			out, last = x.in.ErrorBody(x.reasonOf(err)), true
		}
		frame = answer.AppendEvent(frame[:0], out)
		if _, failed := x.w.Write(frame); failed != nil {
			return
		}
		_ = x.conn.Flush()
		if last {
			if err == nil {
				x.result.End = decision.EndCompleted
			}
			return
		}
	}
}
