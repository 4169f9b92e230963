package mcp_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/sidecar/mcp"
)

const (
	okResult = `{"jsonrpc":"2.0","id":7,"result":{"content":[{"type":"text","text":"done"}]}}`
	odd      = "{ \"jsonrpc\":\"2.0\" ,\"id\":7,\n\"method\":\"tools/call\", \"params\":{\"name\":\"list_x\",\"arguments\":{\"n\":9007199254740993,\"f\":1.50,\"\\u0041\":\"\\u00e9\\/\"},\"_meta\":{\"progressToken\":12345678901234567890},\"x-own\":[null]}, \"unknown\":true}\t"
)

func TestForwardedByteForByte(t *testing.T) {
	up := record(t, says(200, okResult))
	p := &pdp{open: allow(up.grant("github"))}
	srv := sidecarOn(t, p)
	got := post(t, srv.URL+"/mcp/github?x=y", odd,
		"Authorization", "Bearer agent-token", "Proxy-Authorization", "Basic agent-token", "Cookie", "agent-token=1", "X-Api-Key", "agent-token",
		"X-Other", "agent-token", "Mcp-Session-Id", "s", "Last-Event-Id", "9", "Origin", "http://localhost", "User-Agent", "ua",
		"MCP-Protocol-Version", "2025-11-25", "Mcp-Name", "list_x", "Traceparent", "00-a", "Tracestate", "b", "Connection", "X-Other")
	if got.status != 200 || got.body != okResult || got.header.Get("Content-Type") != "application/json" {
		t.Errorf("the agent got %+v", got)
	}
	calls := up.seen()
	if len(calls) != 1 {
		t.Fatalf("%d calls", len(calls))
	}
	if calls[0].body != odd {
		t.Errorf("the upstream got\n%s", calls[0].body)
	}
	want := http.Header{
		"Authorization":        {"Bearer key-of-github"},
		"Accept":               {"application/json, text/event-stream"},
		"Accept-Encoding":      {"identity"},
		"Content-Type":         {"application/json"},
		"Content-Length":       {fmt.Sprint(len(odd))},
		"User-Agent":           {"ua"},
		"Mcp-Protocol-Version": {"2025-11-25"},
		"Traceparent":          {"00-a"},
		"Tracestate":           {"b"},
	}
	for name, values := range calls[0].header {
		if strings.Contains(strings.Join(values, ""), "agent-token") {
			t.Errorf("the agent's credential travelled on in %s", name)
		}
		if fmt.Sprint(values) != fmt.Sprint(want[name]) {
			t.Errorf("%s: %q, want %q", name, values, want[name])
		}
	}
	if len(calls[0].header) != len(want) {
		t.Errorf("headers %v", calls[0].header)
	}
	if o := p.ended(t); o.End != decision.EndCompleted || o.Provider != "github" || o.Attempts != 1 {
		t.Errorf("outcome %+v", o)
	}
	if len(p.judged) != 0 {
		t.Errorf("%d questions about an answer that nobody asked for", len(p.judged))
	}
}

// replacing edits the raw body of a question.
func replacing(r *decision.Request, old, with string) decision.Splice {
	at := strings.Index(string(r.Body.Raw), old)
	return decision.Splice{Start: uint32(at), End: uint32(at + len(old)), With: []byte(with)}
}

