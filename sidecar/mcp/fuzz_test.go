package mcp_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/sidecar/gate"
	"outrider.dev/outrider/sidecar/mcp"
	"outrider.dev/outrider/strictjson"
)

// echo sends every call nowhere and gives the same answer to all.
type echo struct {
	kind   string
	status int
	answer []byte
}

func (e *echo) Send(context.Context, *decision.Grant, string, http.Header, []byte) (*http.Response, error) {
	return &http.Response{
		StatusCode: e.status, Header: http.Header{"Content-Type": {e.kind}}, Body: io.NopCloser(bytes.NewReader(e.answer)),
	}, nil
}

// FuzzCall: whatever agent and server say, the call ends with an answer that
// is JSON-RPC, is settled once, and shows no tool that was not judged.
func FuzzCall(f *testing.F) {
	list := `{"jsonrpc":"2.0","id":7,"result":{"tools":[{"name":"get_a"},{"name":"delete_a"}]}}`
	f.Add([]byte(listCall), []byte(list), true, 1)
	f.Add([]byte(listCall), []byte("data: "+list+"\n\n"), false, 2)
	f.Add([]byte(callOf(`{"name":"a"}`)), []byte(stream3), false, 1)
	f.Add([]byte(`{"jsonrpc":"2.0","id":7,"method":"initialize"}`), []byte(`{"jsonrpc":"2.0","id":7,"result":{"protocolVersion":"2025-11-25"}}`), true, 2)
	f.Add([]byte(`{"jsonrpc":"2.0","method":"notifications/initialized"}`), []byte(``), true, 2)
	log := slog.New(slog.DiscardHandler)
	f.Fuzz(func(t *testing.T, body, said []byte, asJSON bool, servers int) {
		p := &pdp{judge: prefixed("delete")}
		p.open = func(r *decision.Request) *decision.Verdict {
			grants := make([]decision.Grant, 1+servers&1)
			return judged(grants...)(r)
		}
		g, err := gate.New(gate.Config{Decider: p, Timeout: time.Second, Log: log, Failed: func() {}, FailMode: func(gate.Mode) {}})
		if err != nil {
			t.Fatal(err)
		}
		sender := &echo{kind: "text/event-stream", status: http.StatusOK, answer: said}
		if asJSON {
			sender.kind = "application/json"
		}
		calls := mcp.New(mcp.Config{Gate: g, Sender: sender, Agent: func(*http.Request) decision.Caller { return decision.Caller{} }, Limits: strictjson.Limits{Bytes: 1 << 16, Depth: 32}, Log: log})
		w := httptest.NewRecorder()
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/mcp", bytes.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		calls.ServeHTTP(w, r)

		if len(p.settled) != len(p.asked) {
			t.Errorf("asked %d times, settled %d times", len(p.asked), len(p.settled))
		}
		got := w.Body.String()
		if w.Header().Get("Content-Type") == "application/json" && !json.Valid(w.Body.Bytes()) {
			t.Errorf("no JSON: %s", got)
		}
		if len(p.asked) > 0 && p.asked[0].Method == "tools/list" && strings.Contains(got, `{"name":"delete_a"}`) && strings.Contains(got, `"tools"`) {
			t.Errorf("a hidden tool is shown: %s", got)
		}
	})
}
