package strictjson_test

import (
	"errors"
	"strings"
	"testing"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/strictjson"
)

// The bodies of the known reader differentials and of the parser-rule table:
// each is read in two ways by common readers, so each is refused.
func TestParseRefuses(t *testing.T) {
	tests := []struct {
		name, body, pointer string
		problem             strictjson.Problem
		offset              int
	}{
		{"nothing", "", "", strictjson.Empty, 0},
		{"white space", " \r\n\t", "", strictjson.Empty, 4},
		{"byte order mark", "\xef\xbb\xbf{}", "", strictjson.ByteOrderMark, 0},
		{"UTF-16", "\xff\xfe{\x00}\x00", "", strictjson.ByteOrderMark, 0},
		{"batch", ` [{"jsonrpc":"2.0"}]`, "", strictjson.Batch, 1},
		{"string", `"x"`, "", strictjson.NotObject, 0},
		{"null", `null`, "", strictjson.NotObject, 0},
		{"two documents", `{"a":1}{"a":2}`, "", strictjson.Trailing, 7},
		{"trailing comma", `{"a":1},`, "", strictjson.Trailing, 7},
		{"trailing NUL", "{}\x00", "", strictjson.Trailing, 2},
		{"trailing no-break space", "{}\u00a0", "", strictjson.Trailing, 2},
		{"cut", `{"a":{"b":1`, "/a", strictjson.Truncated, 11},
		{"cut string", `{"a":"b`, "/a", strictjson.Truncated, 7},
		{"exact duplicate", `{"name":"delete_repo","name":"search"}`, "/name", strictjson.Duplicate, 22},
		{"duplicate model", `{"model":"a","x":1,"model":"b"}`, "/model", strictjson.Duplicate, 19},
		{"duplicate by escape", `{"name":1,"n\u0061me":2}`, "/name", strictjson.Duplicate, 10},
		{"duplicate below", `{"p":[{"a":1,"a":2}]}`, "/p/0/a", strictjson.Duplicate, 13},
		{"invalid UTF-8", "{\"a\":\"x\xff\"}", "/a", strictjson.InvalidUTF8, 7},
		{"overlong slash", "{\"a\":\"\xc0\xaf\"}", "/a", strictjson.InvalidUTF8, 6},
		{"UTF-8 surrogate", "{\"a\":\"\xed\xa0\x80\"}", "/a", strictjson.InvalidUTF8, 6},
		{"invalid UTF-8 in a name", "{\"\xff\":1}", "", strictjson.InvalidUTF8, 2},
		{"lone high surrogate", `{"a":"\ud800"}`, "/a", strictjson.BadEscape, 6},
		{"lone low surrogate", `{"a":"\udc00x"}`, "/a", strictjson.BadEscape, 6},
		{"reversed pair", `{"a":"\udc00\ud800"}`, "/a", strictjson.BadEscape, 6},
		{"high before letter", `{"a":"\ud800\u0041"}`, "/a", strictjson.BadEscape, 6},
		{"hexadecimal escape", `{"a":"\x41"}`, "/a", strictjson.BadEscape, 6},
		{"raw control character", "{\"a\":\"\n\"}", "/a", strictjson.Syntax, 6},
		{"comment", `{/*x*/"a":1}`, "", strictjson.Syntax, 1},
		{"single quotes", `{'a':1}`, "", strictjson.Syntax, 1},
		{"NaN", `{"a":NaN}`, "/a", strictjson.Syntax, 5},
		{"leading zero", `{"a":01}`, "", strictjson.Syntax, 6},
		{"plus", `{"a":+1}`, "/a", strictjson.Syntax, 5},
		{"comma before brace", `{"a":1,}`, "", strictjson.Syntax, 6},
		{"missing colon", `{"a" 1}`, "/a", strictjson.Syntax, 5},
		{"unquoted name", `{a:1}`, "", strictjson.Syntax, 1},
		{"number as name", `{1:1}`, "", strictjson.Syntax, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			doc, err := strictjson.Parse([]byte(tt.body), strictjson.Limits{})
			if doc != nil || err == nil {
				t.Fatalf("accepted: %q", tt.body)
			}
			got := wantError(t, err, tt.problem, decision.CodeBodyInvalid)
			if got.Offset != tt.offset || got.Pointer != tt.pointer {
				t.Errorf("at byte %d %q, want %d %q", got.Offset, got.Pointer, tt.offset, tt.pointer)
			}
		})
	}
}

