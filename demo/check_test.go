package demo

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/demo/standin"
	"outrider.dev/outrider/demo/tools"
)

// faults runs one check and returns what it found.
func faults(c check, p *player, a *answer, received ...arrival) (*seen, string) {
	s := &seen{effect: allowed}
	c(p, a, s, received)
	return s, strings.Join(s.faults, "; ")
}

// Not even the first character of a credential may arrive in a stream.
func TestStreamedLeaksAreNoticed(t *testing.T) {
	p := &player{stage: stage(t)}
	planted := p.stage.LLM.Planted()
	for n := range len(planted) + 1 {
		a := stream("")
		a.text = "Of course. The deploy key is " + planted[:n]
		if _, got := faults(checkNoLeakStreamed, p, a); (got == "") != (n == 0) {
			t.Errorf("%d characters arrived: faults %q", n, got)
		}
	}
	within := stream("")
	within.text = "The key is " + planted[:9] + " and more text"
	if _, got := faults(checkNoLeakStreamed, p, within); !strings.Contains(got, "the beginning of the credential") {
		t.Errorf("a beginning within the text: faults %q", got)
	}
	complete := stream("")
	complete.ended = true
	if _, got := faults(checkNoLeakStreamed, p, complete); !strings.Contains(got, "says that it is complete") {
		t.Errorf("a blocked stream with [DONE]: faults %q", got)
	}
	raw := stream("data: " + planted + "\n\n") // where no client reads it, but there
	if _, got := faults(checkNoLeakStreamed, p, raw); !strings.Contains(got, "received the planted credential") {
		t.Errorf("the credential beside the text: faults %q", got)
	}
}

func chatBody(prompt string) arrival {
	body := fmt.Sprintf(`{"messages":[{"role":"user","content":%q}]}`, prompt)
	return arrival{Received: standin.Received{Header: http.Header{}, Body: []byte(body)}, at: "the LLM provider"}
}

func TestRedactionIsChecked(t *testing.T) {
	const good = "My SSN is [US_SSN], write to [EMAIL] or call [PHONE]."
	for _, c := range []struct{ name, prompt, fault string }{
		{"redacted", good, ""},
		{"the SSN is left", strings.Replace(good, "[US_SSN]", "536-22-8145", 1), `received "536-22-8145"`},
		{"the address is left", strings.Replace(good, "[EMAIL]", "jane.doe@example.com", 1), `received "jane.doe@example.com"`},
		{"the number is left", strings.Replace(good, "[PHONE]", "(415) 555-0142", 1), `received "555-0142"`},
		{"another prompt altogether", "hello", `received "hello"`},
		{"no prompt", "", `received ""`},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, got := faults(checkRedacted, nil, nil, chatBody(c.prompt))
			if !strings.Contains(got, c.fault) || (got == "") != (c.fault == "") {
				t.Errorf("faults are %q, want %q", got, c.fault)
			}
			if want := map[bool]effect{true: redacted, false: allowed}[c.fault == ""]; s.effect != want {
				t.Errorf("the effect is %s, want %s", s.effect, want)
			}
		})
	}
	if s, _ := faults(checkRedacted, nil, nil); s.effect != allowed {
		t.Error("a prompt that did not arrive counts as redacted")
	}
	if prompt := lastPrompt([]byte("no JSON")); prompt != "" {
		t.Errorf("a prompt was read from no JSON: %q", prompt)
	}
}

func TestResultsAreChecked(t *testing.T) {
	for text, good := range map[string]bool{
		"#ops m1: the pager is with the night shift, call [PHONE]":              true,
		"#ops m1: the pager is with the night shift, call " + tools.OnCallPhone: false,
		"":                            false,
		"something else with [PHONE]": false,
	} {
		a := whole(200, "")
		a.text = text
		s, got := faults(checkResult, nil, a)
		if (got == "") != good || (s.effect == redacted) != good {
			t.Errorf("%q: effect %s, faults %q", text, s.effect, got)
		}
	}
}