func TestEdits(t *testing.T) {
	up := record(t, says(200, okResult))
	p := &pdp{}
	p.open = func(r *decision.Request) *decision.Verdict {
		v := allow(up.grant("github"))(r)
		v.Effect = decision.Mutate
		v.Splices = []decision.Splice{replacing(r, "github__list_x", "list_x"), replacing(r, "me@x.io", "[EMAIL]")}
		v.Headers = []decision.HeaderOp{{Name: "X-Team", Value: decision.Secret("blue")}, {Name: "User-Agent", Remove: true}}
		return v
	}
	srv := sidecarOn(t, p)
	body := callOf(`{"name":"github__list_x","arguments":{"to":"me@x.io","n":1.50},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}`)
	got := post(t, srv.URL+"/mcp", body, "User-Agent", "ua",
		"MCP-Protocol-Version", "2026-07-28", "Mcp-Method", "tools/call", "Mcp-Name", "github__list_x", "Mcp-Param-To", "me@x.io")
	if got.status != 200 {
		t.Fatalf("got %+v", got)
	}
	call := up.seen()[0]
	if want := callOf(`{"name":"list_x","arguments":{"to":"[EMAIL]","n":1.50},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}`); call.body != want {
		t.Errorf("the upstream got\n%s", call.body)
	}
	for name, want := range map[string]string{"Mcp-Method": "tools/call", "Mcp-Name": "list_x", "Mcp-Param-To": "[EMAIL]", "Mcp-Protocol-Version": "2026-07-28", "X-Team": "blue"} {
		if h := call.header.Get(name); h != want {
			t.Errorf("%s: %q", name, h)
		}
	}
}

func TestBadEditsForwardNothing(t *testing.T) {
	up := record(t, says(200, okResult))
	for name, splices := range map[string][]decision.Splice{
		"beyond the body":  {{Start: 0, End: 100_000}},
		"overlap":          {{Start: 5, End: 9}, {Start: 7, End: 10}},
		"no message left":  {{Start: 0, End: 1}},
		"another document": {{Start: 0, End: 0, With: []byte(ping)}},
	} {
		t.Run(name, func(t *testing.T) {
			p := &pdp{open: func(r *decision.Request) *decision.Verdict {
				v := allow(up.grant("s"))(r)
				v.Splices = splices
				return v
			}}
			got := post(t, sidecarOn(t, p).URL+"/mcp", callOf(`{"name":"a"}`))
			assertRefused(t, got, http.StatusForbidden, -32001, decision.CodeEditConflict)
			if o := p.ended(t); o.End != decision.EndDenied {
				t.Errorf("outcome %+v", o)
			}
		})
	}
	if n := len(up.seen()); n != 0 {
		t.Errorf("%d calls", n)
	}
}

func TestDenied(t *testing.T) {
	tests := []struct {
		name          string
		reason        decision.Reason
		status, code  int
		challenge     string
		retry, shows  string
		hidesDecision bool
	}{
		{"rule", decision.Reason{Code: decision.CodeDeniedByRule, Message: "Ask the platform team.", Rule: "no-infra"}, 403, -32001, "", "", `"message":"Ask the platform team. (decision`, false},
		{"scope", decision.Reason{Code: decision.CodeNotAllowed, NeededScopes: []string{"mcp:write", "mcp:admin"}}, 403, -32001, `Bearer error="insufficient_scope", error_description="No rule allows the call", scope="mcp:write mcp:admin"`, "", `"needed_scopes":["mcp:write","mcp:admin"]`, false},
		{"token", decision.Reason{Code: decision.CodeTokenExpired, Message: "expired \"now\"\n"}, 401, -32002, `Bearer error="invalid_token", error_description="expired 'now''"`, "", `"reason":"token_expired"`, false},
		{"limit", decision.Reason{Code: decision.CodeRateLimited, RetryAfter: 1500 * time.Millisecond}, 429, -32003, "", "2", `"reason":"rate_limited"`, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := &pdp{open: func(*decision.Request) *decision.Verdict { return &decision.Verdict{Reason: tt.reason} }}
			got := post(t, sidecarOn(t, p).URL+"/mcp", callOf(`{"name":"a"}`))
			assertRefused(t, got, tt.status, tt.code, tt.reason.Code)
			if !strings.Contains(got.body, tt.shows) || !strings.Contains(got.body, `"id":7,`) {
				t.Errorf("got %s", got.body)
			}
			if c := got.header.Get("WWW-Authenticate"); c != tt.challenge {
				t.Errorf("challenge %q", c)
			}
			if r := got.header.Get("Retry-After"); r != tt.retry {
				t.Errorf("retry %q", r)
			}
		})
	}
}

