package authzen

import (
	"context"
	"errors"
	"maps"
	"strings"
	"testing"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/dialect/mcp"
	"outrider.dev/outrider/strictjson"
)

// recorder allows what it is asked and remembers it.
type recorder struct {
	asked   []*decision.Request
	verdict func(*decision.Request) *decision.Verdict
	err     error

	turns, held int   // taken, and not given back
	busy        error // instead of a turn
}

// serviceOf is a service whose questions r decides.
func serviceOf(r *recorder) *Service { return &Service{Checker: r, Turns: r} }

// Enter implements Turns.
func (r *recorder) Enter(_ context.Context, _ int) (leave func(), err error) {
	if r.busy != nil {
		return nil, r.busy
	}
	r.turns++
	r.held++
	return func() { r.held-- }, nil
}

func (r *recorder) Check(_ context.Context, q *decision.Request) (*decision.Verdict, error) {
	r.asked = append(r.asked, q)
	if r.held > 0 {
		return nil, errors.New("a question waits for the turn that its own request holds")
	}
	if r.verdict != nil {
		return r.verdict(q), r.err
	}
	return &decision.Verdict{ID: q.ExchangeID, Effect: decision.Allow}, r.err
}

// asked returns what a question asks the engine.
func asked(t *testing.T, question string) (*decision.Request, *Decision, error) {
	t.Helper()
	r := &recorder{}
	s := serviceOf(r)
	d, err := s.Evaluation(t.Context(), []byte(question))
	if len(r.asked) > 1 {
		t.Fatalf("%s asked %d times", question, len(r.asked))
	}
	if len(r.asked) == 0 {
		return nil, d, err
	}
	return r.asked[0], d, err
}

const byAgent = `"subject":{"type":"agent","id":"copilot"},`

// TestMeanings: what each action on each type of resource becomes.
func TestMeanings(t *testing.T) {
	for _, c := range []struct {
		question       string // without its subject
		surface        decision.Surface
		method, server string
		message        string // of MCP
	}{
		{
			`"action":{"name":"tools/call"},"resource":{"type":"tool","id":"list_issues","properties":{"server":"github","arguments":{"repo":"a/b","n":1.0}}}`,
			decision.MCP, "tools/call", "", `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"list_issues","arguments":{"repo":"a/b","n":1.0}}}`,
		},
		{
			`"action":{"name":"call"},"resource":{"type":"tool","id":"github__x"}`,
			decision.MCP, "tools/call", "", `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"github__x"}}`,
		},
		{
			`"action":{"name":"tools/list"},"resource":{"type":"mcp_server","id":"github"}`,
			decision.MCP, "tools/list", "github", `{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{}}`,
		},
		{
			`"action":{"name":"list_tools"},"resource":{"type":"mcp_server","id":"https://mcp.example.com"}`,
			decision.MCP, "tools/list", "https://mcp.example.com", `{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{}}`,
		},
		{
			`"action":{"name":"initialize"},"resource":{"type":"mcp_server","id":"github"}`,
			decision.MCP, "initialize", "github", `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}`,
		},
		{
			`"action":{"name":"notifications/initialized"},"resource":{"type":"mcp_server","id":"github"}`,
			decision.MCP, "notifications/initialized", "github", `{"jsonrpc":"2.0","method":"notifications/initialized","params":{}}`,
		},
		{
			`"action":{"name":"resources/read"},"resource":{"type":"resource","id":"file:///a \"b\"","properties":{"server":"files"}}`,
			decision.MCP, "resources/read", "files", `{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"file:///a \"b\""}}`,
		},
		{
			`"action":{"name":"read"},"resource":{"type":"resource","id":"x"}`,
			decision.MCP, "resources/read", "", `{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"x"}}`,
		},
		{
			`"action":{"name":"get"},"resource":{"type":"prompt","id":"daily","properties":{"arguments":{"day":"1"}}}`,
			decision.MCP, "prompts/get", "", `{"jsonrpc":"2.0","id":1,"method":"prompts/get","params":{"name":"daily","arguments":{"day":"1"}}}`,
		},
		{
			`"action":{"name":"completion/complete"},"resource":{"type":"prompt","id":"daily"}`,
			decision.MCP, "completion/complete", "", `{"jsonrpc":"2.0","id":1,"method":"completion/complete","params":{"ref":{"type":"ref/prompt","name":"daily"}}}`,
		},
		{
			`"action":{"name":"completion/complete"},"resource":{"type":"resource","id":"x","properties":{"argument":{"name":"a","value":"b"}}}`,
			decision.MCP, "completion/complete", "", `{"jsonrpc":"2.0","id":1,"method":"completion/complete","params":{"ref":{"type":"ref/resource","uri":"x"},"argument":{"name":"a","value":"b"}}}`,
		},
		{
			`"action":{"name":"tasks/get"},"resource":{"type":"task","id":"t1"}`,
			decision.MCP, "tasks/get", "", `{"jsonrpc":"2.0","id":1,"method":"tasks/get","params":{"taskId":"t1"}}`,
		},
		{
			`"action":{"name":"tasks/list"},"resource":{"type":"mcp_server","id":"github"}`,
			decision.MCP, "tasks/list", "github", `{"jsonrpc":"2.0","id":1,"method":"tasks/list","params":{}}`,
		},
		{
			`"action":{"name":"can_read","properties":{"method":"GET"}},"resource":{"type":"todo","id":"1"},"context":{"time":"now","token":"t","headers":{"x":"y"}}`,
			decision.MCP, "tools/call", "", `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"can_read","arguments":{` +
				`"subject":{"type":"agent","id":"copilot","properties":{}},"action":{"name":"can_read","properties":{"method":"GET"}},` +
				`"resource":{"type":"todo","id":"1","properties":{}},"context":{"time":"now"}}}}`,
		},
		{`"action":{"name":"chat"},"resource":{"type":"model","id":"gpt-5","properties":{"stream":true,"max_tokens":7}}`, decision.LLM, "chat.completions", "", ""},
		{`"action":{"name":"embeddings"},"resource":{"type":"model","id":"nomic"}`, decision.LLM, "embeddings", "", ""},
	} {
		r, d, err := asked(t, "{"+byAgent+c.question+"}")
		if err != nil || r == nil || !d.Decision {
			t.Errorf("%s: %v, %+v", c.question, err, d)
			continue
		}
		if r.Surface != c.surface || r.Method != c.method || r.Server != c.server || string(r.Body.Raw) != c.message || r.Face != (decision.Face{Forwards: true}) ||
			!decision.ValidID(r.ExchangeID) || r.Caller.Agent != "copilot" {
			t.Errorf("%s: asked %s %s of %q with %s", c.question, r.Surface, r.Method, r.Server, r.Body.Raw)
		}
		if c.surface == decision.MCP {
			if _, err := mcp.Read(r.Body.Raw, nil, strictjson.Limits{}); err != nil || r.Body.Dialect != mcp.Dialect {
				t.Errorf("%s: the message cannot be read: %v", c.question, err)
			}
		}
	}
}

