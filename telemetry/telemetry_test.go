package telemetry

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"outrider.dev/outrider/decision"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// build makes a telemetry without spans, with its log in the buffer.
func build(t *testing.T) (*Telemetry, *bytes.Buffer) {
	t.Helper()
	log := &bytes.Buffer{}
	tel, err := New(Options{Service: "outrider", Version: "1", Log: log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tel.Close(t.Context()) })
	return tel, log
}

func scrape(t *testing.T, tel *Telemetry) string {
	t.Helper()
	w := httptest.NewRecorder()
	tel.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if w.Code != http.StatusOK {
		t.Fatalf("status %d: %s", w.Code, w.Body)
	}
	return w.Body.String()
}

// TestLogHidesSecrets: however deep a secret lies in what is logged.
func TestLogHidesSecrets(t *testing.T) {
	secret := decision.Secret("not-to-be-shown")
	grant := decision.Grant{Credential: decision.Credential{Header: decision.HeaderOp{Name: "Authorization", Value: secret}}}
	var text, lines bytes.Buffer
	logs := map[string]*slog.Logger{"text": slog.New(slog.NewTextHandler(&text, nil)), "json": newLog(&lines, slog.LevelInfo)}
	for _, log := range logs {
		log.Info("granted", "key", secret, "grant", grant, "pointer", &grant, "list", []decision.Secret{secret},
			"request", decision.Request{Caller: decision.Caller{Bearer: secret}}, slog.Group("g", "key", secret))
	}
	for name, out := range map[string]string{"text": text.String(), "json": lines.String()} {
		if strings.Contains(out, "not-to-be-shown") || strings.Contains(out, "bm90LXRv") || !strings.Contains(out, "[secret]") {
			t.Errorf("%s: %s", name, out)
		}
	}
}

func TestLogForm(t *testing.T) {
	tel, out := build(t)
	tel.Log.Debug("unheard")
	tel.Log.Info("heard", "n", 1)
	var line map[string]any
	if err := json.Unmarshal(out.Bytes(), &line); err != nil || line["msg"] != "heard" || line["n"] != 1.0 {
		t.Errorf("%s: %v", out, err)
	}
	out.Reset()
	newLog(out, slog.LevelDebug).Debug("heard")
	if !strings.Contains(out.String(), "heard") {
		t.Errorf("at debug level: %q", out)
	}
	newLog(nil, slog.LevelDebug).Error("to nobody")
}

// TestLogForPeople: a terminal gets text, a file JSON.
func TestLogForPeople(t *testing.T) {
	terminal, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer terminal.Close()
	if _, ok := newLog(terminal, 0).Handler().(*slog.TextHandler); !ok {
		t.Error("a terminal does not get text")
	}
	file, err := os.Create(t.TempDir() + "/log")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, ok := newLog(file, 0).Handler().(*slog.JSONHandler); !ok {
		t.Error("a file does not get JSON")
	}
}

func TestBadEndpoint(t *testing.T) {
	for _, otlp := range []string{"collector", "grpc://127.0.0.1:4317", "http://", "http://%zz", "127.0.0.1:4318"} {
		if _, err := New(Options{OTLP: otlp}); err == nil || !strings.Contains(err.Error(), "write http://127.0.0.1:4318") {
			t.Errorf("%s: %v", otlp, err)
		}
	}
}

func TestTracesURL(t *testing.T) {
	for base, want := range map[string]string{
		"http://127.0.0.1:4318":             "http://127.0.0.1:4318/v1/traces",
		"http://127.0.0.1:4318/":            "http://127.0.0.1:4318/v1/traces",
		"https://host.example/api/otel":     "https://host.example/api/otel/v1/traces",
		"https://host.example/api/otel/":    "https://host.example/api/otel/v1/traces",
		"https://host.example/otel?project": "https://host.example/otel/v1/traces?project",
	} {
		if got, err := tracesURL(base); got != want || err != nil {
			t.Errorf("%s: got %s, %v", base, got, err)
		}
	}
}

