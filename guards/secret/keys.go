package secret

import (
	"slices"
	"strings"

	"outrider.dev/outrider/guards/window"
)

// Keys returns the keys of the words with which a credential can begin that its
// first letters give away, and of those that a line of dashes leads to.
func (d *Detector) Keys() []string {
	out := []string{"begi"} // of -----BEGIN
	for _, r := range d.rules {
		out = appendKeys(out, r.prefix, r.body)
	}
	out = append(out, "priv", "jdbc") // of PuTTY's Private-Lines, and of Oracle's URLs
	out = appendKeys(out, "eyJ", window.URLSafe)
	slices.Sort(out)
	return slices.Compact(out)
}

// Prefixes returns what credentials begin with whose first letters give them away.
func (d *Detector) Prefixes() []string {
	out := []string{"eyJ", "Private-Lines: ", thin}
	for _, r := range d.rules {
		out = append(out, r.prefix)
	}
	return out
}

// appendKeys appends the keys of prefix with all that may follow it.
func appendKeys(out []string, prefix string, body window.Class) []string {
	n := 0
	for n < len(prefix) && n < window.KeyLen && window.IsAlnum(prefix[n]) {
		n++
	}
	key := strings.ToLower(prefix[:n])
	if n < len(prefix) || n == window.KeyLen {
		return append(out, key)
	}
	out = append(out, key) // where the body begins with a sign
	for c := range byte(128) {
		if class := window.ClassOf(c); class&body&window.Alnum != 0 {
			out = appendKeys(out, prefix+string(c), body)
		}
	}
	return out
}
