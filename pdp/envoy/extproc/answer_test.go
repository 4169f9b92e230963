package extproc

import (
	"strings"
	"testing"

	filterv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/ext_proc/v3"
	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"

	"outrider.dev/outrider/decision"
)

const (
	said   = `{"choices":[{"message":{"role":"assistant","content":"the key is 12345"}}],"usage":{"prompt_tokens":3,"completion_tokens":4}}`
	result = `{"jsonrpc":"2.0","id":7,"result":{"content":[{"type":"text","text":"the key is 12345"}]}}`
	tools  = `{"jsonrpc":"2.0","id":7,"result":{"tools":[{"name":"a"},{"name":"b"}]}}`
)

// redacts is an engine that takes the digits out of whole answers, and shows
// the first of several tools.
func redacts() *engine {
	e := allows(true)
	e.judge = func(p decision.Part) (*decision.Ruling, error) {
		if p.Tools != nil {
			v := &decision.Visibility{}
			v.Show(0)
			return &decision.Ruling{Effect: decision.Mutate, Visibility: v}, nil
		}
		at := uint32(strings.Index(string(p.Whole.Raw), "12345"))
		return &decision.Ruling{Effect: decision.Mutate, Splices: []decision.Splice{{Start: at, End: at + 5, With: []byte("[X]")}}}, nil
	}
	return e
}

func inBuffers() config {
	c := usual()
	c.response = buffered
	return c
}

// both runs a test with answers that come in pieces and as a whole.
func both(t *testing.T, do func(t *testing.T, c config)) {
	t.Run("in full duplex", func(t *testing.T) { do(t, usual()) })
	t.Run("buffered", func(t *testing.T) { do(t, inBuffers()) })
}

// comes cuts a body in two where answers come in pieces.
func comes(c config, body string) []*extprocv3.ProcessingRequest {
	if c.response == buffered {
		return []*extprocv3.ProcessingRequest{says(body, true)}
	}
	return []*extprocv3.ProcessingRequest{says(body[:len(body)/2], false), says(body[len(body)/2:], false), says("", true)}
}

func script(path, body string, rest ...[]*extprocv3.ProcessingRequest) []*extprocv3.ProcessingRequest {
	out := []*extprocv3.ProcessingRequest{posts(path), sends(body, true)}
	for _, r := range rest {
		out = append(out, r...)
	}
	return out
}

func one(m *extprocv3.ProcessingRequest) []*extprocv3.ProcessingRequest {
	return []*extprocv3.ProcessingRequest{m}
}

