package authzen

import (
	"encoding/base64"
	"strings"
	"testing"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/strictjson"
)

// token is one as its claims stand in it; nobody verifies it here.
func token(claims string) string {
	return "e30." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".c2ln"
}

const claims = `{"sub":"alice","client_id":"agent-app","roles":["treasury"],"level":7}`

// mapped asks about a call of a tool whose server declares the mapping, and
// returns what the engine was asked after that.
func mapped(t *testing.T, r *recorder, mapping, arguments string) (made []string, d *Decision) {
	t.Helper()
	question := `{"subject":{"type":"identity","id":"alice"},"action":{"name":"tools/call"},
		"resource":{"type":"tool","id":"transfer","properties":{"server":"bank","x-authzen-mapping":` + mapping + `,"arguments":` + arguments + `}},
		"context":{"agent":"copilot","token":"` + token(claims) + `","session":"s"}}`
	d, err := serviceOf(r).Evaluation(t.Context(), []byte(question))
	if err != nil {
		t.Fatal(err)
	}
	if len(r.asked) == 0 {
		return nil, d
	}
	for _, q := range r.asked[1:] {
		if q.Caller.Agent != "copilot" || q.Caller.Subject != "alice" || q.Session != "s" || len(q.Caller.Bearer) == 0 {
			t.Errorf("a mapping chooses who asks: %+v", q.Caller)
		}
		made = append(made, q.Tool.Server+" "+strings.TrimPrefix(string(q.Body.Raw), `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":`))
	}
	return made, d
}

// verified lets everything pass and says that the token is alice's.
func verified(q *decision.Request) *decision.Verdict {
	return &decision.Verdict{ID: q.ExchangeID, Effect: decision.Allow, Subject: "alice"}
}

func TestMappings(t *testing.T) {
	for _, c := range []struct {
		name, mapping, arguments string
		want                     []string // parts of what is asked beside the call
	}{
		{
			"one", `{"evaluation":{"subject":{"type":"identity","id":"$token.sub"},"action":{"name":"get_customer"},
			"resource":{"type":"customer","id":"$params.arguments.id"},"context":{"agent":"$token.?client_id","case":"$params.arguments.?case"}}}`, `{"id":"cust-12345"}`,
			[]string{`customer {"name":"get_customer","arguments":{"subject":{"type":"identity","id":"alice","properties":{}},"action":{"name":"get_customer","properties":{}},` +
				`"resource":{"type":"customer","id":"cust-12345","properties":{}},"context":{"agent":"agent-app"}}}}`},
		},
		{
			"several", `{"evaluations":{"subject":{"type":"identity","id":"$token.sub"},"context":{"agent":"$token.?client_id"},"evaluations":[
			{"action":{"name":"read"},"resource":{"type":"storage_object","id":"$params.arguments.source"}},
			{"action":{"name":"write"},"resource":{"type":"storage_object","id":"$params.arguments.destination"}}]}}`, `{"source":"/a","destination":"/b"}`,
			[]string{`"resource":{"type":"storage_object","id":"/a"`, `"resource":{"type":"storage_object","id":"/b"`},
		},
		{
			"conditions", `{"evaluation":{"subject":{"type":"$token.roles.exists(r, r == 'treasury') ? 'treasury_user' : 'standard_user'"},
			"action":{"name":"$params.arguments.currency == 'USD' ? 'domestic' : 'international'"},
			"resource":{"type":"account","id":"$params.arguments.from","properties":{"sensitivity":"$params.arguments.amount > 10000 ? 'high' : 'standard'","n":"$params.arguments.amount"}}}}`,
			`{"currency":"EUR","from":"a1","amount":10001}`,
			[]string{`account {"name":"international","arguments":{"subject":{"type":"treasury_user","id":"alice","properties":{}},"action":{"name":"international","properties":{}},"resource":{"type":"account","id":"a1","properties":{"sensitivity":"high","n":10001}}`},
		},
		{
			"literals", `{"evaluation":{"action":{"name":"$$50"},"resource":{"type":"x","id":"10","properties":{"a":[1,"$params.name",null,true]}}}}`, `{}`,
			[]string{`x {"name":"$50","arguments":{"subject":{"type":"identity","id":"alice","properties":{}},"action":{"name":"$50","properties":{}},"resource":{"type":"x","id":"10","properties":{"a":[1,"transfer",null,true]}}`},
		},
		{"of a known type", `{"evaluation":{"action":{"name":"resources/read"},"resource":{"type":"resource","id":"file:///x"}}}`, `{}`, []string{`"method":"resources/read"`}},
		{"none", `null`, `{}`, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			made, d := mapped(t, &recorder{verdict: verified}, c.mapping, c.arguments)
			if !d.Decision || len(made) != len(c.want) {
				t.Fatalf("%+v, asked %q", d.Context, made)
			}
			for i := range made {
				if !strings.Contains(made[i], c.want[i]) {
					t.Errorf("asked %s, want %s", made[i], c.want[i])
				}
			}
		})
	}
}

