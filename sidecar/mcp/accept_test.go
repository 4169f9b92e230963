package mcp_test

import (
	"bufio"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/sidecar/gate"
)

const ping = `{"jsonrpc":"2.0","id":1,"method":"ping"}`

func callOf(params string) string {
	return `{"jsonrpc":"2.0","id":7,"method":"tools/call","params":` + params + `}`
}

// TestRefusedBodies: each is a clear 4xx with a JSON-RPC error; nobody is
// asked and nothing is forwarded.
func TestRefusedBodies(t *testing.T) {
	tests := []struct {
		name, body string
		header     []string
		status     int
		code       int
		reason     decision.Code
	}{
		{"duplicate tool name", callOf(`{"name":"get_a","name":"delete_a"}`), nil, 400, -32600, decision.CodeBodyInvalid},
		{"Name and name", callOf(`{"name":"delete_repo","Name":"search"}`), nil, 400, -32600, decision.CodeBodyInvalid},
		{"duplicate in arguments", callOf(`{"name":"a","arguments":{"r":1,"r":2}}`), nil, 400, -32600, decision.CodeBodyInvalid},
		{"batch", `[` + ping + `,` + ping + `]`, nil, 400, -32600, decision.CodeBodyInvalid},
		{"trailing document", ping + ping, nil, 400, -32600, decision.CodeBodyInvalid},
		{"trailing junk", ping + `x`, nil, 400, -32600, decision.CodeBodyInvalid},
		{"no JSON", `hello`, nil, 400, -32600, decision.CodeBodyInvalid},
		{"empty", ``, nil, 400, -32600, decision.CodeBodyInvalid},
		{"gzip", "\x1f\x8b\x08\x00", []string{"Content-Encoding", "gzip"}, 415, -32600, decision.CodeBodyEncoding},
		{"10,000 levels", callOf(`{"name":"a","arguments":` + strings.Repeat(`{"a":`, 10_000) + `1` + strings.Repeat(`}`, 10_000) + `}`), nil, 413, -32600, decision.CodeBodyTooLarge},
		{"invalid UTF-8", callOf("{\"name\":\"a\xc3\x28\"}"), nil, 400, -32600, decision.CodeBodyInvalid},
		{"form", ping, []string{"Content-Type", "application/x-www-form-urlencoded"}, 415, -32600, decision.CodeContentType},
		{"other charset", ping, []string{"Content-Type", "application/json; charset=utf-16"}, 415, -32600, decision.CodeContentType},
		{"foreign origin", ping, []string{"Origin", "https://evil.example"}, 403, -32001, decision.CodeOriginRefused},
		{"origin null", ping, []string{"Origin", "null"}, 403, -32001, decision.CodeOriginRefused},
		{"unknown method", `{"jsonrpc":"2.0","id":7,"method":"tools/drop"}`, nil, 404, -32601, decision.CodeMethodUnknown},
		{"response", `{"jsonrpc":"2.0","id":7,"result":{}}`, nil, 400, -32600, decision.CodeBodyInvalid},
		{"header says another tool", callOf(`{"name":"get_a"}`), []string{"Mcp-Name", "delete_a"}, 400, -32020, decision.CodeBodyInvalid},
		{"header says another method", callOf(`{"name":"get_a"}`), []string{"Mcp-Method", "tools/list"}, 400, -32020, decision.CodeBodyInvalid},
		{"modern without its headers", callOf(`{"name":"get_a"}`), []string{"MCP-Protocol-Version", "2026-07-28"}, 400, -32020, decision.CodeBodyInvalid},
	}
	up := record(t, says(200, `{}`))
	p := &pdp{open: allow(up.grant("s"))}
	srv := sidecarOn(t, p)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := post(t, srv.URL+"/mcp", tt.body, tt.header...)
			assertRefused(t, got, tt.status, tt.code, tt.reason)
		})
	}
	if len(p.asked) != 0 || len(up.seen()) != 0 {
		t.Errorf("%d questions, %d forwarded", len(p.asked), len(up.seen()))
	}
}

// TestRemovedMethods: as the modern era demands of what a server does not have,
// they are 404 with -32601, and are neither answered here nor sent on.
func TestRemovedMethods(t *testing.T) {
	up := record(t, says(200, `{}`))
	p := &pdp{open: allow(up.grant("s"))}
	srv := sidecarOn(t, p)
	for _, method := range []string{"initialize", "ping", "logging/setLevel", "resources/subscribe", "resources/unsubscribe", "tasks/list", "tasks/result"} {
		body := `{"jsonrpc":"2.0","id":1,"method":"` + method + `","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}`
		for _, path := range []string{"/mcp", "/mcp/s"} {
			got := post(t, srv.URL+path, body, "Mcp-Protocol-Version", "2026-07-28", "Mcp-Method", method)
			assertRefused(t, got, http.StatusNotFound, -32601, decision.CodeMethodUnknown)
		}
	}
	if len(p.asked) != 0 || len(up.seen()) != 0 {
		t.Errorf("%d questions, %d forwarded", len(p.asked), len(up.seen()))
	}
}

