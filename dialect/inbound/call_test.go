package inbound

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/dialect/mcp"
	"outrider.dev/outrider/dialect/openai"
	"outrider.dev/outrider/strictjson"
)

const (
	chat = `{"model":"grok-4","messages":[{"role":"user","content":"hi"}],"stream":true,"max_tokens":7}`
	tool = `{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"github__list_issues","arguments":{"repo":"a/b"}}}`
)

func limits() strictjson.Limits { return strictjson.Limits{Bytes: 1 << 20, Depth: 64} }

func header(pairs ...string) http.Header {
	h := http.Header{"Content-Type": {"application/json"}}
	for i := 0; i+1 < len(pairs); i += 2 {
		h.Set(pairs[i], pairs[i+1])
	}
	return h
}

func post(path string, pairs ...string) *Request {
	return &Request{Method: http.MethodPost, Path: path, Header: header(pairs...), Source: "10.0.0.1:5"}
}

// read takes a request through all steps.
func read(in *Request, body string) (*Call, error) {
	c := New(in, decision.Caller{Agent: "copilot"}, decision.FullFace())
	if err := c.Accept(); err != nil || !c.HasBody() {
		return c, err
	}
	return c, c.Read([]byte(body), limits())
}

func TestQuestions(t *testing.T) {
	headers := map[string]string{"content-type": "application/json"}
	caller := decision.Caller{Agent: "copilot", Bearer: decision.Secret("t0ken")}
	start := uint32(strings.Index(tool, `{"repo"`))
	for _, c := range []struct {
		in   *Request
		body string
		want decision.Request
	}{
		{post("/v1/chat/completions", "Authorization", "Bearer t0ken"), chat, decision.Request{
			Surface: decision.LLM, Method: openai.OperationChat, Body: decision.Body{Dialect: openai.Chat},
			LLM: decision.LLMCall{Model: "grok-4", Stream: true, MaxTokens: 7},
		}},
		{post("/v1/embeddings", "Authorization", "Bearer t0ken"), `{"model":"e","input":"hi"}`, decision.Request{
			Surface: decision.LLM, Method: openai.OperationEmbeddings, Body: decision.Body{Dialect: openai.Embeddings},
			LLM: decision.LLMCall{Model: "e"},
		}},
		{post("/mcp", "Authorization", "Bearer t0ken"), tool, decision.Request{
			Surface: decision.MCP, Method: "tools/call", Body: decision.Body{Dialect: mcp.Dialect},
			Tool: decision.Tool{Exposed: "github__list_issues", ArgsStart: start, ArgsEnd: start + uint32(len(`{"repo":"a/b"}`))},
		}},
		{post("/mcp/git-hub", "Authorization", "Bearer t0ken"), `{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"file:///x"}}`, decision.Request{
			Surface: decision.MCP, Method: "resources/read", Body: decision.Body{Dialect: mcp.Dialect}, Server: "git-hub", Resource: "file:///x",
		}},
	} {
		got, err := read(c.in, c.body)
		if err != nil {
			t.Errorf("%s: %v", c.in.Path, err)
			continue
		}
		ask := got.Ask
		if !decision.ValidID(ask.ExchangeID) || string(ask.Body.Raw) != c.body || len(ask.Body.Segments) == 0 || string(ask.Caller.Bearer) != "t0ken" {
			t.Errorf("%s: asked %+v", c.in.Path, ask)
		}
		c.want.ExchangeID, c.want.Caller, c.want.Face, c.want.Source = ask.ExchangeID, caller, decision.FullFace(), "10.0.0.1:5"
		c.want.HTTP = decision.HTTP{Method: http.MethodPost, Path: c.in.Path, Headers: headers}
		c.want.Body.Raw, c.want.Body.Segments = ask.Body.Raw, ask.Body.Segments
		if diff := cmp.Diff(c.want, ask); diff != "" {
			t.Errorf("%s:\n%s", c.in.Path, diff)
		}
	}
	models, err := read(&Request{Method: http.MethodGet, Path: "/v1/models", Header: http.Header{}}, "")
	if err != nil || models.HasBody() || models.Ask.Method != openai.OperationModels || models.Ask.Body.Dialect != openai.Models {
		t.Errorf("models: %+v, %v", models.Ask, err)
	}
}