// TestHiddenIsUnknown: nobody can tell a hidden tool from one that is not.
func TestHiddenIsUnknown(t *testing.T) {
	var answers []answer
	for _, reason := range []decision.Reason{
		{Code: decision.CodeToolUnknown, Message: "the server has no such tool"},
		{Code: decision.CodeNotAllowed, Message: "secret reason", Rule: "secret rule", NeededScopes: []string{"mcp:admin"}, Hidden: true},
		{Code: decision.CodeDeniedByRule, Message: "secret reason", Hidden: true},
	} {
		p := &pdp{open: func(*decision.Request) *decision.Verdict { return &decision.Verdict{Reason: reason} }}
		got := post(t, sidecarOn(t, p).URL+"/mcp", callOf(`{"name":"admin_ban"}`))
		id := got.header.Get("Outrider-Decision")
		if want := `{"jsonrpc":"2.0","id":7,"error":{"code":-32602,"message":"Unknown tool: admin_ban (decision ` + id + `)","data":{"decision":"` + id + `"}}}`; got.body != want || got.status != 200 {
			t.Errorf("%s: %d %s", reason.Code, got.status, got.body)
		}
		got.header.Del("Outrider-Decision")
		got.header.Del("Date")
		answers = append(answers, got)
	}
	for _, a := range answers[1:] {
		if fmt.Sprint(a.header) != fmt.Sprint(answers[0].header) {
			t.Errorf("headers differ: %v, %v", a.header, answers[0].header)
		}
	}
}

func TestNobodyDecides(t *testing.T) {
	up := record(t, says(200, okResult))
	p := &pdp{open: func(*decision.Request) *decision.Verdict { return nil }}
	got := post(t, sidecarOn(t, p).URL+"/mcp", callOf(`{"name":"a"}`))
	assertRefused(t, got, http.StatusServiceUnavailable, -32004, decision.CodePDPUnavailable)
	if len(up.seen()) != 0 {
		t.Error("the call was forwarded")
	}
}

