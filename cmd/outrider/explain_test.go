package main

import (
	"strings"
	"testing"

	configv1 "outrider.dev/outrider/proto/outrider/config/v1"
)

// TestTypedClaims: a number that is not held as it was typed is no claim.
func TestTypedClaims(t *testing.T) {
	for text, fails := range map[string]bool{
		"9007199254740991": false, "-9007199254740991": false, "1.5": false, "red": false, "true": false, `"9007199254740993"`: false,
		"9007199254740993": true, "-9007199254740993": true, "18446744073709551615": true,
	} {
		c := &explainCommand{Claim: map[string]string{"tenant": text}}
		claims, err := c.claims(&configv1.TestPrincipal{})
		if fails != (err != nil) || err != nil && !strings.Contains(err.Error(), "--claim tenant") {
			t.Errorf("%s: %v, %v", text, claims, err)
		}
	}
}
