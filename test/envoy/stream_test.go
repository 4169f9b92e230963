package envoy

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"outrider.dev/outrider/audit"
	"outrider.dev/outrider/decision"
)

// scripted is a provider that answers as a test says.
type scripted struct {
	*httptest.Server
	play atomic.Pointer[http.HandlerFunc]
}

// behind puts a scripted provider behind Envoy.
func behind(t *testing.T, far *scripted) func(*site, tree, tree) {
	t.Helper()
	far.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		(*far.play.Load())(w, r)
	}))
	t.Cleanup(far.Close)
	return func(_ *site, envoy, _ tree) { plainly(t, cluster(t, envoy, "openai"), far.URL) }
}

func (f *scripted) plays(h http.HandlerFunc) { f.play.Store(&h) }

// event is one of a stream of text.
func event(text string) string {
	raw, _ := json.Marshal(text) // a string always marshals
	return `data: {"choices":[{"index":0,"delta":{"content":` + string(raw) + "}}]}\n\n"
}

// say sends a part of an answer on.
func say(w http.ResponseWriter, text string) {
	_, _ = io.WriteString(w, text)
	_ = http.NewResponseController(w).Flush()
}

// opens asks for a stream and returns it with its lines.
func (s *site) opens(t *testing.T) (*http.Response, *bufio.Scanner, context.CancelFunc) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), startTime)
	t.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.base+"/v1/chat/completions", strings.NewReader(chatBody(t, model, "Say hello.", true)))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = res.Body.Close() })
	return res, bufio.NewScanner(res.Body), cancel
}

// next returns the next event, empty at the end.
func next(lines *bufio.Scanner) string {
	for lines.Scan() {
		if lines.Text() != "" {
			return lines.Text() + "\n\n"
		}
	}
	return ""
}

// wantEnd waits until the decision is settled, and says how.
func (s *site) wantEnd(t *testing.T, id string, end decision.End) {
	t.Helper()
	var got []decision.End
	eventually(t, "the settlement of "+id, func() bool {
		records, err := audit.Find(s.state(), id)
		if err != nil {
			return false
		}
		got = nil
		for _, r := range records {
			if r.Phase == audit.PhaseOutcome {
				got = append(got, r.End)
			}
		}
		return len(got) > 0
	})
	if len(got) != 1 || got[0] != end {
		t.Errorf("settled %v, want once as %s", got, end)
	}
}

