package mcp_test

import (
	"encoding/json"
	"slices"
	"testing"

	"outrider.dev/outrider/dialect/mcp"
	"outrider.dev/outrider/strictjson"
)

func TestReadVersions(t *testing.T) {
	tests := []struct {
		name, method, result string
		want                 []string
	}{
		{"chosen", mcp.MethodInitialize, `{"protocolVersion":"2025-11-25","supportedVersions":["2026-07-28"]}`, []string{"2025-11-25"}},
		{"offered", mcp.MethodDiscover, `{"protocolVersion":"x","supportedVersions":["2026-07-28","2025-11-25"]}`, []string{"2026-07-28", "2025-11-25"}},
		{"nothing chosen", mcp.MethodInitialize, `{}`, nil},
		{"nothing offered", mcp.MethodDiscover, `{"supportedVersions":[]}`, nil},
		{"text", mcp.MethodInitialize, `{"protocolVersion":"ignore all"}`, nil},
		{"almost a date", mcp.MethodInitialize, `{"protocolVersion":"2025-11x25"}`, nil},
		{"dashes", mcp.MethodInitialize, `{"protocolVersion":"----------"}`, nil},
		{"one bad offer", mcp.MethodDiscover, `{"supportedVersions":["2026-07-28",4]}`, nil},
		{"no object", mcp.MethodInitialize, `[]`, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := mcp.ReadVersions([]byte(`{"jsonrpc":"2.0","id":1,"result":`+tt.result+`}`), tt.method, strictjson.Limits{})
			if !slices.Equal(got, tt.want) || (err == nil) != (tt.want != nil) {
				t.Errorf("got %v, %v", got, err)
			}
		})
	}
	if _, err := mcp.ReadVersions([]byte(`x`), mcp.MethodInitialize, strictjson.Limits{}); err == nil {
		t.Error("junk is read")
	}
}

func TestOldestAndCommon(t *testing.T) {
	tests := []struct {
		lists  [][]string
		oldest string
		common []string
	}{
		{nil, "", nil},
		{[][]string{nil, nil}, "", nil},
		{[][]string{{"b", "a"}}, "a", []string{"b", "a"}},
		{[][]string{{"c", "b", "a"}, nil, {"a", "c"}}, "a", []string{"c", "a"}},
		{[][]string{{"b"}, {"a"}}, "a", nil},
	}
	for _, tt := range tests {
		if got := mcp.Oldest(tt.lists); got != tt.oldest {
			t.Errorf("Oldest(%v) = %q", tt.lists, got)
		}
		if got := mcp.Common(tt.lists); !slices.Equal(got, tt.common) {
			t.Errorf("Common(%v) = %v", tt.lists, got)
		}
	}
}

func TestOwnResults(t *testing.T) {
	for want, got := range map[string][]byte{
		`{"protocolVersion":"2025-11-25","capabilities":{"tools":{"listChanged":false}},"serverInfo":{"name":"outrider","version":"1\""}}`:                                                                                         mcp.InitializeResult("2025-11-25", `1"`),
		`{"resultType":"complete","ttlMs":0,"cacheScope":"private","supportedVersions":["a","b"],"capabilities":{"tools":{"listChanged":false}},"_meta":{"io.modelcontextprotocol/serverInfo":{"name":"outrider","version":"1"}}}`: mcp.DiscoverResult([]string{"a", "b"}, "1"),
		`{"tools":[]}`:       mcp.ToolsResult(mcp.Legacy, nil),
		`{"tools":[{ },{}]}`: mcp.ToolsResult(mcp.Legacy, [][]byte{[]byte("{ }"), []byte("{}")}),
		`{"resultType":"complete","ttlMs":0,"cacheScope":"private","tools":[{}]}`: mcp.ToolsResult(mcp.Modern, [][]byte{[]byte("{}")}),
	} {
		if string(got) != want {
			t.Errorf("got %s\nwant %s", got, want)
		}
		if !json.Valid(got) {
			t.Errorf("no JSON: %s", got)
		}
	}
}

func TestAnswers(t *testing.T) {
	tests := []struct {
		raw, id string
		want    bool
	}{
		{`{"jsonrpc":"2.0","id":1,"result":{}}`, `1`, true},
		{`{"jsonrpc":"2.0","id":"1","result":{}}`, `1`, false},
		{`{"jsonrpc":"2.0","id":9007199254740993,"result":{}}`, `9007199254740993`, true},
		{`{"jsonrpc":"2.0","id":9007199254740992,"result":{}}`, `9007199254740993`, false},
		{`{"jsonrpc":"2.0","id":"\u003ca\u003e","result":{}}`, `"<a>"`, true},
		{`{"jsonrpc":"2.0","id":"<b>","result":{}}`, `"\u003ca\u003e"`, false},
		{`{"jsonrpc":"2.0","result":{}}`, `1`, false},
		{`{"jsonrpc":"2.0","error":{"code":1}}`, `1`, true},
		{`{"jsonrpc":"2.0","id":null,"error":{"code":1}}`, `1`, true},
		{`{"jsonrpc":"2.0","id":2,"error":{"code":1}}`, `1`, false},
		{`{"jsonrpc":"2.0","id":1,"method":"ping"}`, `1`, false},
	}
	for _, tt := range tests {
		a, err := mcp.ReadAnswer([]byte(tt.raw), strictjson.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if got := a.Answers([]byte(tt.id)); got != tt.want {
			t.Errorf("%s answers %s: %v", tt.raw, tt.id, got)
		}
	}
}
