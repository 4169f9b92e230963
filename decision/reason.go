package decision

import (
	"net/http"
	"slices"
)

// Code is a reason code: one word, stable, that programs may branch on.
type Code string

// Reason codes. Each stands in the registry below with its statuses.
const (
	CodeNone Code = ""

	// Who asks.
	CodeTokenMissing      Code = "token_missing"
	CodeTokenMalformed    Code = "token_malformed"
	CodeTokenExpired      Code = "token_expired"
	CodeTokenNotYetValid  Code = "token_not_yet_valid"
	CodeTokenSignature    Code = "token_signature_invalid"
	CodeTokenAlgorithm    Code = "token_algorithm_refused"
	CodeTokenKeyUnknown   Code = "token_key_unknown"
	CodeTokenRevoked      Code = "token_revoked"
	CodeTokenInactive     Code = "token_inactive"
	CodeTokenBound        Code = "token_bound"
	CodeIssuerUnknown     Code = "issuer_unknown"
	CodeAudienceMismatch  Code = "audience_mismatch"
	CodeIssuerUnavailable Code = "issuer_unavailable"
	CodePeerRefused       Code = "peer_refused"
	CodePeerUnproven      Code = "peer_unproven"
	CodeSubjectMismatch   Code = "subject_mismatch"

	// What the rules say.
	CodeNoPolicy        Code = "no_policy"
	CodeDeniedByRule    Code = "denied_by_rule"
	CodeNotAllowed      Code = "not_allowed"
	CodeRuleError       Code = "rule_error"
	CodeModelNotAllowed Code = "model_not_allowed"
	CodePolicyAway      Code = "policy_unavailable"
	CodeToolUnknown     Code = "tool_unknown"
	CodeServerUnknown   Code = "server_unknown"
	CodeMethodUnknown   Code = "method_unknown"
	CodeNoRoute         Code = "no_route"

	// What the guards say.
	CodePII       Code = "guard_pii"
	CodeInjection Code = "guard_injection"
	CodeSecret    Code = "guard_secret"
	CodePattern   Code = "guard_pattern"

	// What services that guards ask say, or do not.
	CodeModeration Code = "guard_moderation"
	CodeGuardAway  Code = "guard_unavailable"

	// Limits.
	CodeRateLimited Code = "rate_limited"

	// Bodies.
	CodeBodyInvalid      Code = "body_invalid"
	CodeBodyTooLarge     Code = "body_too_large"
	CodeBodyEncoding     Code = "body_encoding_refused"
	CodeContentType      Code = "content_type_refused"
	CodeMethodNotAllowed Code = "http_method_not_allowed"
	CodeOriginRefused    Code = "origin_refused"
	CodePathUnknown      Code = "path_unknown"

	// Edits and faces.
	CodeEditConflict      Code = "edit_conflict"
	CodeFaceCannotEnforce Code = "face_cannot_enforce"
	CodeMappingInvalid    Code = "mapping_invalid"

	// The machinery.
	CodePDPUnavailable      Code = "pdp_unavailable"
	CodeUpstreamUnavailable Code = "upstream_unavailable"
	CodeUpstreamTimeout     Code = "upstream_timeout"
	CodeUpstreamInvalid     Code = "upstream_invalid"
	CodeOverloaded          Code = "overloaded"
	CodeInternal            Code = "internal"
)

// Status is how one reason code shows in each protocol.
type Status struct {
	HTTP    int
	GRPC    uint32 // google.rpc.Code
	JSONRPC int    // JSON-RPC 2.0 error code; -32000 to -32099 are server-defined
	OpenAI  string // "type" of the OpenAI error object
	Summary string // one sentence for people, without a final stop
}

// google.rpc.Code values, named here because this package imports only the
// standard library.
const (
	grpcInvalidArgument   = 3
	grpcDeadlineExceeded  = 4
	grpcNotFound          = 5
	grpcPermissionDenied  = 7
	grpcResourceExhausted = 8
	grpcUnimplemented     = 12
	grpcInternal          = 13
	grpcUnavailable       = 14
	grpcUnauthenticated   = 16
)

