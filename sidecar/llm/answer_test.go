package llm_test

import (
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/test/freeport"
)

func fails(status int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }
}

// breaksOff promises more than it sends.
func breaksOff(kind, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		w.Header().Set("Content-Length", strconv.Itoa(len(body)+10))
		_, _ = io.WriteString(w, body)
	}
}

func TestFailover(t *testing.T) {
	for name, first := range map[string]http.HandlerFunc{
		"408": fails(408), "429": fails(429), "500": fails(500), "502": fails(502), "503": fails(503), "504": fails(504),
		"redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
		},
		"hangs up":    func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"breaks off":  breaksOff(jsonType, `{"choices":[`),
		"no event":    breaksOff("text/event-stream", ""),
		"half event":  breaksOff("text/event-stream", `data: {"choices":[`),
		"a comment":   breaksOff("text/event-stream", ": wait"),
		"empty comma": breaksOff("text/event-stream", "data: "),
	} {
		t.Run(name, func(t *testing.T) {
			bad, good := startProvider(t, first), startProvider(t, says(jsonType, `{"choices":[]}`))
			bad.Config.ErrorLog = nil
			r := allowed(t, decision.Duty{JudgeResponse: true}, bad, good)
			if got := r.post(t, hello); got.status != http.StatusOK || got.body != `{"choices":[]}` {
				t.Errorf("answer %d %s", got.status, got.body)
			}
			if len(bad.arrivals()) != 1 || len(good.arrivals()) != 1 {
				t.Fatalf("%d and %d calls arrived", len(bad.arrivals()), len(good.arrivals()))
			}
			if sent := good.arrivals()[0]; sent.body != hello || sent.Header.Get("Authorization") != "Bearer key-of-second" {
				t.Errorf("the second received %s with %s", sent.body, sent.Header.Get("Authorization"))
			}
			out := r.pdp.outcome(t)
			if out.Provider != "second" || out.Attempts != 2 || out.End != decision.EndCompleted || len(r.pdp.attempts) != 1 || r.pdp.attempts[0].FailedProvider != "first" {
				t.Errorf("outcome %+v after %+v", out, r.pdp.attempts)
			}
		})
	}
}

// TestNoFailover: these are answers, and another provider would say the same.
func TestNoFailover(t *testing.T) {
	for _, status := range []int{200, 400, 403, 404, 409, 422, 501} {
		first, second := startProvider(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", jsonType)
			w.WriteHeader(status)
			_, _ = io.WriteString(w, `{"error":{}}`)
		}), startProvider(t, says(jsonType, `{}`))
		r := allowed(t, decision.Duty{}, first, second)
		if got := r.post(t, hello); got.status != status || got.body != `{"error":{}}` || len(second.arrivals()) != 0 {
			t.Errorf("%d: answer %d %s, %d calls at the second", status, got.status, got.body, len(second.arrivals()))
		}
	}
}

func TestNobodyLeft(t *testing.T) {
	t.Run("the last answer passes", func(t *testing.T) {
		r := allowed(t, decision.Duty{}, startProvider(t, fails(503)), startProvider(t, fails(429)))
		if got := r.post(t, hello); got.status != 429 {
			t.Errorf("answer %d %s", got.status, got.body)
		}
		if out := r.pdp.outcome(t); out.Attempts != 2 {
			t.Errorf("outcome %+v", out)
		}
	})
	t.Run("nobody listens", func(t *testing.T) {
		nobody := freeport.For(t)
		gone := &provider{}
		gone.Server = startProvider(t, fails(500)).Server
		g := gone.grant("first")
		g.Target.Origin = "http://" + nobody
		r := newRoad(t, &pdp{verdict: func(*decision.Request) *decision.Verdict { return verdict(decision.Duty{}, g) }})
		got := r.post(t, hello)
		got.wantCode(t, 502, decision.CodeUpstreamUnavailable)
		if strings.Contains(got.body, nobody) || strings.Contains(got.body, "key-of") {
			t.Errorf("the answer tells %s", got.body)
		}
		if out := r.pdp.outcome(t); out.End != decision.EndFailed || out.Usage != (decision.Usage{}) {
			t.Errorf("outcome %+v", out)
		}
	})
	t.Run("not for ever", func(t *testing.T) {
		p := startProvider(t, fails(503))
		r := allowed(t, decision.Duty{}, p)
		for range 20 {
			r.pdp.grants = append(r.pdp.grants, p.grant("first"))
		}
		if got := r.post(t, hello); got.status != 503 || len(p.arrivals()) != 8 {
			t.Errorf("answer %d after %d attempts", got.status, len(p.arrivals()))
		}
	})
}

