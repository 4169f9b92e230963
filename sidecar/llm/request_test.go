package llm_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"outrider.dev/outrider/decision"
)

// TestForwardsWhatCame sends a body with odd white space and holds what the
// provider received against it, byte by byte.
func TestForwardsWhatCame(t *testing.T) {
	p := startProvider(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Request-Id", "r1")
		w.Header().Set("Set-Cookie", "session=1")
		w.Header().Set(decision.IDHeader, "forged")
		w.Header().Set("Connection", "X-Hop")
		w.Header().Set("X-Hop", "1")
		says(jsonType, `{"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4}}`)(w, r)
	})
	r := allowed(t, decision.Duty{}, p)
	got := r.post(t, hello, func(req *http.Request) {
		for name, value := range map[string]string{
			"Authorization": "Bearer agent-token", "X-Api-Key": "agent-key", "Cookie": "agent=1", "Accept-Encoding": "gzip",
			"Connection": "X-Mine", "X-Mine": "hop", "Forwarded": "for=agent", "Te": "trailers",
			"Traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "X-Stainless-Lang": "python",
		} {
			req.Header.Set(name, value)
		}
	})
	if got.status != http.StatusOK || !strings.HasPrefix(got.body, `{"choices":[]`) {
		t.Errorf("answer %d %s", got.status, got.body)
	}
	if got.header.Get("X-Request-Id") != "r1" || got.header.Get("Set-Cookie") != "" || got.header.Get("X-Hop") != "" {
		t.Errorf("the answer's headers are %v", got.header)
	}
	if len(p.arrivals()) != 1 {
		t.Fatalf("%d calls arrived", len(p.arrivals()))
	}
	sent := p.arrivals()[0]
	if sent.body != hello || sent.ContentLength != int64(len(hello)) || sent.Method != http.MethodPost || sent.URL.Path != pathChat {
		t.Errorf("%s %s with %d bytes: %s", sent.Method, sent.URL, sent.ContentLength, sent.body)
	}
	for name, want := range map[string]string{
		"Authorization": "Bearer key-of-first", "X-Api-Key": "", "Cookie": "", "Accept-Encoding": "identity", "X-Mine": "",
		"Forwarded": "", "Te": "", "X-Forwarded-For": "", "X-Stainless-Lang": "python", "Content-Type": jsonType,
		"Traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
	} {
		if got := sent.Header.Get(name); got != want {
			t.Errorf("%s travelled as %q, want %q", name, got, want)
		}
	}
	out := r.pdp.outcome(t)
	if out.End != decision.EndCompleted || out.Usage != (decision.Usage{Input: 3, Output: 4}) || out.Provider != "first" ||
		out.Attempts != 1 || string(out.Settlement) != "handle" || out.ExchangeID != got.header.Get(decision.IDHeader) {
		t.Errorf("outcome %+v", out)
	}
	ask := r.pdp.asked[0]
	if ask.Caller.Agent != "tester" || string(ask.Caller.Bearer) != "agent-token" || ask.LLM.Model != "m" || ask.HTTP.Headers["authorization"] != "" {
		t.Errorf("question %+v", ask)
	}
}

// TestEditsTravel: the policy's splices, its headers and the target's own model.
func TestEditsTravel(t *testing.T) {
	p := startProvider(t, says(jsonType, `{}`))
	at := uint32(strings.Index(hello, "hello"))
	g := p.grant("first")
	g.Target.Model = `other "model"`
	r := newRoad(t, &pdp{verdict: func(*decision.Request) *decision.Verdict {
		v := verdict(decision.Duty{}, g)
		v.Effect = decision.Mutate
		v.Splices = []decision.Splice{{Start: at, End: at + 5, With: []byte("[GONE]")}}
		v.Headers = []decision.HeaderOp{{Name: "X-Team", Value: decision.Secret("ops")}, {Name: "X-Stainless-Lang", Remove: true}}
		return v
	}})
	r.post(t, hello, func(req *http.Request) { req.Header.Set("X-Stainless-Lang", "python") })
	const want = `{"model": "other \"model\"",  "messages":[{"role":"user","content":"[GONE]"}]}`
	sent := p.arrivals()[0]
	if sent.body != want || sent.ContentLength != int64(len(want)) {
		t.Errorf("%d bytes arrived: %s", sent.ContentLength, sent.body)
	}
	if sent.Header.Get("X-Team") != "ops" || sent.Header.Get("X-Stainless-Lang") != "" {
		t.Errorf("headers %v", sent.Header)
	}
}

// TestForcedModel: a model that the policy forced is what a target gets that
// names none of its own; another target's own model takes its place.
func TestForcedModel(t *testing.T) {
	for model, want := range map[string]string{
		"":      `{"model": "cheap", "max_tokens":9,  "messages":[{"role":"user","content":"hello"}]}`,
		"cheap": `{"model": "cheap", "max_tokens":9,  "messages":[{"role":"user","content":"hello"}]}`,
		"own":   `{"model": "own", "max_tokens":9,  "messages":[{"role":"user","content":"hello"}]}`,
		"m":     `{"model": "m", "max_tokens":9,  "messages":[{"role":"user","content":"hello"}]}`,
	} {
		p := startProvider(t, says(jsonType, `{}`))
		g := p.grant("first")
		g.Target.Model = model
		at := uint32(strings.Index(hello, `"m"`))
		r := newRoad(t, &pdp{verdict: func(*decision.Request) *decision.Verdict {
			v := verdict(decision.Duty{}, g)
			v.Effect = decision.Mutate
			v.Splices = []decision.Splice{{Start: at, End: at + 3, With: []byte(`"cheap", "max_tokens":9`)}}
			return v
		}})
		r.post(t, hello)
		if sent := p.arrivals(); len(sent) != 1 || sent[0].body != want {
			t.Errorf("target of %q: got %v", model, sent)
		}
	}
}