// JSON-RPC codes: the three of the specification, and ours.
const (
	rpcInvalidRequest = -32600
	rpcMethodNotFound = -32601
	rpcInvalidParams  = -32602
	rpcInternal       = -32603
	rpcDenied         = -32001
	rpcUnauthorized   = -32002
	rpcLimited        = -32003
	rpcUnavailable    = -32004
)

// Types of the OpenAI error object.
const (
	oaiInvalid     = "invalid_request_error"
	oaiAuth        = "authentication_error"
	oaiPermission  = "permission_error"
	oaiRate        = "rate_limit_error"
	oaiServer      = "server_error"
	oaiUnavailable = "service_unavailable_error"
)

// Status returns how the code shows in each protocol. An unknown code shows
// as [CodeInternal], so that a code of a newer peer still refuses clearly.
func (c Code) Status() Status {
	s, ok := lookup(c)
	if !ok {
		s, _ = lookup(CodeInternal)
	}
	return s
}

// Known reports whether the code stands in the registry.
func (c Code) Known() bool {
	_, ok := lookup(c)
	return ok
}

// OfRules reports whether the code is one that the rules of policies refuse with.
func (c Code) OfRules() bool {
	switch c {
	case CodeDeniedByRule, CodeNotAllowed, CodeRuleError, CodeModelNotAllowed:
		return true
	}
	return false
}

// Entry is one line of the registry.
type Entry struct {
	Code   Code
	Status Status
}

// Registry returns every reason code with its status, in the order of this file.
func Registry() []Entry {
	return slices.Concat(tokenRows(), ruleRows(), guardRows(), bodyRows(), systemRows())
}

func lookup(c Code) (Status, bool) {
	for _, rows := range [...]func() []Entry{tokenRows, ruleRows, guardRows, bodyRows, systemRows} {
		for _, e := range rows() {
			if e.Code == c {
				return e.Status, true
			}
		}
	}
	return Status{}, false
}

func unauthenticated(c Code, summary string) Entry {
	return Entry{c, Status{http.StatusUnauthorized, grpcUnauthenticated, rpcUnauthorized, oaiAuth, summary}}
}

func denied(c Code, summary string) Entry {
	return Entry{c, Status{http.StatusForbidden, grpcPermissionDenied, rpcDenied, oaiPermission, summary}}
}

func invalid(c Code, status int, summary string) Entry {
	return Entry{c, Status{status, grpcInvalidArgument, rpcInvalidRequest, oaiInvalid, summary}}
}

func away(c Code, status int, summary string) Entry {
	return Entry{c, Status{status, grpcUnavailable, rpcUnavailable, oaiUnavailable, summary}}
}

func tokenRows() []Entry {
	return []Entry{
		unauthenticated(CodeTokenMissing, "A token is required"),
		unauthenticated(CodeTokenMalformed, "The token cannot be read"),
		unauthenticated(CodeTokenExpired, "The token has expired"),
		unauthenticated(CodeTokenNotYetValid, "The token is not valid yet"),
		unauthenticated(CodeTokenSignature, "The token's signature is wrong"),
		unauthenticated(CodeTokenAlgorithm, "The token's algorithm is refused"),
		unauthenticated(CodeTokenKeyUnknown, "The token's key is unknown"),
		unauthenticated(CodeTokenRevoked, "The token is older than its issuer's tokens may be"),
		unauthenticated(CodeTokenInactive, "The token's issuer calls it inactive"),
		unauthenticated(CodeTokenBound, "The token is bound to a key that is not proven here"),
		unauthenticated(CodeIssuerUnknown, "The token's issuer is not trusted here"),
		unauthenticated(CodeAudienceMismatch, "The token is meant for another audience"),
		away(CodeIssuerUnavailable, http.StatusServiceUnavailable, "The token's issuer cannot be reached"),
		unauthenticated(CodePeerUnproven, "The key is not one of a peer"),
		denied(CodePeerRefused, "This peer may not speak for the agent"),
		denied(CodeSubjectMismatch, "The token is of another subject than the question names"),
	}
}