// assertRefused checks the JSON-RPC error and that it names the decision.
func assertRefused(t *testing.T, got answer, status, code int, reason decision.Code) {
	t.Helper()
	var body struct {
		JSONRPC string
		ID      any
		Error   struct {
			Code    int
			Message string
			Data    struct{ Reason, Decision string }
		}
	}
	if err := json.Unmarshal([]byte(got.body), &body); err != nil {
		t.Fatalf("%v: %s", err, got.body)
	}
	if got.status != status || body.Error.Code != code || body.Error.Data.Reason != string(reason) {
		t.Errorf("got %d: %s", got.status, got.body)
	}
	id := got.header.Get("Outrider-Decision")
	if body.Error.Data.Decision != id || !strings.Contains(body.Error.Message, id) {
		t.Errorf("the decision id %q does not stand in %s", id, got.body)
	}
	if body.JSONRPC != "2.0" || got.header.Get("Content-Type") != "application/json" {
		t.Errorf("no JSON-RPC: %s, %v", got.body, got.header)
	}
}

func TestRefusedRequests(t *testing.T) {
	up := record(t, says(200, `{}`))
	p := &pdp{open: allow(up.grant("s"))}
	srv := sidecarOn(t, p)
	for _, method := range []string{http.MethodGet, http.MethodDelete, http.MethodPut, http.MethodOptions} {
		req, err := http.NewRequestWithContext(t.Context(), method, srv.URL+"/mcp", nil)
		if err != nil {
			t.Fatal(err)
		}
		got := do(t, req)
		assertRefused(t, got, http.StatusMethodNotAllowed, -32600, decision.CodeMethodNotAllowed)
		if got.header.Get("Allow") != http.MethodPost {
			t.Errorf("%s: Allow is %q", method, got.header.Get("Allow"))
		}
	}
	for _, query := range []string{"access_token=t", "a=b&Token=t", "api_key=", "%zz"} {
		assertRefused(t, post(t, srv.URL+"/mcp?"+query, ping), http.StatusBadRequest, -32600, decision.CodeBodyInvalid)
	}
	assertRefused(t, post(t, srv.URL+"/mcp/Not_A_Name", ping), http.StatusNotFound, -32602, decision.CodeServerUnknown)
	if len(p.asked) != 0 || len(up.seen()) != 0 {
		t.Errorf("%d questions, %d forwarded", len(p.asked), len(up.seen()))
	}
}

// raw sends bytes over a connection of its own and returns the status line.
func raw(t *testing.T, url string, write func(io.Writer)) string {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	write(conn)
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(line)
}

func TestRefusedFraming(t *testing.T) {
	up := record(t, says(200, `{}`))
	p := &pdp{open: allow(up.grant("s"))}
	srv := sidecarOn(t, p)
	const head = "POST /mcp HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
	tests := []struct {
		name, want string
		write      func(io.Writer)
	}{
		{"chunked junk", "HTTP/1.1 400 Bad Request", func(w io.Writer) {
			_, _ = io.WriteString(w, head+"Transfer-Encoding: chunked\r\n\r\nzzzz\r\n"+ping+"\r\n0\r\n\r\n")
		}},
		{"two lengths", "HTTP/1.1 400 Bad Request", func(w io.Writer) {
			_, _ = io.WriteString(w, head+"Content-Length: 40\r\nContent-Length: 2\r\n\r\n"+ping)
		}},
		{"announced 100 MB", "HTTP/1.1 413 Request Entity Too Large", func(w io.Writer) {
			_, _ = io.WriteString(w, head+"Content-Length: 104857600\r\n\r\n{")
		}},
		{"chunked 100 MB", "HTTP/1.1 413 Request Entity Too Large", func(w io.Writer) {
			_, _ = io.WriteString(w, head+"Transfer-Encoding: chunked\r\n\r\n")
			chunk := "100000\r\n" + strings.Repeat(" ", 1<<20) + "\r\n"
			for range 100 {
				if _, err := io.WriteString(w, chunk); err != nil {
					return // refused in the middle
				}
			}
		}},
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := raw(t, srv.URL, tt.write); got != tt.want {
				t.Errorf("got %q", got)
			}
		})
	}
	runtime.ReadMemStats(&after)
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 32<<20 {
		t.Errorf("%d bytes were allocated", grown)
	}
	if len(p.asked) != 0 || len(up.seen()) != 0 {
		t.Errorf("%d questions, %d forwarded", len(p.asked), len(up.seen()))
	}
}

