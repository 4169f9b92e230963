package config

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"testing/quick"
)

func TestSize(t *testing.T) {
	for written, want := range map[string]int64{
		"0": 0, "1": 1, "1048576": 1 << 20, "64KiB": 64 << 10, "10MiB": 10 << 20, "2GiB": 2 << 30, "007KiB": 7 << 10,
		"9223372036854775807": math.MaxInt64,
	} {
		if got, err := Size(written); got != want || err != nil {
			t.Errorf("Size(%q) = %d, %v; want %d", written, got, err, want)
		}
	}
	for _, written := range []string{
		"", "KiB", "1kB", "1KB", "1K", "1 KiB", "1.5MiB", "-1", "+1", "0x10", "1e3", "١", "1KiBKiB", "1_000",
		"9223372036854775808", "9007199254740992KiB", "8589934592GiB",
	} {
		if got, err := Size(written); err == nil {
			t.Errorf("Size(%q) = %d, want an error", written, got)
		}
	}
}

// TestSizeFactors: a unit multiplies, for every number that fits.
func TestSizeFactors(t *testing.T) {
	check := func(n uint32) bool {
		k, err1 := Size(fmt.Sprintf("%dKiB", n))
		m, err2 := Size(fmt.Sprintf("%dMiB", n))
		g, err3 := Size(fmt.Sprintf("%dGiB", n))
		return err1 == nil && err2 == nil && err3 == nil && k == int64(n)*1024 && m == 1024*k && g == 1024*m
	}
	if err := quick.Check(check, nil); err != nil {
		t.Error(err)
	}
}

func TestOr(t *testing.T) {
	for want, words := range map[string][]string{"": nil, "a": {"a"}, "a or b": {"a", "b"}, "a, b or c": {"a", "b", "c"}} {
		if got := or(words); got != want {
			t.Errorf("or(%v) = %q", words, got)
		}
	}
}

// TestTargets: what a sidecar may ask without a certificate, and with one.
func TestTargets(t *testing.T) {
	for target, want := range map[string]string{
		"unix:///run/pdp.sock": "", "127.0.0.1:9191": "", "localhost:9191": "", "dns:///localhost:9191": "", "[::1]:9191": "",
		"unix://run/pdp.sock": "names no absolute path", "unix:///": "names no absolute path", "unix:/x": "names no absolute path",
		"pdp:9191": "is another machine", "10.0.0.1:9191": "is another machine", "dns:///pdp:9191": "is another machine",
		"0.0.0.0:9191":          "is another machine",
		"http://127.0.0.1:9191": "is not a target", "dns://8.8.8.8/pdp:9191": "is not a target", "xds:///pdp": "is not a target",
		"127.0.0.1": "is not a target", ":9191": "is not a target", "localhost:": "is not a target",
	} {
		_, err := Text("x.yaml", fmt.Sprintf("{apiVersion: outrider.dev/v1, kind: Config, decision: {target: %q}}", target))
		if want == "" && err != nil || !strings.Contains(fmt.Sprint(err), want) {
			t.Errorf("%s: got %v, want %q", target, err, want)
		}
		_, err = Text("x.yaml", fmt.Sprintf("{apiVersion: outrider.dev/v1, kind: Config, decision: {target: %q, tls: {cert: c, key: k, ca: a}}}", target))
		if far := want == "" || want == "is another machine"; far != (err == nil) {
			t.Errorf("%s with tls: %v", target, err)
		}
	}
}

// TestTargetLists: one service may stand without brackets, several stand in a list.
func TestTargetLists(t *testing.T) {
	for target, want := range map[string]string{
		`"unix:///a"`: "", `["unix:///a"]`: "", `["unix:///a", "127.0.0.1:1", "dns:///localhost:1"]`: "",
		`[]`: "is an empty list", `["unix:///a", "unix:///a"]`: "decision.target[0] names the same service",
		`["unix:///a", "pdp:1"]`: "decision.target[1]: \"pdp:1\" is another machine", `pdp:1`: `decision.target: "pdp:1" is another machine`,
		`{a: b}`: "expected a string, found a mapping", `7`: "expected a string, found a number", `["unix:///a", [b]]`: "expected a string",
		"[" + strings.Repeat(`"unix:///a",`, 33) + "]": "names more than 32 services",
	} {
		_, err := Text("x.yaml", "{apiVersion: outrider.dev/v1, kind: Config, decision: {target: "+target+"}}")
		if want == "" && err != nil || !strings.Contains(fmt.Sprint(err), want) {
			t.Errorf("%s: got %v, want %q", target, err, want)
		}
	}
}

func TestURLs(t *testing.T) {
	for raw, want := range map[string]string{
		"https://example.com": "", "https://example.com:8443/mcp?x=1": "", "http://127.0.0.1:1": "", "http://[::1]/": "", "http://localhost": "",
		"HTTPS://example.com": "", "http://example.com": "in the clear", "http://localhost.example.com": "in the clear",
		"http://127.0.0.1@example.com": "in the clear", "http://0.0.0.0": "in the clear", "https://u@example.com": "user name",
		"//example.com": "the scheme", "https:example.com": "not a URL", "https://": "not a URL", "https://:443": "not a URL",
		"https://exa mple.com": "not a URL", "https://example.com/%zz": "not a URL", "unix:///x": "not a URL", "https://example.com/#": "fragment",
	} {
		_, err := Text("x.yaml", fmt.Sprintf("{apiVersion: outrider.dev/v1, kind: Config, mcp: {servers: [{name: a, url: %q}]}}", raw))
		if want == "" && err != nil || !strings.Contains(fmt.Sprint(err), want) {
			t.Errorf("%s: got %v, want %q", raw, err, want)
		}
	}
}

// TestTextLine: the place of a block scalar's text, blank lines and all.
func TestTextLine(t *testing.T) {
	lines := strings.Split("a: |\n\n   x\nb: >", "\n")
	if line, column := textLine(lines, 1); line != 2 || column != 4 {
		t.Errorf("got %d:%d", line, column)
	}
	if line, column := textLine(lines, 4); line != 5 || column != 1 {
		t.Errorf("without text: got %d:%d", line, column)
	}
}
