package gate

import (
	"strings"
	"testing"

	"outrider.dev/outrider/decision"
)

func chat(model string) *decision.Request {
	return &decision.Request{
		Surface: decision.LLM, Method: "chat.completions", LLM: decision.LLMCall{Model: model},
		HTTP: decision.HTTP{Method: "POST", Path: "/v1/chat/completions"}, Body: decision.Body{Dialect: "openai.chat"},
	}
}

func TestRoutes(t *testing.T) {
	routes := []Route{
		{Surface: decision.MCP, Server: "github", Mode: Lifeboat},
		{Surface: decision.LLM, Models: []string{"qwen*", "llama-3"}, Mode: Open},
		{Surface: decision.LLM, Mode: Lifeboat},
		{Mode: Closed},
		{Mode: Open}, // never reached
	}
	w := newGate(t, answering(nil, nil, nil), routes...)
	other := toolCall()
	other.Server = "slack"
	all := toolCall()
	all.Server = ""
	for name, c := range map[string]struct {
		r    *decision.Request
		want Mode
	}{
		"the server": {toolCall(), Lifeboat}, "another server": {other, Closed}, "all servers": {all, Closed},
		"the models": {chat("qwen3"), Open}, "the last of them": {chat("llama-3"), Open}, "another model": {chat("llama-31"), Lifeboat},
	} {
		if got := w.route(c.r).Mode; got != c.want {
			t.Errorf("%s: got %s, want %s", name, got, c.want)
		}
	}
	if got := newGate(t, answering(nil, nil, nil)).route(toolCall()).Mode; got != Closed {
		t.Errorf("without routes: got %s", got)
	}
}

// TestOpenRoutes: a call goes where its route says, as it stands, and what it
// brings back passes. It is counted and written down.
func TestOpenRoutes(t *testing.T) {
	s := &service{err: errGone}
	w := newGate(t, s,
		Route{Surface: decision.LLM, Mode: Open, Target: decision.Target{Provider: "local", Origin: "http://127.0.0.1:11434", Path: "/v1"}},
		Route{Surface: decision.MCP, Server: "github", Mode: Open, Target: decision.Target{Provider: "github", Origin: "http://127.0.0.1:1", Path: "/mcp"}})
	v := w.passes(t, chat("qwen3"), true)
	want := decision.Target{Provider: "local", Origin: "http://127.0.0.1:11434", Path: "/v1/chat/completions", Dialect: "openai.chat"}
	if len(v.Grants) != 1 || v.Grants[0].Target != want || v.Grants[0].Credential.Header.Name != "" || v.Duty != (decision.Duty{}) {
		t.Errorf("got %+v", v)
	}
	if v := w.passes(t, toolCall(), true); v.Grants[0].Target.Path != "/mcp" {
		t.Errorf("got %+v", v)
	}
	if log := w.log.String(); strings.Count(log, "failMode=Open") != 2 || !strings.Contains(log, "model=qwen3 to=[local]") || strings.Contains(log, "s3cr3t") {
		t.Errorf("the log says %s", log)
	}
	if w.modes[Open] != 2 || w.failed != 2 {
		t.Errorf("counted %v, %d", w.modes, w.failed)
	}
	_, ex := w.Open(t.Context(), toolCall())
	r := ex.Judge(t.Context(), decision.Part{Tools: make([]decision.Tool, 9)})
	if r.Effect != decision.Allow || !r.Visibility.Visible(0) || !r.Visibility.Visible(8) || r.Visibility.Visible(9) {
		t.Errorf("judge: got %+v", r)
	}
	ex.Settle(t.Context(), decision.Outcome{})
}

// TestOpenNeedsSomebody: of agents behind one gateway nobody knows who asks.
func TestOpenNeedsSomebody(t *testing.T) {
	s := &service{err: errGone}
	w := newGate(t, s, Route{Mode: Open, Target: decision.Target{Origin: "http://127.0.0.1:1"}})
	r := toolCall()
	r.Caller.Shared = true
	w.passes(t, r, false)
	r.Caller.Identity = "spiffe://corp/ns/prod/sa/copilot"
	w.passes(t, r, true)
}

// TestOpenIsAsked: while a decision service answers, an open route is no
// different from others.
func TestOpenIsAsked(t *testing.T) {
	denial := &decision.Verdict{Reason: decision.Reason{Code: decision.CodeNotAllowed}}
	s := &service{verdict: denial}
	w := newGate(t, s, Route{Mode: Open, Target: decision.Target{Origin: "http://127.0.0.1:1"}})
	if v, ex := w.Open(t.Context(), toolCall()); ex != nil || v.Reason.Code != decision.CodeNotAllowed || s.asked != 1 {
		t.Errorf("got %+v, %v", v, ex)
	}
}
