package envoy

import (
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/dialect/mcp"
)

// filterMCP is where Envoy's own mcp filter tells what it read of a message.
const filterMCP = "envoy.filters.http.mcp"

// told is what that filter read. The zero value says that it read nothing.
type told struct{ method, name, uri string }

func readTold(a *authv3.AttributeContext) told {
	fields := a.GetMetadataContext().GetFilterMetadata()[filterMCP].GetFields()
	params := fields["params"].GetStructValue().GetFields()
	return told{fields["method"].GetStringValue(), params["name"].GetStringValue(), params["uri"].GetStringValue()}
}

// agree holds what the filter read to what was read here: where two readers
// take a message for different ones, so may the server.
func (t told) agree(m *mcp.Message) error {
	name := m.Tool
	if m.Method.Carries != mcp.ToolName {
		name = m.Prompt
	}
	differs := func(theirs, ours string) bool { return theirs != "" && theirs != ours }
	if differs(t.method, m.Method.Name) || differs(t.name, name) || differs(t.uri, m.URI) {
		return decision.Refuse(decision.CodeBodyInvalid, "Envoy's mcp filter takes the message for another one than it is read as here")
	}
	return nil
}

// describe makes the question of what the filter read, where Envoy sends no
// body. What the call carries is then unseen, and nothing passes that depends
// on it.
func (t told) describe(ask *decision.Request) error {
	method, ok := mcp.Lookup(t.method)
	if !ok || method.FromServer {
		return decision.Refuse(decision.CodeMethodUnknown, "this method is not known here")
	}
	ask.Method, ask.Unseen = method.Name, true
	var named string
	switch method.Carries {
	case mcp.ToolName:
		named, ask.Tool.Exposed = t.name, t.name
	case mcp.PromptName:
		named, ask.Prompt = t.name, t.name
	case mcp.URI:
		named, ask.Resource = t.uri, t.uri
	case mcp.Nothing:
		return nil
	}
	if named == "" {
		return decision.Refuse(decision.CodeFaceCannotEnforce, "Envoy's mcp filter does not tell what "+method.Name+" is about: set with_request_body")
	}
	return nil
}
