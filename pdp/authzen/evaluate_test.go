package authzen

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/strictjson"
)

// TestMalformed: a question that cannot be read is refused with what is wrong.
func TestMalformed(t *testing.T) {
	const s, a, r = `"subject":{"type":"user","id":"alice"}`, `"action":{"name":"read"}`, `"resource":{"type":"record","id":"1"}`
	for question, says := range map[string]string{
		``:                      "the body is empty",
		`[]`:                    "batches are not accepted",
		`{`:                     "ends too early",
		`{}{}`:                  "something follows",
		`{}`:                    "subject must be an object",
		`{` + a + `,` + r + `}`: "subject must be an object",
		`{` + s + `,` + r + `}`: "action must be an object",
		`{` + s + `,` + a + `}`: "resource must be an object",
		`{"subject":"alice",` + a + `,` + r + `}`:                                                                "subject must be an object",
		`{"subject":{"id":"alice"},` + a + `,` + r + `}`:                                                         "subject.type must be a text",
		`{"subject":{"type":"user"},` + a + `,` + r + `}`:                                                        "subject.id must be a text",
		`{"subject":{"type":"user","id":""},` + a + `,` + r + `}`:                                                "subject.id must be a text",
		`{"subject":{"type":"user","id":"` + strings.Repeat("x", 5000) + `"},` + a + `,` + r + `}`:               "subject.id is too long",
		`{` + s + `,"action":{},` + r + `}`:                                                                      "action.name must be a text",
		`{` + s + `,"action":{"name":123},` + r + `}`:                                                            "action.name must be a text",
		`{` + s + `,` + a + `,"resource":{"id":"1"}}`:                                                            "resource.type must be a text",
		`{` + s + `,` + a + `,"resource":{"type":"record"}}`:                                                     "resource.id must be a text",
		`{` + s + `,` + a + `,"resource":{"type":"record","id":"1","properties":[]}}`:                            "resource.properties must be an object",
		`{` + s + `,` + a + `,` + r + `,"context":"x"}`:                                                          "context must be an object",
		`{` + s + `,` + a + `,` + r + `,"context":{"token":7}}`:                                                  "the token must be a text",
		`{` + s + `,` + a + `,` + r + `,"context":{"agent":7}}`:                                                  "context.agent must be a text",
		`{` + s + `,` + a + `,` + r + `,"context":{"agent":{}}}`:                                                 "context.agent.id must be a text",
		`{` + s + `,` + a + `,` + r + `,"context":{"agent":{"id":"a","labels":{"x":1}}}}`:                        "context.agent.labels: every member must be a text",
		`{` + s + `,` + a + `,` + r + `,"context":{"headers":{"x":1}}}`:                                          "context.headers: every member must be a text",
		`{` + s + `,` + a + `,` + r + `,"context":{"source":1}}`:                                                 "context.source must be a text",
		`{` + s + `,` + a + `,` + r + `,"context":{"token":"a","headers":{"authorization":"Bearer b"}}}`:         "two different tokens",
		`{"subject":{"type":"agent","id":"a"},` + a + `,` + r + `,"context":{"agent":"b"}}`:                      "the subject is an agent itself",
		`{` + s + `,` + s + `,` + a + `,` + r + `}`:                                                              "stands twice",
		`{` + s + `,"Subject":{},` + a + `,` + r + `}`:                                                           "differ only in case",
		`{` + s + `,` + a + `,"resource":{"type":"tool","id":"x","properties":{"arguments":{"a":1,"A":2}}}}`:     "differ only in case",
		`{` + s + `,"action":{"name":"call"},"resource":{"type":"tool","id":"x","properties":{"arguments":[]}}}`: "resource.properties.arguments must be an object",
		`{` + s + `,"action":{"name":"call"},"resource":{"type":"tool","id":"x","properties":{"server":[]}}}`:    "resource.properties.server must be a text",
		strings.Repeat(`{"a":`, 100):                                                                             "nested too deeply",
	} {
		got, _, err := asked(t, question)
		var refusal *decision.Error
		if !errors.As(err, &refusal) || got != nil || !strings.Contains(err.Error(), says) || refusal.Code.Status().HTTP/100 != 4 {
			t.Errorf("%.200s: asked %+v, %v, want %q", question, got, err, says)
		}
	}
}