// TestMappingsOnlyNarrow: whatever a mapping says, a denied call stays denied
// without another question, and one denial of what it makes is one of the call.
func TestMappingsOnlyNarrow(t *testing.T) {
	const two = `{"evaluations":{"evaluations":[{"action":{"name":"read"},"resource":{"type":"r","id":"1"}},{"action":{"name":"write"},"resource":{"type":"r","id":"1"}}]}}`
	for denied, asked := range map[string]int{`"name":"transfer"`: 1, `"name":"read"`: 2, `"name":"write"`: 3, "nothing": 3} {
		r := &recorder{verdict: func(q *decision.Request) *decision.Verdict {
			v := verified(q)
			if strings.Contains(string(q.Body.Raw), denied) {
				v.Effect, v.Reason = decision.Deny, decision.Reason{Code: decision.CodeNotAllowed}
			}
			return v
		}}
		if _, d := mapped(t, r, two, "{}"); d.Decision != (denied == "nothing") || len(r.asked) != asked {
			t.Errorf("%s is denied: %+v after %d questions", denied, d, len(r.asked))
		}
	}
}

// TestMappingsRefused: a mapping that cannot be applied denies the call.
func TestMappingsRefused(t *testing.T) {
	const action, resource = `"action":{"name":"a"}`, `"resource":{"type":"r","id":"1"}`
	for mapping, says := range map[string]string{
		`{}`:                                 "must be an object with evaluation or evaluations",
		`[]`:                                 "must be an object with evaluation or evaluations",
		`"$params"`:                          "must be an object with evaluation or evaluations",
		`{"evaluation":{},"evaluations":{}}`: "must be an object with evaluation or evaluations",
		`{"search":{}}`:                      "evaluations must hold an array",
		`{"evaluation":[]}`:                  "evaluations must hold an array",
		`{"evaluations":{"evaluations":[]}}`: "evaluations must hold an array",
		`{"evaluations":{"evaluations":[` + strings.Repeat(`{},`, 16) + `{}]}}`:                                   "evaluations must hold an array",
		`{"evaluations":{` + action + `,"evaluations":[{"subject":{"type":"u","id":"alice"},` + resource + `}]}}`: "an entry of evaluations names a subject",
		`{"evaluation":{` + resource + `}}`:                                                                                                                                          "action must be an object",
		`{"evaluation":{` + action + `,"resource":{"type":"r"}}}`:                                                                                                                    "resource.id must be a text",
		`{"evaluation":{` + action + `,"resource":{"type":"r","id":"$params.arguments.region"}}}`:                                                                                    `"params.arguments.region" cannot be evaluated`,
		`{"evaluation":{` + action + `,"resource":{"type":"r","id":"$params.arguments.?region"}}}`:                                                                                   "resource.id must be a text",
		`{"evaluation":{` + action + `,"resource":{"type":"r","id":"$params."}}}`:                                                                                                    "does not compile",
		`{"evaluation":{` + action + `,"resource":{"type":"r","id":"$nobody"}}}`:                                                                                                     "does not compile",
		`{"evaluation":{` + action + `,"resource":{"type":"r","id":"$[1,2,3].map(a, [1,2,3].map(b, [1,2,3].map(c, range(a)))).size()"}}}`:                                            "does not compile",
		`{"evaluation":{` + action + `,"resource":{"type":"r","id":"$` + strings.Repeat("[1,2,3,4,5,6,7,8,9].exists(a, ", 8) + "false" + strings.Repeat(")", 8) + ` ? 'a' : 'b'"}}}`: "cannot be evaluated",
		`{"evaluation":{"subject":{"id":"bob"},` + action + `,` + resource + `}}`:                                                                                                    "another subject",
		`{"evaluation":{"subject":{"id":"$params.name"},` + action + `,` + resource + `}}`:                                                                                           "another subject",
		`{"evaluation":{` + action + `,"resource":{"type":"tool","id":"x"}}}`:                                                                                                        "this action is none of a resource of the type tool",
		`{"evaluation":{` + action + `,"resource":{"type":"r","id":"1","properties":{"x":[` + strings.Repeat(`"$1",`, 64) + `"$1"]}}}}`:                                              "more than 64 expressions",
		`{"evaluation":{` + action + `,"resource":{"type":"r","id":"1","properties":{"x":[` + `"$[1]` + strings.Repeat(`.map(a,[a,a])`, 20) + `"]}}}}`:                               "more than a mapping may hold",
		`{"evaluation":{` + action + `,"resource":{"type":"r","id":"$'` + strings.Repeat("x", 1100) + `'"}}}`:                                                                        "1 KiB",
		`{"evaluation":{` + action + `,"resource":{"type":"r","id":"1","properties":{"x":"` + strings.Repeat("x", 70_000) + `"}}}}`:                                                  "64 KiB",
	} {
		made, d := mapped(t, &recorder{verdict: verified}, mapping, "{}")
		if d.Decision || d.Context.Reason != decision.CodeMappingInvalid || !strings.Contains(d.Context.ReasonUser["403"], says) || len(made) > 0 {
			t.Errorf("%.300s: %+v, asked %q, want %q", mapping, d.Context, made, says)
		}
	}
}

