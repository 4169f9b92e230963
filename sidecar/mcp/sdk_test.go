package mcp_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"outrider.dev/outrider/decision"
)

// official is a server on the official SDK, without sessions, that speaks both
// eras. Its tools take and give text.
func official(t *testing.T, name string, asJSON bool, tools ...string) *recorder {
	t.Helper()
	srv := sdk.NewServer(&sdk.Implementation{Name: name, Version: "1"}, nil)
	type in struct {
		Text string `json:"text,omitempty"`
	}
	for _, tool := range tools {
		sdk.AddTool(srv, &sdk.Tool{Name: tool, Description: "does " + tool},
			func(_ context.Context, _ *sdk.CallToolRequest, args in) (*sdk.CallToolResult, any, error) {
				return &sdk.CallToolResult{Content: []sdk.Content{&sdk.TextContent{Text: tool + " of " + name + ": " + args.Text}}}, nil, nil
			})
	}
	srv.AddResource(&sdk.Resource{Name: "r", URI: "mem://r"}, func(context.Context, *sdk.ReadResourceRequest) (*sdk.ReadResourceResult, error) {
		return &sdk.ReadResourceResult{Contents: []*sdk.ResourceContents{{URI: "mem://r", Text: "resource of " + name}}}, nil
	})
	h := sdk.NewStreamableHTTPHandler(func(*http.Request) *sdk.Server { return srv }, &sdk.StreamableHTTPOptions{Stateless: true, JSONResponse: asJSON})
	return record(t, h.ServeHTTP)
}

// byPrefix allows calls to tools without "delete" and sends them to the server
// that the exposed name begins with, as the decision service does.
func byPrefix(servers map[string]*recorder, order ...string) func(*decision.Request) *decision.Verdict {
	return func(r *decision.Request) *decision.Verdict {
		v := &decision.Verdict{Effect: decision.Allow, Duty: decision.Duty{JudgeResponse: true}}
		if r.Server != "" {
			v.Grants = []decision.Grant{servers[r.Server].grant(r.Server)}
		}
		if r.Method != "tools/call" {
			if r.Server == "" {
				for _, name := range order {
					v.Grants = append(v.Grants, servers[name].grant(name))
				}
			}
			return v
		}
		server, name, _ := strings.Cut(r.Tool.Exposed, "__")
		if servers[server] == nil || strings.Contains(name, "delete") {
			return &decision.Verdict{Reason: decision.Reason{Code: decision.CodeToolUnknown}}
		}
		if strings.Contains(name, "create") {
			return &decision.Verdict{Reason: decision.Reason{Code: decision.CodeNotAllowed, Message: "no rule allows it", NeededScopes: []string{"mcp:write"}}}
		}
		v.Effect, v.Grants = decision.Mutate, []decision.Grant{servers[server].grant(server)}
		v.Splices = []decision.Splice{replacing(r, server+"__", "")}
		return v
	}
}

// connect connects the official client, which brings an agent's token.
func connect(t *testing.T, url, version string) *sdk.ClientSession {
	t.Helper()
	client := sdk.NewClient(&sdk.Implementation{Name: "agent", Version: "1"}, nil)
	session, err := client.Connect(t.Context(), &sdk.StreamableClientTransport{
		Endpoint: url, DisableStandaloneSSE: true, MaxRetries: -1,
		HTTPClient: &http.Client{Transport: bearer{&http.Transport{DisableKeepAlives: true}}},
	}, &sdk.ClientSessionOptions{ProtocolVersion: version})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = session.Close() })
	return session
}

type bearer struct{ next http.RoundTripper }

func (b bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer agent-token")
	return b.next.RoundTrip(r)
}

func TestOfficialSDK(t *testing.T) {
	for _, version := range []string{"2025-06-18", "2025-11-25", "2026-07-28"} {
		for _, asJSON := range []bool{true, false} {
			t.Run(fmt.Sprint(version, " JSON ", asJSON), func(t *testing.T) {
				servers := map[string]*recorder{
					"github": official(t, "github", asJSON, "list_issues", "create_issue", "delete_repo"),
					"slack":  official(t, "slack", asJSON, "get_message"),
				}
				p := &pdp{open: byPrefix(servers, "github", "slack"), judge: prefixed("delete")}
				srv := sidecarOn(t, p)
				session := connect(t, srv.URL+"/mcp", version)
				if got := session.InitializeResult().ProtocolVersion; got != version {
					t.Errorf("the version became %s", got)
				}
				testOfficialList(t, session)
				testOfficialCalls(t, session)
				for name, rec := range servers {
					for _, call := range rec.seen() {
						if strings.Contains(fmt.Sprint(call.header, call.body), "agent-token") {
							t.Errorf("the agent's token reached %s", name)
						}
						if v := call.header.Get("Mcp-Protocol-Version"); v != version && !strings.Contains(call.body, `"initialize"`) {
							t.Errorf("%s was spoken to in %q: %s", name, v, call.body)
						}
						if strings.Contains(call.body, "delete_repo") || strings.Contains(call.body, "create_issue") {
							t.Errorf("a refused call reached %s: %s", name, call.body)
						}
					}
				}
			})
		}
	}
}

