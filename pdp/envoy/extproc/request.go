package extproc

import (
	"bytes"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"strings"

	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	"google.golang.org/grpc/metadata"

	"outrider.dev/outrider/answer"
	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/dialect/inbound"
	"outrider.dev/outrider/dialect/mcp"
	"outrider.dev/outrider/pdp/envoy"
)

// received is the request as it came.
type received struct {
	*head
	body     []byte
	trailers []string // names; in full duplex they wait for the end of the body
	ended    bool     // by trailers, whether they have names or not
}

// request judges the request and lets it travel on.
func (c *conversation) request() error {
	m, err := c.next()
	if err != nil {
		return err
	}
	if m.GetRequestHeaders() == nil {
		return c.unasked(m)
	}
	in := &received{head: readHead(m.GetRequestHeaders())}
	if err := c.begin(m, in); err != nil {
		return err
	}
	if err := c.collect(in); err != nil || c.own {
		return err
	}
	if c.exchange != nil {
		err = c.same(in)
	} else {
		err = c.open(in)
	}
	if err != nil {
		return err
	}
	return c.forward(in)
}

// begin reads the head of the request, and refuses what no body could mend. An
// exchange that waits for the call is taken over first, so that it is settled
// on every way out.
func (c *conversation) begin(m *extprocv3.ProcessingRequest, in *received) error {
	c.modes = readModes(m.GetProtocolConfig())
	md, _ := metadata.FromIncomingContext(c.ctx)
	route, misread := envoy.RouteOfMetadata(md)
	request := &inbound.Request{Method: in.pseudo[":method"], Header: in.header, Source: source(m)}
	request.Path, request.Query, _ = strings.Cut(in.pseudo[":path"], "?")
	c.call = inbound.New(request, route.Agent, c.modes.face())
	waits := exchangeOf(m)
	switch {
	case misread != nil:
		return misread
	case m.GetObservabilityMode():
		return cannot("observability_mode is on, so that nothing could be refused: turn it off")
	case waits != "":
		return c.claim(waits, request)
	case route.Paired:
		return cannot("the route is paired, and nothing came from ext_authz: let it stand before this filter, and forward what it says (metadata_options.forwarding_namespaces.untyped)")
	}
	if err := c.call.Accept(); err != nil {
		return err
	}
	if request.Query != "" {
		return decision.Refuse(decision.CodeFaceCannotEnforce, "the query of the URL would travel on, and nobody judges it: leave it out")
	}
	return c.admit(&route)
}

// admit holds the call to where the route leads, and its caller to whom the
// peer may speak for.
func (c *conversation) admit(route *envoy.Route) error {
	if err := route.Aim(c.call); err != nil {
		return err
	}
	if c.call.Ask.Target == "" {
		return cannot("the route names nothing that it leads to: give initial_metadata an x-outrider-provider or an x-outrider-server, " +
			"or, behind ext_authz, forward what that says (metadata_options.forwarding_namespaces.untyped)")
	}
	if reason := c.Peers.AdmitGrants(c.ctx, &c.call.Ask.Caller); reason != nil {
		return &answer.Denial{Reason: *reason}
	}
	if c.call.Ask.Caller.Agent == "" {
		return decision.Refuse(decision.CodePeerRefused, "Envoy names no agent: give initial_metadata an x-outrider-agent")
	}
	return nil
}

func cannot(message string) error {
	return decision.Refuse(decision.CodeFaceCannotEnforce, "Envoy's ext_proc filter: "+message)
}

// source is the agent's address, where the filter's request_attributes have it.
func source(m *extprocv3.ProcessingRequest) string {
	return attribute(m, "source.address")
}

// attribute is one of those that the filter's request_attributes and
// response_attributes have Envoy tell.
func attribute(m *extprocv3.ProcessingRequest, name string) string {
	return m.GetAttributes()["envoy.filters.http.ext_proc"].GetFields()[name].GetStringValue()
}