// TestSplicesThatDoNotFit end the call: without them the body would travel on
// as the policy did not want it.
func TestSplicesThatDoNotFit(t *testing.T) {
	at := uint32(strings.Index(hello, `m"`))
	for name, splices := range map[string][]decision.Splice{
		"beyond the body":    {{Start: 5, End: 1 << 30}},
		"overlapping":        {{Start: 5, End: 9}, {Start: 8, End: 10}},
		"around the model":   {{Start: at - 1, End: at + 2, With: []byte("x")}},
		"in the wrong order": {{Start: 20, End: 21}, {Start: 2, End: 3}},
	} {
		p := startProvider(t, says(jsonType, `{}`))
		g := p.grant("first")
		if strings.Contains(name, "model") {
			g.Target.Model = "other"
		}
		r := newRoad(t, &pdp{verdict: func(*decision.Request) *decision.Verdict {
			v := verdict(decision.Duty{}, g)
			v.Effect, v.Splices = decision.Mutate, splices
			return v
		}})
		r.post(t, hello).wantCode(t, decision.CodeEditConflict.Status().HTTP, decision.CodeEditConflict)
		if out := r.pdp.outcome(t); len(p.arrivals()) != 0 || out.End != decision.EndFailed {
			t.Errorf("%s: %d calls arrived, outcome %+v", name, len(p.arrivals()), out)
		}
	}
}

// TestRefusedUnasked: what cannot be judged is refused before anybody is asked.
func TestRefusedUnasked(t *testing.T) {
	header := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	for name, tt := range map[string]struct {
		body   string
		change func(*http.Request)
		status int
		code   decision.Code
	}{
		"get":            {"", func(r *http.Request) { r.Method = http.MethodGet }, 405, decision.CodeMethodNotAllowed},
		"duplicate key":  {`{"model":"a","model":"b","messages":[]}`, header("A", "b"), 400, decision.CodeBodyInvalid},
		"two documents":  {hello + hello, header("A", "b"), 400, decision.CodeBodyInvalid},
		"empty":          {"", header("A", "b"), 400, decision.CodeBodyInvalid},
		"text":           {hello, header("Content-Type", "text/plain"), 415, decision.CodeContentType},
		"gzip":           {hello, header("Content-Encoding", "gzip"), 415, decision.CodeBodyEncoding},
		"large":          {`{"model":"` + strings.Repeat("m", 1<<20) + `"}`, header("A", "b"), 413, decision.CodeBodyTooLarge},
		"deep":           {`{"model":"m","x":` + strings.Repeat("[", 64) + strings.Repeat("]", 64) + `}`, header("A", "b"), 413, decision.CodeBodyTooLarge},
		"foreign origin": {hello, header("Origin", "http://rebound.example:4000"), 403, decision.CodeOriginRefused},
		"opaque origin":  {hello, header("Origin", "null"), 403, decision.CodeOriginRefused},
	} {
		t.Run(name, func(t *testing.T) {
			p := startProvider(t, says(jsonType, `{}`))
			r := allowed(t, decision.Duty{}, p)
			r.post(t, tt.body, tt.change).wantCode(t, tt.status, tt.code)
			if len(r.pdp.asked) != 0 || len(p.arrivals()) != 0 {
				t.Errorf("%d were asked, %d forwarded", len(r.pdp.asked), len(p.arrivals()))
			}
		})
	}
}

func TestDenied(t *testing.T) {
	for name, tt := range map[string]struct {
		verdict *decision.Verdict
		status  int
		code    decision.Code
		header  string
		value   string
	}{
		"nobody answers": {nil, 503, decision.CodePDPUnavailable, "", ""},
		"by rule": {
			&decision.Verdict{Effect: decision.Deny, Reason: decision.Reason{Code: decision.CodeDeniedByRule}},
			403, decision.CodeDeniedByRule, "", "",
		},
		"by the zero effect": {&decision.Verdict{}, 500, decision.CodeNone, "", ""},
		"without a grant":    {&decision.Verdict{Effect: decision.Allow}, 503, decision.CodePDPUnavailable, "", ""},
		"by the token": {
			&decision.Verdict{Effect: decision.Deny, Reason: decision.Reason{Code: decision.CodeTokenExpired}},
			401, decision.CodeTokenExpired, "WWW-Authenticate", `Bearer error="invalid_token"`,
		},
		"by a limit": {
			&decision.Verdict{Effect: decision.Deny, Reason: decision.Reason{Code: decision.CodeRateLimited, RetryAfter: 1500 * time.Millisecond}},
			429, decision.CodeRateLimited, "Retry-After", "2",
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRoad(t, &pdp{verdict: func(*decision.Request) *decision.Verdict { return tt.verdict }})
			got := r.post(t, hello)
			got.wantCode(t, tt.status, tt.code)
			if !strings.HasPrefix(got.header.Get(tt.header), tt.value) {
				t.Errorf("%s is %q", tt.header, got.header.Get(tt.header))
			}
		})
	}
}
