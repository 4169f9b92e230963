package mcp_test

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/dialect"
	"outrider.dev/outrider/dialect/mcp"
	"outrider.dev/outrider/strictjson"
)

const modernMeta = `"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}`

func headers(pairs ...string) http.Header {
	h := http.Header{}
	for i := 0; i < len(pairs); i += 2 {
		h.Add(pairs[i], pairs[i+1])
	}
	return h
}

func manyParams(n int) http.Header {
	h := http.Header{}
	for i := range n {
		h.Set("Mcp-Param-"+strconv.Itoa(i), "eu")
	}
	return h
}

func TestHeadersAgree(t *testing.T) {
	modern := call(`{"name":"a b","arguments":{"region":"eu","n":42},` + modernMeta + `}`)
	tests := []struct {
		name, raw string
		header    http.Header
		era       mcp.Era
		refused   string // empty: read
	}{
		{"legacy without any", call(`{"name":"a"}`), headers(), mcp.Legacy, ""},
		{"legacy with all", call(`{"name":"a"}`), headers("MCP-Protocol-Version", "2025-11-25", "Mcp-Method", "tools/call", "Mcp-Name", "a"), mcp.Legacy, ""},
		{"legacy with a wrong name", call(`{"name":"a"}`), headers("Mcp-Name", "b"), mcp.Legacy, "Mcp-Name"},
		{"legacy with a wrong method", call(`{"name":"a"}`), headers("Mcp-Method", "tools/list"), mcp.Legacy, "Mcp-Method"},
		{"modern", modern, headers("MCP-Protocol-Version", "2026-07-28", "Mcp-Method", "tools/call", "Mcp-Name", "a b"), mcp.Modern, ""},
		{"modern, encoded", modern, headers("MCP-Protocol-Version", "2026-07-28", "Mcp-Method", "tools/call", "Mcp-Name", "=?base64?YSBi?="), mcp.Modern, ""},
		{"modern, badly encoded", modern, headers("MCP-Protocol-Version", "2026-07-28", "Mcp-Method", "tools/call", "Mcp-Name", "=?base64?YSB?="), mcp.Modern, "Mcp-Name"},
		{"modern, encoded other name", modern, headers("MCP-Protocol-Version", "2026-07-28", "Mcp-Method", "tools/call", "Mcp-Name", "=?base64?YQ==?="), mcp.Modern, "Mcp-Name"},
		{"modern, no name", modern, headers("MCP-Protocol-Version", "2026-07-28", "Mcp-Method", "tools/call"), mcp.Modern, "Mcp-Name header is missing"},
		{"modern, no method", modern, headers("MCP-Protocol-Version", "2026-07-28", "Mcp-Name", "a b"), mcp.Modern, "Mcp-Method header is missing"},
		{"modern by the body, no version", modern, headers("Mcp-Method", "tools/call", "Mcp-Name", "a b"), mcp.Modern, "MCP-Protocol-Version header is missing"},
		{"versions disagree", modern, headers("MCP-Protocol-Version", "2025-11-25"), mcp.Modern, "different versions"},
		{"modern by the header alone", call(`{"name":"a"}`), headers("MCP-Protocol-Version", "2026-07-28"), mcp.Modern, "Mcp-Method header is missing"},
		{"a later version is stricter", call(`{"name":"a"}`), headers("MCP-Protocol-Version", "2027-01-01"), mcp.Modern, "Mcp-Method header is missing"},
		{"two names", modern, headers("MCP-Protocol-Version", "2026-07-28", "Mcp-Method", "tools/call", "Mcp-Name", "a b", "Mcp-Name", "c"), mcp.Modern, "twice"},
		{"two versions", modern, headers("MCP-Protocol-Version", "2026-07-28", "MCP-Protocol-Version", "2025-11-25"), mcp.Modern, "twice"},
		{"a list names nothing", `{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{` + modernMeta + `}}`, headers("MCP-Protocol-Version", "2026-07-28", "Mcp-Method", "tools/list"), mcp.Modern, ""},
		{"a notification owes nothing", `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}`, headers("MCP-Protocol-Version", "2026-07-28"), mcp.Modern, ""},
		{"argument", call(`{"name":"a","arguments":{"region":"eu"}}`), headers("Mcp-Param-Region", "eu"), mcp.Legacy, ""},
		{"numeric argument", call(`{"name":"a","arguments":{"n":42}}`), headers("Mcp-Param-N", "42.0"), mcp.Legacy, ""},
		{"other argument", call(`{"name":"a","arguments":{"region":"eu"}}`), headers("Mcp-Param-Region", "us"), mcp.Legacy, "Mcp-Param"},
		{"two arguments", call(`{"name":"a","arguments":{"region":"eu","deep":{"on":true}}}`), headers("Mcp-Param-Region", "eu", "Mcp-Param-On", "true"), mcp.Legacy, ""},
		{"one of two arguments is wrong", call(`{"name":"a","arguments":{"region":"eu","deep":{"on":true}}}`), headers("Mcp-Param-Region", "eu", "Mcp-Param-On", "false"), mcp.Legacy, "Mcp-Param"},
		{"badly encoded argument", call(`{"name":"a","arguments":{"region":"eu"}}`), headers("Mcp-Param-Region", "=?base64?eu!?="), mcp.Legacy, "Mcp-Param"},
		{"argument of a call without any", call(`{"name":"a"}`), headers("Mcp-Param-Region", "eu"), mcp.Legacy, "Mcp-Param"},
		{"too many arguments", call(`{"name":"a","arguments":{"region":"eu"}}`), manyParams(33), mcp.Legacy, "more than 32"},
		{"many arguments", call(`{"name":"a","arguments":{"region":"eu"}}`), manyParams(32), mcp.Legacy, ""},
		{"argument twice", call(`{"name":"a","arguments":{"region":"eu"}}`), headers("Mcp-Param-Region", "eu", "Mcp-Param-Region", "eu"), mcp.Legacy, "twice"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.refused != "" {
				err := refusal(t, tt.raw, tt.header)
				if !strings.Contains(err.Error(), tt.refused) {
					t.Errorf("got %v", err)
				}
				if err.Code.Status().HTTP != http.StatusBadRequest || !strings.Contains(string(err.Body("d")), `"code":-32020,`) {
					t.Errorf("%s: %s", err.Code, err.Body("d"))
				}
				return
			}
			m, err := mcp.Read([]byte(tt.raw), tt.header, strictjson.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			if m.Era != tt.era {
				t.Errorf("era %d", m.Era)
			}
		})
	}
}