// TestRefusedAnswers: what a server may not say, in either framing.
func TestRefusedAnswers(t *testing.T) {
	tests := []struct {
		name    string
		upside  http.HandlerFunc
		status  int // 0: an error event of a stream
		reason  decision.Code
		method  string
		outcome decision.End
	}{
		{"HTML", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>") }, 502, decision.CodeUpstreamInvalid, "", decision.EndFailed},
		{"no JSON", says(200, `<html>`), 502, decision.CodeUpstreamInvalid, "", decision.EndFailed},
		{"duplicate members", says(200, `{"jsonrpc":"2.0","id":7,"result":{},"result":{}}`), 502, decision.CodeUpstreamInvalid, "", decision.EndFailed},
		{"another id", says(200, `{"jsonrpc":"2.0","id":8,"result":{}}`), 502, decision.CodeUpstreamInvalid, "", decision.EndFailed},
		{"id as string", says(200, `{"jsonrpc":"2.0","id":"7","result":{}}`), 502, decision.CodeUpstreamInvalid, "", decision.EndFailed},
		{"no id", says(200, `{"jsonrpc":"2.0","result":{}}`), 502, decision.CodeUpstreamInvalid, "", decision.EndFailed},
		{"notification only", says(200, `{"jsonrpc":"2.0","method":"notifications/message","params":{}}`), 502, decision.CodeUpstreamInvalid, "", decision.EndFailed},
		{"nothing", says(202, ``), 502, decision.CodeUpstreamInvalid, "", decision.EndFailed},
		{"too large", says(200, `{"jsonrpc":"2.0","id":7,"result":{"x":"`+strings.Repeat("a", 1<<20)+`"}}`), 502, decision.CodeUpstreamInvalid, "", decision.EndFailed},
		{"compressed", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			says(200, okResult)(w, nil)
		}, 502, decision.CodeUpstreamInvalid, "", decision.EndFailed},
		{"redirect", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/other", http.StatusTemporaryRedirect)
		}, 502, decision.CodeUpstreamInvalid, "", decision.EndFailed},
		{"our credential refused", says(401, `{"jsonrpc":"2.0","id":7,"error":{"code":1,"message":"no"}}`), 502, decision.CodeUpstreamInvalid, "", decision.EndFailed},
		{"plain 500", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "secret stack", 500) }, 502, decision.CodeUpstreamInvalid, "", decision.EndFailed},
		{"cut off", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, `{"jsonrpc"`)
		}, 502, decision.CodeUpstreamUnavailable, "", decision.EndFailed},
		{"stream without a response", streams("data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{}}\n\n"), 0, decision.CodeUpstreamInvalid, "", decision.EndFailed},
		{"stream with an unfinished response", streams("data: " + okResult + "\n"), 0, decision.CodeUpstreamInvalid, "", decision.EndFailed},
		{"stream with a request", streams("data: {\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"sampling/createMessage\",\"params\":{}}\n\ndata: " + okResult + "\n\n"), 0, decision.CodeUpstreamInvalid, "", decision.EndFailed},
		{"stream of another call", streams("data: {\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}\n\n"), 0, decision.CodeUpstreamInvalid, "", decision.EndFailed},
		{"stream of junk", streams("data: junk\n\n"), 0, decision.CodeUpstreamInvalid, "", decision.EndFailed},
		{"stream of a large event", streams("data: " + strings.Repeat("a", 1<<20) + "\n\n"), 0, decision.CodeUpstreamInvalid, "", decision.EndFailed},
		{"list that is none", says(200, `{"jsonrpc":"2.0","id":7,"result":{}}`), 502, decision.CodeUpstreamInvalid, "tools/list", decision.EndFailed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			up := record(t, tt.upside)
			p := &pdp{open: judged(up.grant("s"))}
			body := callOf(`{"name":"a"}`)
			if tt.method != "" {
				body = `{"jsonrpc":"2.0","id":7,"method":"` + tt.method + `"}`
			}
			got := post(t, sidecarOn(t, p).URL+"/mcp", body)
			if strings.Contains(got.body, "secret") {
				t.Errorf("the upstream's words came through: %s", got.body)
			}
			if tt.status == 0 {
				events := eventsOf(t, got)
				got = answer{502, http.Header{"Outrider-Decision": got.header["Outrider-Decision"], "Content-Type": {"application/json"}}, events[len(events)-1]}
			}
			code := -32603
			if tt.reason == decision.CodeUpstreamUnavailable {
				code = -32004
			}
			assertRefused(t, got, http.StatusBadGateway, code, tt.reason)
			if o := p.ended(t); o.End != tt.outcome {
				t.Errorf("outcome %+v", o)
			}
		})
	}
}

// eventsOf returns the data of every event.
func TestServerErrorsTravelOn(t *testing.T) {
	for _, status := range []int{200, 400, 404, 429, 500, 503} {
		body := `{"jsonrpc":"2.0","id":7,"error":{"code":-32000,"message":"key sk-1 leaked"}}`
		up := record(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Retry-After", "9")
			w.Header().Set("Set-Cookie", "c=1")
			w.Header().Set("Mcp-Session-Id", "s")
			says(status, body)(w, r)
		})
		p := &pdp{open: judged(up.grant("s")), judge: func(part decision.Part) (*decision.Ruling, error) {
			s := part.Whole.Segments[0]
			if s.Kind != decision.KindError {
				t.Errorf("segment %+v", s)
			}
			return &decision.Ruling{Effect: decision.Mutate, Splices: []decision.Splice{{Start: s.Start + 4, End: s.Start + 8, With: []byte("[SECRET]")}}}, nil
		}}
		got := post(t, sidecarOn(t, p).URL+"/mcp", callOf(`{"name":"a"}`))
		if got.status != status || got.body != strings.Replace(body, "sk-1", "[SECRET]", 1) {
			t.Errorf("got %d %s", got.status, got.body)
		}
		if after := got.header.Get("Retry-After"); (after == "9") != (status != 200) {
			t.Errorf("status %d, Retry-After %q", status, after)
		}
		if got.header.Get("Set-Cookie") != "" || got.header.Get("Mcp-Session-Id") != "" {
			t.Errorf("headers of the server came through: %v", got.header)
		}
		if o := p.ended(t); o.End != decision.EndCompleted {
			t.Errorf("outcome %+v", o)
		}
	}
}