// TestUnknownMembers are left alone, as the specification demands.
func TestUnknownMembers(t *testing.T) {
	r, d, err := asked(t, `{"subject":{"type":"user","id":"alice","nick":"al"},"action":{"name":"read"},"resource":{"type":"record","id":"1"},"foo":"bar","futureField":{"nested":true}}`)
	if err != nil || !d.Decision || r == nil {
		t.Errorf("%+v, %v", d, err)
	}
}

// ofRecords lets records 1 to 4 be read, unless they are odd.
func ofRecords(r *decision.Request) *decision.Verdict {
	v := &decision.Verdict{ID: r.ExchangeID, Effect: decision.Allow}
	if text := string(r.Body.Raw); strings.Contains(text, `"id":"1"`) || strings.Contains(text, `"id":"3"`) {
		v.Effect, v.Reason = decision.Deny, decision.Reason{Code: decision.CodeNotAllowed}
	}
	return v
}

func several(t *testing.T, question string) string {
	t.Helper()
	s := serviceOf(&recorder{verdict: ofRecords})
	answer, err := s.Evaluations(t.Context(), []byte(question))
	if err != nil {
		return err.Error()
	}
	if d, ok := answer.(*Decision); ok {
		return "one " + strconv.FormatBool(d.Decision)
	}
	var out []string
	for _, d := range answer.(*Decisions).Evaluations {
		word := strconv.FormatBool(d.Decision)
		if d.Context.Error != nil {
			word = d.Context.Error.Message
		}
		out = append(out, word)
	}
	return strings.Join(out, " ")
}

// TestTwoTokens: a header with two credentials is no token, so what is asked
// about would not pass.
func TestTwoTokens(t *testing.T) {
	const question = `"action":{"name":"call"},"resource":{"type":"tool","id":"x"},"context":{"headers":{"Authorization":"Bearer a, Bearer b"}}}`
	r, d, err := asked(t, "{"+byAgent+question)
	if err != nil || r != nil || d.Decision || d.Context.Reason != decision.CodeTokenMalformed {
		t.Errorf("asked %+v, got %+v, %v", r, d, err)
	}
}

