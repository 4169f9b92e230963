package envoy

import (
	"fmt"
	"slices"

	"google.golang.org/protobuf/types/known/structpb"
)

// failOpen is why failure_mode_allow is refused.
const failOpen = "calls pass unjudged while no decision service answers"

// deaf is what rules about mutations do.
const deaf = "Envoy may leave out what the decision service changes, such as taking the agent's credentials away"

// authz looks at ext_authz itself.
func (c *checker) authz(n node) {
	if !n.written() {
		return
	}
	c.service(n)
	n.get("failure_mode_allow").failIfOn(failOpen, "remove the line, or write false")
	n.get("shadow_mode").failIfOn("denials are only recorded", "remove the line")
	n.get("clear_route_cache").failIfOn("the call may take another route than the one that was judged", "remove the line")
	for _, name := range []string{"filter_enabled", "filter_enabled_metadata"} {
		n.get(name).failIfWritten(name+" lets some calls pass unjudged", "remove it")
	}
	for _, name := range []string{"allowed_headers", "disallowed_headers"} {
		n.get(name).failIfWritten("headers that are not shown travel on: the agent's own keys among them", "remove it")
	}
	n.get("decoder_header_mutation_rules").failIfWritten(deaf, "remove it")
	n.get("http_service").failIfWritten("the decision service speaks gRPC to ext_authz", "give grpc_service")
	body := n.get("with_request_body")
	if !body.written() {
		n.fail("ext_authz sends no body, so no call with a body can be judged",
			"add with_request_body: {max_request_bytes: 10485760, allow_partial_message: false, pack_as_bytes: true}")
		return
	}
	c.body(body)
}

// body looks at what ext_authz sends of a body.
func (c *checker) body(n node) {
	n.get("allow_partial_message").failIfOn("padding pushes what matters out of what is judged", "write false: longer bodies get 413")
	if !n.get("pack_as_bytes").plainlyOn() {
		n.fail("without pack_as_bytes, bytes that are no UTF-8 do not arrive as they are forwarded", "add pack_as_bytes: true")
	}
	size := n.get("max_request_bytes")
	number, ok := size.v.GetKind().(*structpb.Value_NumberValue)
	switch {
	case !size.written() || !ok || number.NumberValue < 1:
		n.fail("max_request_bytes is missing", "give the largest body that may be judged, such as 10485760")
	case c.maxBody > 0 && number.NumberValue > float64(c.maxBody):
		size.fail(fmt.Sprintf("the decision service takes %d bytes, so larger bodies are gathered in vain", c.maxBody),
			"lower it, or raise limits.body of the decision service")
	}
}

// proc looks at ext_proc itself.
func (c *checker) proc(n node) {
	if !n.written() {
		return
	}
	c.service(n)
	n.get("failure_mode_allow").failIfOn(failOpen+", and with FULL_DUPLEX_STREAMED parts of answers too", "remove the line, or write false")
	n.get("observability_mode").failIfOn("Envoy does not wait for the verdict", "remove the line")
	n.get("disable_immediate_response").failIfOn("no call can be refused", "remove the line")
	n.get("forward_rules").failIfWritten("headers that are not shown travel on: the agent's own keys among them", "remove it")
	n.get("mutation_rules").failIfWritten(deaf, "remove it")
	n.get("processing_request_modifier").failIfWritten("what is judged is not what travels", "remove it")
	if n.get("route_cache_action").text() == "CLEAR" {
		n.get("route_cache_action").fail("the call may take another route than the one that was judged", "remove the line")
	}
	mode := n.get("processing_mode")
	if !mode.written() {
		n.fail("without processing_mode no body is judged", "add it, as deploy/envoy/envoy.yaml has it")
		return
	}
	modes(mode)
}

// modes looks at what ext_proc is shown of a call.
func modes(n node) {
	for _, m := range []struct {
		name, want string
		good       []string
		problem    string
	}{
		{"request_header_mode", "SEND", []string{"", "SEND", "DEFAULT"}, "the question about a call begins with its headers"},
		{"response_header_mode", "SEND", []string{"", "SEND", "DEFAULT"}, "an answer is judged from its headers on"},
		{"request_body_mode", "BUFFERED", []string{"BUFFERED", "FULL_DUPLEX_STREAMED"}, "a body is judged whole, before any of it passes"},
		{"response_body_mode", "FULL_DUPLEX_STREAMED", []string{"BUFFERED", "FULL_DUPLEX_STREAMED"}, "answers are held until they are judged"},
	} {
		value := n.get(m.name)
		if slices.Contains(m.good, value.text()) && (value.text() != "" || !value.written()) {
			continue
		}
		value.fail(m.name+" is not what is needed: "+m.problem, "write "+m.want)
	}
	for _, way := range []string{"request", "response"} {
		if n.get(way+"_trailer_mode").text() != "SEND" {
			n.fail(way+"_trailer_mode is not SEND: trailers of the "+way+" would travel on as they are, which nobody reads", "add "+way+"_trailer_mode: SEND")
		}
	}
}