// TestUnseen: arguments and texts that a question leaves out are not taken for
// none.
func TestUnseen(t *testing.T) {
	for question, unseen := range map[string]bool{
		`"action":{"name":"call"},"resource":{"type":"tool","id":"x"}`:                                                                                                           true,
		`"action":{"name":"call"},"resource":{"type":"tool","id":"x","properties":{"arguments":null}}`:                                                                           true,
		`"action":{"name":"call"},"resource":{"type":"tool","id":"x","properties":{"arguments":{}}}`:                                                                             false,
		`"action":{"name":"get"},"resource":{"type":"prompt","id":"x"}`:                                                                                                          true,
		`"action":{"name":"read"},"resource":{"type":"resource","id":"x"}`:                                                                                                       false,
		`"action":{"name":"list_tools"},"resource":{"type":"mcp_server","id":"x"}`:                                                                                               false,
		`"action":{"name":"can_read"},"resource":{"type":"todo","id":"x"}`:                                                                                                       false,
		`"action":{"name":"chat"},"resource":{"type":"model","id":"x"}`:                                                                                                          true,
		`"action":{"name":"chat"},"resource":{"type":"model","id":"x"},"context":{"body":"{\"model\":\"x\"}"}`:                                                                   false,
		`"action":{"name":"call"},"resource":{"type":"tool","id":"x"},"context":{"body":"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"x\"}}"}`: false,
	} {
		if r, _, err := asked(t, "{"+byAgent+question+"}"); err != nil || r.Unseen != unseen {
			t.Errorf("%s: %+v, %v", question, r, err)
		}
	}
}

// TestBoundsOfModels: what cannot be read of a model is not taken for unsaid.
func TestBoundsOfModels(t *testing.T) {
	for properties, fine := range map[string]bool{
		`{}`: true, `{"stream":null,"max_tokens":null}`: true, `{"max_tokens":18446744073709551615}`: true,
		`{"max_tokens":18446744073709551616}`: false, `{"max_tokens":1e3}`: false, `{"max_tokens":"7"}`: false, `{"max_tokens":-1}`: false, `{"stream":"true"}`: false,
	} {
		r, _, err := asked(t, `{`+byAgent+`"action":{"name":"chat"},"resource":{"type":"model","id":"x","properties":`+properties+`}}`)
		if (err == nil) != fine || (r != nil) != fine {
			t.Errorf("%s: %+v, %v", properties, r, err)
		}
	}
}

