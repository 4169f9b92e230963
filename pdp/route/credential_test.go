package route

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"outrider.dev/outrider/decision"
	configv1 "outrider.dev/outrider/proto/outrider/config/v1"
)

func keyed(key *configv1.KeySource) *configv1.LLM {
	return &configv1.LLM{Providers: []*configv1.LLMProvider{{Name: "acme", Url: "https://api.example.com/v1", Key: key}}}
}

// sent is the credential that a grant of the only provider carries.
func sent(table *Table) (string, error) {
	target := table.Providers()[0]
	g, err := target.Grant("openai.chat", "/chat/completions", time.Now())
	return string(g.Credential.Header.Value), err
}

func writeKey(t *testing.T, file, key string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(key), 0o600); err != nil {
		t.Fatal(err)
	}
}

// badKeys are what no header can carry as it was meant, each with a word of the
// error. All hold the same secret.
func badKeys() map[string][2]string {
	return map[string][2]string{
		"nothing":           {"", "empty"},
		"white space":       {" \t\r\n ", "empty"},
		"two lines":         {"s3cr3t\nsecond\n", "more than one line"},
		"two lines of DOS":  {"s3cr3t\r\nsecond", "more than one line"},
		"a header after it": {"s3cr3t\r\nX-Evil: yes", "more than one line"},
		"a lone return":     {"s3cr3t\rsecond", "more than one line"},
		"two words":         {"s3cr3t second", "header"},
		"a tab":             {"s3cr3t\tsecond", "header"},
		"a zero":            {"s3cr3t\x00", "header"},
		"a control":         {"s3cr3t\x7f", "header"},
		"no ASCII":          {"s3cr3té", "header"},
		"no UTF-8":          {"s3cr3t\xff", "header"},
	}
}

func wantKeyError(t *testing.T, err error, words ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("it loads")
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("%q does not say %q", err, word)
		}
	}
	if strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, err), "s3cr3t") {
		t.Errorf("the error tells the key: %#v", err)
	}
}

func TestKeyFromEnvironment(t *testing.T) {
	key := &configv1.KeySource{Env: "ROUTE_TEST_KEY"}
	t.Setenv("ROUTE_TEST_KEY", " s3cr3t\n")
	if got, err := sent(newTable(t, keyed(key), nil)); err != nil || got != "Bearer s3cr3t" {
		t.Fatalf("sent %q, %v", got, err)
	}
	for name, bad := range badKeys() {
		t.Run(name, func(t *testing.T) {
			if strings.Contains(bad[0], "\x00") {
				return // no environment can hold it
			}
			t.Setenv("ROUTE_TEST_KEY", bad[0])
			_, err := New(keyed(key), nil)
			wantKeyError(t, err, "llm.providers acme", "ROUTE_TEST_KEY", bad[1])
		})
	}
	_, err := New(keyed(&configv1.KeySource{Env: "ROUTE_TEST_KEY_THAT_NOBODY_SETS"}), nil)
	wantKeyError(t, err, "llm.providers acme", "ROUTE_TEST_KEY_THAT_NOBODY_SETS", "empty")
}

func TestKeyFromFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "key")
	key := &configv1.KeySource{File: file}
	_, err := New(keyed(key), nil)
	wantKeyError(t, err, "llm.providers acme", file)
	if !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the cause is lost: %v", err)
	}
	for name, bad := range badKeys() {
		t.Run(name, func(t *testing.T) {
			writeKey(t, file, bad[0])
			_, err := New(keyed(key), nil)
			wantKeyError(t, err, "llm.providers acme", file, bad[1])
		})
	}
	writeKey(t, file, strings.Repeat("s3cr3t", maxKeyFile))
	_, err = New(keyed(key), nil)
	wantKeyError(t, err, "llm.providers acme", file, "larger")
	writeKey(t, file, "\n  s3cr3t\r\n")
	if got, err := sent(newTable(t, keyed(key), nil)); err != nil || got != "Bearer s3cr3t" {
		t.Fatalf("sent %q, %v", got, err)
	}
}

func TestKeyOfAServer(t *testing.T) {
	file := filepath.Join(t.TempDir(), "key")
	auth := &configv1.ServerAuth{Bearer: &configv1.KeySource{File: file}}
	mcp := &configv1.MCP{Servers: []*configv1.MCPServer{{Name: "github", Url: "https://mcp.example", Auth: auth}}}
	_, err := New(nil, mcp)
	wantKeyError(t, err, "mcp.servers github", file)
	writeKey(t, file, "s3cr3t")
	target := newTable(t, nil, mcp).Servers("")[0]
	g, err := target.Grant("mcp", "", time.Now())
	if err != nil || string(g.Credential.Header.Value) != "Bearer s3cr3t" {
		t.Fatalf("sent %q, %v", []byte(g.Credential.Header.Value), err)
	}
}

