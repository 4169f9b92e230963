package decisionservice

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"outrider.dev/outrider/audit"
	"outrider.dev/outrider/config"
	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/guards"
	"outrider.dev/outrider/pdp/route"
	"outrider.dev/outrider/telemetry"
)

const askingPolicy = `
apiVersion: outrider.dev/v1
kind: AgentPolicy
metadata: {name: asking}
spec:
  backend:
    llm: {guards: {request: [{type: Recognizer, name: ner, action: Redact}, {type: PII, action: Redact}], response: [{type: Recognizer, name: ner, action: Redact}]}}
    mcp: {guards: {response: [{type: Classifier, name: mod, action: Block}]}}
`

func loadedAsking(t *testing.T, guards string) *config.Loaded {
	t.Helper()
	loaded, err := config.Text("test.yaml", "apiVersion: outrider.dev/v1\nkind: Config\nagent: {name: a}\nguards: "+guards+"\n---"+askingPolicy)
	if err != nil {
		t.Fatal(err)
	}
	return loaded
}

// TestServicesAreBuilt as the configuration says.
func TestServicesAreBuilt(t *testing.T) {
	t.Setenv("MOD_KEY", "the-key")
	var seen []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		seen = append(seen, r.URL.Path+" "+r.Header.Get("Authorization")+" "+string(raw))
		_, _ = io.WriteString(w, "{}")
	}))
	defer server.Close()
	loaded := loadedAsking(t, `{recognizers: [{name: ner, url: "`+server.URL+`/x/", language: de, minScore: 0.4, onFailure: Open}],
  classifiers: [{name: mod, url: "`+server.URL+`/y", model: omni, bearer: {env: MOD_KEY}}]}`)
	list, err := services(loaded.Config.GetGuards(), route.Key)
	if err != nil {
		t.Fatal(err)
	}
	defer closeAll(list)
	if ner, mod := list["ner"], list["mod"]; len(list) != 2 || ner.Kind != guards.Recognizer || !ner.Open || mod.Kind != guards.Classifier || mod.Open {
		t.Errorf("%+v", list)
	}
	for _, name := range []string{"ner", "mod"} {
		if _, err := list[name].Read(t.Context(), []string{"text"}); err == nil {
			t.Errorf("%s takes {} for an answer", name)
		}
	}
	want := `/x/analyze  {"text":"text","language":"de","score_threshold":0.4}|/y Bearer the-key {"input":["text"],"model":"omni"}`
	if got := strings.Join(seen, "|"); got != want {
		t.Errorf("asked %s", got)
	}
	t.Setenv("MOD_KEY", "")
	if _, err := services(loaded.Config.GetGuards(), route.Key); err == nil || !strings.Contains(err.Error(), "guards.classifiers mod: the environment variable MOD_KEY") {
		t.Errorf("without the key: %v", err)
	}
}

// TestChecksAskNobody, but know who would be asked.
func TestChecksAskNobody(t *testing.T) {
	loaded := loadedAsking(t, `{recognizers: [{name: ner, url: "https://ner.example"}], classifiers: [{name: mod, url: "https://mod.example", bearer: {env: NOT_SET_HERE}}]}`)
	if checked, err := Check(loaded); err != nil || len(checked.Warnings) != 0 {
		t.Errorf("%+v, %v", checked, err)
	}
	if _, err := Check(loadedAsking(t, `{recognizers: [{name: other, url: "https://ner.example"}]}`)); err == nil || !strings.Contains(err.Error(), `no recognizer of the name "ner"`) {
		t.Errorf("%v", err)
	}
	loaded.Config = nil
	checked, err := Check(loaded)
	if err != nil || len(checked.Warnings) != 3 || !strings.Contains(checked.Warnings[2], `test.yaml:12:31: policy asking: whether a configuration has the classifier "mod" is not known here`) {
		t.Errorf("%+v, %v", checked, err)
	}
	silent := Silent(loaded.Policies)
	if len(silent) != 2 {
		t.Errorf("%+v", silent)
	}
	if found, err := silent["ner"].Read(context.Background(), []string{"a", "b"}); err != nil || len(found) != 2 || len(found[0])+len(found[1]) > 0 {
		t.Errorf("%v, %v", found, err)
	}
}

// TestUnreadIsTold: every time in the metrics, once in a while in the log.
func TestUnreadIsTold(t *testing.T) {
	var log bytes.Buffer
	tel, err := telemetry.New(telemetry.Options{Service: "test", Log: &log})
	if err != nil {
		t.Fatal(err)
	}
	defer tel.Close(t.Context())
	records, err := audit.New(audit.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	r := recorder{log: records, events: tel.Log, metrics: tel.Metrics, quiet: &quiet{}}
	at := time.Unix(0, 0)
	call := audit.Record{ID: "0123456789", Phase: audit.PhaseRequest, Surface: decision.LLM, Effect: decision.Allow.String()}
	call.Unread = []audit.Unread{{Service: "ner", Passed: true, Why: "it answers with status 500"}, {Service: "mod", Why: "no answer within 1s"}}
	for range 20 {
		at = at.Add(time.Second)
		call.Time = at
		r.Add(call)
	}
	lines := strings.Split(strings.TrimSpace(log.String()), "\n")
	if len(lines) != 4 || !strings.Contains(lines[0], `"service":"ner","passed":true,"why":"it answers with status 500"`) {
		t.Errorf("%d lines: %s", len(lines), log.String())
	}
	w := httptest.NewRecorder()
	tel.Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "/metrics", nil))
	for _, line := range []string{`outrider_guard_failures_total{mode="open",service="ner"} 20`, `outrider_guard_failures_total{mode="closed",service="mod"} 20`} {
		if !strings.Contains(w.Body.String(), line) {
			t.Errorf("metrics miss %s", line)
		}
	}
}
