package envoy

import (
	"maps"
	"slices"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	statusv3 "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/dialect/inbound"
)

// denied words a refusal. There is no verdict where nobody was asked.
func denied(r inbound.Refusal, v *decision.Verdict) *authv3.CheckResponse {
	answer := &authv3.DeniedHttpResponse{
		Status: &typev3.HttpStatus{Code: typev3.StatusCode(r.Status)}, //nolint:gosec // of a table
		Body:   string(r.Body),
	}
	for _, name := range slices.Sorted(maps.Keys(r.Header)) {
		answer.Headers = append(answer.Headers, set(name, r.Header.Get(name)))
	}
	id := r.Header.Get(decision.IDHeader)
	return &authv3.CheckResponse{
		Status:          &statusv3.Status{Code: int32(codes.PermissionDenied), Message: "refused: " + string(r.Code) + ", decision " + id},
		HttpResponse:    &authv3.CheckResponse_DeniedResponse{DeniedResponse: answer},
		DynamicMetadata: metadataOfDenial(id, r.Code, v),
	}
}

// faulted refuses a check in the middle of which something broke.
func (c *check) faulted() *authv3.CheckResponse {
	if c.call == nil {
		c.call = inbound.New(&inbound.Request{}, decision.Caller{}, decision.Face{})
	}
	return denied(c.call.Deny(decision.Reason{Code: decision.CodeInternal, Message: "the decision could not be completed"}), nil)
}

// allowed words an allow. Where ext_proc follows, the agent's own credentials
// go here, and all else is its business, the target's credential included: a
// chain that lacks it forwards calls that no target takes.
func (c *check) allowed(v *decision.Verdict) *authv3.CheckResponse {
	answer := &authv3.OkHttpResponse{
		ResponseHeadersToAdd: []*corev3.HeaderValueOption{set(decision.IDHeader, v.ID)},
	}
	if !c.route.Paired {
		answer.Headers = c.changes(v, answer)
	}
	answer.HeadersToRemove = append(answer.HeadersToRemove, c.stripped(answer)...)
	return &authv3.CheckResponse{
		Status:          &statusv3.Status{},
		HttpResponse:    &authv3.CheckResponse_OkResponse{OkResponse: answer},
		DynamicMetadata: c.metadata(v),
	}
}

// changes returns what policies and the grant set.
func (c *check) changes(v *decision.Verdict, answer *authv3.OkHttpResponse) []*corev3.HeaderValueOption {
	var out []*corev3.HeaderValueOption
	for _, op := range v.Headers {
		if op.Remove {
			answer.HeadersToRemove = append(answer.HeadersToRemove, strings.ToLower(op.Name))
		} else {
			out = append(out, set(op.Name, string(op.Value)))
		}
	}
	if !c.granting { // nothing was granted, whatever the verdict says
		return out
	}
	for i := range v.Grants {
		if op := v.Grants[i].Credential.Header; op.Name != "" {
			out = append(out, set(op.Name, string(op.Value)))
		}
	}
	return out
}

// stripped names the headers of the agent that must not reach the target,
// beside those that the answer removes already. Envoy sets first and removes
// then: what is set here is no such header.
func (c *check) stripped(answer *authv3.OkHttpResponse) []string {
	names := slices.Clone(answer.GetHeadersToRemove())
	for _, h := range answer.GetHeaders() {
		names = append(names, h.GetHeader().GetKey())
	}
	return slices.DeleteFunc(c.call.Stripped(names), func(name string) bool { return slices.Contains(names, name) })
}

// set is a header that takes the place of what was there.
func set(name, value string) *corev3.HeaderValueOption {
	return &corev3.HeaderValueOption{
		Header:       &corev3.HeaderValue{Key: strings.ToLower(name), Value: value},
		AppendAction: corev3.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD,
	}
}
