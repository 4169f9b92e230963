package mcp_test

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"outrider.dev/outrider/decision"
)

func eventsOf(t *testing.T, got answer) []string {
	t.Helper()
	if got.status != 200 || got.header.Get("Content-Type") != "text/event-stream" || got.header.Get("X-Accel-Buffering") != "no" {
		t.Fatalf("no stream: %+v", got)
	}
	var out []string
	for block := range strings.SplitSeq(got.body, "\n\n") {
		var data []string
		for line := range strings.SplitSeq(block, "\n") {
			if d, ok := strings.CutPrefix(line, "data: "); ok {
				data = append(data, d)
			} else if line != "" && line != "event: message" && line != ":" {
				t.Errorf("line %q", line)
			}
		}
		if data != nil {
			out = append(out, strings.Join(data, "\n"))
		}
	}
	return out
}

const stream3 = "id: 1\nretry: 5\ndata:\n\n: alive\n\nevent: other\ndata: not for clients\n\n" +
	"event: message\nid: 2\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\ndata: \"params\":{\"message\":\"half sk-1\"}}\n\n" +
	"data: {\"jsonrpc\":\"2.0\",\"id\":7,\"result\":{\"content\":[{\"type\":\"text\",\"text\":\"key sk-1\"}],\"n\":9007199254740993}}\r\n\r\n" +
	"data: {\"jsonrpc\":\"2.0\",\"id\":7,\"result\":{\"late\":\"sk-1\"}}\n\n"

func TestStream(t *testing.T) {
	up := record(t, streams(stream3))
	p := &pdp{open: judged(up.grant("s"))}
	p.judge = func(part decision.Part) (*decision.Ruling, error) {
		r := &decision.Ruling{Effect: decision.Allow}
		if at := strings.Index(string(part.Whole.Raw), "sk-1"); at >= 0 {
			r.Splices = []decision.Splice{{Start: uint32(at), End: uint32(at + 4), With: []byte("[SECRET]")}}
		}
		return r, nil
	}
	got := post(t, sidecarOn(t, p).URL+"/mcp", callOf(`{"name":"a"}`))
	want := []string{
		"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\n\"params\":{\"message\":\"half [SECRET]\"}}",
		`{"jsonrpc":"2.0","id":7,"result":{"content":[{"type":"text","text":"key [SECRET]"}],"n":9007199254740993}}`,
	}
	if events := eventsOf(t, got); strings.Join(events, "|") != strings.Join(want, "|") {
		t.Errorf("got %q", events)
	}
	if o := p.ended(t); o.End != decision.EndCompleted {
		t.Errorf("outcome %+v", o)
	}
}

func TestDeniedAnswer(t *testing.T) {
	deny := func(decision.Part) (*decision.Ruling, error) {
		return &decision.Ruling{Reason: decision.Reason{Code: decision.CodeSecret, Message: "secret.github was found"}}, nil
	}
	t.Run("whole", func(t *testing.T) {
		up := record(t, says(200, okResult))
		p := &pdp{open: judged(up.grant("s")), judge: deny}
		got := post(t, sidecarOn(t, p).URL+"/mcp", callOf(`{"name":"a"}`))
		assertRefused(t, got, 403, -32001, decision.CodeSecret)
		if o := p.ended(t); o.End != decision.EndDenied {
			t.Errorf("outcome %+v", o)
		}
	})
	t.Run("stream", func(t *testing.T) {
		up := record(t, streams(stream3))
		p := &pdp{open: judged(up.grant("s")), judge: deny}
		got := post(t, sidecarOn(t, p).URL+"/mcp", callOf(`{"name":"a"}`))
		events := eventsOf(t, got)
		if len(events) != 1 || !strings.Contains(events[0], `"id":7,"error":{"code":-32001,"message":"secret.github was found (decision `) || strings.Contains(got.body, "sk-1") {
			t.Errorf("got %s", got.body)
		}
		if o := p.ended(t); o.End != decision.EndDenied {
			t.Errorf("outcome %+v", o)
		}
	})
	t.Run("nobody answers", func(t *testing.T) {
		up := record(t, says(200, okResult))
		p := &pdp{open: judged(up.grant("s")), judge: func(decision.Part) (*decision.Ruling, error) { return nil, io.ErrClosedPipe }}
		got := post(t, sidecarOn(t, p).URL+"/mcp", callOf(`{"name":"a"}`))
		assertRefused(t, got, 503, -32004, decision.CodePDPUnavailable)
	})
}

func TestStreamIsFlushed(t *testing.T) {
	left := make(chan struct{})
	up := record(t, func(w http.ResponseWriter, r *http.Request) {
		streams("data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{}}\n\n")(w, r)
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
		close(left)
	})
	p := &pdp{open: allow(up.grant("s"))}
	srv := sidecarOn(t, p)
	ctx, leave := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, srv.URL+"/mcp", strings.NewReader(callOf(`{"name":"a"}`)))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	line, err := bufio.NewReader(resp.Body).ReadString('\n')
	if err != nil || line != "event: message\n" {
		t.Fatalf("%q, %v", line, err)
	}
	leave()
	<-left
	if o := p.ended(t); o.End != decision.EndDisconnected {
		t.Errorf("outcome %+v", o)
	}
}

func TestEndlessStream(t *testing.T) {
	event := "data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":{\"data\":\"" + strings.Repeat("a", 1<<20-200) + "\"}}\n\n"
	up := record(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for range 70 {
			if _, err := io.WriteString(w, event); err != nil {
				return
			}
		}
		_, _ = io.WriteString(w, "data: "+okResult+"\n\n")
	})
	p := &pdp{open: allow(up.grant("s"))}
	got := post(t, sidecarOn(t, p).URL+"/mcp", callOf(`{"name":"a"}`))
	if len(got.body) > 65<<20 || strings.Contains(got.body, `"result"`) || !strings.Contains(got.body, `"reason":"upstream_invalid"`) {
		t.Errorf("%d bytes came through", len(got.body))
	}
}
