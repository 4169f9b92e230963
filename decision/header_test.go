package decision

import (
	"net/http"
	"strings"
	"testing"
)

func TestPolicyHeader(t *testing.T) {
	for name, want := range map[string]bool{
		"X-Team": true, "x-team": true, "OpenAI-Organization": true, "Anthropic-Beta": true, "X-Request-ID": true, "Priority": true,
		"": false, "X Team": false, "X-Team:": false, "X-Té": false, "X-Team\r\nHost": false, ":path": false, strings.Repeat("a", 129): false,
		"Authorization": false, "AUTHORIZATION": false, "Proxy-Authorization": false, "X-Authorization": false, "X-Api-Key": false, "api-key": false,
		"X-Auth-Token": false, "X_Api_Key": false, "Content_Length": false, "X_Team": true, "X-Client-Secret": false, "Cookie": false, "Set-Cookie": false, "WWW-Authenticate": false,
		"Host": false, "Connection": false, "Keep-Alive": false, "TE": false, "Trailer": false, "Transfer-Encoding": false, "Upgrade": false,
		"Content-Type": false, "Content-Length": false, "Content-Encoding": false, "Accept": false, "Accept-Encoding": false, "Expect": false,
		"Mcp-Name": false, "Mcp-Session-Id": false, "Mcp-Param-X": false, "Outrider-Decision": false, "Traceparent": false, "User-Agent": false,
		"X-Forwarded-For": false, "Forwarded": false, "X-Real-IP": false, "Range": false, "X-HTTP-Method-Override": false, "X-Original-URL": false,
	} {
		if PolicyHeader(name) != want {
			t.Errorf("%q: %v", name, !want)
		}
	}
}

func TestHeaderText(t *testing.T) {
	for text, want := range map[string]bool{
		"platform": true, "a b, c=\"d\"": true, strings.Repeat("x", 1024): true,
		"": false, " a": false, "a ": false, "a\tb": false, "a\nb": false, "a\r\nX: y": false, "é": false, "\x00": false, "\x7f": false, strings.Repeat("x", 1025): false,
	} {
		if HeaderText(text) != want {
			t.Errorf("%.20q: %v", text, !want)
		}
	}
}

func TestSetHeader(t *testing.T) {
	h := http.Header{"X_api_key": {"agent"}, "x-api_KEY": {"agent"}, "X-Api-Key": {"agent", "agent"}, "X-Api-Keys": {"stays"}}
	SetHeader(h, "x-api-key", "ours")
	if len(h) != 2 || h.Get("X-Api-Key") != "ours" || h.Get("X-Api-Keys") != "stays" {
		t.Errorf("got %v", h)
	}
	RemoveHeader(h, "X_API_KEYS")
	if len(h) != 1 {
		t.Errorf("got %v", h)
	}
}

func TestSameHeader(t *testing.T) {
	for names, want := range map[[2]string]bool{
		{"X-Api-Key", "x_API_key"}: true, {"", ""}: true, {"a", "A"}: true, {"_", "-"}: true,
		{"X-Api-Key", "X-Api-Keys"}: false, {"a", "b"}: false, {"a.b", "a-b"}: false, {"[", "{"}: false, {"k", "\u212a"}: false,
	} {
		if SameHeader(names[0], names[1]) != want || SameHeader(names[1], names[0]) != want {
			t.Errorf("%q: %v", names, !want)
		}
	}
}

func TestHeaderName(t *testing.T) {
	for name, want := range map[string]bool{
		"X-Team": true, "x_team": true, "!#$%&'*+-.^_`|~09azAZ": true,
		"": false, "a b": false, "a:": false, "a\n": false, "a\x00": false, "é": false, "a(b": false, "a\x7f": false,
	} {
		if HeaderName(name) != want {
			t.Errorf("%q: %v", name, !want)
		}
	}
}

// FuzzPolicyHeader: whatever may be added is a header by itself.
func FuzzPolicyHeader(f *testing.F) {
	f.Add("X-Team", "platform")
	f.Add("Cookie", "a=b\r\nx: y")
	f.Fuzz(func(t *testing.T, name, text string) {
		if PolicyHeader(name) && (strings.ContainsAny(name, " :\r\n\t\x00") || strings.Contains(strings.ToLower(name), "authorization")) {
			t.Errorf("%q may be added", name)
		}
		if HeaderText(text) && (strings.ContainsAny(text, "\r\n\x00") || text == "") {
			t.Errorf("%q is a value", text)
		}
	})
}

func TestMCPHeader(t *testing.T) {
	for name, want := range map[string]bool{
		"Mcp-Name": true, "Mcp-Param-Repo": true, "User-Agent": true, "Content-Type": true, "Accept": true, "Traceparent": true,
		"Mcp-Session-Id": false, "X-Team": false, "Authorization": false, "X-Mcp-Name": false, "": false,
	} {
		if MCPHeader(name) != want {
			t.Errorf("%q: %v", name, !want)
		}
	}
}