// TestStream: every event is judged whole, re-framed, and nothing follows the
// response.
// TestStreamIsFlushed: an event reaches the agent while the call goes on, and
// an agent that leaves ends the call upstream.
func TestDeadline(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"no answer": func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"half an answer": func(w http.ResponseWriter, r *http.Request) {
			says(200, `{"jsonrpc":`)(w, r)
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		},
	} {
		t.Run(name, func(t *testing.T) {
			up := record(t, answer)
			p := &pdp{open: allow(up.grant("s"))}
			srv := sidecarOn(t, p, func(c *mcp.Config) { c.Deadline = 100 * time.Millisecond })
			got := post(t, srv.URL+"/mcp", callOf(`{"name":"a"}`))
			assertRefused(t, got, http.StatusGatewayTimeout, -32004, decision.CodeUpstreamTimeout)
			if o := p.ended(t); o.End != decision.EndFailed {
				t.Errorf("outcome %+v", o)
			}
		})
	}
}

func TestServerAway(t *testing.T) {
	up := record(t, says(200, okResult))
	grant := up.grant("s")
	up.Close()
	p := &pdp{open: allow(grant)}
	got := post(t, sidecarOn(t, p).URL+"/mcp", callOf(`{"name":"a"}`))
	assertRefused(t, got, http.StatusBadGateway, -32004, decision.CodeUpstreamUnavailable)
	if strings.Contains(got.body, "127.0.0.1") {
		t.Errorf("the answer tells the server's address: %s", got.body)
	}
}

func TestNotification(t *testing.T) {
	const note = `{"jsonrpc":"2.0","method":"notifications/initialized"}`
	for _, status := range []int{200, 202, 204} {
		up := record(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
		p := &pdp{open: allow(up.grant("s"))}
		got := post(t, sidecarOn(t, p).URL+"/mcp", note)
		if got.status != 202 || got.body != "" || up.seen()[0].body != note {
			t.Errorf("got %+v", got)
		}
		if o := p.ended(t); o.End != decision.EndCompleted {
			t.Errorf("outcome %+v", o)
		}
	}
	up := record(t, says(400, `{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"no"}}`))
	p := &pdp{open: allow(up.grant("s"))}
	if got := post(t, sidecarOn(t, p).URL+"/mcp", note); got.status != 400 {
		t.Errorf("got %+v", got)
	}
}

func TestPingIsAnsweredHere(t *testing.T) {
	up := record(t, says(500, ``))
	p := &pdp{open: allow(up.grant("a"), up.grant("b"))}
	got := post(t, sidecarOn(t, p).URL+"/mcp", `{"jsonrpc":"2.0","id":"é","method":"ping"}`)
	if got.status != 200 || got.body != `{"jsonrpc":"2.0","id":"é","result":{}}` || len(up.seen()) != 0 {
		t.Errorf("got %+v", got)
	}
	if o := p.ended(t); o.End != decision.EndCompleted {
		t.Errorf("outcome %+v", o)
	}
}

// TestDiscoverOnLegacyServer: the client must learn to fall back.
func TestDiscoverOnLegacyServer(t *testing.T) {
	up := record(t, func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "Bad Request: unsupported version", 400) })
	p := &pdp{open: allow(up.grant("s"))}
	got := post(t, sidecarOn(t, p).URL+"/mcp/s", `{"jsonrpc":"2.0","id":7,"method":"server/discover","params":{}}`)
	assertRefused(t, got, http.StatusNotFound, -32601, decision.CodeMethodUnknown)
}