// TestCapabilities: who filters lists of tools says so.
func TestCapabilities(t *testing.T) {
	for capabilities, forwards := range map[string]bool{`["tools.filter"]`: false, `["tools.filters",7]`: true, `"tools.filter"`: true, `null`: true} {
		r, _, err := asked(t, `{`+byAgent+`"action":{"name":"tools/list"},"resource":{"type":"mcp_server","id":"x"},"context":{"capabilities":`+capabilities+`}}`)
		if err != nil || r.Face.Forwards != forwards {
			t.Errorf("%s: %+v, %v", capabilities, r, err)
		}
	}
}

// TestServersOfTools: a tool is judged as one of the server that the question
// names; a generic question is one of a server that is called like the type.
func TestServersOfTools(t *testing.T) {
	for question, server := range map[string]string{
		`"action":{"name":"call"},"resource":{"type":"tool","id":"x","properties":{"server":"github"}}`: "github",
		`"action":{"name":"call"},"resource":{"type":"tool","id":"x"}`:                                  "",
		`"action":{"name":"can_read"},"resource":{"type":"todo","id":"1"}`:                              "todo",
	} {
		if r, _, err := asked(t, "{"+byAgent+question+"}"); err != nil || r.Tool.Server != server {
			t.Errorf("%s: %+v, %v", question, r, err)
		}
	}
}

