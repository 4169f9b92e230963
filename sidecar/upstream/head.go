package upstream

import (
	"errors"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
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

// appendHead writes request line and header fields of a call with this body.
func appendHead(dst []byte, req *http.Request, body []byte) ([]byte, error) {
	target := req.URL.RequestURI()
	if !isFieldValue(target) || strings.ContainsAny(target, " \t") {
		return nil, errBadTarget
	}
	dst = append(append(dst, req.Method...), ' ')
	dst = append(append(dst, target...), " HTTP/1.1\r\nHost: "...)
	dst = append(append(dst, req.URL.Host...), "\r\n"...)
	if body != nil || req.Method != http.MethodGet {
		dst = append(strconv.AppendInt(append(dst, "Content-Length: "...), int64(len(body)), 10), "\r\n"...)
	}
	for name, values := range req.Header {
		switch {
		case !isToken(name):
			return nil, errBadHeader
		case framing(name):
			continue
		}
		for _, value := range values {
			if !isFieldValue(value) {
				return nil, errBadHeader
			}
			dst = append(append(append(append(dst, name...), ": "...), value...), "\r\n"...)
		}
	}
	return append(dst, "\r\n"...), nil
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

// isToken reports whether the name is one of RFC 9110 section 5.6.2.
func isToken(name string) bool {
	for i := range len(name) {
		c := name[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && strings.IndexByte("!#$%&'*+-.^_`|~", c) < 0 {
			return false
		}
	}
	return name != ""
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
