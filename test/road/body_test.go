package road

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"unicode/utf16"

	"outrider.dev/outrider/decision"
)

// goodBody is a body that passes on the path, but for what a test does to it.
// Every one has a member "x" with a text.
func goodBody(path string) string {
	switch path {
	case pathChat:
		return `{"model":"grok-4","messages":[{"role":"user","content":"hi"}],"x":"text"}`
	case pathEmbeddings:
		return `{"model":"grok-embedding","input":["hi"],"x":"text"}`
	case pathMCP:
		return toolCall("github__list_issues", `{"repo":"a/b","x":"text"}`)
	default:
		return toolCall("list_issues", `{"repo":"a/b","x":"text"}`)
	}
}

// spoil changes a good body.
type spoil func(path, body string) string

func swap(old, with string) spoil {
	return func(_, body string) string { return strings.Replace(body, old, with, 1) }
}

func around(before, after string) spoil {
	return func(_, body string) string { return before + body + after }
}

func instead(body string) spoil { return func(string, string) string { return body } }

// named gives the member that decides twice: the model, or the tool's name.
func named(model, tool string) spoil {
	return func(path, body string) string {
		if strings.HasPrefix(path, pathMCP) {
			return strings.Replace(body, `"name":`, `"`+tool+`":"delete_repo","name":`, 1)
		}
		return strings.Replace(body, `"model":`, `"`+model+`":"llama-4","model":`, 1)
	}
}

type badBody struct {
	name  string
	spoil spoil
}

// badBodies must be refused on every path that takes one.
func badBodies() []badBody {
	return []badBody{
		{"exact duplicates", named("model", "name")},
		{"duplicates that an escape hides", named(`\u006dodel`, `n\u0061me`)},
		{"a name in other case", named("Model", "Name")},
		{"a name in capitals", named("MODEL", "NAME")},
		{"a batch", around("[", "]")},
		{"a batch of two", func(_, b string) string { return "[" + b + "," + b + "]" }},
		{"an empty batch", instead("[]")},
		{"a trailing document", func(_, b string) string { return b + "\n" + b }},
		{"a trailing bracket", around("", "}")},
		{"trailing text", around("", "x")},
		{"a trailing comma", swap(`"text"`, `"text",`)},
		{"a comment", around("/* */", "")},
		{"invalid UTF-8", swap("text", "te\xffxt")},
		{"an overlong encoding", swap("text", "te\xc0\xafxt")},
		{"a surrogate as UTF-8", swap("text", "te\xed\xa0\x80xt")},
		{"a lone high surrogate", swap("text", `te\ud800xt`)},
		{"a lone low surrogate", swap("text", `te\udc00xt`)},
		{"a byte order mark", around("\ufeff", "")},
		{"NUL in a text", swap("text", "te\x00xt")},
		{"NUL behind the body", around("", "\x00")},
		{"UTF-16", func(_, b string) string { return inUTF16(b) }},
		{"a line break in a text", swap("text", "te\nxt")},
		{"nothing", instead("")},
		{"spaces", instead(" \n")},
		{"null", instead("null")},
		{"a text", instead(`"text"`)},
		{"a number beyond JSON", swap(`"text"`, "NaN")},
		{"a number with a leading zero", swap(`"text"`, "01")},
		{"an unfinished body", func(_, b string) string { return b[:len(b)-1] }},
		{"gzip that nobody announced", func(_, b string) string { return gzipped(b) }},
	}
}

// deepBodies are nested beyond the bound.
func deepBodies() []badBody {
	nested := func(n int) spoil { return swap(`"text"`, strings.Repeat("[", n)+strings.Repeat("]", n)) }
	return []badBody{
		{"10,000 levels", nested(10_000)},
		{"10,000 levels that never end", swap(`"text"`, strings.Repeat(`{"a":`, 10_000))},
		{"65 levels", nested(65)},
	}
}

func TestBadBodies(t *testing.T) {
	eachWay(t, func(t *testing.T, r *Road) {
		token := r.token(t, scopeRead)
		for _, path := range posts() {
			for _, tt := range badBodies() {
				t.Run(path+" "+tt.name, func(t *testing.T) { r.spoiled(t, path, token, tt).wantRefused(t, decision.CodeBodyInvalid) })
			}
			for _, tt := range deepBodies() {
				t.Run(path+" "+tt.name, func(t *testing.T) { r.spoiled(t, path, token, tt).wantRefused(t, decision.CodeBodyTooLarge) })
			}
		}
		r.wantArrivals(t, 0)
		for _, path := range posts()[:4] { // the good ones are good
			r.post(t, path, goodBody(path), authorized(path, token)...).wantPassed(t)
		}
		r.wantArrivals(t, 4)
	})
}

func (r *Road) spoiled(t *testing.T, path, token string, bad badBody) *answer {
	t.Helper()
	body := bad.spoil(path, goodBody(path))
	if body == goodBody(path) {
		t.Fatalf("the body of %s is as good as before", path)
	}
	return r.post(t, path, body, authorized(path, token)...)
}