func wantError(t *testing.T, err error, p strictjson.Problem, c decision.Code) *strictjson.Error {
	t.Helper()
	var got *strictjson.Error
	if !errors.As(err, &got) {
		t.Fatalf("error is %T, want *strictjson.Error", err)
	}
	var refusal *decision.Error
	if !errors.As(err, &refusal) || refusal.Code != c || got.Code() != c || got.Reason().Code != c {
		t.Errorf("codes %v and %s, want %s", refusal, got.Code(), c)
	}
	if got.Problem != p {
		t.Errorf("problem %q, want %q", got.Problem, p)
	}
	return got
}

func TestParseBounds(t *testing.T) {
	nest := func(n int) string {
		return `{"a":` + strings.Repeat("[", n-1) + strings.Repeat("]", n-1) + `}`
	}
	tests := []struct {
		name, body string
		lim        strictjson.Limits
		problem    strictjson.Problem
		offset     int
	}{
		{"bytes", `{"a":1}`, strictjson.Limits{Bytes: 6}, strictjson.TooLarge, 6},
		{"default bytes", `{"a":"` + strings.Repeat("x", 10<<20) + `"}`, strictjson.Limits{}, strictjson.TooLarge, 10 << 20},
		{"default depth", nest(65), strictjson.Limits{}, strictjson.TooDeep, 68},
		{"depth", nest(4), strictjson.Limits{Depth: 3}, strictjson.TooDeep, 7},
		{"ten thousand levels", nest(10_000), strictjson.Limits{}, strictjson.TooDeep, 68},
		{"depth limit beyond the grammar's", nest(20_000), strictjson.Limits{Depth: 1 << 30}, strictjson.TooDeep, 10_003},
		{"open for ever", `{"a":` + strings.Repeat(`[{"a":`, 100_000), strictjson.Limits{}, strictjson.TooDeep, 5 + 6*31 + 1},
		{"values", `{"a":[` + strings.Repeat("0,", 1<<20) + `0]}`, strictjson.Limits{}, strictjson.TooMany, 6 + 2*(1<<20-3)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := strictjson.Parse([]byte(tt.body), tt.lim)
			got := wantError(t, err, tt.problem, decision.CodeBodyTooLarge)
			if got.Offset != tt.offset {
				t.Errorf("offset %d, want %d", got.Offset, tt.offset)
			}
		})
	}
	for _, body := range []string{nest(64), ` {"a":1} ` + "\n"} {
		if _, err := strictjson.Parse([]byte(body), strictjson.Limits{}); err != nil {
			t.Errorf("refused within bounds: %v", err)
		}
	}
}

// An error must help and must not carry the content of strings.
func TestErrorsNeverQuoteContent(t *testing.T) {
	const secret = "s3cr3t content"
	bodies := []string{
		`{"a":"` + secret + "\xff" + `"}`,
		`{"a":"` + secret,
		`{"` + secret + `":1,"` + secret + `":2}`,
		`{"` + secret + `":{"x":1,"x":2}}`,
		`{"a":"` + secret + `\ud800"}`,
		`{"a":"x"} ` + secret,
		secret,
	}
	for _, body := range bodies {
		_, err := strictjson.Parse([]byte(body), strictjson.Limits{})
		if err == nil {
			t.Fatalf("accepted %q", body)
		}
		if strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("the error quotes the body: %v", err)
		}
		if !strings.Contains(err.Error(), "at byte ") {
			t.Errorf("the error does not say where: %v", err)
		}
	}
}

func TestErrorPointersStayShort(t *testing.T) {
	body := strings.Repeat(`{"aaaaaaaaaaaaaaaaaaaa":`, 50) + `{"b":1,"b":2}` + strings.Repeat("}", 50)
	_, err := strictjson.Parse([]byte(body), strictjson.Limits{})
	got := wantError(t, err, strictjson.Duplicate, decision.CodeBodyInvalid)
	if len(got.Pointer) > 260 || !strings.HasSuffix(got.Pointer, "/…") {
		t.Errorf("pointer has %d bytes", len(got.Pointer))
	}
}
