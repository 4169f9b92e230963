package decision

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"testing"
)

func TestSecretNeverPrints(t *testing.T) {
	const plain = "hunter2-hunter2"
	s := Secret(plain)
	holder := struct {
		Token Secret
		Op    HeaderOp
	}{s, HeaderOp{Name: "Authorization", Value: s}}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "s", s, "h", holder)
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "s", s, "h", holder)
	asJSON, err := json.Marshal(holder)
	if err != nil {
		t.Fatal(err)
	}
	for _, out := range []string{
		s.String(), fmt.Sprint(s), fmt.Sprintf("%v %+v %#v %s %q", s, s, s, s, s), fmt.Sprintf("%x", s), fmt.Sprintf("%d", s),
		fmt.Sprintf("%v %+v %#v", holder, holder, holder), log.String(), string(asJSON),
	} {
		if strings.Contains(out, plain) || strings.Contains(out, fmt.Sprintf("%x", plain)) || strings.Contains(out, "104 117") {
			t.Errorf("a secret was printed: %s", out)
		}
	}
}

func TestRegistryIsComplete(t *testing.T) {
	seen := map[Code]bool{}
	for _, e := range Registry() {
		if seen[e.Code] {
			t.Errorf("%s stands twice", e.Code)
		}
		seen[e.Code] = true
		s := e.Status
		if (s.HTTP < 400 || s.HTTP > 599) && e.Code != CodeToolUnknown || s.GRPC == 0 || s.JSONRPC >= 0 || s.OpenAI == "" || s.Summary == "" {
			t.Errorf("%s: incomplete status %+v", e.Code, s)
		}
		if !regexp.MustCompile(`^[a-z_]+$`).MatchString(string(e.Code)) {
			t.Errorf("%s: a code is lower-case words", e.Code)
		}
		if !e.Code.Known() {
			t.Errorf("%s: not known", e.Code)
		}
	}
	if got := Code("of_a_newer_peer").Status(); got != CodeInternal.Status() {
		t.Errorf("an unknown code shows as %+v", got)
	}
	if CodeNone.Known() {
		t.Error("no code must not be a known code")
	}
}

func TestErrorSpeaks(t *testing.T) {
	cause := errors.New("cause")
	err := &Error{Code: CodeNoPolicy, Err: cause}
	if err.Error() != CodeNoPolicy.Status().Summary || !errors.Is(err, cause) {
		t.Errorf("got %q", err.Error())
	}
	if got := Refuse(CodeNoRoute, "words").Reason(); got.Code != CodeNoRoute || got.Message != "words" {
		t.Errorf("got %+v", got)
	}
}

func TestZeroVerdictDenies(t *testing.T) {
	var v Verdict
	if v.Allowed() || v.Effect.String() != "deny" {
		t.Error("the zero verdict must deny")
	}
	for _, e := range []Effect{Allow, Mutate} {
		if v.Effect = e; !v.Allowed() {
			t.Errorf("%s must pass", e)
		}
	}
	if v.Effect = 77; v.Allowed() {
		t.Error("an unknown effect must deny")
	}
}

func TestVisibility(t *testing.T) {
	var v Visibility
	v.Show(3)
	v.Show(17)
	for i := range 40 {
		if got, want := v.Visible(i), i == 3 || i == 17; got != want {
			t.Errorf("tool %d: visible %v", i, got)
		}
	}
}

func TestIDs(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		id := NewID()
		if seen[id] || !ValidID(id) || len(id) != 26 {
			t.Fatalf("bad id %q", id)
		}
		seen[id] = true
	}
	for _, bad := range []string{"", "short", strings.Repeat("a", 65), "has space", "UPPERCASE0", "line\nbreak", "quote\"quote"} {
		if ValidID(bad) {
			t.Errorf("%q must not be an id", bad)
		}
	}
}

func TestIdentity(t *testing.T) {
	p := Principal{Agent: "copilot"}
	if p.Identity() != "copilot" {
		t.Error("without a subject the workload is the identity")
	}
	p.Subject, p.Issuer = "me", "https://a"
	other := Principal{Agent: "copilot", Subject: "me", Issuer: "https://b"}
	if p.Identity() == other.Identity() {
		t.Error("equal subjects of two issuers are two identities")
	}
}

func TestArgumentsStayInsideTheBody(t *testing.T) {
	r := Request{Body: Body{Raw: []byte(`{"a":{"b":1}}`)}, Tool: Tool{ArgsStart: 5, ArgsEnd: 12}}
	if got := string(r.Arguments()); got != `{"b":1}` {
		t.Errorf("got %s", got)
	}
	r.Tool.ArgsEnd = 99
	if r.Arguments() != nil {
		t.Error("offsets outside the body must yield nothing")
	}
	r.Tool = Tool{Args: []byte(`{}`)}
	if string(r.Arguments()) != `{}` {
		t.Error("without offsets the arguments stand by themselves")
	}
}

func TestGlob(t *testing.T) {
	for _, c := range []struct {
		pattern, name string
		want          bool
	}{
		{"list_*", "list_issues", true},
		{"list_*", "list_", true},
		{"list_*", "List_x", false},
		{"list_*", "xlist_y", false},
		{"*", "", true},
		{"*", "anything", true},
		{"", "", true},
		{"", "x", false},
		{"a", "a", true},
		{"a", "ab", false},
		{"a*b*c", "a-b-c", true},
		{"a*b*c", "abc", true},
		{"a*b*c", "acb", false},
		{"*.prod", "x.prod", true},
		{"a*a", "a", false},
		{"**", "x", true},
		{"gpt-?", "gpt-4", false},
		{"ab*ba", "aba", false},
	} {
		if got := Glob(c.pattern, c.name); got != c.want {
			t.Errorf("Glob(%q, %q) = %v", c.pattern, c.name, got)
		}
	}
}

func FuzzGlob(f *testing.F) {
	f.Add("a*b", "axb")
	f.Add("**a", "aa")
	f.Fuzz(func(t *testing.T, pattern, name string) {
		parts := strings.Split(pattern, "*")
		for i := range parts {
			parts[i] = regexp.QuoteMeta(parts[i])
		}
		re, err := regexp.Compile(`(?s)\A` + strings.Join(parts, ".*") + `\z`)
		if err != nil || strings.ContainsRune(name, '\uFFFD') || !isUTF8(pattern) || !isUTF8(name) {
			return
		}
		if got, want := Glob(pattern, name), re.MatchString(name); got != want {
			t.Fatalf("Glob(%q, %q) = %v, a regular expression says %v", pattern, name, got, want)
		}
	})
}

func isUTF8(s string) bool { return strings.ToValidUTF8(s, "") == s }

func TestLoopbackHost(t *testing.T) {
	for host, want := range map[string]bool{
		"127.0.0.1": true, "127.0.0.1:4000": true, "localhost:1": true, "[::1]:9": true, "::1": true, "127.8.8.8": true, "::ffff:127.0.0.1": true,
		"127.1": false, "0x7f.0.0.1": false, "LOCALHOST": false, "127.0.0.1:80@evil.example": false, "localhost:x": false,
		"": false, "0.0.0.0": false, "127.evil.example": false, "127.0.0.1.evil.example:80": false, "10.0.0.1:1": false,
		"localhost.evil.example": false, ":4000": false, "[::]:1": false,
	} {
		if got := LoopbackHost(host); got != want {
			t.Errorf("LoopbackHost(%q) = %v", host, got)
		}
	}
}
