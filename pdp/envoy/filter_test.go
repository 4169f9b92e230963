package envoy

import (
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/protobuf/types/known/structpb"

	"outrider.dev/outrider/decision"
)

// filtered adds what Envoy's mcp filter read.
func filtered(t *testing.T, fields map[string]any) change {
	t.Helper()
	read, err := structpb.NewStruct(fields)
	if err != nil {
		t.Fatal(err)
	}
	return func(a *authv3.AttributeContext) {
		a.MetadataContext = &corev3.Metadata{FilterMetadata: map[string]*structpb.Struct{filterMCP: read}}
	}
}

func about(method, member, value string) map[string]any {
	return map[string]any{"jsonrpc": "2.0", "method": method, "params": map[string]any{member: value}}
}

// TestFilterBesideABody: the body decides, and a filter that reads it
// otherwise refuses the call.
func TestFilterBesideABody(t *testing.T) {
	const read = `{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"file:///x"}}`
	const prompt = `{"jsonrpc":"2.0","id":1,"method":"prompts/get","params":{"name":"p"}}`
	for _, c := range []struct {
		name, body string
		fields     map[string]any
		want       decision.Code
	}{
		{"the same", tool, about("tools/call", "name", "list_issues"), ""},
		{"less", tool, map[string]any{"method": "tools/call"}, ""},
		{"nothing", tool, map[string]any{}, ""},
		{"another tool", tool, about("tools/call", "name", "delete_repo"), decision.CodeBodyInvalid},
		{"another method", tool, about("tools/list", "name", "list_issues"), decision.CodeBodyInvalid},
		{"a resource", read, about("resources/read", "uri", "file:///x"), ""},
		{"another resource", read, about("resources/read", "uri", "file:///y"), decision.CodeBodyInvalid},
		{"a prompt", prompt, about("prompts/get", "name", "p"), ""},
		{"another prompt", prompt, about("prompts/get", "name", "q"), decision.CodeBodyInvalid},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := trusted(t)
			r := f.check(t, question("/mcp/github", c.body, filtered(t, c.fields)))
			if c.want != "" {
				wantDenied(t, r, c.want)
			} else if wantOK(t, r); f.engine.checked[0].Unseen {
				t.Error("the body was there")
			}
		})
	}
}

// TestFilterWithoutABody: what the filter read is judged as a call of which
// nobody saw what it carries.
func TestFilterWithoutABody(t *testing.T) {
	bodiless := func(a *authv3.AttributeContext) {
		httpOf(a).RawBody = nil
		delete(httpOf(a).Headers, "x-envoy-auth-partial-body")
	}
	for _, c := range []struct {
		name   string
		fields map[string]any
		want   decision.Code
		asked  decision.Request
	}{
		{"a tool", about("tools/call", "name", "list_issues"), "", decision.Request{Method: "tools/call", Tool: decision.Tool{Server: "github", Name: "list_issues", Exposed: "list_issues"}}},
		{"a resource", about("resources/read", "uri", "file:///x"), "", decision.Request{Method: "resources/read", Resource: "file:///x"}},
		{"a prompt", about("prompts/get", "name", "p"), "", decision.Request{Method: "prompts/get", Prompt: "p"}},
		{"a handshake", map[string]any{"method": "initialize"}, "", decision.Request{Method: "initialize"}},
		{"a tool without its name", map[string]any{"method": "tools/call"}, decision.CodeFaceCannotEnforce, decision.Request{}},
		{"a name that is none", map[string]any{"method": "tools/call", "params": map[string]any{"name": 7.0}}, decision.CodeFaceCannotEnforce, decision.Request{}},
		{"a completion", about("completion/complete", "name", "p"), decision.CodeFaceCannotEnforce, decision.Request{}},
		{"an unknown method", map[string]any{"method": "tools/drop"}, decision.CodeMethodUnknown, decision.Request{}},
		{"what servers send", map[string]any{"method": "sampling/createMessage"}, decision.CodeMethodUnknown, decision.Request{}},
		{"nothing", map[string]any{}, decision.CodeBodyInvalid, decision.Request{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := trusted(t)
			r := f.check(t, question("/mcp/github", tool, bodiless, filtered(t, c.fields)))
			if c.want != "" {
				wantDenied(t, r, c.want)
				return
			}
			wantOK(t, r)
			got := f.engine.checked[0]
			if !got.Unseen || got.Method != c.asked.Method || got.Tool.Name != c.asked.Tool.Name || got.Resource != c.asked.Resource || got.Prompt != c.asked.Prompt || len(got.Body.Raw) > 0 {
				t.Errorf("asked %+v", got)
			}
		})
	}
	ofTool := filtered(t, about("tools/call", "name", "list_issues"))
	wantDenied(t, trusted(t).check(t, question("/mcp/github", tool, bodiless, ofTool, extended("server", "github", "paired", "true"))), decision.CodeBodyInvalid)
	wantDenied(t, trusted(t).check(t, question("/v1/chat/completions", chat, bodiless, ofTool)), decision.CodeBodyInvalid)
	wantDenied(t, trusted(t).check(t, question("/mcp/github", tool, bodiless, ofTool, header("x-envoy-auth-partial-body", "true"))), decision.CodeBodyTooLarge)
}
