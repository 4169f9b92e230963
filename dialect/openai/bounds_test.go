package openai

import (
	"testing"

	"outrider.dev/outrider/dialect"
	"outrider.dev/outrider/strictjson"
)

func TestBoundTokens(t *testing.T) {
	for _, tt := range []struct{ body, model, want string }{
		{`{"max_tokens":5}`, "gpt-4o", `{"max_tokens":5}`},
		{`{"max_tokens":50}`, "gpt-4o", `{"max_tokens":9}`},
		{`{"max_completion_tokens":50}`, "gpt-4o", `{"max_completion_tokens":9}`},
		{`{"max_tokens":50,"max_completion_tokens":8}`, "o3", `{"max_tokens":9,"max_completion_tokens":8}`},
		{`{"max_tokens":18446744073709551615}`, "gpt-4o", `{"max_tokens":9}`},
		{`{"max_tokens":null}`, "gpt-4o", `{"max_tokens":9}`},
		{`{"max_tokens":0}`, "gpt-4o", `{"max_tokens":9}`},
		{`{"max_tokens":null}`, "o3", `{"max_tokens":null,"max_completion_tokens":9}`},
		{`{}`, "gpt-4o", `{"max_tokens":9}`},
		{`{}`, "llama-3", `{"max_tokens":9}`},
		{`{}`, "gpt-5-mini", `{"max_completion_tokens":9}`},
		{`{}`, "openai/o1", `{"max_completion_tokens":9}`},
		{`{}`, "gpt-", `{"max_tokens":9}`},
		{`{}`, "gpt-4", `{"max_tokens":9}`},
		{`{}`, "o", `{"max_tokens":9}`},
		{`{}`, "opus", `{"max_tokens":9}`},
		{`{}`, "", `{"max_tokens":9}`},
	} {
		doc, err := strictjson.Parse([]byte(tt.body), strictjson.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		edits := BoundTokens(doc, tt.model, 9)
		splices, err := dialect.Render([]byte(tt.body), nil, edits)
		if err != nil {
			t.Fatal(err)
		}
		got := dialect.Apply(nil, []byte(tt.body), splices)
		if string(got) != tt.want {
			t.Errorf("%s of %s: %s, want %s", tt.body, tt.model, got, tt.want)
		}
		again, err := strictjson.Parse(got, strictjson.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if more := BoundTokens(again, tt.model, 9); len(more) > 0 {
			t.Errorf("%s is changed again: %+v", got, more)
		}
	}
}
