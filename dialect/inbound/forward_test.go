package inbound

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"outrider.dev/outrider/decision"
)

// cut replaces the first old in body.
func cut(body, old, with string) decision.Splice {
	at := uint32(strings.Index(body, old))
	return decision.Splice{Start: at, End: at + uint32(len(old)), With: []byte(with)}
}

func TestForwardLLM(t *testing.T) {
	hidden := cut(chat, "hi", "[EMAIL]")
	renamed := cut(chat, "grok-4", "grok-mini")
	for _, tt := range []struct {
		name    string
		splices []decision.Splice
		model   string
		want    string
	}{
		{"as it came", nil, "", chat},
		{"edited", []decision.Splice{hidden}, "", strings.Replace(chat, "hi", "[EMAIL]", 1)},
		{"another model", nil, `o"3`, strings.Replace(chat, "grok-4", `o\"3`, 1)},
		{"the same model", nil, "grok-4", chat},
		{"both", []decision.Splice{hidden}, "o3", strings.NewReplacer("hi", "[EMAIL]", "grok-4", "o3").Replace(chat)},
		{"a policy that names another model", []decision.Splice{renamed, hidden}, "o3", strings.NewReplacer("hi", "[EMAIL]", "grok-4", "o3").Replace(chat)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, err := read(post("/v1/chat/completions", "Authorization", "Bearer t0ken", "X-Trace", "7"), chat)
			if err != nil {
				t.Fatal(err)
			}
			v := &decision.Verdict{Splices: tt.splices, Headers: []decision.HeaderOp{
				{Name: "X-Team", Value: decision.Secret("dev")}, {Name: "x-trace", Remove: true},
			}}
			h, body, err := c.Forward(v, tt.model, limits())
			if err != nil || string(body) != tt.want {
				t.Fatalf("got  %s, %v\nwant %s", body, err, tt.want)
			}
			want := http.Header{"Content-Type": {"application/json"}, "Accept-Encoding": {"identity"}, "X-Team": {"dev"}}
			if diff := cmp.Diff(want, h); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestForwardMessage(t *testing.T) {
	c, err := read(post("/mcp/github", "Authorization", "Bearer t0ken", "Mcp-Session-Id", "s", "X-Odd", "1", "User-Agent", "a/1"), tool)
	if err != nil {
		t.Fatal(err)
	}
	h, body, err := c.Forward(&decision.Verdict{Splices: []decision.Splice{cut(tool, "a/b", "c/d")}}, "ignored", limits())
	if err != nil || string(body) != strings.Replace(tool, "a/b", "c/d", 1) {
		t.Fatalf("got %s, %v", body, err)
	}
	want := http.Header{
		"Accept": {AcceptBoth}, "Accept-Encoding": {"identity"}, "Content-Type": {"application/json"}, "User-Agent": {"a/1"},
	}
	if diff := cmp.Diff(want, h); diff != "" {
		t.Error(diff)
	}
}

// TestForwardRefuses: edits that do not fit, and edits that leave no readable
// call, send nothing.
func TestForwardRefuses(t *testing.T) {
	beyond := decision.Splice{Start: 1 << 20, End: 1<<20 + 1}
	for _, tt := range []struct {
		name, path, body, model string
		splice                  decision.Splice
	}{
		{"beyond the body", "/v1/chat/completions", chat, "", beyond},
		{"beyond the body, another model", "/v1/chat/completions", chat, "o3", beyond},
		{"a model that is no string", "/v1/chat/completions", chat, "o3", cut(chat, `"grok-4"`, "7")},
		{"beyond the message", "/mcp", tool, "", beyond},
		{"no message is left", "/mcp", tool, "", cut(tool, "tools/call", "tools/list")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, err := read(post(tt.path), tt.body)
			if err != nil {
				t.Fatal(err)
			}
			_, body, err := c.Forward(&decision.Verdict{Splices: []decision.Splice{tt.splice}}, tt.model, limits())
			var refusal *decision.Error
			if !errors.As(err, &refusal) || refusal.Code != decision.CodeEditConflict || body != nil {
				t.Fatalf("got %s, %v", body, err)
			}
		})
	}
}