func TestListOfOneServer(t *testing.T) {
	page := `{"jsonrpc":"2.0","id":7,"result":{ "tools":[{"name":"get_a","n":1.50}, {"name":"delete_a"} ,{"name":"get_b"}],"nextCursor":"c","note":"sk-1","cacheScope":"public"}}`
	want := `{"jsonrpc":"2.0","id":7,"result":{ "tools":[{"name":"s__get_a","n":1.50}, {"name":"s__get_b"}],"nextCursor":"c","note":"[SECRET]","cacheScope":"private"}}`
	for name, framed := range map[string]http.HandlerFunc{"whole": says(200, page), "stream": streams("data: " + page + "\n\n")} {
		for _, duty := range []bool{true, false} {
			t.Run(fmt.Sprint(name, duty), func(t *testing.T) {
				up := record(t, framed)
				p := &pdp{open: allow(up.grant("s")), judge: prefixed("delete")}
				want := want
				if duty {
					p.open = judged(up.grant("s"))
				} else {
					want = strings.Replace(want, "[SECRET]", "sk-1", 1)
				}
				got := post(t, sidecarOn(t, p).URL+"/mcp/s", `{"jsonrpc":"2.0","id":7,"method":"tools/list","params":{"cursor":"b"}}`)
				body := got.body
				if name == "stream" {
					body = strings.Join(eventsOf(t, got), "|")
				}
				if body != want {
					t.Errorf("got %s", body)
				}
				if tools := p.judged[0].Tools; len(tools) != 3 || tools[1].Name != "delete_a" || tools[1].Server != "s" || string(tools[1].Definition) != `{"name":"delete_a"}` {
					t.Errorf("judged %+v", tools)
				}
			})
		}
	}
}

// prefixed shows every tool without hidden in its name, under its server's
// name, and takes sk-1 out of other text.
func prefixed(hidden string) func(decision.Part) (*decision.Ruling, error) {
	return func(part decision.Part) (*decision.Ruling, error) {
		r := &decision.Ruling{Effect: decision.Mutate}
		if part.Whole != nil {
			if at := strings.Index(string(part.Whole.Raw), "sk-1"); at >= 0 {
				r.Splices = []decision.Splice{{Start: uint32(at), End: uint32(at + 4), With: []byte("[SECRET]")}}
			}
			return r, nil
		}
		r.Visibility = &decision.Visibility{}
		for i, tool := range part.Tools {
			quoted, err := json.Marshal(tool.Name)
			if err != nil {
				return nil, err
			}
			found := strings.Index(string(tool.Definition), `"name":`+string(quoted))
			if found < 0 || strings.Contains(tool.Name, hidden) {
				continue
			}
			r.Visibility.Show(i)
			at := uint32(found + len(`"name":"`))
			r.Visibility.Splices = append(r.Visibility.Splices, decision.Splice{Start: at, End: at, With: []byte(tool.Server + "__"), Index: uint32(i)})
		}
		return r, nil
	}
}

func TestListDeniedOrUndecided(t *testing.T) {
	for name, ruling := range map[string]*decision.Ruling{
		"denied":    {Reason: decision.Reason{Code: decision.CodeInjection}},
		"undecided": {Effect: decision.Allow},
	} {
		t.Run(name, func(t *testing.T) {
			up := record(t, says(200, `{"jsonrpc":"2.0","id":7,"result":{"tools":[{"name":"get_a"}]}}`))
			p := &pdp{open: allow(up.grant("s")), judge: func(decision.Part) (*decision.Ruling, error) { return ruling, nil }}
			got := post(t, sidecarOn(t, p).URL+"/mcp", `{"jsonrpc":"2.0","id":7,"method":"tools/list"}`)
			if got.status == 200 || strings.Contains(got.body, "get_a") {
				t.Errorf("got %+v", got)
			}
		})
	}
}

// TestEndlessStream: many small events are as bounded as one large one.