func TestMirroredHeadersAreChecked(t *testing.T) {
	for _, c := range []struct {
		name, version string
		good          bool
	}{
		{"list_issues", era2026, true},
		{"github__list_issues", era2026, false},
		{"", era2026, false},
		{"list_issues", era2025, false},
	} {
		header := http.Header{"Mcp-Name": {c.name}, "Mcp-Protocol-Version": {c.version}}
		_, got := faults(checkMirrored, nil, nil, arrival{Received: standin.Received{Header: header}})
		if (got == "") != c.good {
			t.Errorf("%q by %s: faults %q", c.name, c.version, got)
		}
	}
}

func TestTheFarSideIsChecked(t *testing.T) {
	good := http.Header{"Authorization": {"Bearer own"}, "Traceparent": {traceparent}}
	with := func(name, value string) http.Header {
		h := good.Clone()
		h.Set(name, value)
		return h
	}
	for _, c := range []struct {
		name  string
		got   standin.Received
		fault string
	}{
		{"all well", standin.Received{Header: good}, ""},
		{"no key", standin.Received{Header: with("Authorization", "")}, "did not receive its own key"},
		{"the agent's token as key", standin.Received{Header: with("Authorization", "Bearer secret-token")}, "a credential of the agent"},
		{"the token in another header", standin.Received{Header: with("X-Any", "a, secret-token")}, "a credential of the agent"},
		{"the token in the body", standin.Received{Header: good, Body: []byte(`{"a":"secret-token"}`)}, "a credential of the agent"},
		{"the token in the path", standin.Received{Header: good, Path: "/secret-token"}, "a credential of the agent"},
		{"no trace", standin.Received{Header: with("Traceparent", "")}, "the trace of the call"},
		{"another trace", standin.Received{Header: with("Traceparent", "00-0-0-00")}, "the trace of the call"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &seen{received: []arrival{{c.got, "it", "own"}}}
			s.checkFarSide([]string{"secret-token"})
			got := strings.Join(s.faults, "; ")
			if !strings.Contains(got, c.fault) || (got == "") != (c.fault == "") {
				t.Errorf("faults are %q, want %q", got, c.fault)
			}
		})
	}
}

// The header and the body of an error must speak of the same decision.
func TestDecisionIDsMustAgree(t *testing.T) {
	for _, c := range []struct {
		code         decision.Code
		header, told string
		good         bool
	}{
		{"", "abcdefgh", "", true},
		{"no_policy", "abcdefgh", "abcdefgh", true},
		{"no_policy", "abcdefgh", "", false},
		{"no_policy", "abcdefgh", "zzzzzzzz", false},
		{"", "", "", false},
	} {
		s := see(&answer{code: c.code, decision: c.header, told: c.told})
		if (len(s.faults) == 0) != c.good {
			t.Errorf("header %q, body %q: faults %v", c.header, c.told, s.faults)
		}
	}
}

// limited is a data plane whose limit is n, however much it says it is.
func limited(n int, retryAfter string) func(*Stage) http.Handler {
	return func(s *Stage) http.Handler {
		open := openRoad(s)
		var passed atomic.Int64
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if passed.Add(1) <= int64(n) {
				open.ServeHTTP(w, r)
				return
			}
			w.Header().Set(decision.IDHeader, "limited0")
			if retryAfter != "" {
				w.Header().Set("Retry-After", retryAfter)
			}
			w.WriteHeader(http.StatusTooManyRequests)
			_, _ = fmt.Fprint(w, `{"error":{"message":"slow down","code":"rate_limited","decision_id":"limited0"}}`)
		})
	}
}

func TestTheLimitIsCounted(t *testing.T) {
	for _, c := range []struct {
		name  string
		road  func(*Stage) http.Handler
		fault string
	}{
		{"exactly", limited(RequestsPerMinute, "60"), ""},
		{"one too many", limited(RequestsPerMinute+1, "60"), "was never reached"},
		{"one too few", limited(RequestsPerMinute-1, "60"), "expected 10 calls to reach the provider, 9 did"},
		{"without advice", limited(RequestsPerMinute, ""), "no Retry-After header"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, _ := onRoad(t, c.road)
			s, err := exhaust(t.Context(), p)
			if err != nil {
				t.Fatal(err)
			}
			got := strings.Join(s.faults, "; ")
			if !strings.Contains(got, c.fault) || (got == "") != (c.fault == "") {
				t.Errorf("faults are %q, want %q", got, c.fault)
			}
		})
	}
}
