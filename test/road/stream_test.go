package road

import (
	"bufio"
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"

	"outrider.dev/outrider/decision"
)

const content = `{"content":%s}`

// TestStreamEventByEvent lets the provider say one event at a time, and demands
// that each has reached the agent before the next is said.
func TestStreamEventByEvent(t *testing.T) {
	pieces := []string{"One fine day. ", "Then another. ", "Then a third. "}
	events := chunks(content, pieces...)
	eachWay(t, func(t *testing.T, r *Road) {
		next := make(chan struct{})
		r.script.play(streams(next, events...))
		next2 := func() { next <- struct{}{} }
		go next2()
		resp := r.open(t.Context(), t, pathChat, chat("script-1", "hello", streamed))
		defer func() { _ = resp.Body.Close() }()
		lines := bufio.NewScanner(resp.Body)
		for i, event := range events {
			if i > 0 {
				next2()
			}
			if !lines.Scan() || lines.Text() != strings.TrimSpace(event) {
				t.Fatalf("event %d is %q, want %q", i, lines.Text(), event)
			}
			lines.Scan() // the blank line
		}
		if lines.Scan() {
			t.Errorf("the stream goes on with %q", lines.Text())
		}
		if got := resp.Header.Get("Content-Type"); got != "text/event-stream" {
			t.Errorf("a stream is sent as %q", got)
		}
	})
}

func TestUsageIsSettled(t *testing.T) {
	usage := decision.Usage{Input: 11, Output: 7, Cached: 5}
	const figures = `"usage":{"prompt_tokens":11,"completion_tokens":7,"prompt_tokens_details":{"cached_tokens":5}}`
	events := chunks(content, "Fine. ")
	withUsage := slices.Insert(slices.Clone(events), len(events)-1, "data: {\"choices\":[],"+figures+"}\n\n")
	tests := []struct {
		name, path, body string
		answer           http.HandlerFunc
		want             decision.Usage
	}{
		{"whole", pathChat, chat("script-1", "hi"), says("application/json", `{"choices":[],`+figures+`}`), usage},
		{"streamed", pathChat, chat("script-1", "hi", streamed), streams(nil, withUsage...), usage},
		{
			"streamed without figures", pathChat, chat("script-1", "hi", streamed), streams(nil, events...),
			decision.Usage{Input: uint64(len(chat("script-1", "hi", streamed))) / 4, Output: 2, Estimated: true},
		},
		{
			"embeddings", pathEmbeddings, `{"model":"script-1","input":"x"}`,
			says("application/json", `{"data":[],"usage":{"prompt_tokens":3}}`),
			decision.Usage{Input: 3},
		},
	}
	eachWay(t, func(t *testing.T, r *Road) {
		for _, tt := range tests {
			r.script.play(tt.answer)
			a := r.post(t, tt.path, tt.body)
			a.wantPassed(t)
			got := r.outcome(t, a.id(t))
			if got.Usage != tt.want || got.End != decision.EndCompleted || len(got.Providers) != 1 || got.Providers[0] != "script" {
				t.Errorf("%s: recorded %+v, want %+v", tt.name, got, tt.want)
			}
		}
	})
}

// TestAgentLeaves ends a call from the agent's side: before the answer, in a
// whole one and in a stream. The upstream's request must end, and the call be
// settled.
func TestAgentLeaves(t *testing.T) {
	silent := func(http.ResponseWriter) {}
	head := func(w http.ResponseWriter) { _ = http.NewResponseController(w).Flush() }
	event := func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = w.Write([]byte(chunks(content, "Fine so far. ")[0]))
		_ = http.NewResponseController(w).Flush()
	}
	tests := []struct {
		name, path, body string
		begin            func(http.ResponseWriter)
	}{
		{"before the answer", pathChat, chat("script-1", "hi"), silent},
		{"in a whole answer", pathChat, chat("script-1", "hi"), head},
		{"in a stream", pathChat, chat("script-1", "hi", streamed), event},
		{"of MCP, before the answer", pathMCP + "/script", oddCall("list_things"), silent},
		{"of MCP, in a stream", pathMCP + "/script", oddCall("list_things"), func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "text/event-stream")
			_, _ = w.Write([]byte("data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{}}\n\n"))
			_ = http.NewResponseController(w).Flush()
		}},
	}
	eachWay(t, func(t *testing.T, r *Road) {
		token := r.token(t, scopeRead)
		for i, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				begun, ended := make(chan struct{}), make(chan struct{})
				r.script.play(func(w http.ResponseWriter, q *http.Request) {
					defer close(ended)
					tt.begin(w)
					close(begun)
					<-q.Context().Done()
				})
				leave(t, r, tt.path, tt.body, token, begun)
				<-ended
				if got := r.lastOutcome(t, i+1); got.End != decision.EndDisconnected {
					t.Errorf("recorded as %+v", got)
				}
			})
		}
	})
}

// leave calls and goes away once the upstream has begun.
func leave(t *testing.T, r *Road, path, body, token string, begun <-chan struct{}) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var header []string
	if strings.HasPrefix(path, pathMCP) {
		header = bearer(token)
	}
	req := r.request(t, path, strings.NewReader(body), header...).WithContext(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if resp, err := r.http.Do(req); err == nil {
			<-ctx.Done()
			_ = resp.Body.Close()
		}
	}()
	<-begun
	cancel()
	<-done
}
