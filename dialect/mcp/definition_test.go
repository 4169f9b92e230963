package mcp_test

import (
	"errors"
	"slices"
	"testing"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/dialect"
	"outrider.dev/outrider/dialect/mcp"
	"outrider.dev/outrider/strictjson"
)

func TestReadDefinition(t *testing.T) {
	raw := []byte(`{"name":"find","title":"Finder","description":"Finds \u0061ll.","inputSchema":{"type":"object",
		"properties":{"q":{"description":"what","enum":["one",1]},"not a name":{}}},"annotations":{"readOnlyHint":true},"_meta":{"x":"y"}}`)
	segments, err := mcp.ReadDefinition(raw, strictjson.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range segments {
		if s.Kind != decision.KindDescription || s.Origin != decision.OriginTool {
			t.Errorf("%+v", s)
		}
		got = append(got, string(dialect.Text(raw, s)))
	}
	want := []string{"find", "Finder", "Finds all.", "object", "what", "one", "not a name", "y"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	var refusal *mcp.Error
	if _, err := mcp.ReadDefinition([]byte(`{"name":"a","name":"b"}`), strictjson.Limits{}); !errors.As(err, &refusal) || refusal.Code != decision.CodeUpstreamInvalid {
		t.Errorf("error %v", err)
	}
}
