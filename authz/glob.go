package authz

import "strings"

// glob matches whole names; `*` in it matches any run of characters.
type glob []string // the texts between the stars

// newGlobs compiles patterns.
func newGlobs(patterns []string) []glob {
	out := make([]glob, len(patterns))
	for i, p := range patterns {
		out[i] = strings.Split(p, "*")
	}
	return out
}

// match runs in the length of the name times that of the pattern at worst.
func (g glob) match(name string) bool {
	last := len(g) - 1
	if last == 0 {
		return name == g[0]
	}
	name, ok := strings.CutPrefix(name, g[0])
	if !ok {
		return false
	}
	// The leftmost place of each inner text leaves the most for the others.
	for _, text := range g[1:last] {
		at := strings.Index(name, text)
		if at < 0 {
			return false
		}
		name = name[at+len(text):]
	}
	return strings.HasSuffix(name, g[last])
}

// matchAny reports whether a glob matches; an empty list asks for nothing.
func matchAny(globs []glob, name string) bool {
	for _, g := range globs {
		if g.match(name) {
			return true
		}
	}
	return len(globs) == 0
}