// TestUnverifiedClaims: of a token that no policy verified there are no claims.
func TestUnverifiedClaims(t *testing.T) {
	r := &recorder{}
	_, d := mapped(t, r, `{"evaluation":{"subject":{"id":"$token.sub"},"action":{"name":"a"},"resource":{"type":"r","id":"1"}}}`, "{}")
	if d.Decision || d.Context.Reason != decision.CodeMappingInvalid {
		t.Errorf("%+v", d)
	}
	if got := claimsOf(decision.Secret("opaque"), "alice"); len(got) != 1 || got["sub"] != "alice" {
		t.Errorf("an opaque token says %v", got)
	}
	if got := claimsOf(decision.Secret(token(`{"sub":"alice","sub":"bob"}`)), "alice"); len(got) != 1 || got["sub"] != "alice" {
		t.Errorf("an ambiguous token says %v", got)
	}
}

// FuzzMappings: whatever a server declares, the caller stays who it is, and a
// permission needs every one of the questions.
func FuzzMappings(f *testing.F) {
	f.Add(`{"evaluation":{"subject":{"id":"$token.sub"},"action":{"name":"a"},"resource":{"type":"r","id":"$params.name"}}}`)
	f.Add(`{"evaluations":{"action":{"name":"$$"},"evaluations":[{"resource":{"type":"tool","id":"$params.arguments.?x"}}]}}`)
	f.Add(`{"evaluation":{"context":{"agent":{"id":"other"},"token":"t","body":"x"},"action":{"name":"call"},"resource":{"type":"tool","id":"t"}}}`)
	f.Fuzz(func(t *testing.T, mapping string) {
		r := &recorder{verdict: verified}
		d, err := serviceOf(r).Evaluation(t.Context(), []byte(`{"subject":{"type":"identity","id":"alice"},"action":{"name":"tools/call"},
			"resource":{"type":"tool","id":"transfer","properties":{"x-authzen-mapping":`+mapping+`,"arguments":{"x":1}}},"context":{"agent":"copilot","token":"`+token(claims)+`"}}`))
		if err != nil {
			return
		}
		for _, q := range r.asked {
			if q.Caller.Agent != "copilot" || q.Caller.Subject != "alice" {
				t.Fatalf("%s is asked on behalf of %+v", mapping, q.Caller)
			}
		}
		if doc, err := strictjson.Parse([]byte(mapping), strictjson.Limits{}); err == nil && d.Decision && len(r.asked) < 2 {
			t.Fatalf("%s asks nothing and passes", doc.Root().Raw())
		}
	})
}