func TestModels(t *testing.T) {
	r, _, err := asked(t, `{`+byAgent+`"action":{"name":"chat"},"resource":{"type":"model","id":"gpt-5","properties":{"stream":true,"max_tokens":7}},
		"context":{"body":"{\"model\":\"gpt-5\",\"messages\":[]}"}}`)
	if err != nil || r.LLM != (decision.LLMCall{Model: "gpt-5", Stream: true, MaxTokens: 7}) || r.Body.Dialect != "openai.chat" ||
		string(r.Body.Raw) != `{"model":"gpt-5","messages":[]}` {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestMeansNothing: what the types do not have is denied, and nobody is asked.
func TestMeansNothing(t *testing.T) {
	for _, question := range []string{
		`"action":{"name":"delete"},"resource":{"type":"tool","id":"x"}`,
		`"action":{"name":"tools/call"},"resource":{"type":"mcp_server","id":"x"}`,
		`"action":{"name":"tools/Call"},"resource":{"type":"tool","id":"x"}`,
		`"action":{"name":"tools/list"},"resource":{"type":"tool","id":"x"}`,
		`"action":{"name":"sampling/createMessage"},"resource":{"type":"mcp_server","id":"x"}`,
		`"action":{"name":"tasks/list"},"resource":{"type":"task","id":"x"}`,
		`"action":{"name":"tasks/get"},"resource":{"type":"mcp_server","id":"x"}`,
		`"action":{"name":"models.list"},"resource":{"type":"model","id":"x"}`,
		`"action":{"name":"read"},"resource":{"type":"model","id":"x"}`,
	} {
		r, d, err := asked(t, "{"+byAgent+question+"}")
		if err != nil || r != nil || d.Decision || d.Context.Reason != decision.CodeMethodUnknown || !strings.Contains(d.Context.ReasonUser["404"], "docs/authzen.md") {
			t.Errorf("%s: %v, %+v, %v", question, r, d, err)
		}
	}
}

func TestCallers(t *testing.T) {
	const rest = `"action":{"name":"call"},"resource":{"type":"tool","id":"x"}`
	for _, c := range []struct {
		subject, context string
		want             decision.Caller
	}{
		{`{"type":"agent","id":"copilot"}`, `{}`, decision.Caller{Agent: "copilot"}},
		{
			`{"type":"workload","id":"copilot","properties":{"namespace":"prod","service_account":"sa","labels":{"app":"x"},"token":"t"}}`, `{}`,
			decision.Caller{Agent: "copilot", Namespace: "prod", ServiceAccount: "sa", Labels: map[string]string{"app": "x"}, Bearer: decision.Secret("t")},
		},
		{`{"type":"user","id":"alice"}`, `{}`, decision.Caller{Agent: "user:alice", Subject: "alice"}},
		{`{"type":"user","id":"alice"}`, `null`, decision.Caller{Agent: "user:alice", Subject: "alice"}},
		{`{"type":"identity","id":"alice"}`, `{"agent":"copilot"}`, decision.Caller{Agent: "copilot", Subject: "alice"}},
		{
			`{"type":"user","id":"alice","properties":{"labels":{"app":"x"}}}`, `{"agent":{"id":"copilot","namespace":"prod"}}`,
			decision.Caller{Agent: "copilot", Namespace: "prod", Subject: "alice"},
		},
		{`{"type":"user","id":"alice","properties":{"token":"t"}}`, `{"token":"t"}`, decision.Caller{Agent: "user:alice", Subject: "alice", Bearer: decision.Secret("t")}},
		{`{"type":"user","id":"alice"}`, `{"headers":{"AUTHORIZATION":"bearer t"}}`, decision.Caller{Agent: "user:alice", Subject: "alice", Bearer: decision.Secret("t")}},
		{`{"type":"user","id":"alice"}`, `{"token":"t","headers":{"authorization":"Bearer t"}}`, decision.Caller{Agent: "user:alice", Subject: "alice", Bearer: decision.Secret("t")}},
		{`{"type":"user","id":"alice"}`, `{"token":null}`, decision.Caller{Agent: "user:alice", Subject: "alice"}},
	} {
		r, _, err := asked(t, `{"subject":`+c.subject+`,`+rest+`,"context":`+c.context+`}`)
		if err != nil {
			t.Errorf("%s %s: %v", c.subject, c.context, err)
			continue
		}
		got := r.Caller
		if got.Agent != c.want.Agent || got.Namespace != c.want.Namespace || got.ServiceAccount != c.want.ServiceAccount || got.Subject != c.want.Subject ||
			!maps.Equal(got.Labels, c.want.Labels) || string([]byte(got.Bearer)) != string([]byte(c.want.Bearer)) {
			t.Errorf("%s %s: %+v", c.subject, c.context, got)
		}
	}
}

// TestTokensStayOut: of a generic question rules see everything but the token
// and the headers, of which some are credentials.
func TestTokensStayOut(t *testing.T) {
	r, _, err := asked(t, `{"subject":{"type":"user","id":"alice","properties":{"token":"s3cr3t","role":"x"}},"action":{"name":"a"},"resource":{"type":"r","id":"1"},
		"context":{"token":"s3cr3t","headers":{"authorization":"Bearer s3cr3t","cookie":"s3cr3t","x-team":"web","mcp-session-id":"s3cr3t"},"session":"s","source":"192.0.2.1:5"}}`)
	if err != nil {
		t.Fatal(err)
	}
	if text := string(r.Body.Raw); strings.Contains(text, "s3cr3t") || !strings.Contains(text, `"role":"x"`) || strings.Contains(text, "headers") {
		t.Errorf("the arguments are %s", text)
	}
	for name, value := range r.HTTP.Headers {
		if strings.Contains(value, "s3cr3t") {
			t.Errorf("rules may read the header %s", name)
		}
	}
	if r.Session != "s" || r.Source != "192.0.2.1:5" || string([]byte(r.Caller.Bearer)) != "s3cr3t" {
		t.Errorf("%+v", r)
	}
}

// TestBodies: a body is judged as it stands, must be the call that is asked
// about, and is denied as on the road where it cannot be read.
func TestBodies(t *testing.T) {
	ask := func(action, kind, id, body string) (*decision.Request, error) {
		r, _, err := asked(t, `{`+byAgent+`"action":{"name":"`+action+`"},"resource":{"type":"`+kind+`","id":"`+id+`"},"context":{"body":`+body+`}}`)
		return r, err
	}
	for _, c := range []struct {
		action, kind, id, body string
		raw                    string // empty: refused
	}{
		{
			"tools/call", "tool", "x", `"{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"tools/call\",\"params\":{\"name\":\"x\",\"arguments\":{}}} "`,
			`{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"x","arguments":{}}} `,
		},
		{"tools/call", "tool", "x", `"{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"tools/call\",\"params\":{\"name\":\"y\"}}"`, ""},
		{"tools/call", "tool", "x", `"{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"resources/read\",\"params\":{\"uri\":\"x\"}}"`, ""},
		{"resources/read", "resource", "x", `"{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"resources/read\",\"params\":{\"uri\":\"y\"}}"`, ""},
		{"prompts/get", "prompt", "x", `"{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"prompts/get\",\"params\":{\"name\":\"y\"}}"`, ""},
		{"chat", "model", "x", `"{\"model\":\"y\",\"messages\":[]}"`, ""},
		{"embeddings", "model", "x", `"{\"model\":\"y\",\"input\":\"a\"}"`, ""},
		{"tools/call", "tool", "x", `"[]"`, "[]"}, // for the engine to deny
		{"chat", "model", "x", `"{"`, "{"},
		{"tools/call", "tool", "x", `""`, ""},
		{"tools/call", "tool", "x", `{"jsonrpc":"2.0"}`, ""},
	} {
		r, err := ask(c.action, c.kind, c.id, c.body)
		if c.raw == "" {
			var refusal *decision.Error
			if !errors.As(err, &refusal) || refusal.Code != decision.CodeBodyInvalid || !strings.Contains(err.Error(), "context.body") || r != nil {
				t.Errorf("%s %s: %+v, %v", c.action, c.body, r, err)
			}
			continue
		}
		if err != nil || string(r.Body.Raw) != c.raw {
			t.Errorf("%s %s: %+v, %v", c.action, c.body, r, err)
		}
	}
}
