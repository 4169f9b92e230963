package extproc

import (
	"maps"
	"net/http"
	"slices"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
)

// head is the head of a request or of an answer.
type head struct {
	pseudo map[string]string // :method, :path, :status
	header http.Header       // under canonical names
	last   bool              // no body follows
}

func readHead(m *extprocv3.HttpHeaders) *head {
	h := &head{pseudo: map[string]string{}, header: http.Header{}, last: m.GetEndOfStream()}
	for _, v := range m.GetHeaders().GetHeaders() {
		value := string(v.GetRawValue())
		if value == "" {
			value = v.GetValue()
		}
		if strings.HasPrefix(v.GetKey(), ":") {
			h.pseudo[v.GetKey()] = value
		} else {
			h.header.Add(v.GetKey(), value)
		}
	}
	return h
}

// ofEnvoy reports whether a header is the proxy's own: it frames messages, or
// describes the call to Envoy itself. content-length is told with the body.
func ofEnvoy(name string) bool {
	switch name {
	case "Connection", "Keep-Alive", "Transfer-Encoding", "Te", "Upgrade", "Host", "Content-Length", "X-Request-Id":
		return true
	}
	return strings.HasPrefix(name, "X-Envoy-")
}

// changes returns what makes a message that has these headers have those that
// are wanted.
func changes(has, wanted http.Header) *extprocv3.HeaderMutation {
	m := &extprocv3.HeaderMutation{}
	for _, name := range slices.Sorted(maps.Keys(has)) {
		if _, stays := wanted[name]; !stays && !ofEnvoy(name) {
			m.RemoveHeaders = append(m.RemoveHeaders, strings.ToLower(name))
		}
	}
	changed := http.Header{}
	for name, values := range wanted {
		if !slices.Equal(has[name], values) && !ofEnvoy(name) {
			changed[name] = values
		}
	}
	m.SetHeaders = setHeaders(changed)
	return m
}

// setHeaders sets each header to its values, in order.
func setHeaders(h http.Header) []*corev3.HeaderValueOption {
	var out []*corev3.HeaderValueOption
	for _, name := range slices.Sorted(maps.Keys(h)) {
		action := corev3.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD
		for _, value := range h[name] {
			out = append(out, setHeader(name, value, action))
			action = corev3.HeaderValueOption_APPEND_IF_EXISTS_OR_ADD
		}
	}
	return out
}

func setHeader(name, value string, action corev3.HeaderValueOption_HeaderAppendAction) *corev3.HeaderValueOption {
	return &corev3.HeaderValueOption{
		Header:       &corev3.HeaderValue{Key: strings.ToLower(name), RawValue: []byte(value)},
		AppendAction: action,
	}
}
