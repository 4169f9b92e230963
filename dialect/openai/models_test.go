package openai

import (
	"strings"
	"testing"

	"outrider.dev/outrider/dialect"
	"outrider.dev/outrider/strictjson"
)

func TestKeepModels(t *testing.T) {
	keep := func(id string) bool { return strings.HasPrefix(id, "gpt") }
	for in, want := range map[string]string{
		`{"object":"list","data":[{"id":"gpt-5","x":1},{"id":"o1"}, {"id":"gpt-4"}]}`: `{"object":"list","data":[{"id":"gpt-5","x":1},{"id":"gpt-4"}]}`,
		`{"data":[ {"id":"gpt-5"} ]}`:               `{"data":[ {"id":"gpt-5"} ]}`,
		`{"data":[{"id":"o1"},{"noid":1},"gpt-5"]}`: `{"data":[]}`,
		`{"data":[]}`:                `{"data":[]}`,
		`{"error":{"message":"no"}}`: `{"error":{"message":"no"}}`,
	} {
		splices, err := KeepModels([]byte(in), strictjson.Limits{}, keep)
		if err != nil {
			t.Fatal(err)
		}
		if got := string(dialect.Apply(nil, []byte(in), splices)); got != want {
			t.Errorf("%s: got %s, want %s", in, got, want)
		}
	}
	for _, bad := range []string{`{"data":{}}`, `{"data":[],"data":[]}`, `x`} {
		if _, err := KeepModels([]byte(bad), strictjson.Limits{}, keep); err == nil {
			t.Errorf("%s must be refused", bad)
		}
	}
}
