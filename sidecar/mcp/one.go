package mcp

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"time"

	"outrider.dev/outrider/decision"
	message "outrider.dev/outrider/dialect/mcp"
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
	if x.msg.Method.Notification && taken(resp) {
		x.accepted()
		return
	}
	answer, err := x.open(resp, grant.Target.Provider)
	switch {
	case err != nil && x.msg.Method.Name == message.MethodDiscover && speaksNot(resp):
		x.refuse(legacyOnly())
	case err != nil:
		x.refuse(err)
	case answer.stream:
		x.relayStream(answer, grant.Target.Provider)
	default:
		x.relayWhole(answer, resp, grant.Target.Provider)
	}
}

// taken reports whether the server took a notification. Servers answer 202 or
// 204; some say 200 and add a body, which means nothing.
func taken(resp *http.Response) bool {
	return resp.StatusCode >= 200 && resp.StatusCode <= 299
}

func (x *exchange) accepted() {
	x.result.End = decision.EndCompleted
	x.w.WriteHeader(http.StatusAccepted)
}

// relayWhole lets an answer of one message through.
func (x *exchange) relayWhole(answer *messages, resp *http.Response, provider string) {
	raw, err := answer.next()
	if err != nil {
		x.refuse(err)
		return
	}
	out, last, err := x.pass(raw, provider)
	switch {
	case err != nil:
		x.refuse(err)
		return
	case !last:
		x.refuse(noResponse())
		return
	}
	if seconds, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && resp.StatusCode != http.StatusOK {
		x.w.Header().Set("Retry-After", strconv.Itoa(seconds))
	}
	x.result.End = decision.EndCompleted
	x.write(resp.StatusCode, out)
}

// relayStream lets a stream through, message by message, up to the response.
func (x *exchange) relayStream(answer *messages, provider string) {
	h := x.w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-cache")
	h.Set("X-Accel-Buffering", "no")
	x.w.WriteHeader(http.StatusOK)
	_ = x.conn.Flush()
	var frame []byte
	for {
		raw, err := answer.next()
		var out []byte
		var last bool
		if err == nil && raw != nil {
			out, last, err = x.pass(raw, provider)
		}
		if errors.Is(err, io.EOF) {
			err = noResponse()
		}
		if err != nil {
			out, last = x.in.ErrorBody(x.reasonOf(err)), true
		}
		frame = appendEvent(frame[:0], out)
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

// appendEvent frames a message. Ids and retry times of the server are not
// repeated: a stream cannot be resumed here, and a client that saw an id would
// try. Without a message the frame is a comment that keeps the connection
// alive.
func appendEvent(dst, data []byte) []byte {
	if data == nil {
		return append(dst, ":\n\n"...)
	}
	const open = "event: message\n"
	dst = append(slices.Grow(dst, len(open)+len("data: \n\n")+len(data)), open...)
	for line := range bytes.SplitSeq(data, []byte("\n")) {
		dst = append(append(append(dst, "data: "...), line...), '\n')
	}
	return append(dst, '\n')
}