func TestWholeAnswers(t *testing.T) {
	for _, tt := range []struct{ name, path, call, came, want string }{
		{"of a provider", pathChat, chat, said, strings.Replace(said, "12345", "[X]", 1)},
		{"of a server", pathMCP, toolCall, result, strings.Replace(result, "12345", "[X]", 1)},
		{"a list of tools", pathMCP, toolList, tools, `{"jsonrpc":"2.0","id":7,"result":{"tools":[{"name":"a"}]}}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			both(t, func(t *testing.T, c config) {
				if tt.path == pathMCP {
					c = onMCP(c)
				}
				e := redacts()
				f := play(t, server(e), c, script(tt.path, tt.call,
					one(answers("200", "application/json", false, "content-length", "117", "set-cookie", "a=b", "x-odd", "1", "outrider-decision", "forged")),
					comes(c, tt.came))...)
				if string(f.answer.body) != tt.want || !f.answer.ended {
					t.Errorf("the agent gets %s, want %s", f.answer.body, tt.want)
				}
				if value(f.answer.headers, "outrider-decision") != e.asked[0].ExchangeID || !removes(f.answer.headers, "set-cookie") {
					t.Errorf("headers %v", f.answer.headers)
				}
				if removes(f.answer.headers, "x-odd") != (tt.path == pathMCP) {
					t.Errorf("taken out: %v", f.answer.headers.GetRemoveHeaders())
				}
				if c.response == duplex && !removes(f.answer.headers, "content-length") || c.response == buffered && value(f.answer.mutation, "content-length") == "" {
					t.Error("the length is that of what came")
				}
				got := e.wantSettled(t, decision.EndCompleted)
				if want := (decision.Usage{Input: 3, Output: 4}); tt.path == pathChat && got.Usage != want {
					t.Errorf("used %+v", got.Usage)
				}
			})
		})
	}
}

// TestAnswerRefused: an answer that may not pass, or that nobody can judge,
// leaves nothing but a refusal in the agent's protocol.
func TestAnswerRefused(t *testing.T) {
	const invalid = decision.CodeUpstreamInvalid
	for _, tt := range []struct {
		name, path, call, status, kind, body string
		e                                    func() *engine
		want                                 int
		code                                 decision.Code
		end                                  decision.End
		head                                 []string
	}{
		{"by a guard", pathChat, chat, "200", "application/json", said, deniesAnswers, 403, decision.CodeSecret, decision.EndDenied, nil},
		{"by a guard, of MCP", pathMCP, toolCall, "200", "application/json", result, deniesAnswers, 403, decision.CodeSecret, decision.EndDenied, nil},
		{"no JSON", pathChat, chat, "200", "text/html", "<p>12345</p>", redacts, 502, invalid, decision.EndFailed, nil},
		{"no JSON, of MCP", pathMCP, toolCall, "200", "text/html", "<p>12345</p>", redacts, 502, invalid, decision.EndFailed, nil},
		{"compressed", pathChat, chat, "200", "application/json", said, redacts, 502, invalid, decision.EndFailed, []string{"content-encoding", "gzip"}},
		{"compressed, of MCP", pathMCP, toolCall, "200", "application/json", result, redacts, 502, invalid, decision.EndFailed, []string{"content-encoding", "br"}},
		{"a redirect", pathChat, chat, "307", "application/json", said, redacts, 502, invalid, decision.EndFailed, []string{"location", "https://elsewhere.example"}},
		{"a redirect, of MCP", pathMCP, toolCall, "308", "application/json", result, redacts, 502, invalid, decision.EndFailed, nil},
		{"our key is refused", pathChat, chat, "401", "application/json", said, redacts, 502, invalid, decision.EndFailed, nil},
		{"too large", pathChat, chat, "200", "application/json", `{"x":"` + strings.Repeat("12345", 1<<18) + `"}`, redacts, 502, invalid, decision.EndFailed, nil},
		{"too large, of MCP", pathMCP, toolCall, "200", "application/json", `{"x":"` + strings.Repeat("12345", 1<<18) + `"}`, redacts, 502, invalid, decision.EndFailed, nil},
		{"of another call", pathMCP, toolCall, "200", "application/json", strings.Replace(result, "7", "8", 1), redacts, 502, invalid, decision.EndFailed, nil},
		{"no response", pathMCP, toolCall, "200", "application/json", `{"jsonrpc":"2.0","method":"notifications/progress","params":{"x":"12345"}}`, redacts, 502, invalid, decision.EndFailed, nil},
		{"a question of the server", pathMCP, toolCall, "200", "application/json", `{"jsonrpc":"2.0","id":1,"method":"roots/list"}`, redacts, 502, invalid, decision.EndFailed, nil},
		{"no status", pathChat, chat, "", "application/json", said, redacts, 502, invalid, decision.EndFailed, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			both(t, func(t *testing.T, c config) {
				if tt.path == pathMCP {
					c = onMCP(c)
				}
				e := tt.e()
				f := play(t, server(e), c, script(tt.path, tt.call, one(answers(tt.status, tt.kind, false, tt.head...)), comes(c, tt.body))...)
				f.wantRefused(t, tt.want, tt.code)
				if f.answer.body != nil || f.answer.ended {
					t.Errorf("the agent gets %q", f.answer.body)
				}
				e.wantSettled(t, tt.end)
			})
		})
	}
}

// TestAnswerWithoutHead: what came without its head cannot be told what it is.
func TestAnswerWithoutHead(t *testing.T) {
	e := redacts()
	f := play(t, server(e), usual(), script(pathChat, chat, one(says(said, true)))...)
	f.wantRefused(t, 403, decision.CodeFaceCannotEnforce)
	e.wantSettled(t, decision.EndFailed)
}

func TestAnswerWithoutBody(t *testing.T) {
	both(t, func(t *testing.T, c config) {
		for _, tt := range []struct{ path, call, status string }{
			{pathChat, chat, "200"},
			{pathMCP, `{"jsonrpc":"2.0","method":"notifications/initialized"}`, "202"},
		} {
			e := allows(true)
			if tt.path == pathMCP {
				c = onMCP(c)
			}
			f := play(t, server(e), c, script(tt.path, tt.call, one(answers(tt.status, "application/json", true)))...)
			if f.answer.headers == nil || f.refusal != nil {
				t.Errorf("%s: %+v", tt.path, f.refusal)
			}
			e.wantSettled(t, decision.EndCompleted)
		}
	})
}

// TestNotificationTaken: what a server says to a notification means nothing,
// and goes nowhere.
func TestNotificationTaken(t *testing.T) {
	both(t, func(t *testing.T, c config) {
		e := allows(true)
		c = onMCP(c)
		f := play(t, server(e), c, script(pathMCP, `{"jsonrpc":"2.0","method":"notifications/initialized"}`,
			one(answers("200", "text/plain", false)), comes(c, "noted: 12345"))...)
		if len(f.answer.body) > 0 || !f.answer.ended || f.refusal != nil {
			t.Errorf("got %q, %v", f.answer.body, f.refusal)
		}
		e.wantSettled(t, decision.EndCompleted)
	})
}

// TestLegacyServer: a client of the modern era must learn to begin with
// initialize.
func TestLegacyServer(t *testing.T) {
	const discover = `{"jsonrpc":"2.0","id":7,"method":"server/discover","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}`
	f := play(t, server(allows(true)), onMCP(usual()),
		posts(pathMCP, "mcp-protocol-version", "2026-07-28", "mcp-method", "server/discover"), sends(discover, true),
		answers("404", "text/plain", false), says("what?", true))
	f.wantRefused(t, 404, decision.CodeMethodUnknown)
}

// TestUnseenAnswer: where nobody has a say about the answer, its body need not
// be shown.
func TestUnseenAnswer(t *testing.T) {
	c := usual()
	c.response = filterv3.ProcessingMode_NONE
	e := allows(false)
	f := play(t, server(e), c, script(pathChat, chat, one(answers("200", "application/json", false)))...)
	if f.refusal != nil || removes(f.answer.headers, "content-length") || f.answer.done {
		t.Errorf("got %+v", f)
	}
	e.wantSettled(t, decision.EndUnseen)

	e = allows(false)
	f = play(t, server(e), c, script(pathChat, chat, one(answers("302", "text/html", false)))...)
	f.wantRefused(t, 502, decision.CodeUpstreamInvalid)
	e.wantSettled(t, decision.EndFailed)
}

// TestFaultInAnswer: a fault of the engine refuses what has not begun.
func TestFaultInAnswer(t *testing.T) {
	both(t, func(t *testing.T, c config) {
		e := allows(true)
		e.judge = func(decision.Part) (*decision.Ruling, error) { panic("a fault") }
		f := play(t, server(e), c, script(pathChat, chat, one(answers("200", "application/json", false)), comes(c, said))...)
		f.wantRefused(t, 500, decision.CodeInternal)
		e.wantSettled(t, decision.EndFailed)
	})
}

// TestNobodyRules: an engine without a ruling denies.
func TestNobodyRules(t *testing.T) {
	e := allows(true)
	e.judge = func(decision.Part) (*decision.Ruling, error) { return nil, nil }
	f := play(t, server(e), usual(), script(pathChat, chat, one(answers("200", "application/json", false)), comes(usual(), said))...)
	f.wantRefused(t, 503, decision.CodePDPUnavailable)
	e.wantSettled(t, decision.EndDenied)

	e = allows(true)
	e.judge = func(decision.Part) (*decision.Ruling, error) { return &decision.Ruling{Effect: decision.Allow}, nil }
	f = play(t, server(e), onMCP(usual()), script(pathMCP, toolList, one(answers("200", "application/json", false)), comes(usual(), tools))...)
	f.wantRefused(t, 503, decision.CodePDPUnavailable)
}