func TestSemantics(t *testing.T) {
	const top = `"subject":{"type":"user","id":"alice"},"action":{"name":"read"}`
	items := func(ids ...string) string {
		var out []string
		for _, id := range ids {
			out = append(out, `{"resource":{"type":"record","id":"`+id+`"}}`)
		}
		return `,"evaluations":[` + strings.Join(out, ",") + `]`
	}
	semantic := func(name string) string { return `,"options":{"evaluations_semantic":"` + name + `","another":1}` }
	for question, want := range map[string]string{
		top + items("2", "1", "4"):                                      "true false true",
		top + items("2", "1", "4") + `,"options":{}`:                    "true false true",
		top + items("2", "1", "4") + semantic("execute_all"):            "true false true",
		top + items("2", "1", "4") + semantic("deny_on_first_deny"):     "true false",
		top + items("2", "4") + semantic("deny_on_first_deny"):          "true true",
		top + items("1", "2", "4") + semantic("permit_on_first_permit"): "false true",
		top + items("1", "3") + semantic("permit_on_first_permit"):      "false false",
		top + items("1") + semantic("first"):                            "options.evaluations_semantic must be execute_all, deny_on_first_deny or permit_on_first_permit",
		top + items("1") + `,"options":[]`:                              "options must be an object, not an array",
		// A failure is a denial in its place, and ends what a denial ends.
		top + `,"evaluations":[{"resource":{"type":"record","id":"2"}},{},7]`:                                    "true resource must be an object an evaluation must be an object",
		top + `,"evaluations":[{},{"resource":{"type":"record","id":"2"}}]` + semantic("deny_on_first_deny"):     "resource must be an object",
		top + `,"evaluations":[{},{"resource":{"type":"record","id":"2"}}]` + semantic("permit_on_first_permit"): "resource must be an object true",
		// Without evaluations it is one.
		top + `,"resource":{"type":"record","id":"2"}`:                    "one true",
		top + `,"resource":{"type":"record","id":"2"},"evaluations":[]`:   "one true",
		top + `,"resource":{"type":"record","id":"2"},"evaluations":null`: "one true",
		top + `,"evaluations":[]`:                                         "resource must be an object",
		top + `,"evaluations":{}`:                                         "evaluations must be an array, not an object",
		// Defaults hold whole, or not at all, and need not be whole where nobody uses them.
		top + `,"resource":{"type":"record","id":"2"},"evaluations":[{},{"resource":{"type":"record","id":"1"}}]`: "true false",
		top + `,"resource":{},"evaluations":[{"resource":{"type":"record","id":"2"}}]`:                            "true",
		top + `,"resource":{"type":"record","id":"2"},"evaluations":[{"resource":{"id":"2"}}]`:                    "resource.type must be a text",
		top + `,"evaluations":[` + strings.Repeat(`{},`, 256) + `{}]`:                                             "evaluations: more than 256; ask in several requests",
	} {
		if got := several(t, "{"+question+"}"); got != want {
			t.Errorf("%.200s: %q, want %q", question, got, want)
		}
	}
}

// TestNobodyDecides: then nothing is answered, for one or for several.
func TestNobodyDecides(t *testing.T) {
	away := errors.New("away")
	s := serviceOf(&recorder{err: away})
	const question = `{"subject":{"type":"user","id":"a"},"action":{"name":"r"},"resource":{"type":"t","id":"1"}`
	if d, err := s.Evaluation(t.Context(), []byte(question+`}`)); !errors.Is(err, away) || d.Decision {
		t.Errorf("%+v, %v", d, err)
	}
	if _, err := s.Evaluations(t.Context(), []byte(question+`,"evaluations":[{}]}`)); !errors.Is(err, away) {
		t.Error(err)
	}
}

// TestDecisions: how verdicts are worded, and that one is no permission whose
// demands the asker cannot be held to.
func TestDecisions(t *testing.T) {
	for want, v := range map[string]*decision.Verdict{
		`{"decision":true,"context":{"id":"exchange-1"}}`: {Effect: decision.Allow, Policy: "p"},
		`{"decision":false,"context":{"id":"exchange-1","reason":"denied_by_rule","reason_admin":{"403":"denied_by_rule: policy p: rule r: Ask."},"reason_user":{"403":"Ask."}}}`:            {Policy: "p", Reason: decision.Reason{Code: decision.CodeDeniedByRule, Rule: "r", Message: "Ask."}},
		`{"decision":false,"context":{"id":"exchange-1","reason":"tool_unknown","reason_admin":{"404":"tool_unknown: rule r: no"},"reason_user":{"404":"Unknown tool"}}}`:                    {Reason: decision.Reason{Code: decision.CodeToolUnknown, Rule: "r", Message: "no", Hidden: true}},
		`{"decision":false,"context":{"id":"exchange-1","reason":"tool_unknown","reason_admin":{"404":"denied_by_rule: rule r: no"},"reason_user":{"404":"Unknown tool"}}}`:                  {Reason: decision.Reason{Code: decision.CodeDeniedByRule, Rule: "r", Message: "no", NeededScopes: []string{"a"}, Hidden: true}},
		`{"decision":false,"context":{"id":"exchange-1","reason":"rate_limited","reason_admin":{"429":"rate_limited"},"reason_user":{"429":"A limit is reached"},"retry_after":2}}`:          {Reason: decision.Reason{Code: decision.CodeRateLimited, RetryAfter: 1100 * time.Millisecond}},
		`{"decision":false,"context":{"id":"exchange-1","reason":"not_allowed","reason_admin":{"403":"not_allowed"},"reason_user":{"403":"No rule allows the call"},"needed_scopes":["a"]}}`: {Reason: decision.Reason{Code: decision.CodeNotAllowed, NeededScopes: []string{"a"}}},
	} {
		v.ID = "exchange-1"
		if got, err := json.Marshal(decided(v)); err != nil || string(got) != want {
			t.Errorf("%s, %v\nwant %s", got, err, want)
		}
	}
	for _, v := range []*decision.Verdict{
		{Effect: decision.Mutate},
		{Effect: decision.Effect(9)},
		{Effect: decision.Allow, Splices: []decision.Splice{{}}},
		{Effect: decision.Allow, Headers: []decision.HeaderOp{{}}},
		{Effect: decision.Allow, Duty: decision.Duty{JudgeResponse: true}},
	} {
		if d := decided(v); d.Decision {
			t.Errorf("%+v passes", v)
		}
	}
}

