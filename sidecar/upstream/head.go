package upstream

import (
	"errors"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"outrider.dev/outrider/decision"
)

const (
	// joined is the largest body, in bytes, that is copied behind its head, so
	// that one write takes both.
	joined = 4 << 10
	// maxHeadSpace is the largest memory of a head that other calls use again.
	maxHeadSpace = 16 << 10
)

var (
	errBadHeader = errors.New("a header for the upstream has a name or a value that HTTP does not allow")
	errBadTarget = errors.New("the path for the upstream holds a space or a control character")
)

// checkTarget refuses a target that could become another one on its way. Its path
// is escaped; its query goes as it is written, over TLS too.
func checkTarget(u *url.URL) error {
	if !isFieldValue(u.RawQuery) || strings.ContainsAny(u.RawQuery, " \t") {
		return errBadTarget
	}
	return nil
}

// checkHeader refuses what could become another header, or another call. For TLS
// net/http does.
func checkHeader(h http.Header) error {
	for name, values := range h {
		if !decision.HeaderName(name) || slices.ContainsFunc(values, func(v string) bool { return !isFieldValue(v) }) {
			return errBadHeader
		}
	}
	return nil
}

// appendHead writes request line and header fields of a call with this body,
// which [checkTarget] and [checkHeader] have let pass.
func appendHead(dst []byte, req *http.Request, body []byte) []byte {
	dst = append(append(dst, req.Method...), ' ')
	dst = append(append(dst, req.URL.RequestURI()...), " HTTP/1.1\r\nHost: "...)
	dst = append(append(dst, req.URL.Host...), "\r\n"...)
	if body != nil || req.Method != http.MethodGet {
		dst = append(strconv.AppendInt(append(dst, "Content-Length: "...), int64(len(body)), 10), "\r\n"...)
	}
	for name, values := range req.Header {
		if framing(name) {
			continue
		}
		for _, value := range values {
			dst = append(append(append(append(dst, name...), ": "...), value...), "\r\n"...)
		}
	}
	return append(dst, "\r\n"...)
}

// framing reports whether a header says how the call is framed, which is said
// here.
func framing(name string) bool {
	switch http.CanonicalHeaderKey(name) {
	case "Host", "Content-Length", "Transfer-Encoding", "Trailer", "Connection", "Upgrade", "Expect":
		return true
	}
	return false
}

// isFieldValue reports whether the value holds no control character, such as
// the line end that would begin another field.
func isFieldValue(value string) bool {
	for i := range len(value) {
		if c := value[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

// address is where a server without TLS listens.
func address(u *url.URL) string {
	if u.Port() == "" {
		return net.JoinHostPort(u.Hostname(), "80")
	}
	return u.Host
}