// authorized are the headers of a call that passes.
func authorized(path, token string) []string {
	if strings.HasPrefix(path, pathMCP) {
		return bearer(token)
	}
	return nil
}

func gzipped(text string) string {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	_, _ = z.Write([]byte(text)) // into memory
	_ = z.Close()
	return out.String()
}

func inUTF16(text string) string {
	var out strings.Builder
	for _, unit := range utf16.Encode([]rune(text)) {
		out.WriteByte(byte(unit))
		out.WriteByte(byte(unit >> 8))
	}
	return out.String()
}

type badFrame struct {
	name, header, value string
	code                decision.Code
}

// badFraming says things of a good body that do not go with it.
func badFraming() []badFrame {
	return []badFrame{
		{"no content type", "Content-Type", "", decision.CodeContentType},
		{"a text", "Content-Type", "text/plain", decision.CodeContentType},
		{"a form", "Content-Type", "application/x-www-form-urlencoded", decision.CodeContentType},
		{"JSON lines", "Content-Type", "application/jsonl", decision.CodeContentType},
		{"another charset", "Content-Type", "application/json; charset=utf-16", decision.CodeContentType},
		{"two content types", "Content-Type", "application/json, text/plain", decision.CodeContentType},
		{"gzip", "Content-Encoding", "gzip", decision.CodeBodyEncoding},
		{"Brotli", "Content-Encoding", "br", decision.CodeBodyEncoding},
		{"two encodings", "Content-Encoding", "identity, gzip", decision.CodeBodyEncoding},
	}
}

func TestBadFraming(t *testing.T) {
	eachWay(t, func(t *testing.T, r *Road) {
		token := r.token(t, scopeRead)
		for _, path := range posts() {
			for _, tt := range badFraming() {
				body := goodBody(path)
				if tt.value == "gzip" {
					body = gzipped(body)
				}
				a := r.post(t, path, body, append(authorized(path, token), tt.header, tt.value)...)
				t.Run(path+" "+tt.name, func(t *testing.T) { a.wantRefused(t, tt.code) })
			}
		}
		r.wantArrivals(t, 0)
	})
}

// TestTokenInURL refuses credentials where logs would keep them.
func TestTokenInURL(t *testing.T) {
	eachWay(t, func(t *testing.T, r *Road) {
		token := r.token(t, scopeRead)
		for _, path := range []string{pathMCP, pathMCP + "/github"} {
			for _, query := range []string{"access_token=" + token, "token=" + token, "Access_Token=x", "a=b;c", "%zz"} {
				req := r.request(t, path, strings.NewReader(goodBody(path)), bearer(token)...)
				req.URL.RawQuery = query
				a := r.do(t, req)
				a.wantRefused(t, decision.CodeBodyInvalid)
				if strings.Contains(string(a.body)+r.log.String(), token) {
					t.Error("the answer or the log tells the token")
				}
			}
		}
		r.wantArrivals(t, 0)
	})
}

// TestMirrorHeaders refuses headers of MCP that say other than the body.
func TestMirrorHeaders(t *testing.T) {
	eachWay(t, func(t *testing.T, r *Road) {
		token := r.token(t, scopeAdmin)
		body, good := inEra(modern, "tools/call", `{"name":"list_issues","arguments":{"repo":"a/b"}}`, "list_issues")
		r.post(t, pathMCP+"/github", body, append(good, bearer(token)...)...).wantPassed(t)
		for name, value := range map[string]string{
			"Mcp-Name": "create_issue", "Mcp-Method": "tools/list", "Mcp-Protocol-Version": legacy,
		} {
			a := r.post(t, pathMCP+"/github", body, append(append(good, bearer(token)...), name, value)...)
			if got := a.refused(t); a.status != http.StatusBadRequest || got.Number != -32020 || got.Decision != a.id(t) {
				t.Errorf("%s: %s is answered with %d %s", name, value, a.status, a.body)
			}
		}
		r.wantArrivals(t, 1)
	})
}

// TestForeignOrigin refuses what a web page in a browser could send.
func TestForeignOrigin(t *testing.T) {
	eachWay(t, func(t *testing.T, r *Road) {
		token := r.token(t, scopeRead)
		for _, origin := range []string{"https://evil.example", "null", "http://localhost.evil.example", "http://127.0.0.1.evil.example:80"} {
			r.post(t, pathMCP, goodBody(pathMCP), append(bearer(token), "Origin", origin)...).wantRefused(t, decision.CodeOriginRefused)
		}
		r.wantArrivals(t, 0)
		own := fmt.Sprintf("http://localhost:%d", 3000)
		r.post(t, pathMCP, goodBody(pathMCP), append(bearer(token), "Origin", own)...).wantPassed(t)
	})
}