func TestRefusals(t *testing.T) {
	for _, c := range []struct {
		name string
		in   *Request
		body string
		want decision.Code
	}{
		{"no path", post("/"), "", decision.CodeMethodUnknown},
		{"an escaped path", post("/v1/chat%2Fcompletions"), chat, decision.CodeMethodUnknown},
		{"an escaped letter", post("/v1/ch%61t/completions"), chat, decision.CodeMethodUnknown},
		{"a slash more", post("/v1/chat/completions/"), chat, decision.CodeMethodUnknown},
		{"two slashes", post("//v1/chat/completions"), chat, decision.CodeMethodUnknown},
		{"MCP, a slash more", post("/mcp/"), tool, decision.CodeMethodUnknown},
		{"MCP, below a server", post("/mcp/github/x"), tool, decision.CodeMethodUnknown},
		{"MCP, a longer word", post("/mcpx"), tool, decision.CodeMethodUnknown},
		{"a server in capitals", post("/mcp/GitHub"), tool, decision.CodeServerUnknown},
		{"an escaped server", post("/mcp/git%68ub"), tool, decision.CodeServerUnknown},
		{"a long server", post("/mcp/" + strings.Repeat("a", 33)), tool, decision.CodeServerUnknown},
		{"GET of a chat", &Request{Method: http.MethodGet, Path: "/v1/chat/completions"}, "", decision.CodeMethodNotAllowed},
		{"POST of the models", post("/v1/models"), "", decision.CodeMethodNotAllowed},
		{"GET of MCP", &Request{Method: http.MethodGet, Path: "/mcp"}, "", decision.CodeMethodNotAllowed},
		{"DELETE of MCP", &Request{Method: http.MethodDelete, Path: "/mcp/github"}, "", decision.CodeMethodNotAllowed},
		{"a web page", post("/v1/chat/completions", "Origin", "https://evil.example"), chat, decision.CodeOriginRefused},
		{"a token in the query", &Request{Method: http.MethodPost, Path: "/mcp", Query: "a=b&Access_Token=x", Header: header()}, tool, decision.CodeBodyInvalid},
		{"a query that cannot be read", &Request{Method: http.MethodPost, Path: "/mcp", Query: "%zz", Header: header()}, tool, decision.CodeBodyInvalid},
		{"no type", &Request{Method: http.MethodPost, Path: "/mcp", Header: http.Header{}}, tool, decision.CodeContentType},
		{"gzip", post("/mcp", "Content-Encoding", "gzip"), tool, decision.CodeBodyEncoding},
		{"no body", post("/v1/chat/completions"), "", decision.CodeBodyInvalid},
		{"two models", post("/v1/chat/completions"), `{"model":"a","model":"b","messages":[]}`, decision.CodeBodyInvalid},
		{"two tools", post("/mcp"), strings.Replace(tool, `"name"`, `"Name":"x","name"`, 1), decision.CodeBodyInvalid},
		{"a header that disagrees", post("/mcp", "Mcp-Name", "other"), tool, decision.CodeBodyInvalid},
		{"a response", post("/mcp"), `{"jsonrpc":"2.0","id":7,"result":{}}`, decision.CodeBodyInvalid},
		{"too deep", post("/mcp"), strings.Replace(tool, `"a/b"`, strings.Repeat("[", 99)+strings.Repeat("]", 99), 1), decision.CodeBodyTooLarge},
	} {
		t.Run(c.name, func(t *testing.T) {
			call, err := read(c.in, c.body)
			if got := codeOf(err); got != c.want {
				t.Fatalf("got %q (%v), want %q", got, err, c.want)
			}
			checkRefusal(t, call, call.Refuse(err), c.want)
		})
	}
}