// collect reads the whole body. In full duplex nothing has travelled on by
// then; a buffered body comes once the headers are answered, and both wait for
// what is said of the body.
func (c *conversation) collect(in *received) error {
	if in.last {
		return nil
	}
	if !holds(c.modes.request) {
		return cannot("the body of the request is not shown: set request_body_mode to BUFFERED or FULL_DUPLEX_STREAMED")
	}
	if c.modes.request == buffered {
		if err := c.send(requestHeaders(nil)); err != nil {
			return err
		}
	}
	for {
		m, err := c.next()
		if err != nil {
			return err
		}
		switch r := m.GetRequest().(type) {
		case *extprocv3.ProcessingRequest_RequestBody:
			if len(in.body)+len(r.RequestBody.GetBody()) > c.Limits.Bytes {
				return decision.Refuse(decision.CodeBodyTooLarge, "the body is larger than "+strconv.Itoa(c.Limits.Bytes)+" bytes (limits.body)")
			}
			in.body = append(in.body, r.RequestBody.GetBody()...)
			if r.RequestBody.GetEndOfStream() || c.modes.request == buffered {
				return nil
			}
		case *extprocv3.ProcessingRequest_RequestTrailers:
			in.trailers, in.ended = names(r.RequestTrailers.GetTrailers()), true
			return nil
		case *extprocv3.ProcessingRequest_ResponseHeaders:
			return c.pass(m)
		default:
			return cannot("a message came out of order")
		}
	}
}

// open asks about the call.
func (c *conversation) open(in *received) error {
	if c.call.HasBody() {
		if err := c.call.Read(in.body, c.Limits); err != nil {
			return err
		}
	} else if len(in.body) > 0 {
		return decision.Refuse(decision.CodeBodyInvalid, "this call has no body: send it without one")
	}
	v, x, err := c.Engine.Open(c.ctx, &c.call.Ask)
	switch {
	case err != nil:
		c.Log.LogAttrs(c.ctx, slog.LevelError, "no decision",
			slog.String("decision", c.call.Ask.ExchangeID), slog.String("error", err.Error()))
		return decision.Refuse(decision.CodePDPUnavailable, "the call could not be decided")
	case !v.Allowed():
		return &answer.Denial{Reason: v.Reason}
	case x == nil:
		return errors.New("an allowed call without an exchange")
	}
	c.verdict, c.exchange = v, x
	return nil
}

// forward lets the request travel on as the policy made it.
func (c *conversation) forward(in *received) error {
	if len(c.verdict.Grants) != 1 || c.verdict.Grants[0].Target.Provider != c.call.Ask.Target {
		return cannot("the route leads elsewhere than llm.routes and mcp.servers send this call")
	}
	grant := &c.verdict.Grants[0]
	if (c.verdict.Duty.JudgeResponse || c.lists()) && !holds(c.modes.response) {
		return cannot("the policy judges answers, and this one would not be shown: set response_body_mode to FULL_DUPLEX_STREAMED or BUFFERED")
	}
	header, body, err := c.call.Forward(c.verdict, grant.Target.Model, c.Limits)
	if err != nil {
		return err
	}
	if secret := grant.Credential.Header; secret.Name != "" {
		decision.SetHeader(header, secret.Name, string(secret.Value))
	}
	c.result.Provider, c.result.Attempts = grant.Target.Provider, 1
	c.sent = true
	return c.travel(in, changes(in.header, header), body)
}

// lists reports whether the answer is a list of tools, of which some may be
// hidden whatever guards say.
func (c *conversation) lists() bool {
	return c.call.Message != nil && c.call.Message.Method.Name == mcp.MethodToolsList
}

// travel sends the request on, in the mode that it came in.
func (c *conversation) travel(in *received, m *extprocv3.HeaderMutation, body []byte) error {
	changed := !bytes.Equal(body, in.body)
	const length = "Content-Length"
	if in.last {
		return c.send(requestHeaders(m))
	}
	if c.modes.request == buffered {
		if !changed {
			return c.send(requestBody(m, nil))
		}
		if in.header.Get(length) != "" {
			m.SetHeaders = append(m.SetHeaders, setHeaders(http.Header{length: {strconv.Itoa(len(body))}})...)
		}
		return c.send(requestBody(m, whole(body)))
	}
	if changed {
		m.RemoveHeaders = append(m.RemoveHeaders, "content-length")
	}
	if err := c.send(requestHeaders(m)); err != nil {
		return err
	}
	if err := c.send(requestBody(nil, streamed(body, !in.ended))); err != nil || !in.ended {
		return err
	}
	return c.send(requestTrailers(in.trailers))
}