// TestKeyRotation: a changed file is in use from the next grant on, and one
// that became unusable refuses instead of going on with the old key.
func TestKeyRotation(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "key")
	at := time.Now().Add(-time.Hour)
	write := func(key string) {
		writeKey(t, file, key)
		at = at.Add(time.Second)
		if err := os.Chtimes(file, at, at); err != nil {
			t.Fatal(err)
		}
	}
	write("s3cr3t-1")
	table := newTable(t, keyed(&configv1.KeySource{File: file}), nil)
	wantSent(t, table, "Bearer s3cr3t-1")
	write("s3cr3t-2") // as long as before
	wantSent(t, table, "Bearer s3cr3t-2")
	for name, spoil := range map[string]func(){
		"emptied":   func() { write("") },
		"two lines": func() { write("s3cr3t-3\ns3cr3t-4") },
		"removed":   func() { _ = os.Remove(file) },
	} {
		t.Run(name, func(t *testing.T) {
			spoil()
			got, err := sent(table)
			var refusal *decision.Error
			if !errors.As(err, &refusal) || refusal.Code != decision.CodeUpstreamUnavailable || got != "" {
				t.Fatalf("sent %q, %v", got, err)
			}
			wantKeyError(t, err, "acme")
			wantKeyError(t, errors.Unwrap(err), file)
			write("s3cr3t-5")
			wantSent(t, table, "Bearer s3cr3t-5")
		})
	}
	// A mounted secret changes by the link that names it.
	next := filepath.Join(dir, "next")
	writeKey(t, next, "s3cr3t-6")
	if err := errors.Join(os.Remove(file), os.Symlink(next, file)); err != nil {
		t.Fatal(err)
	}
	wantSent(t, table, "Bearer s3cr3t-6")
}

func wantSent(t *testing.T, table *Table, want string) {
	t.Helper()
	if got, err := sent(table); err != nil || got != want {
		t.Fatalf("sent %q, %v, want %q", got, err, want)
	}
}

// TestKeyRotationUnderLoad: grants that are made while the key changes carry
// the old one or the new one, whole.
func TestKeyRotationUnderLoad(t *testing.T) {
	file := filepath.Join(t.TempDir(), "key")
	next := file + ".next"
	writeKey(t, file, "s3cr3t-a")
	table := newTable(t, keyed(&configv1.KeySource{File: file}), nil)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 500 {
				if got, err := sent(table); err != nil || got != "Bearer s3cr3t-a" && got != "Bearer s3cr3t-longer" {
					t.Errorf("sent %q, %v", got, err)
					return
				}
			}
		})
	}
	for i := range 50 {
		writeKey(t, next, []string{"s3cr3t-a", "s3cr3t-longer"}[i%2])
		if err := os.Rename(next, file); err != nil {
			t.Fatal(err)
		}
	}
	all.Wait()
}

// TestKeysDoNotPrint: a table or a grant that ends up in a log or an error
// tells no key.
func TestKeysDoNotPrint(t *testing.T) {
	t.Setenv("ROUTE_TEST_KEY", "s3cr3t")
	table := newTable(t, keyed(&configv1.KeySource{Env: "ROUTE_TEST_KEY"}), nil)
	g, err := table.Providers()[0].Grant("openai.chat", "", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x"} {
		if out := fmt.Sprintf(verb, g) + fmt.Sprintf(verb, table.Providers()[0]) + fmt.Sprintf(verb, table); strings.Contains(out, "s3cr3t") || strings.Contains(out, fmt.Sprintf("%x", "s3cr3t")) {
			t.Errorf("%s prints the key", verb)
		}
	}
}

// FuzzKey: a key that is accepted is one word of visible characters, and stood
// so in the source.
func FuzzKey(f *testing.F) {
	for _, bad := range badKeys() {
		f.Add([]byte(bad[0]))
	}
	f.Add([]byte(" key\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		key, err := cleanKey(raw)
		if err != nil {
			if key != nil {
				t.Fatalf("a refused key is %q", []byte(key))
			}
			return
		}
		if len(key) == 0 || strings.TrimSpace(string(raw)) != string(key) {
			t.Fatalf("%q was read as %q", raw, []byte(key))
		}
		for _, c := range key {
			if c <= ' ' || c > '~' {
				t.Fatalf("%q was accepted", []byte(key))
			}
		}
	})
}

// TestKeyIsReadAgain: what reads a key follows its file.
func TestKeyIsReadAgain(t *testing.T) {
	file := filepath.Join(t.TempDir(), "key")
	src := &configv1.KeySource{}
	src.File = file
	if _, err := Key("issuer i", src); err == nil || !strings.Contains(err.Error(), "issuer i") {
		t.Errorf("a missing key: %v", err)
	}
	writeKey(t, file, "one")
	read, err := Key("issuer i", src)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"one", "another"} {
		writeKey(t, file, want)
		if got, err := read(); err != nil || string(got) != want {
			t.Errorf("%q, %v", []byte(got), err)
		}
	}
}

// TestText: what travels in no header may have lines, and must be there.
func TestText(t *testing.T) {
	file := filepath.Join(t.TempDir(), "key.pem")
	writeKey(t, file, "\n-----BEGIN s3cr3t-----\r\nAAAA\n-----END-----\n\n")
	t.Setenv("ROUTE_TEST_TEXT", "one\ntwo\n")
	for want, src := range map[string]*configv1.KeySource{
		"-----BEGIN s3cr3t-----\r\nAAAA\n-----END-----": {File: file},
		"one\ntwo": {Env: "ROUTE_TEST_TEXT"},
	} {
		read, err := Text("mine", src)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := read(); err != nil || string(got) != want {
			t.Errorf("%q, %v", []byte(got), err)
		}
	}
	writeKey(t, file, " \n")
	_, err := Text("mine", &configv1.KeySource{File: file})
	wantKeyError(t, err, "mine", file, "empty")
	_, err = Text("mine", &configv1.KeySource{Env: "ROUTE_TEST_NONE"})
	wantKeyError(t, err, "mine", "ROUTE_TEST_NONE", "empty")
}
