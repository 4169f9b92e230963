package envoy

import (
	"net"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/dialect/inbound"
)

// partialBody is the header by which Envoy says whether it sent all of a body.
// One that a client sends does not come through.
const partialBody = "X-Envoy-Auth-Partial-Body"

// read takes the request in. The call is there also after an error, which
// is a *decision.Error or unwraps to one.
func (c *check) read() error {
	request := c.attributes.GetRequest().GetHttp()
	in := incoming(request, c.attributes.GetSource().GetAddress().GetSocketAddress())
	route, misread := RouteOfContext(c.attributes.GetContextExtensions())
	c.route, c.granting = route, route.Target() != ""
	c.call = inbound.New(in, c.agent(), c.face())
	if err := c.call.Accept(); err != nil {
		return err
	}
	if misread != nil {
		return misread
	}
	if err := c.aim(); err != nil {
		return err
	}
	if in.Query != "" {
		return decision.Refuse(decision.CodeFaceCannotEnforce, "the query of the URL would travel on, and nobody judges it: leave it out")
	}
	return c.readBody(request, in.Header)
}

// readBody reads the body into the question or, where Envoy sends none, what
// its mcp filter tells of it.
func (c *check) readBody(r *authv3.AttributeContext_HttpRequest, h http.Header) error {
	raw, err := c.body(r, h)
	if err != nil {
		return err
	}
	told := readTold(c.attributes)
	switch {
	case !c.call.HasBody():
		return nil
	case len(raw) == 0 && c.describable(told):
		err = told.describe(&c.call.Ask)
	default:
		err = c.call.Read(raw, c.Limits)
		if err == nil && c.call.Message != nil {
			err = told.agree(c.call.Message)
		}
	}
	if err == nil {
		c.named()
	}
	return err
}

// describable reports whether the call can be judged by what Envoy's mcp filter
// tells of it. Where ext_proc follows, it holds the body to the judged one.
func (c *check) describable(t told) bool {
	return t.method != "" && c.call.Ask.Surface == decision.MCP && !c.route.Paired
}

// incoming is the request as Envoy tells it.
func incoming(r *authv3.AttributeContext_HttpRequest, from *corev3.SocketAddress) *inbound.Request {
	in := &inbound.Request{Method: r.GetMethod(), Header: headerOf(r)}
	in.Path, in.Query, _ = strings.Cut(r.GetPath(), "?")
	if in.Query == "" {
		in.Query = r.GetQuery()
	}
	if host := from.GetAddress(); host != "" {
		in.Source = net.JoinHostPort(host, strconv.FormatUint(uint64(from.GetPortValue()), 10))
	}
	return in
}

// headerOf reads the headers in either form in which Envoy sends them. Several
// of one name come joined by commas in the one and apart in the other.
func headerOf(r *authv3.AttributeContext_HttpRequest) http.Header {
	list := r.GetHeaderMap().GetHeaders()
	out := make(http.Header, len(r.GetHeaders())+len(list))
	store := make([]string, 0, len(r.GetHeaders())) // of the values, which nearly all stand alone
	for name, value := range r.GetHeaders() {
		if strings.HasPrefix(name, ":") {
			continue
		}
		name = textproto.CanonicalMIMEHeaderKey(name)
		if out[name] != nil {
			out[name] = append(out[name], value)
			continue
		}
		store = append(store, value)
		out[name] = store[len(store)-1 : len(store) : len(store)]
	}
	for _, h := range list {
		if strings.HasPrefix(h.GetKey(), ":") {
			continue
		}
		value := h.GetValue()
		if len(h.GetRawValue()) > 0 {
			value = string(h.GetRawValue())
		}
		out.Add(h.GetKey(), value)
	}
	return out
}

// face is what Envoy can do with this filter alone, or with ext_proc behind it.
func (c *check) face() decision.Face {
	if c.route.Paired {
		face := decision.FullFace()
		face.Forwards = true
		return face
	}
	return decision.Face{Headers: true, Forwards: true}
}

// aim holds the call to where the route leads.
func (c *check) aim() error {
	if c.route.Paired && !c.granting {
		return misconfigured("a paired route names where it leads: give context_extensions a provider or a server")
	}
	return c.route.Aim(c.call)
}

// named says which tool of which server a call means, where Envoy is granted
// nothing: no server has to be configured for it.
func (c *check) named() {
	ask := &c.call.Ask
	if !c.granting && ask.Server != "" && ask.Tool.Exposed != "" {
		ask.Tool.Server, ask.Tool.Name = ask.Server, ask.Tool.Exposed
	}
}

// body returns the body, if it is all that will be forwarded.
func (c *check) body(r *authv3.AttributeContext_HttpRequest, h http.Header) ([]byte, error) {
	raw := r.GetRawBody()
	switch text := r.GetBody(); {
	case text != "" && len(raw) > 0:
		return nil, decision.Refuse(decision.CodeBodyInvalid, "Envoy sent two bodies")
	case strings.Contains(text, "!"):
		return nil, decision.Refuse(decision.CodeBodyInvalid, "in a body that it sends as text, Envoy puts ! in the place of what is no UTF-8, "+
			"so that nobody can tell what travels on: set with_request_body.pack_as_bytes")
	case text != "":
		raw = []byte(text)
	}
	if values := h[partialBody]; len(values) > 1 || len(values) == 1 && values[0] != "false" {
		return nil, decision.Refuse(decision.CodeBodyTooLarge, "Envoy sent a part of the body only: "+
			"set with_request_body.max_request_bytes high enough, and not allow_partial_message")
	}
	return raw, c.whole(len(raw), r.GetSize(), h)
}

// whole holds the length of the body to what is said of it elsewhere.
func (c *check) whole(length int, size int64, h http.Header) error {
	announced := h.Get("Content-Length")
	empty := (announced == "" || announced == "0") && len(h["Transfer-Encoding"]) == 0
	switch {
	case !c.call.HasBody() && (length > 0 || size > 0 || !empty):
		return decision.Refuse(decision.CodeBodyInvalid, "this call has no body, and what came with it would travel on unread")
	case length == 0 && c.call.HasBody() && c.describable(readTold(c.attributes)):
		return nil
	case length == 0 && c.call.HasBody():
		return decision.Refuse(decision.CodeBodyInvalid, "there is no body, or Envoy did not send it: set with_request_body")
	case size > 0 && size != int64(length), announced != "" && announced != strconv.Itoa(length): // a size of 0 or -1 is not known
		return decision.Refuse(decision.CodeBodyInvalid, "the body that Envoy sent is not as long as the one that it received: "+
			"set with_request_body.max_request_bytes high enough, and not allow_partial_message")
	}
	return nil
}