// TestMetricNames: the names are a contract with dashboards.
func TestMetricNames(t *testing.T) {
	tel, _ := build(t)
	m := tel.Metrics
	m.Decided("llm", "deny", "rate_limited")
	m.Decided("mcp", "allow", "")
	m.CallSeconds.WithLabelValues("mcp", PhaseDecision).Observe(0.0004)
	m.GuardFindings.WithLabelValues("pii.us_ssn", "redact").Add(2)
	m.LimitRefusals.WithLabelValues("devops: 10 requests a minute").Inc()
	m.PDPErrors.Inc()
	if err := m.WatchAuditLost(func() uint64 { return 7 }); err != nil {
		t.Fatal(err)
	}
	if err := m.WatchAuditLost(func() uint64 { return 8 }); err == nil {
		t.Error("a second record is watched under the same name")
	}
	got := scrape(t, tel)
	for _, want := range []string{
		`outrider_calls_total{effect="deny",reason="rate_limited",surface="llm"} 1`,
		`outrider_calls_total{effect="allow",reason="",surface="mcp"} 1`,
		`outrider_call_seconds_bucket{phase="decision",surface="mcp",le="0.0005"} 1`,
		`outrider_call_seconds_bucket{phase="decision",surface="mcp",le="0.00025"} 0`,
		`outrider_guard_findings_total{action="redact",type="pii.us_ssn"} 2`,
		`outrider_limit_refusals_total{rule="devops: 10 requests a minute"} 1`,
		"outrider_pdp_errors_total 1", "outrider_audit_lost_total 7", "outrider_spans_lost_total 0",
		"go_goroutines ", "process_resident_memory_bytes ",
	} {
		if !strings.Contains(got, "\n"+want) {
			t.Errorf("no line %s in\n%s", want, got)
		}
	}
}

// TestDecidedIsBounded: where no more counters are remembered, none costs the memory of
// a list, and each still counts.
func TestDecidedIsBounded(t *testing.T) {
	tel, _ := build(t)
	m := tel.Metrics
	for i := range 2 * maxDecided {
		m.Decided("llm", "allow", fmt.Sprintf("value %d", i))
	}
	if n := len(*m.decided.list.Load()); n != maxDecided {
		t.Errorf("%d are remembered", n)
	}
	one := counted{"llm", "allow", "another", m.Calls.WithLabelValues("llm", "allow", "another")}
	if n := testing.AllocsPerRun(10, func() { m.decided.remember(one) }); n > 0 {
		t.Errorf("one more takes %v allocations", n)
	}
	if got := scrape(t, tel); !strings.Contains(got, fmt.Sprintf(`{effect="allow",reason="other",surface="llm"} %d`, 2*maxDecided)) {
		t.Errorf("not all are counted:\n%s", got)
	}
}

// TestLabelsAreBounded: nobody can fill the memory with values of labels.
func TestLabelsAreBounded(t *testing.T) {
	tel, _ := build(t)
	m := tel.Metrics
	for i := range 1000 {
		value := fmt.Sprintf("Value %d\n{}", i)
		m.Decided(value, value, value)
		m.CallSeconds.WithLabelValues(value, value).Observe(1)
		m.GuardFindings.WithLabelValues(value, value).Inc()
		m.LimitRefusals.WithLabelValues(strings.Repeat(value, 100)).Inc()
	}
	got := scrape(t, tel)
	for _, want := range []string{
		`outrider_calls_total{effect="other",reason="other",surface="other"} 1000`,
		`outrider_call_seconds_count{phase="other",surface="other"} 1000`,
		`outrider_guard_findings_total{action="other",type="other"} 1000`,
		`outrider_limit_refusals_total{rule="other"} 1000`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no line %s", want)
		}
	}
	if strings.Contains(got, "Value") {
		t.Error("a value that nobody foresaw became a label")
	}
}

// TestEveryReasonIsALabel: the registry of reason codes is what dashboards see.
func TestEveryReasonIsALabel(t *testing.T) {
	tel, _ := build(t)
	for _, row := range decision.Registry() {
		tel.Metrics.Calls.WithLabelValues("llm", "deny", string(row.Code)).Inc()
	}
	if got := scrape(t, tel); strings.Contains(got, `reason="other"`) || !strings.Contains(got, `reason="`+string(decision.CodeRuleError)+`"`) {
		t.Error(got)
	}
}
