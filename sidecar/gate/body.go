package gate

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"outrider.dev/outrider/decision"
)

const (
	// bodyTimeout bounds how long an agent may take to send its body.
	bodyTimeout = 30 * time.Second
	// believedLength is how much memory an announced length gets, in bytes,
	// before the body is there: announcing costs the agent nothing.
	believedLength = 1 << 20
)

// Bounded bounds how long the body of a request may take to arrive. It goes
// around every path: the server waits for the rest of a body that was refused
// unread before it answers, and would wait for ever.
func Bounded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Body != http.NoBody {
			_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyTimeout))
		}
		next.ServeHTTP(w, r)
	})
}

// ReadBody returns the whole body of a request. It refuses more than limit
// bytes. The error is a *decision.Error.
func ReadBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	if r.ContentLength > limit {
		return nil, tooLarge(limit)
	}
	raw, err := readAll(http.MaxBytesReader(w, r.Body, limit), r.ContentLength, limit)
	if err != nil {
		return nil, err
	}
	// The deadline was for the body alone: the answer may stream for minutes.
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{})
	return raw, nil
}

// readAll reads a body. One of an announced length that is to be believed goes
// into a buffer of just that length.
func readAll(body io.Reader, length, limit int64) ([]byte, error) {
	var raw []byte
	var err error
	if length >= 0 && length <= believedLength {
		raw = make([]byte, length)
		_, err = io.ReadFull(body, raw) // the server lets no more of it through
	} else {
		var buf bytes.Buffer
		buf.Grow(int(min(max(length, 0), believedLength)) + bytes.MinRead)
		_, err = buf.ReadFrom(body)
		raw = buf.Bytes()
	}
	var over *http.MaxBytesError
	switch {
	case errors.As(err, &over):
		return nil, tooLarge(limit)
	case err != nil:
		return nil, &decision.Error{Code: decision.CodeBodyInvalid, Message: "the body ended early or is not framed as HTTP demands", Err: err}
	}
	return raw, nil
}

func tooLarge(limit int64) error {
	return decision.Refuse(decision.CodeBodyTooLarge, fmt.Sprintf("the body is larger than %d bytes (limits.body)", limit))
}