func testOfficialList(t *testing.T, session *sdk.ClientSession) {
	t.Helper()
	list, err := session.ListTools(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, tool := range list.Tools {
		names = append(names, tool.Name)
		if tool.Description == "" || tool.InputSchema == nil {
			t.Errorf("%+v lost its definition", tool)
		}
	}
	if want := []string{"github__create_issue", "github__list_issues", "slack__get_message"}; !slices.Equal(names, want) {
		t.Errorf("tools %v", names)
	}
}

func testOfficialCalls(t *testing.T, session *sdk.ClientSession) {
	t.Helper()
	call := func(name string) (*sdk.CallToolResult, error) {
		return session.CallTool(t.Context(), &sdk.CallToolParams{Name: name, Arguments: map[string]any{"text": "hé\n"}})
	}
	for name, want := range map[string]string{
		"github__list_issues": "list_issues of github: hé\n",
		"slack__get_message":  "get_message of slack: hé\n",
	} {
		res, err := call(name)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if text, ok := res.Content[0].(*sdk.TextContent); !ok || text.Text != want {
			t.Errorf("%s gave %+v", name, res.Content[0])
		}
	}
	for name, want := range map[string]jsonrpc.Error{
		"github__create_issue": {Code: -32001, Message: "no rule allows it"},
		"github__delete_repo":  {Code: -32602, Message: "Unknown tool: github__delete_repo"},
		"nobody__x":            {Code: -32602, Message: "Unknown tool: nobody__x"},
	} {
		_, err := call(name)
		var refused *jsonrpc.Error
		if !errors.As(err, &refused) || refused.Code != want.Code || !strings.HasPrefix(refused.Message, want.Message) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := session.ListResources(t.Context(), nil); err == nil {
		t.Error("resources of several servers were listed")
	}
	if _, err := call("slack__get_message"); err != nil {
		t.Errorf("the client is broken after refusals: %v", err)
	}
}

// TestOfficialSDKOneServer: behind its own path a server is whole.
func TestOfficialSDKOneServer(t *testing.T) {
	for _, version := range []string{"2025-11-25", "2026-07-28"} {
		t.Run(version, func(t *testing.T) {
			up := official(t, "github", false, "list_issues", "delete_repo")
			p := &pdp{open: judged(up.grant("github")), judge: func(part decision.Part) (*decision.Ruling, error) {
				r := showAll(part)
				if r.Visibility != nil && len(part.Tools) == 2 { // in the order of their names
					r.Visibility.Bitmap = []byte{0b10}
				}
				return r, nil
			}}
			session := connect(t, sidecarOn(t, p).URL+"/mcp/github", version)
			if info := session.InitializeResult().ServerInfo; info.Name != "github" {
				t.Errorf("server %+v", info)
			}
			list, err := session.ListTools(t.Context(), nil)
			if err != nil || len(list.Tools) != 1 || list.Tools[0].Name != "list_issues" {
				t.Fatalf("%+v, %v", list, err)
			}
			if version == "2026-07-28" && list.CacheScope != "private" {
				t.Errorf("a filtered list may be cached as %q", list.CacheScope)
			}
			res, err := session.ReadResource(t.Context(), &sdk.ReadResourceParams{URI: "mem://r"})
			if err != nil || res.Contents[0].Text != "resource of github" {
				t.Errorf("%+v, %v", res, err)
			}
			if err := session.Ping(t.Context(), nil); err != nil && version < "2026-07-28" {
				t.Error(err)
			}
		})
	}
}

// TestModernClientMeetsLegacyServer: the client falls back to initialize and
// meets every server.
func TestModernClientMeetsLegacyServer(t *testing.T) {
	inner := sdk.NewServer(&sdk.Implementation{Name: "old", Version: "1"}, nil)
	sdk.AddTool(inner, &sdk.Tool{Name: "get_x"}, func(context.Context, *sdk.CallToolRequest, struct{}) (*sdk.CallToolResult, any, error) {
		return &sdk.CallToolResult{Content: []sdk.Content{&sdk.TextContent{Text: "x"}}}, nil, nil
	})
	h := sdk.NewStreamableHTTPHandler(func(*http.Request) *sdk.Server { return inner }, &sdk.StreamableHTTPOptions{Stateless: true})
	old := record(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Mcp-Protocol-Version") >= "2026-07-28" {
			http.Error(w, "Bad Request: unsupported protocol version", http.StatusBadRequest)
			return
		}
		h.ServeHTTP(w, r)
	})
	servers := map[string]*recorder{"new": official(t, "new", false, "get_y"), "old": old}
	p := &pdp{open: byPrefix(servers, "new", "old"), judge: prefixed("delete")}
	srv := sidecarOn(t, p)
	for _, path := range []string{"/mcp", "/mcp/old"} {
		session := connect(t, srv.URL+path, "2026-07-28")
		if v := session.InitializeResult().ProtocolVersion; v != "2025-11-25" {
			t.Errorf("%s: version %s", path, v)
		}
		list, err := session.ListTools(t.Context(), nil)
		if err != nil || !slices.ContainsFunc(list.Tools, func(tool *sdk.Tool) bool { return tool.Name == "old__get_x" }) {
			t.Errorf("%s: %+v, %v", path, list, err)
		}
	}
}