func TestAcceptedHeaders(t *testing.T) {
	p := &pdp{open: allow(decision.Grant{})}
	srv := sidecarOn(t, p)
	for _, header := range [][]string{
		{"Origin", "http://localhost:3000"},
		{"Origin", "http://127.0.0.1"},
		{"Origin", "https://[::1]:8443"},
		{"Content-Type", "application/json; charset=UTF-8"},
		{"Content-Encoding", "identity"},
	} {
		if got := post(t, srv.URL+"/mcp", ping, header...); got.status != 200 || got.body != `{"jsonrpc":"2.0","id":1,"result":{}}` {
			t.Errorf("%v: %d %s", header, got.status, got.body)
		}
	}
}

// TestQuestion: what the decision service is asked.
func TestQuestion(t *testing.T) {
	p := &pdp{open: func(*decision.Request) *decision.Verdict {
		return &decision.Verdict{Reason: decision.Reason{Code: decision.CodeNotAllowed}}
	}}
	srv := sidecarOn(t, p)
	body := callOf(`{"name":"list_x","arguments":{"q":"text"}}`)
	post(t, srv.URL+"/mcp/github?x=y", body,
		"Authorization", "bearer agent-token", "Cookie", "c=1", "X-Api-Key", "k", "User-Agent", "ua",
		"Mcp-Session-Id", "s", "Mcp-Name", "list_x", "Traceparent", "00-a", "X-Other", "o")
	if len(p.asked) != 1 {
		t.Fatalf("%d questions", len(p.asked))
	}
	q := p.asked[0]
	if q.Surface != decision.MCP || q.Method != "tools/call" || q.Server != "github" || q.Tool.Exposed != "list_x" || q.Face != decision.FullFace() {
		t.Errorf("got %+v", q)
	}
	if q.Caller.Agent != "bot" || q.Caller.Namespace != "prod" || string(q.Caller.Bearer) != "agent-token" {
		t.Errorf("caller %+v", q.Caller)
	}
	if q.Body.Dialect != "mcp" || string(q.Body.Raw) != body || len(q.Body.Segments) != 2 || string(q.Arguments()) != `{"q":"text"}` {
		t.Errorf("body %+v", q.Body)
	}
	want := map[string]string{"accept": "application/json, text/event-stream", "content-type": "application/json", "mcp-name": "list_x", "traceparent": "00-a", "user-agent": "ua"}
	if len(q.HTTP.Headers) != len(want) || q.HTTP.Method != "POST" || q.HTTP.Path != "/mcp/github" || q.Source == "" {
		t.Errorf("HTTP %+v, source %q", q.HTTP, q.Source)
	}
	for name, value := range want {
		if q.HTTP.Headers[name] != value {
			t.Errorf("%s is %q", name, q.HTTP.Headers[name])
		}
	}
}

// deadlines remembers the deadlines that a handler sets.
type deadlines struct {
	*httptest.ResponseRecorder
	read, write []time.Time
}

func (d *deadlines) SetReadDeadline(at time.Time) error {
	d.read = append(d.read, at)
	return nil
}

func (d *deadlines) SetWriteDeadline(at time.Time) error {
	d.write = append(d.write, at)
	return nil
}

// TestSlowAgents: an agent that never reads does not hold a call, and the
// deadline of the body does not cut the answer.
func TestSlowAgents(t *testing.T) {
	p := &pdp{open: allow(decision.Grant{})}
	handler := gate.Bounded(sidecarOn(t, p).Config.Handler)
	w := &deadlines{ResponseRecorder: httptest.NewRecorder()}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/mcp", strings.NewReader(ping))
	r.Header.Set("Content-Type", "application/json")
	start := time.Now()
	handler.ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		t.Fatalf("got %d %s", w.Code, w.Body)
	}
	if len(w.read) == 0 || !w.read[len(w.read)-1].IsZero() {
		t.Errorf("read deadlines %v; the last one must be none", w.read)
	}
	if len(w.write) != 1 || w.write[0].Before(start) || w.write[0].After(start.Add(6*time.Minute)) {
		t.Errorf("write deadlines %v", w.write)
	}
}