// TestStreams drives answers that come bit by bit through both filters.
func TestStreams(t *testing.T) {
	far := &scripted{}
	s := newSite(t, variants()[0], behind(t, far))
	t.Run("event by event", func(t *testing.T) {
		turn := make(chan struct{})
		far.plays(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream")
			for range 5 {
				<-turn
				say(w, event("It is fine. "))
			}
		})
		go func() { turn <- struct{}{} }()
		res, lines, _ := s.opens(t)
		for i := range 5 {
			if i > 0 {
				turn <- struct{}{}
			}
			if got := next(lines); got != event("It is fine. ") {
				t.Fatalf("event %d is %q", i, got)
			}
		}
		if rest := next(lines); rest != "" {
			t.Errorf("the stream goes on with %q", rest)
		}
		s.wantEnd(t, res.Header.Get(decision.IDHeader), decision.EndCompleted)
	})
	t.Run("blocked in the middle", func(t *testing.T) {
		secret, heard, ended := s.provider.Planted(), make(chan struct{}), make(chan struct{})
		far.plays(func(w http.ResponseWriter, r *http.Request) {
			defer close(ended)
			w.Header().Set("Content-Type", "text/event-stream")
			say(w, event("It is fine. "))
			<-heard
			say(w, event("The key is "+secret[:8]))
			say(w, event(secret[8:]+" as you see. "))
			for r.Context().Err() == nil {
				say(w, event(strings.Repeat("more ", 200)))
			}
		})
		res, lines, _ := s.opens(t)
		var all strings.Builder
		all.WriteString(next(lines))
		close(heard)
		for got := next(lines); got != ""; got = next(lines) {
			all.WriteString(got)
		}
		<-ended // Envoy does not let the provider go on for nobody
		if got := all.String(); !strings.HasPrefix(got, event("It is fine. ")) || !strings.Contains(got, "guard_secret") || strings.Contains(got, "more") || strings.Contains(got, secret[:6]) {
			t.Errorf("the agent gets %q", got)
		}
		if err := lines.Err(); err != nil {
			t.Errorf("the stream ends with %v", err)
		}
		s.wantEnd(t, res.Header.Get(decision.IDHeader), decision.EndDenied)
	})
	t.Run("the agent leaves", func(t *testing.T) {
		ended := make(chan struct{})
		far.plays(func(w http.ResponseWriter, r *http.Request) {
			defer close(ended)
			w.Header().Set("Content-Type", "text/event-stream")
			say(w, event("It is fine. "))
			<-r.Context().Done()
		})
		res, lines, leave := s.opens(t)
		next(lines)
		leave()
		<-ended
		s.wantEnd(t, res.Header.Get(decision.IDHeader), decision.EndDisconnected)
	})
	t.Run("the provider breaks off", func(t *testing.T) {
		heard := make(chan struct{})
		far.plays(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream")
			say(w, event("It is fine. "))
			<-heard
			panic(http.ErrAbortHandler)
		})
		res, lines, _ := s.opens(t)
		next(lines)
		close(heard)
		var all strings.Builder
		for got := next(lines); got != ""; got = next(lines) {
			all.WriteString(got)
		}
		if lines.Err() == nil && !strings.Contains(all.String(), `"error"`) {
			t.Errorf("the stream ends well with %q", all.String())
		}
		s.wantEnd(t, res.Header.Get(decision.IDHeader), decision.EndDisconnected)
	})
	t.Run("the decision service goes", func(t *testing.T) {
		turn := make(chan struct{})
		far.plays(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream")
			say(w, event("It is fine. "))
			<-turn
			for range 20 {
				say(w, event("Nobody judges this. "))
			}
		})
		_, lines, _ := s.opens(t)
		next(lines)
		_ = s.pdp.cmd.Process.Signal(syscall.SIGKILL)
		<-s.pdp.ended
		close(turn)
		for got := next(lines); got != ""; got = next(lines) {
			if strings.Contains(got, "judges") {
				t.Fatalf("the agent gets %q", got)
			}
		}
		if lines.Err() == nil {
			t.Error("a stream that nobody judged ends well")
		}
	})
}

// TestAnswers drives whole answers that are unusual through both filters.
func TestAnswers(t *testing.T) {
	far := &scripted{}
	s := newSite(t, variants()[0], behind(t, far))
	whole := func(kind, body string, header ...string) {
		far.plays(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			for i := 0; i+1 < len(header); i += 2 {
				w.Header().Set(header[i], header[i+1])
			}
			_, _ = io.WriteString(w, body)
		})
	}
	t.Run("large", func(t *testing.T) {
		said := strings.Repeat("It is fine. ", 300_000)
		raw, _ := json.Marshal(map[string]any{"choices": []any{map[string]any{"message": map[string]any{"content": said}}}})
		whole("application/json", string(raw))
		asked := strings.Repeat("Say hello. ", 200_000)
		got := s.chat(t, model, asked, false)
		if got.status != http.StatusOK || string(got.body) != string(raw) {
			t.Fatalf("%d, %d bytes of %d: %.300s", got.status, len(got.body), len(raw), got.body)
		}
		s.wantEnd(t, got.header.Get(decision.IDHeader), decision.EndCompleted)
	})
	t.Run("compressed", func(t *testing.T) {
		whole("application/json", "\x1f\x8b", "Content-Encoding", "gzip")
		got := s.chat(t, model, "Say hello.", false)
		if e := got.refusal(t); got.status != http.StatusBadGateway || e.Code != "upstream_invalid" {
			t.Errorf("%d %+v", got.status, e)
		}
	})
	t.Run("no JSON", func(t *testing.T) {
		whole("text/html", "<p>"+s.provider.Planted()+"</p>")
		got := s.chat(t, model, "Say hello.", false)
		if e := got.refusal(t); got.status != http.StatusBadGateway || e.Code != "upstream_invalid" {
			t.Errorf("%d %+v", got.status, e)
		}
	})
	t.Run("none", func(t *testing.T) {
		far.plays(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
		got := s.chat(t, model, "Say hello.", false)
		if e := got.refusal(t); got.status != http.StatusBadGateway || e.Code != "upstream_invalid" {
			t.Errorf("%d %+v", got.status, e)
		}
		s.wantEnd(t, got.header.Get(decision.IDHeader), decision.EndFailed)
	})
}
