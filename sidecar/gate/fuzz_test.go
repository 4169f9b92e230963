package gate

import (
	"testing"

	"outrider.dev/outrider/decision"
)

// FuzzSameCall: two calls are the same to the lifeboat exactly when all texts are
// that tell calls apart, wherever one ends and the next begins.
func FuzzSameCall(f *testing.F) {
	f.Add("a", "b", "", "", "x", "y", "a", "b", "", "", "x", "y")
	f.Add("ab", "", "", "", "x", "y", "a", "b", "", "", "x", "y")
	f.Add("a", "b", "k", "v", "x", "y", "a", "b", "kv", "", "x", "y")
	f.Add("a", "b", "k", "v", "", "{}", "a", "b", "k", "v", "{}", "")
	f.Add("\x00", "\x00\x00", "", "", "", "", "\x00\x00", "\x00", "", "", "", "")
	boat := newLifeboat()
	call := func(tool, server, name, value, session, args string) *decision.Request {
		return &decision.Request{
			Surface: decision.MCP, Server: server, Session: session, Tool: decision.Tool{Exposed: tool, Args: []byte(args)},
			HTTP: decision.HTTP{Headers: map[string]string{name: value}},
		}
	}
	f.Fuzz(func(t *testing.T, t1, s1, n1, v1, e1, a1, t2, s2, n2, v2, e2, a2 string) {
		first, second := call(t1, s1, n1, v1, e1, a1), call(t2, s2, n2, v2, e2, a2)
		base1, base2 := boat.base(first), boat.base(second)
		if same := t1 == t2 && s1 == s2; same != (base1 == base2) {
			t.Fatalf("%q %q and %q %q: the bases are the same: %v", t1, s1, t2, s2, !same)
		}
		words := []string{"request.headers", "session", "tool.args"}
		full1, _ := boat.full(base1, first, words)
		full2, _ := boat.full(base2, second, words)
		if same := base1 == base2 && n1 == n2 && v1 == v2 && e1 == e2 && a1 == a2; same != (full1 == full2) {
			t.Fatalf("%+v\n%+v\nare the same: %v", first, second, !same)
		}
	})
}