func TestWithoutHeadersNothingIsCompared(t *testing.T) {
	m, err := mcp.Read([]byte(call(`{"name":"a",`+modernMeta+`}`)), nil, strictjson.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if m.Era != mcp.Modern || m.Version != "2026-07-28" {
		t.Errorf("got era %d, version %q", m.Era, m.Version)
	}
}

func TestMirrorHeaders(t *testing.T) {
	modern := headers("MCP-Protocol-Version", "2026-07-28", "Mcp-Method", "tools/call", "Mcp-Name", "github__x")
	with := func(h http.Header, pairs ...string) http.Header {
		out := h.Clone()
		for i := 0; i < len(pairs); i += 2 {
			out.Set(pairs[i], pairs[i+1])
		}
		return out
	}
	tests := []struct {
		name, raw string
		header    http.Header
		old, now  string // an edit of the body
		want      http.Header
		conflict  bool
	}{
		{
			"renamed", call(`{"name":"github__x",` + modernMeta + `}`), modern, `github__x`, `x`,
			with(modern, "Mcp-Name", "x"), false,
		},
		{
			"renamed beyond ASCII", call(`{"name":"github__x",` + modernMeta + `}`), modern, `github__x`, `é`,
			with(modern, "Mcp-Name", "=?base64?w6k=?="), false,
		},
		{
			"untouched", call(`{"name":"github__x",` + modernMeta + `}`), modern, "", "",
			modern, false,
		},
		{
			"legacy has only its version", call(`{"name":"a"}`), headers("MCP-Protocol-Version", "2025-11-25", "Mcp-Name", "a"), `"a"`, `"b"`,
			headers("MCP-Protocol-Version", "2025-11-25"), false,
		},
		{
			"initialize names no version", `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25"}}`, headers(), "", "",
			headers(), false,
		},
		{
			"argument redacted", call(`{"name":"a","arguments":{"to":"me@x.io","n":1}}`), headers("Mcp-Param-To", "me@x.io", "Mcp-Param-N", "1"), `me@x.io`, `[EMAIL]`,
			headers("Mcp-Param-To", "[EMAIL]", "Mcp-Param-N", "1"), false,
		},
		{
			"both of two equal arguments redacted", call(`{"name":"a","arguments":{"to":["me@x.io","me@x.io"]}}`), headers("Mcp-Param-To", "me@x.io"), `["me@x.io","me@x.io"]`, `["[EMAIL]","[EMAIL]"]`,
			headers("Mcp-Param-To", "[EMAIL]"), false,
		},
		{
			"one of two equal arguments redacted", call(`{"name":"a","arguments":{"to":"me@x.io","cc":"me@x.io"}}`), headers("Mcp-Param-To", "me@x.io"), `"to":"me@x.io"`, `"to":"[EMAIL]"`,
			nil, true,
		},
		{
			"argument taken away", call(`{"name":"a","arguments":{"to":"me@x.io","n":1}}`), headers("Mcp-Param-To", "me@x.io", "Mcp-Param-N", "1"), `"to":"me@x.io",`, ``,
			headers("Mcp-Param-N", "1"), false,
		},
		{
			"argument added before", call(`{"name":"a","arguments":{"n":1}}`), headers("Mcp-Param-N", "1"), `{"n"`, `{"first":[1,2],"n"`,
			headers("Mcp-Param-N", "1"), false,
		},
		{
			"number brought within bounds", call(`{"name":"a","arguments":{"a/b":{"n":[5,500]}}}`), headers("Mcp-Param-N", "500"), `500`, `100`,
			headers("Mcp-Param-N", "100"), false,
		},
		{
			"one of two equal arguments taken away", call(`{"name":"a","arguments":{"to":"x","cc":"x"}}`), headers("Mcp-Param-To", "x"), `"to":"x",`, ``,
			nil, true,
		},
		{
			"edits that break the body", call(`{"name":"a"}`), headers(), `"a"`, `"a","name":"b"`,
			nil, true,
		},
		{
			"edits that change the method", call(`{"name":"a"}`), headers(), `tools/call`, `prompts/get`,
			nil, true,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			raw := []byte(tt.raw)
			m, err := mcp.Read(raw, tt.header, strictjson.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			edited := raw
			if tt.old != "" {
				at := strings.Index(tt.raw, tt.old)
				edited = dialect.Apply(nil, raw, []decision.Splice{{Start: uint32(at), End: uint32(at + len(tt.old)), With: []byte(tt.now)}})
			}
			got, err := mcp.MirrorHeaders(m, raw, edited, strictjson.Limits{})
			if tt.conflict {
				var refused *decision.Error
				if !errors.As(err, &refused) || refused.Code != decision.CodeEditConflict {
					t.Errorf("got %v, %v", got, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
			if _, err := mcp.Read(edited, got, strictjson.Limits{}); err != nil {
				t.Errorf("the server would refuse its own headers: %v", err)
			}
		})
	}
}
