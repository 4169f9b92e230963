// Package suggest finds the word that a writer most likely meant, for messages
// about words that are not known.
//
// The loader of the configuration and the decision service's REST face import
// it. It imports the standard library alone.
package suggest

import "strings"

// least is how many letters two words must share to be taken for relatives.
const least = 3

// Nearest returns the candidate that the writer most likely meant, or "".
// Spelling conventions do not count: deny_policy is denyPolicy.
func Nearest(word string, candidates []string) string {
	plain := fold(word)
	best, distance := "", max(1, len(plain)/3)+1
	for _, c := range candidates {
		if d := editDistance(plain, fold(c)); d < distance {
			best, distance = c, d
		}
	}
	if best != "" {
		return best
	}
	if best = containing(plain, candidates); best != "" {
		return best
	}
	return beginning(plain, candidates)
}

// containing finds the candidate that is a longer or shorter form of the word:
// jwt for jwtAuthentication.
func containing(plain string, candidates []string) string {
	for _, c := range candidates {
		folded := fold(c)
		short, long := plain, folded
		if len(short) > len(long) {
			short, long = long, short
		}
		if len(short) >= least && strings.Contains(long, short) {
			return c
		}
	}
	return ""
}

// beginning finds the candidate that shares the longest beginning with the
// word: policy for policies, cacheDuration for cacheTime.
func beginning(plain string, candidates []string) string {
	best, longest := "", least-1
	for _, c := range candidates {
		folded, n := fold(c), 0
		for n < min(len(plain), len(folded)) && plain[n] == folded[n] {
			n++
		}
		if n > longest {
			best, longest = c, n
		}
	}
	return best
}

func fold(s string) string {
	const longest = 64 // of the words worth comparing; the cost is quadratic
	s = strings.ToLower(strings.NewReplacer("_", "", "-", "", " ", "").Replace(s))
	if len(s) > longest {
		s = s[:longest]
	}
	return s
}

// editDistance counts the insertions, deletions, substitutions and swaps of
// neighbours that turn a into b, by bytes.
func editDistance(a, b string) int {
	older, previous := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range previous {
		previous[j] = j
	}
	for i := range len(a) {
		current := make([]int, len(b)+1)
		current[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			current[j+1] = min(previous[j+1]+1, current[j]+1, previous[j]+cost)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				current[j+1] = min(current[j+1], older[j-1]+1)
			}
		}
		older, previous = previous, current
	}
	return previous[len(b)]
}