func checkRefusal(t *testing.T, c *Call, r Refusal, code decision.Code) {
	t.Helper()
	var body struct {
		JSONRPC string
		Error   struct {
			Code any
			Data struct{ Reason, Decision string }
			ID   string `json:"decision_id"`
		}
	}
	if err := json.Unmarshal(r.Body, &body); err != nil {
		t.Fatal(err)
	}
	reason, id := body.Error.Data.Reason, body.Error.Data.Decision
	if c.Ask.Surface == decision.LLM {
		reason, id = body.Error.Code.(string), body.Error.ID
	}
	if reason != string(code) || id != c.Ask.ExchangeID || (body.JSONRPC == "2.0") != (c.Ask.Surface == decision.MCP) {
		t.Errorf("the body is %s", r.Body)
	}
	if r.Status != code.Status().HTTP || r.Header.Get(decision.IDHeader) != c.Ask.ExchangeID {
		t.Errorf("status %d, headers %v", r.Status, r.Header)
	}
	if wrong := code == decision.CodeMethodNotAllowed; wrong == (r.Header.Get("Allow") == "") {
		t.Errorf("Allow is %q", r.Header.Get("Allow"))
	}
}

func TestDeny(t *testing.T) {
	call, err := read(post("/mcp"), tool)
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	denied := call.Deny(decision.Reason{Code: decision.CodeTokenExpired, Message: "it is old", RetryAfter: 1500 * time.Millisecond})
	denied.Write(w)
	if w.Code != http.StatusUnauthorized || w.Header().Get("Retry-After") != "2" || !strings.Contains(w.Header().Get("WWW-Authenticate"), "invalid_token") {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	if !strings.HasPrefix(w.Body.String(), `{"jsonrpc":"2.0","id":7,"error":`) {
		t.Errorf("%s", w.Body)
	}
	unknown, hidden := call.Deny(decision.Reason{Code: decision.CodeToolUnknown}), call.Deny(decision.Reason{Code: decision.CodeDeniedByRule, Message: "s3cr3t", Rule: "r", Hidden: true})
	if diff := cmp.Diff(unknown, hidden); diff != "" {
		t.Errorf("a hidden tool is not answered as an unknown one:\n%s", diff)
	}
	if unknown.Status != http.StatusOK || !strings.Contains(string(unknown.Body), "github__list_issues") {
		t.Errorf("%d %s", unknown.Status, unknown.Body)
	}
}

// FuzzCall: whatever comes, it is a question about exactly the bytes that
// came, on a path and in a form that are known, or a refusal in good form.
func FuzzCall(f *testing.F) {
	f.Add("POST", "/v1/chat/completions", "", "application/json", "", chat)
	f.Add("POST", "/mcp/github", "a=b", "application/json", "github__list_issues", tool)
	f.Add("GET", "/v1/models", "", "", "", "")
	f.Add("POST", "/mcp/%67", "%", "text/plain", "=?base64?eA==?=", "[]")
	f.Fuzz(func(t *testing.T, method, path, query, kind, name, body string) {
		h := http.Header{"Content-Type": {kind}, "Authorization": {"Bearer " + name}}
		if name != "" {
			h["Mcp-Name"] = []string{name}
		}
		c, err := read(&Request{Method: method, Path: path, Query: query, Header: h}, body)
		if err != nil {
			if r := c.Refuse(err); r.Status < 400 || !json.Valid(r.Body) || codeOf(err) == "" {
				t.Fatalf("%v is answered with %d %s", err, r.Status, r.Body)
			}
			return
		}
		if strings.ContainsAny(path, "%?#\\") || c.HasBody() && string(c.Ask.Body.Raw) != body || c.Ask.Method == "" {
			t.Fatalf("%s %s %q became %+v", method, path, body, c.Ask)
		}
		for name, value := range c.Ask.HTTP.Headers {
			if name == "authorization" || strings.ToValidUTF8(value, "") != value {
				t.Fatalf("rules may read %s: %q", name, value)
			}
		}
	})
}
