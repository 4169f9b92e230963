package road

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"
)

// personName is what the recogniser of these tests knows.
const personName = "Zoë Brown"

// readers stand for a recogniser and a classifier.
type readers struct {
	mu    sync.Mutex
	heard []string // bodies
	away  bool
}

func (s *readers) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	raw, _ := io.ReadAll(r.Body)
	s.mu.Lock()
	s.heard = append(s.heard, string(raw))
	away := s.away
	s.mu.Unlock()
	if away {
		http.Error(w, "out of order", http.StatusInternalServerError)
		return
	}
	if r.URL.Path == "/ner/analyze" && r.Header.Get("Authorization") == "" {
		s.recognize(w, raw)
		return
	}
	if r.URL.Path != "/mod" || r.Header.Get("Authorization") != "Bearer key-of-mod" {
		http.NotFound(w, r)
		return
	}
	var q struct{ Input []string }
	_ = json.Unmarshal(raw, &q)
	var results []string
	for _, text := range q.Input {
		results = append(results, fmt.Sprintf(`{"flagged":%[1]t,"categories":{"hate":%[1]t},"category_scores":{"hate":0.9}}`, strings.Contains(text, "vermin")))
	}
	says("application/json", `{"results":[`+strings.Join(results, ",")+`]}`)(w, r)
}

func (s *readers) recognize(w http.ResponseWriter, raw []byte) {
	var q struct{ Text, Language string }
	_ = json.Unmarshal(raw, &q)
	at := strings.Index(q.Text, personName)
	if at < 0 {
		_, _ = io.WriteString(w, "[]")
		return
	}
	start := utf8.RuneCountInString(q.Text[:at])
	_ = json.NewEncoder(w).Encode([]map[string]any{{
		"entity_type": "PERSON", "start": start, "end": start + utf8.RuneCountInString(personName), "score": .85, "analysis_explanation": nil,
	}})
}

func (s *readers) all() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.heard, "\n")
}

// asking has guards ask the readers, about requests and whole answers.
func asking(t *testing.T, s *readers) func(*setup) {
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return func(set *setup) {
		set.write(t, "mod.key", "key-of-mod\n")
		set.guards = fmt.Sprintf("{recognizers: [{name: ner, url: %q, onFailure: Open, timeout: 5s}], classifiers: [{name: mod, url: %q, bearer: {file: $dir/mod.key}, timeout: 5s}]}",
			server.URL+"/ner", server.URL+"/mod")
		const names, rude = "{type: Recognizer, name: ner, action: Redact}", "{type: Classifier, name: mod, action: Block}"
		set.policy = strings.ReplaceAll(set.policy, "request: [{type: PII, action: Redact}", "request: ["+names+", "+rude+", {type: PII, action: Redact}")
		set.policy = strings.ReplaceAll(set.policy, "response: [{type: Secret", "response: ["+names+", {type: Secret")
	}
}

// TestServicesRead: names do not reach the provider, nor the agent; a text that
// the classifier objects to goes nowhere; nor does one that it did not read.
func TestServicesRead(t *testing.T) {
	for _, w := range ways() {
		t.Run(w.name, func(t *testing.T) {
			s, p := &readers{}, &parrot{}
			r := w.build(t, newSetup(t, asking(t, s)))
			r.script.play(p.whole)
			const prompt = "日本 🎉 " + personName + ", ann.lee@example.com"
			a := r.post(t, pathChat, chat("script-1", prompt))
			if got := a.said(t); got != "日本 🎉 [PERSON], [EMAIL]" || !strings.Contains(p.all(), got) || strings.Contains(p.all(), "Brown") {
				t.Errorf("the agent heard %q, the provider %s", got, p.all())
			}
			r.script.play(says("application/json", `{"choices":[{"index":0,"message":{"role":"assistant","content":"I am `+personName+`."}}]}`))
			if a = r.post(t, pathChat, chat("script-1", "hi")); a.said(t) != "I am [PERSON]." {
				t.Errorf("the agent heard %s", a.body)
			}
			r.script.play(p.whole)
			for body, want := range map[string]struct {
				status int
				code   string
			}{
				chat("script-1", "you vermin"):        {http.StatusForbidden, "guard_moderation"},
				chat("script-1", "hi", streamed):      {http.StatusForbidden, "face_cannot_enforce"},
				chat("script-1", "vermin!", streamed): {http.StatusForbidden, "guard_moderation"},
			} {
				if a := r.post(t, pathChat, body); a.status != want.status || !strings.Contains(string(a.body), want.code) {
					t.Errorf("%s: %d %s", body, a.status, a.body)
				}
			}
			r.wantUnread(t, s, p)
			r.wantToldOf(t, s)
		})
	}
}

// wantUnread has the services fail: the one that fails closed refuses the call.
func (r *Road) wantUnread(t *testing.T, s *readers, p *parrot) {
	t.Helper()
	s.mu.Lock()
	s.away = true
	s.mu.Unlock()
	a := r.post(t, pathChat, chat("script-1", "unread"))
	if a.status != http.StatusServiceUnavailable || !strings.Contains(string(a.body), "guard_unavailable") || strings.Contains(p.all(), "unread") {
		t.Errorf("away: %d %s", a.status, a.body)
	}
	call := `{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"get_thing","arguments":{"text":"unread"}}}`
	if a = r.post(t, pathMCP+"/script", call, authorized(pathMCP, r.token(t, scopeRead))...); a.status != http.StatusServiceUnavailable {
		t.Errorf("away, MCP: %d %s", a.status, a.body)
	}
}

// wantToldOf looks at what all of it left behind: counts, and no content.
func (r *Road) wantToldOf(t *testing.T, s *readers) {
	t.Helper()
	metrics := r.metrics(t)
	for _, want := range []string{
		`outrider_guard_failures_total{mode="closed",service="mod"} 2`, `outrider_guard_failures_total{mode="open",service="ner"} 2`,
		`outrider_guard_findings_total{action="redact",type="pii.person"} 2`, `outrider_guard_findings_total{action="block",type="moderation.hate"} 2`,
	} {
		if !strings.Contains(metrics, want) {
			t.Errorf("metrics miss %s", want)
		}
	}
	for what, text := range map[string]string{"records": r.recordFiles(t), "log": r.log.String()} {
		if strings.Contains(text, "Brown") || strings.Contains(text, "vermin") || strings.Contains(text, "key-of-mod") {
			t.Errorf("the %s hold content or a key", what)
		}
	}
	if log := r.log.String(); strings.Count(log, "did not read a call") != 2 {
		t.Errorf("the log says of two services: %s", log)
	}
	if heard := s.all(); !strings.Contains(heard, `{"text":"日本 🎉 `+personName+`, ann.lee@example.com","language":"en"}`) || strings.Contains(heard, "script-1") {
		t.Errorf("the services heard %s", heard)
	}
}