// TestAnswersThatMayNotPass holds whatever the duty is where it says so.
func TestAnswersThatMayNotPass(t *testing.T) {
	judge := decision.Duty{JudgeResponse: true}
	for name, tt := range map[string]struct {
		duty   decision.Duty
		answer http.HandlerFunc
	}{
		"refused key": {decision.Duty{}, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = io.WriteString(w, `{"error":"key-of-first is wrong"}`)
		}},
		"refused proxy": {decision.Duty{}, fails(http.StatusProxyAuthRequired)},
		"switches protocol": {decision.Duty{}, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Connection", "Upgrade")
			w.Header().Set("Upgrade", "anything")
			w.WriteHeader(http.StatusSwitchingProtocols)
		}},
		"compressed": {decision.Duty{}, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			says(jsonType, "{}")(w, r)
		}},
		"too large":          {decision.Duty{}, says(jsonType, `"`+strings.Repeat("x", 1<<20)+`"`)},
		"text":               {judge, says("text/plain", "hello")},
		"JSON named text":    {judge, says("text/plain", `{"choices":[]}`)},
		"text named JSON":    {judge, says(jsonType, "hello")},
		"duplicate key":      {judge, says(jsonType, `{"choices":[],"choices":[]}`)},
		"page":               {judge, says("text/html", "<p>hello")},
		"without a type":     {judge, says("", `{"choices":[]}`)},
		"event in its type?": {judge, says("text/event-stream2", "data: {}\n\n")},
	} {
		t.Run(name, func(t *testing.T) {
			r := allowed(t, tt.duty, startProvider(t, tt.answer))
			got := r.post(t, hello)
			got.wantCode(t, 502, decision.CodeUpstreamInvalid)
			if strings.Contains(got.body, "key-of") {
				t.Errorf("the answer repeats the key: %s", got.body)
			}
			if out := r.pdp.outcome(t); out.End != decision.EndFailed {
				t.Errorf("outcome %+v", out)
			}
		})
	}
}

// TestUnjudgedPasses: where nobody judges, any answer is the provider's own.
func TestUnjudgedPasses(t *testing.T) {
	for name, tt := range map[string]struct {
		answer http.HandlerFunc
		status int
		body   string
	}{
		"text":  {says("text/plain", "hello"), 200, "hello"},
		"empty": {fails(http.StatusNoContent), 204, ""},
	} {
		r := allowed(t, decision.Duty{}, startProvider(t, tt.answer))
		if got := r.post(t, hello); got.status != tt.status || got.body != tt.body {
			t.Errorf("%s: answer %d %s", name, got.status, got.body)
		}
		if out := r.pdp.outcome(t); out.End != decision.EndCompleted {
			t.Errorf("%s: outcome %+v", name, out)
		}
	}
}

const said = `{"choices":[{"index":0,"message":{"role":"assistant","content":"the secret"}}],"usage":{"prompt_tokens":1,"completion_tokens":2}}`

func TestWholeIsJudged(t *testing.T) {
	judge := func(rule func(decision.Part) *decision.Ruling) (*road, answer) {
		r := allowed(t, decision.Duty{JudgeResponse: true}, startProvider(t, says(jsonType, said)))
		r.pdp.judge = rule
		return r, r.post(t, hello)
	}
	at := uint32(strings.Index(said, "the secret"))
	r, got := judge(func(p decision.Part) *decision.Ruling {
		if p.Whole == nil || string(p.Whole.Raw) != said || len(p.Whole.Segments) == 0 {
			t.Errorf("asked about %+v", p)
		}
		return &decision.Ruling{Effect: decision.Mutate, Splices: []decision.Splice{{Start: at, End: at + 10, With: []byte("…")}}}
	})
	if got.status != 200 || got.body != strings.Replace(said, "the secret", "…", 1) || got.cut {
		t.Errorf("answer %d %s", got.status, got.body)
	}
	if out := r.pdp.outcome(t); out.End != decision.EndCompleted || out.Usage.Output != 2 {
		t.Errorf("outcome %+v", out)
	}
	r, got = judge(func(decision.Part) *decision.Ruling { return deny(decision.CodeSecret) })
	got.wantCode(t, 403, decision.CodeSecret)
	if out := r.pdp.outcome(t); out.End != decision.EndDenied || out.Usage.Output != 2 {
		t.Errorf("outcome %+v", out)
	}
	r, got = judge(func(decision.Part) *decision.Ruling { return nil })
	got.wantCode(t, 503, decision.CodePDPUnavailable)
	if r.pdp.outcome(t).End == decision.EndCompleted {
		t.Error("an answer that nobody judged counts as complete")
	}
	_, got = judge(func(decision.Part) *decision.Ruling {
		return &decision.Ruling{Effect: decision.Mutate, Splices: []decision.Splice{{Start: 5, End: 1 << 30}}}
	})
	got.wantCode(t, decision.CodeEditConflict.Status().HTTP, decision.CodeEditConflict)
	_, got = judge(func(decision.Part) *decision.Ruling {
		return &decision.Ruling{Effect: decision.Mutate, Splices: []decision.Splice{{Start: 9, End: 12}, {Start: 5, End: 10}}}
	})
	if strings.Contains(got.body, "choices") {
		t.Errorf("splices that overlap let through %d %s", got.status, got.body)
	}
}

// TestPanicSettles: a bug in the way of the answer ends the call, closed, and
// gives its reservation back.
func TestPanicSettles(t *testing.T) {
	r := allowed(t, decision.Duty{JudgeResponse: true}, startProvider(t, says(jsonType, said)))
	r.pdp.judge = func(decision.Part) *decision.Ruling { panic("a bug") }
	resp, err := http.Post(r.URL+pathChat, jsonType, strings.NewReader(hello)) //nolint:noctx // it ends at once
	if err == nil {
		_ = resp.Body.Close()
		t.Errorf("answer %d", resp.StatusCode)
	}
	if out := r.pdp.outcome(t); out.End == decision.EndCompleted {
		t.Errorf("outcome %+v", out)
	}
	http.DefaultClient.CloseIdleConnections()
}