func ruleRows() []Entry {
	return []Entry{
		denied(CodeNoPolicy, "No policy selects this agent"),
		denied(CodeDeniedByRule, "A rule denies the call"),
		denied(CodeNotAllowed, "No rule allows the call"),
		denied(CodeRuleError, "A deny rule could not be evaluated"),
		denied(CodeModelNotAllowed, "The model is not allowed"),
		away(CodePolicyAway, http.StatusServiceUnavailable, "A policy of this agent is not complete"),
		// As MCP servers answer it: their clients take a 404 for a lost session.
		{CodeToolUnknown, Status{http.StatusOK, grpcNotFound, rpcInvalidParams, oaiInvalid, "Unknown tool"}},
		{CodeServerUnknown, Status{http.StatusNotFound, grpcNotFound, rpcInvalidParams, oaiInvalid, "Unknown MCP server"}},
		{CodeMethodUnknown, Status{http.StatusNotFound, grpcUnimplemented, rpcMethodNotFound, oaiInvalid, "The method is not known here"}},
		{CodeNoRoute, Status{http.StatusNotFound, grpcNotFound, rpcInvalidParams, oaiInvalid, "No provider serves this model"}},
	}
}

func guardRows() []Entry {
	return []Entry{
		denied(CodePII, "Personal data was found"),
		denied(CodeInjection, "A prompt injection was found"),
		denied(CodeSecret, "A credential was found"),
		denied(CodePattern, "A pattern of the operator was found"),
		denied(CodeModeration, "A classifier objects to a text"),
		away(CodeGuardAway, http.StatusServiceUnavailable, "A service that guards ask does not answer"),
		{CodeRateLimited, Status{http.StatusTooManyRequests, grpcResourceExhausted, rpcLimited, oaiRate, "A limit is reached"}},
	}
}

func bodyRows() []Entry {
	return []Entry{
		invalid(CodeBodyInvalid, http.StatusBadRequest, "The body is not acceptable"),
		invalid(CodeBodyTooLarge, http.StatusRequestEntityTooLarge, "The body is too large"),
		invalid(CodeBodyEncoding, http.StatusUnsupportedMediaType, "The body's encoding is refused"),
		invalid(CodeContentType, http.StatusUnsupportedMediaType, "The content type is refused"),
		invalid(CodeMethodNotAllowed, http.StatusMethodNotAllowed, "The HTTP method is not served here"),
		denied(CodeOriginRefused, "The Origin header is refused"),
		{CodePathUnknown, Status{http.StatusNotFound, grpcNotFound, rpcMethodNotFound, oaiInvalid, "Nothing is served under this path"}},
	}
}

func systemRows() []Entry {
	return []Entry{
		denied(CodeEditConflict, "Two edits of the policy contradict each other"),
		denied(CodeFaceCannotEnforce, "The asker cannot enforce what the policy demands"),
		denied(CodeMappingInvalid, "The mapping that a tool's server declares cannot be applied"),
		away(CodePDPUnavailable, http.StatusServiceUnavailable, "The decision service does not answer"),
		away(CodeUpstreamUnavailable, http.StatusBadGateway, "The upstream does not answer"),
		{CodeUpstreamTimeout, Status{http.StatusGatewayTimeout, grpcDeadlineExceeded, rpcUnavailable, oaiUnavailable, "The upstream took too long"}},
		{CodeUpstreamInvalid, Status{http.StatusBadGateway, grpcInternal, rpcInternal, oaiServer, "The upstream's answer cannot be read"}},
		{CodeOverloaded, Status{http.StatusServiceUnavailable, grpcResourceExhausted, rpcUnavailable, oaiUnavailable, "Too much work is waiting"}},
		{CodeInternal, Status{http.StatusInternalServerError, grpcInternal, rpcInternal, oaiServer, "An internal error"}},
	}
}
