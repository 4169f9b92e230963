package suggest

import (
	"strings"
	"testing"
	"testing/quick"
)

func TestNearest(t *testing.T) {
	keys := []string{"jwtAuthentication", "rateLimiting", "denyPolicy", "deny", "to", "url", "requestsPerMinute"}
	for word, want := range map[string]string{
		"jwt": "jwtAuthentication", "rate_limiting": "rateLimiting", "RateLimit": "rateLimiting", "deny_policy": "denyPolicy",
		"denies": "denyPolicy", "dney": "deny", "ot": "to", "uri": "url", "requests-per-minute": "requestsPerMinute",
		"zzz": "", "": "", "x": "", strings.Repeat("y", 10_000): "",
	} {
		if got := Nearest(word, keys); got != want {
			t.Errorf("Nearest(%.20q) = %q, want %q", word, got, want)
		}
	}
}

// TestEditDistance: it is a distance, and each slip of the hand counts one.
func TestEditDistance(t *testing.T) {
	check := func(a, b string) bool {
		d := editDistance(a, b)
		return d == editDistance(b, a) && (d == 0) == (a == b) && d <= max(len(a), len(b)) && d >= max(len(a)-len(b), len(b)-len(a))
	}
	if err := quick.Check(check, nil); err != nil {
		t.Error(err)
	}
	for _, slip := range []string{"guard", "guardss", "gaurds", "gwards"} {
		if d := editDistance("guards", slip); d != 1 {
			t.Errorf("%s is %d away", slip, d)
		}
	}
}
