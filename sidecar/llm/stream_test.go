package llm_test

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"outrider.dev/outrider/decision"
)

func event(text string) string {
	return `data: {"choices":[{"index":0,"delta":{"content":"` + text + `"}}]}` + "\n\n"
}

const (
	stop     = `data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}` + "\n\n"
	figures  = `data: {"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":6}}` + "\n\n"
	finished = "data: [DONE]\n\n"
)

// streams sends events one by one; after each it waits for next where there is
// one.
func streams(next <-chan struct{}, events ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
		for _, e := range events {
			_, _ = io.WriteString(w, e)
			_ = http.NewResponseController(w).Flush()
			if next == nil {
				continue
			}
			select {
			case <-next:
			case <-r.Context().Done():
				return
			}
		}
	}
}

func TestStreamPassesAsItCame(t *testing.T) {
	events := []string{": hello\n\n", "event: x\nid: 7\n" + event("One "), event("fine day."), stop, figures, finished}
	for _, duty := range []decision.Duty{{}, {JudgeResponse: true}} {
		r := allowed(t, duty, startProvider(t, streams(nil, events...)))
		got := r.post(t, askedFor)
		if got.status != 200 || got.body != strings.Join(events, "") || got.cut {
			t.Errorf("answer %d %q", got.status, got.body)
		}
		if got.header.Get("X-Accel-Buffering") != "no" || got.header.Get("Content-Length") != "" {
			t.Errorf("headers %v", got.header)
		}
		if out := r.pdp.outcome(t); out.End != decision.EndCompleted || out.Usage != (decision.Usage{Input: 5, Output: 6}) {
			t.Errorf("outcome %+v", out)
		}
	}
}

func TestStreamWithoutFiguresIsEstimated(t *testing.T) {
	r := allowed(t, decision.Duty{}, startProvider(t, streams(nil, event("12345678"), stop, finished)))
	r.post(t, askedFor)
	if out := r.pdp.outcome(t); out.Usage != (decision.Usage{Input: uint64(len(askedFor)) / 4, Output: 2, Estimated: true}) {
		t.Errorf("usage %+v", out.Usage)
	}
}

// open posts and returns the answer before its body is read.
func (r *road) open(ctx context.Context, t *testing.T) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.URL+pathChat, strings.NewReader(askedFor))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", jsonType)
	resp, err := r.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	return resp
}

// TestStreamDenied: what was ruled on before stays, of what is denied no byte
// leaves, and the provider is not left talking.
func TestStreamDenied(t *testing.T) {
	next, ended := make(chan struct{}), make(chan struct{})
	r := allowed(t, decision.Duty{JudgeResponse: true}, startProvider(t, func(w http.ResponseWriter, req *http.Request) {
		defer close(ended)
		streams(next, event("fine"), event("SECRET"), event("more"))(w, req)
	}))
	pass := releaseAll()
	r.pdp.judge = func(p decision.Part) *decision.Ruling {
		for _, d := range p.Deltas {
			if strings.Contains(d.Text, "SECRET") {
				return deny(decision.CodeSecret)
			}
		}
		return pass(p)
	}
	resp := r.open(t.Context(), t)
	defer func() { _ = resp.Body.Close() }()
	body := bufio.NewReader(resp.Body)
	if line, err := body.ReadString('\n'); err != nil || line+"\n" != event("fine") {
		t.Fatalf("%q, %v", line, err)
	}
	next <- struct{}{}
	rest, err := io.ReadAll(body)
	if err != nil || !strings.Contains(string(rest), `"code":"guard_secret"`) || strings.Contains(string(rest), "SECRET") {
		t.Errorf("the stream ends with %q, %v", rest, err)
	}
	if out := r.pdp.outcome(t); out.End != decision.EndDenied || out.Usage.Output == 0 {
		t.Errorf("outcome %+v", out)
	}
	<-ended
}

// TestStreamNotReleased: text that no ruling let go must not vanish as if the
// provider had never said it.
func TestStreamNotReleased(t *testing.T) {
	r := allowed(t, decision.Duty{JudgeResponse: true}, startProvider(t, streams(nil, event("fine"), stop, finished)))
	r.pdp.judge = func(decision.Part) *decision.Ruling { return &decision.Ruling{Effect: decision.Allow} }
	got := r.post(t, askedFor)
	if strings.Contains(got.body, "fine") || !strings.Contains(got.body, `"code":"internal"`) {
		t.Errorf("answer %d %s", got.status, got.body)
	}
	if out := r.pdp.outcome(t); out.End == decision.EndCompleted {
		t.Errorf("outcome %+v", out)
	}
}

func TestStreamBreaksOff(t *testing.T) {
	p := startProvider(t, func(w http.ResponseWriter, r *http.Request) {
		streams(nil, event("fine"), event("never wh")[:30])(w, r)
		panic(http.ErrAbortHandler)
	})
	spare := startProvider(t, says(jsonType, "{}"))
	r := allowed(t, decision.Duty{}, p, spare)
	got := r.post(t, askedFor)
	if !strings.HasPrefix(got.body, event("fine")) || !strings.Contains(got.body, `"code":"upstream_unavailable"`) || got.cut {
		t.Errorf("answer %d %q", got.status, got.body)
	}
	out := r.pdp.outcome(t)
	if out.End != decision.EndFailed || out.Usage.Output != 1 || len(spare.arrivals()) != 0 {
		t.Errorf("outcome %+v, %d calls at the spare", out, len(spare.arrivals()))
	}
}

// TestAgentGoesAway: the provider is told, and the call is settled as such.
func TestAgentGoesAway(t *testing.T) {
	ended := make(chan struct{})
	r := allowed(t, decision.Duty{JudgeResponse: true}, startProvider(t, func(w http.ResponseWriter, req *http.Request) {
		defer close(ended)
		streams(make(chan struct{}), event("fine"))(w, req)
	}))
	ctx, leave := context.WithCancel(t.Context())
	resp := r.open(ctx, t)
	if _, err := bufio.NewReader(resp.Body).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	leave()
	_ = resp.Body.Close()
	<-ended
	if out := r.pdp.outcome(t); out.End != decision.EndDisconnected || out.Usage.Output != 1 {
		t.Errorf("outcome %+v", out)
	}
}

// TestAgentLeavesAtTheEnd: many clients close as soon as they have read the
// last event. They have had all of the answer.
func TestAgentLeavesAtTheEnd(t *testing.T) {
	next := make(chan struct{}, 3)
	r := allowed(t, decision.Duty{}, startProvider(t, streams(next, event("fine"), stop, finished)))
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	var left bool
	served := r.Config.Handler
	r.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		served.ServeHTTP(&leaver{ResponseWriter: w, leave: func() {
			leave()
			<-req.Context().Done()
			left = true
		}}, req)
	})
	resp := r.open(ctx, t)
	next <- struct{}{}
	next <- struct{}{}
	next <- struct{}{}
	_, _ = io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if out := r.pdp.outcome(t); out.End != decision.EndCompleted || !left {
		t.Errorf("outcome %+v, the agent left: %v", out, left)
	}
}

// leaver makes the agent go away when the last event has been written.
type leaver struct {
	http.ResponseWriter
	leave func()
}

func (l *leaver) Unwrap() http.ResponseWriter { return l.ResponseWriter }

func (l *leaver) Write(p []byte) (int, error) {
	n, err := l.ResponseWriter.Write(p)
	_ = http.NewResponseController(l.ResponseWriter).Flush()
	if strings.Contains(string(p), "[DONE]") {
		l.leave()
	}
	return n, err
}
