package road

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"outrider.dev/outrider/demo/llm"
	"outrider.dev/outrider/demo/standin"
	"outrider.dev/outrider/demo/tools"
	"outrider.dev/outrider/test/started"
)

// standIns is everything at the far side of a road.
type standIns struct {
	main, spare   *llm.Provider
	github, slack *tools.Server
	script        *script
}

func startStandIns(t *testing.T) standIns {
	t.Helper()
	return standIns{
		main: started.By(t, llm.Start), spare: started.By(t, llm.Start),
		github: started.By(t, tools.StartGitHub), slack: started.By(t, tools.StartSlack),
		script: started.By(t, startScript),
	}
}

// keys are the credentials of the far side, by the name of their file.
func (s *standIns) keys() map[string]string {
	return map[string]string{
		"main": s.main.Key(), "spare": s.spare.Key(), "script": scriptKey,
		"github": s.github.Token(), "slack": s.slack.Token(),
	}
}

func (s *standIns) recorders() map[string]*standin.Recorder {
	return map[string]*standin.Recorder{
		"main": s.main.Recorder, "spare": s.spare.Recorder, "script": s.script.Recorder,
		"github": s.github.Recorder, "slack": s.slack.Recorder,
	}
}

// arrival is a request at the far side.
type arrival struct {
	at string
	standin.Received
}

// arrived returns all that the stand-ins have received so far.
func (s *standIns) arrived() []arrival {
	var out []arrival
	for at, r := range s.recorders() {
		for _, got := range r.Since(0) {
			out = append(out, arrival{at, got})
		}
	}
	return out
}

// wantArrivals demands that so many requests have arrived anywhere.
func (s *standIns) wantArrivals(t *testing.T, n int) {
	t.Helper()
	got := s.arrived()
	if len(got) == n {
		return
	}
	t.Errorf("%d requests arrived at the far side, want %d", len(got), n)
	for _, a := range got {
		t.Logf("%s: %s %s %.200q", a.at, a.Method, a.Path, a.Body)
	}
}

const scriptKey = "script-key-c9f1d5"

// script is a provider and MCP server that answers as a test says. Unlike the
// demo's it looks at nothing: it answers whoever comes.
type script struct {
	*standin.Recorder
	url    string
	server *standin.Server

	mu     sync.Mutex
	answer http.HandlerFunc
}

func startScript() (*script, error) {
	l, url, err := standin.Listen()
	if err != nil {
		return nil, err
	}
	s := &script{url: url, answer: noTools}
	s.Recorder = standin.NewRecorder(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		answer := s.answer
		s.mu.Unlock()
		answer(w, r)
	}))
	s.server = standin.Serve(l, s)
	return s, nil
}

// Close ends the script.
func (s *script) Close() error { return s.server.Close() }

// play sets the answer to all that comes.
func (s *script) play(answer http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = answer
}

// noTools is an MCP server without tools, so that the script is no bother
// where a test lists them all.
func noTools(w http.ResponseWriter, r *http.Request) {
	if body, _ := io.ReadAll(r.Body); strings.Contains(string(body), "tools/list") {
		says("application/json", `{"jsonrpc":"2.0","id":1,"result":{"tools":[]}}`)(w, r)
		return
	}
	http.Error(w, "the test said nothing of this", http.StatusNotFound)
}

// says answers with a fixed body.
func says(contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		_, _ = io.WriteString(w, body)
	}
}

// streams answers with server-sent events, each flushed by itself. Before
// event i it waits for next, where there is one.
func streams(next <-chan struct{}, events ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for _, e := range events {
			if next != nil {
				select {
				case <-next:
				case <-r.Context().Done():
					return
				}
			}
			_, _ = io.WriteString(w, e)
			_ = http.NewResponseController(w).Flush()
		}
	}
}
