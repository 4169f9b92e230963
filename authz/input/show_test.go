package input

import (
	"strings"
	"testing"

	"outrider.dev/outrider/authz/number"
	"outrider.dev/outrider/decision"
)

func TestShow(t *testing.T) {
	long := strings.Repeat("é", 60)
	r := &decision.Request{
		Surface: decision.MCP, Method: "tools/call", Session: "s3", Resource: "file:///x", Time: noon,
		Caller: decision.Caller{Agent: "bot", Labels: map[string]string{"app": "x", "a": "1"}},
		HTTP:   decision.HTTP{Headers: map[string]string{"x-a": "b"}},
		Tool: decision.Tool{
			Server: "github", Name: "get_a",
			Args: []byte(`{"text":"secret","yes":true,"page":3,"big":123456,"price":1.25,"fine":1.23456,"list":[1],"o":{"k":"v"},"nil":null,"a b":1}`),
		},
	}
	c := New(r, &decision.Principal{Subject: "ann", Scopes: []string{"a", "b"}, Issuer: "https://i", Claims: map[string]any{
		"scp": []any{"a", int64(2)}, "sub": "ann", "exp": int64(1769850000), "aud": long, "admin": true,
		"roles": strings.Split(strings.Repeat("r", 20), ""), "iss": map[string]any{"a": 1}, "azp": nil, "odd/one": "x",
	}})
	words := NewVocabulary(nil)
	for path, want := range map[string]string{
		"claims.scp":          `["a", 2]`,
		"jwt.exp":             "1769850000",
		"claims.aud":          `"` + strings.Repeat("é", 40) + `…"`,
		"claims.roles":        `["r", "r", "r", "r", "r", "r", "r", "r", "r", "r", "r", "r", "r", "r", "r", "r", and 4 more]`,
		"claims.iss":          "object of 1 member",
		"claims.azp":          "null",
		"claims.sub":          "text of 3 characters",
		"claims.admin":        "a bool",
		"claims.nobody":       "missing",
		"claims.sub.deeper":   "missing",
		"claims.odd/one":      "text of 1 character",
		"claims":              "object of 9 members",
		"scopes":              `["a", "b"]`,
		"principal.subject":   "text of 3 characters",
		"principal.issuer":    `"https://i"`,
		"agent.name":          `"bot"`,
		"request.time":        "2026-01-01T12:00:00Z",
		"agent.labels":        `{a: "1", app: "x"}`,
		"agent.labels.app":    `"x"`,
		"session":             "text of 2 characters",
		"request.headers.x-a": "text of 1 character",
		"tool.name":           `"get_a"`,
		"tool.args":           "object of 10 members",
		"tool.args.text":      "text of 6 characters",
		"tool.args.yes":       "true",
		"tool.args.page":      "3",
		"tool.args.big":       "a number",
		"tool.args.price":     "1.25",
		"tool.args.fine":      "a number",
		"tool.args.list":      "list of 1 element",
		"tool.args.o.k":       "text of 1 character",
		"tool.args.nil":       "null",
		"tool.args.no":        "missing",
		"tool.annotations":    "missing",
		"resource.uri":        "text of 9 characters",
	} {
		parts := strings.Split(path, ".")
		f, ok := words.Match(parts)
		if !ok {
			t.Fatal(path)
		}
		if got := (Reading{f, parts}).Show(c); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
	args, _ := words.Find("tool.args")
	odd := Reading{args, []string{"tool", "args", "a b", "c"}}
	if got := odd.Name(); got != `tool.args["a b"].c` {
		t.Errorf("got %s", got)
	}
	if got := odd.Argument(); len(got) != 2 || got[0] != "a b" {
		t.Errorf("got %v", got)
	}
	if got := (Reading{args, []string{"tool", "args"}}).Show(c.Listed(r.Tool)); got != "not known while a list is filtered" {
		t.Errorf("got %s", got)
	}
}

// Every word that is not on a list of what may be seen is masked.
func TestWordsAreMaskedUnlessListed(t *testing.T) {
	r := &decision.Request{Session: "c4n4ry", Source: "c4n4ry", Resource: "c4n4ry", HTTP: decision.HTTP{Headers: map[string]string{"c4n4ry": "c4n4ry"}}, Tool: decision.Tool{Name: "t", Args: []byte(`{"c4n4ry":"c4n4ry"}`)}}
	c := New(r, &decision.Principal{Subject: "c4n4ry", Claims: map[string]any{"c4n4ry": "c4n4ry"}})
	for _, f := range Fields() {
		if got := (Reading{f, strings.Split(f.Path, ".")}).Show(c); strings.Contains(got, "c4n4ry") {
			t.Errorf("%s is shown: %s", f.Path, got)
		}
	}
}

// A claim that no rule may compare is no more shown than it is read.
func TestShowInexactClaims(t *testing.T) {
	c := New(&decision.Request{Surface: decision.MCP}, &decision.Principal{Claims: map[string]any{
		"auth_time": number.Inexact{Raw: "18446744073709551615"}, "tenant": number.Inexact{Raw: "1e999"}, "amr": number.Inexact{},
		"o": map[string]any{"n": number.Inexact{Raw: "1e999"}, number.Member: number.Inexact{}}, number.Member: number.Inexact{},
	}})
	words := NewVocabulary(nil)
	for _, path := range []string{"claims", "claims.auth_time", "claims.tenant", "claims.amr", "jwt.o", "jwt.o.n"} {
		parts := strings.Split(path, ".")
		f, _ := words.Match(parts)
		if got := (Reading{f, parts}).Show(c); got != "a value that does not fit 64 bits exactly" {
			t.Errorf("%s: %s", path, got)
		}
	}
}
