package inbound

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"outrider.dev/outrider/decision"
)

func TestOrigin(t *testing.T) {
	for _, tt := range []struct {
		origins []string
		refused bool
	}{
		{nil, false},
		{[]string{"http://localhost:3000"}, false},
		{[]string{"http://127.0.0.1"}, false},
		{[]string{"https://[::1]:8443"}, false},
		{[]string{"http://rebound.example:4000"}, true},
		{[]string{"http://127.0.0.1.rebound.example"}, true},
		{[]string{"http://localhost@rebound.example"}, true},
		{[]string{"null"}, true},
		{[]string{""}, true},
		{[]string{"http://local host"}, true},
		{[]string{"http://localhost", "http://rebound.example"}, true},
	} {
		err := checkOrigin(http.Header{"Origin": tt.origins})
		var refusal *decision.Error
		if refused := errors.As(err, &refusal) && refusal.Code == decision.CodeOriginRefused; refused != tt.refused {
			t.Errorf("%q: %v", tt.origins, err)
		}
	}
}

// TestContentType: what is not said to be JSON in plain UTF-8 could be read as
// something else further on.
func TestContentType(t *testing.T) {
	const kind, coded = decision.CodeContentType, decision.CodeBodyEncoding
	asJSON := []string{"application/json"}
	for _, c := range []struct {
		name            string
		kinds, encoding []string
		want            decision.Code
	}{
		{"JSON", asJSON, nil, ""},
		{"UTF-8", []string{"application/json; charset=utf-8"}, nil, ""},
		{"UTF-8 in capitals, quoted", []string{`Application/JSON;charset="UTF-8"`}, nil, ""},
		{"another parameter", []string{"application/json; profile=x"}, nil, ""},
		{"none", nil, nil, kind},
		{"an empty type", []string{""}, nil, kind},
		{"two types", []string{"application/json", "text/plain"}, nil, kind},
		{"the same type twice", []string{"application/json", "application/json"}, nil, kind},
		{"two types in one", []string{"application/json, text/plain"}, nil, kind},
		{"text", []string{"text/plain"}, nil, kind},
		{"a form", []string{"application/x-www-form-urlencoded"}, nil, kind},
		{"parts", []string{"multipart/form-data; boundary=x"}, nil, kind},
		{"a longer name", []string{"application/json-seq"}, nil, kind},
		{"a suffix", []string{"application/vnd.api+json"}, nil, kind},
		{"UTF-16", []string{"application/json; charset=utf-16"}, nil, kind},
		{"Latin 1", []string{"application/json; charset=iso-8859-1"}, nil, kind},
		{"an empty charset", []string{`application/json; charset=""`}, nil, kind},
		{"two charsets", []string{"application/json; charset=utf-8; charset=utf-16"}, nil, kind},
		{"half a parameter", []string{"application/json; charset"}, nil, kind},
		{"identity", asJSON, []string{"identity"}, ""},
		{"an empty encoding", asJSON, []string{""}, ""},
		{"gzip", asJSON, []string{"gzip"}, coded},
		{"GZIP", asJSON, []string{"GZIP"}, coded},
		{"br", asJSON, []string{"br"}, coded},
		{"gzip after identity", asJSON, []string{"identity, gzip"}, coded},
		{"gzip in a second header", asJSON, []string{"identity", "gzip"}, coded},
		{"an unknown encoding", asJSON, []string{"rot13"}, coded},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := checkBody(http.Header{"Content-Type": c.kinds, "Content-Encoding": c.encoding})
			if got := codeOf(err); got != c.want {
				t.Fatalf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestUpgrade(t *testing.T) {
	for value, want := range map[string]decision.Code{
		"h2c": "", "H2C": "", " h2c , h2c": "",
		"websocket": decision.CodeMethodNotAllowed, "h2c, websocket": decision.CodeMethodNotAllowed,
		"TLS/1.2": decision.CodeMethodNotAllowed, "connect-udp": decision.CodeMethodNotAllowed, "": decision.CodeMethodNotAllowed,
	} {
		if got := codeOf(checkUpgrade(http.Header{"Upgrade": {value}})); got != want {
			t.Errorf("%q: %q, want %q", value, got, want)
		}
	}
	if err := checkUpgrade(http.Header{}); err != nil {
		t.Error(err)
	}
	if got := codeOf(checkUpgrade(http.Header{"Upgrade": {"h2c", "websocket"}})); got != decision.CodeMethodNotAllowed {
		t.Errorf("a second line: %q", got)
	}
}

// codeOf is the code of a refusal, empty without an error.
func codeOf(err error) decision.Code {
	var refusal *decision.Error
	switch {
	case err == nil:
		return ""
	case errors.As(err, &refusal):
		return refusal.Code
	default:
		return "an error of another kind"
	}
}

func TestBearer(t *testing.T) {
	const twice = "two credentials"
	for _, c := range []struct {
		name  string
		lines []string
		want  string
	}{
		{"none", nil, ""},
		{"a token", []string{"Bearer abc.def.ghi"}, "abc.def.ghi"},
		{"another case", []string{"bEARER abc"}, "abc"},
		{"more room", []string{"Bearer   abc  "}, "abc"},
		{"the scheme alone", []string{"Bearer"}, ""},
		{"the scheme and room", []string{"Bearer   "}, ""},
		{"another scheme", []string{"Basic YTpi"}, ""},
		{"a scheme that begins like it", []string{"Bearers abc"}, ""},
		{"no scheme", []string{"abc.def.ghi"}, ""},
		{"a leading space", []string{" Bearer abc"}, ""},
		{"a tab", []string{"Bearer\tabc"}, ""},
		{"two", []string{"Bearer abc", "Bearer def"}, twice},
		{"the same one twice", []string{"Bearer abc", "Bearer abc"}, twice},
		{"a second of another scheme", []string{"Bearer abc", "Basic YTpi"}, twice},
		{"a second that is one", []string{"Basic YTpi", "Bearer abc"}, twice},
		{"two in one line", []string{"Bearer abc,Bearer def"}, twice},
		{"a signature", []string{"AWS4-HMAC-SHA256 Credential=a, Signature=b"}, ""},
		{"more than one word", []string{"Bearer abc def"}, "abc def"}, // refused as no token
	} {
		t.Run(c.name, func(t *testing.T) {
			h := http.Header{"Authorization": c.lines}
			got, err := Bearer(h)
			if c.want == twice {
				if got != nil || codeOf(err) != decision.CodeTokenMalformed {
					t.Errorf("got %q, %v", []byte(got), err)
				}
				return
			}
			if err != nil || string(got) != c.want {
				t.Fatalf("got %q, want %q", []byte(got), c.want)
			}
			if c.want == "" && got != nil {
				t.Fatal("an empty token is no token")
			}
			if c.want != "" && strings.Contains(fmt.Sprintf("%v %s %q", got, got, got), c.want) {
				t.Fatal("the token prints itself")
			}
		})
	}
}