// TestHidden: that a tool exists is hidden from who may not see it; a document
// is no tool.
func TestHidden(t *testing.T) {
	s := serviceOf(&recorder{verdict: func(*decision.Request) *decision.Verdict {
		return &decision.Verdict{Reason: decision.Reason{Code: decision.CodeNotAllowed, Hidden: true}}
	}})
	for resource, want := range map[string]decision.Code{`{"type":"tool","id":"x"}`: decision.CodeToolUnknown, `{"type":"document","id":"x"}`: decision.CodeNotAllowed} {
		d, err := s.Evaluation(t.Context(), []byte(`{"subject":{"type":"user","id":"a"},"action":{"name":"call"},"resource":`+resource+`}`))
		if err != nil || d.Context.Reason != want {
			t.Errorf("%s: %+v, %v", resource, d, err)
		}
	}
}

// FuzzEvaluations: whatever is asked, the engine is asked about something that
// its own reader reads the same way, or nobody is asked.
func FuzzEvaluations(f *testing.F) {
	for _, seed := range []string{
		`{"subject":{"type":"user","id":"alice"},"action":{"name":"read"},"resource":{"type":"record","id":"1"}}`,
		`{"subject":{"type":"agent","id":"a"},"action":{"name":"tools/call"},"resource":{"type":"tool","id":"x","properties":{"arguments":{"a":[1,2]}}},"evaluations":[{},{"context":{"token":"t"}}]}`,
		`{"subject":{"type":"agent","id":"a"},"action":{"name":"chat"},"resource":{"type":"model","id":"x"},"context":{"body":"{\"model\":\"x\"}"},"options":{"evaluations_semantic":"deny_on_first_deny"},"evaluations":[{}]}`,
		`{"subject":{"type":"agent","id":"a"},"action":{"name":"completion/complete"},"resource":{"type":"prompt","id":"\u0022x","properties":{"argument":{}}}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		r := &recorder{}
		s := &Service{Checker: r, Turns: r, Limits: strictjson.Limits{Depth: 32}}
		answer, err := s.Evaluations(t.Context(), raw)
		if (err == nil) == (answer == nil) && err == nil {
			t.Fatalf("neither an answer nor an error for %q", raw)
		}
		if _, bad := strictjson.Parse(raw, s.Limits); bad != nil && len(r.asked) > 0 {
			t.Fatalf("asked about %q, which is no JSON", raw)
		}
		for _, q := range r.asked {
			if q.Caller.Agent == "" || q.Method == "" || q.Surface == decision.MCP && len(q.Body.Raw) == 0 {
				t.Fatalf("an incomplete question for %q: %+v", raw, q)
			}
		}
	})
}
