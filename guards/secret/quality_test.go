package secret

import (
	"math/rand/v2"
	"testing"
)

// What counts up does not stand for a credential by itself: the token of a
// webhook is real whatever number stands before it, in documents too.
func TestMadeUpNumbers(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	d := New()
	missed := 0 // few random ones happen to count, too
	for range 500 {
		for _, text := range []string{
			"https://discord." + "com/api/webhooks/123456789012345678/" + invent(r, alnums+"-_", 67) + "Q",
			"xoxb" + "-123456789012-1234567890123-" + invent(r, alnums, 23) + "7",
		} {
			if len(found(d, text)) != 1 {
				missed++
			}
		}
	}
	if missed > 10 {
		t.Errorf("%d of 1000 are not found", missed)
	}
	for _, text := range []string{
		"xoxb" + "-123456789012-1234567890123-AbCdEfGhIjKlMnOpQrStUvWx",
		"https://discord." + "com/api/webhooks/123456789012345678/abcdefghijklmnopqrstuvwxyz0123456789",
		"ghp" + "_1234567890abcdefghijklmnopqrstuvwxyz12",
		"sk-ant-" + "api03-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
		"api_key: 12345678-90ab-cdef-1234-567890abcdef",
	} {
		if got := found(d, text); len(got) > 0 {
			t.Errorf("%q stands for a credential, and is found", text)
		}
	}
}
