package gate

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"

	"outrider.dev/outrider/decision"
)

// bodyTimeout bounds how long an agent may take to send its body.
const bodyTimeout = 30 * time.Second

// ReadBody returns the whole body of a request that says it is JSON. It
// refuses what could not be judged as it stands: another content type, an
// encoding, more than limit bytes. The error is a *decision.Error.
func ReadBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	if kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return nil, decision.Refuse(decision.CodeContentType, "the body must be sent as application/json")
	} else if c := params["charset"]; c != "" && !strings.EqualFold(c, "utf-8") {
		return nil, decision.Refuse(decision.CodeContentType, "the body must be UTF-8")
	}
	for _, e := range r.Header.Values("Content-Encoding") {
		if !strings.EqualFold(e, "identity") && e != "" {
			return nil, decision.Refuse(decision.CodeBodyEncoding, "a compressed body cannot be judged: send it without Content-Encoding")
		}
	}
	if r.ContentLength > limit {
		return nil, tooLarge(limit)
	}
	// A deadline for the body alone: the answer may stream for minutes.
	conn := http.NewResponseController(w)
	_ = conn.SetReadDeadline(time.Now().Add(bodyTimeout))
	raw, err := readAll(http.MaxBytesReader(w, r.Body, limit), r.ContentLength, limit)
	_ = conn.SetReadDeadline(time.Time{})
	return raw, err
}

func readAll(body io.Reader, length, limit int64) ([]byte, error) {
	raw, err := readSized(body, length)
	var over *http.MaxBytesError
	switch {
	case errors.As(err, &over):
		return nil, tooLarge(limit)
	case err != nil:
		return nil, &decision.Error{Code: decision.CodeBodyInvalid, Message: "the body ended early or is not framed as HTTP demands", Err: err}
	}
	return raw, nil
}

// readSized reads all of body into one buffer of the announced length, so
// that a large body is not copied as the buffer grows.
func readSized(body io.Reader, length int64) ([]byte, error) {
	if length <= 0 {
		return io.ReadAll(body)
	}
	buf := make([]byte, length)
	if _, err := io.ReadFull(body, buf); err != nil {
		return nil, fmt.Errorf("read the body: %w", err)
	}
	return buf, nil
}

func tooLarge(limit int64) error {
	return decision.Refuse(decision.CodeBodyTooLarge, fmt.Sprintf("the body is larger than %d bytes (limits.body)", limit))
}

// Bearer returns the credential of an Authorization header, nil when there is
// none. The scheme is not case-sensitive (RFC 9110 section 11.1).
func Bearer(h http.Header) decision.Secret {
	scheme, value, found := strings.Cut(h.Get("Authorization"), " ")
	if !found || !strings.EqualFold(scheme, "Bearer") {
		return nil
	}
	return decision.Secret(strings.TrimSpace(value))
}
