package authz

import (
	"regexp"
	"strings"
	"testing"
)

func TestGlob(t *testing.T) {
	for _, tc := range []struct {
		pattern, name string
		want          bool
	}{
		{"get_a", "get_a", true},
		{"get_a", "get_ab", false},
		{"get_*", "get_", true},
		{"get_*", "xget_a", false},
		{"*", "", true},
		{"*", "anything/at all", true},
		{"*_a", "get_a", true},
		{"*_a", "get_ab", false},
		{"a*a", "a", false},
		{"a*a", "aa", true},
		{"a*b*c", "a_b_b_c", true},
		{"a*b*c", "a_c_b", false},
		{"**", "x", true},
		{"Get_*", "get_a", false},
		{"a?c", "abc", false},
		{"[a]", "a", false},
	} {
		if got := matchAny(newGlobs([]string{tc.pattern}), tc.name); got != tc.want {
			t.Errorf("%q on %q: %v", tc.pattern, tc.name, got)
		}
	}
	if !matchAny(nil, "x") || matchAny(newGlobs([]string{"a", "b"}), "c") || !matchAny(newGlobs([]string{"a", "c"}), "c") {
		t.Error("a list of patterns is not a list of alternatives")
	}
}

// FuzzGlob holds the matcher against a regular expression of the same meaning.
func FuzzGlob(f *testing.F) {
	for _, seed := range [][2]string{{"get_*", "get_a"}, {"a*b*c", "abbc"}, {"**", ""}, {"*x*x*", "xyx"}, {"é*", "éa"}} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, pattern, name string) {
		var parts []string
		for _, p := range strings.Split(pattern, "*") {
			parts = append(parts, regexp.QuoteMeta(p))
		}
		expr, err := regexp.Compile(`\A` + strings.Join(parts, `(?s:.*)`) + `\z`)
		if err != nil || strings.ToValidUTF8(name, "") != name {
			return
		}
		if got, want := matchAny(newGlobs([]string{pattern}), name), expr.MatchString(name); got != want {
			t.Errorf("%q on %q: %v", pattern, name, got)
		}
	})
}
