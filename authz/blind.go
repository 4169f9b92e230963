package authz

import (
	"net/http"
	"slices"
	"strings"

	"outrider.dev/outrider/authz/input"
	"outrider.dev/outrider/decision"
	configv1 "outrider.dev/outrider/proto/outrider/config/v1"
)

// annotations is the word that only lists know.
const annotations = "tool.annotations"

// blind says of a rule that it reads what no call brings, or nothing.
func (r *rule) blind() string {
	switch {
	case !r.readsWord(annotations):
		return ""
	case r.change != nil:
		return "calls bring no tool.annotations, so every call that the mutation is about is denied: name the tools instead"
	case r.target.times()&^onList == 0:
		return ""
	case r.deny:
		return "calls bring no tool.annotations, so the deny refuses every call that it is about: give it phases: [List], or name the tools instead"
	default:
		return "calls bring no tool.annotations, so the rule shows tools in lists and allows no call of them: name the tools instead"
	}
}

// headers are what a rule reads of the request that came.
const headers = "request.headers"

// unheard says of a rule that it reads a header that no call shows it, or
// nothing.
func (r *rule) unheard() string {
	var reads []input.Reading
	if r.when != nil {
		reads = r.when.Reads()
	}
	if r.change != nil && r.change.value != nil {
		reads = slices.Concat(reads, r.change.value.Reads())
	}
	for _, read := range reads {
		if read.Field.Path != headers {
			continue
		}
		if problem := unheardHeader(read.Path, r.roots); problem != "" {
			return problem
		}
	}
	return ""
}

// unheardHeader says that calls with these roots do not show the header that a
// path leads to, or nothing.
func unheardHeader(path []string, roots input.Roots) string {
	if len(path) < 3 {
		return ""
	}
	name := path[2]
	switch lower := strings.ToLower(name); {
	case name != lower:
		return "headers are read by their names in lower case, so " + shown(name) + " is never there: write " + shown(lower)
	case !roots.OnLLM() && !decision.MCPHeader(http.CanonicalHeaderKey(name)):
		return "MCP calls never show the header " + shown(name) + " to rules, only mcp-* without the session's, user-agent, content-type, accept and traceparent: " +
			"say it by a claim of the token or a label of the agent"
	}
	return ""
}

// readsWord reports whether an expression of the rule reads the word.
func (r *rule) readsWord(path string) bool {
	return r.when != nil && r.when.ReadsWord(path) || r.change != nil && r.change.value != nil && r.change.value.ReadsWord(path)
}

// blindModule is blind of a module, whose allow and deny are asked of calls.
func (m *module) blind() string {
	reads := func(r input.Reading) bool { return r.Field.Path == annotations }
	switch {
	case m == nil:
		return ""
	case slices.ContainsFunc(m.DenyReads(), reads):
		return "calls bring no tool.annotations, so deny fails and refuses every call of a tool: name the tools instead"
	case slices.ContainsFunc(m.AllowReads(), reads):
		return "calls bring no tool.annotations, so allow allows no call of a tool: read them in visible, or name the tools"
	}
	return ""
}

// unheard says of the first rule of a module that reads a header which no call
// shows it, and where it stands, or nothing.
func (m *module) unheard() (problem, at string) {
	if m == nil {
		return "", ""
	}
	for _, r := range m.Reads(headers) {
		if problem := unheardHeader(r.Path, r.Roots); problem != "" {
			return problem, m.placeOf(r.Piece)
		}
	}
	return "", ""
}

// guarding says what is read by guards of some policy.
type guarding struct {
	mcp, llm struct{ calls, answers bool }
}

func guardsOf(all []*Policy) guarding {
	var g guarding
	for _, p := range all {
		backend := p.Doc.GetSpec().GetBackend()
		for _, one := range []struct {
			of   *configv1.Guards
			into *struct{ calls, answers bool }
		}{{backend.GetMcp().GetGuards(), &g.mcp}, {backend.GetLlm().GetGuards(), &g.llm}} {
			one.into.calls = one.into.calls || len(one.of.GetRequest()) > 0
			one.into.answers = one.into.answers || len(one.of.GetResponse()) > 0
		}
	}
	return g
}

// unguarded says of a deny that it waits for findings where there are none, or
// nothing. Rules on answers know what was found in the call, too.
func (g guarding) unguarded(r *rule) string {
	if r.stage() != input.Guarded {
		return ""
	}
	calls := r.roots.OnMCP() && g.mcp.calls || r.roots.OnLLM() && g.llm.calls
	answers := calls || r.roots.OnMCP() && g.mcp.answers || r.roots.OnLLM() && g.llm.answers
	switch times := r.target.times(); {
	case times&onCall != 0 && !calls:
		return "the deny reads findings of calls, and no policy has a guard there that reads requests: add one, with the action Observe if it shall only find"
	case times&onResult != 0 && !answers:
		return "the deny reads findings of answers, and no policy has a guard there that reads requests or responses: add one, with the action Observe if it shall only find"
	}
	return ""
}

// unguardedModule is unguarded of a module, which is about calls.
func (g guarding) unguardedModule(m *module) string {
	if m == nil || m.DenyStage() != input.Guarded || g.mcp.calls || g.llm.calls {
		return ""
	}
	return "deny reads findings, and no policy has a guard that reads requests: add one, with the action Observe if it shall only find"
}
