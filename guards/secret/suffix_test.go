package secret

import (
	"math/rand/v2"
	"testing"
)

// TestKeysOfManyParts holds keys without a prefix of letters: what stands at
// their end or between their parts gives them away, no name does.
func TestKeysOfManyParts(t *testing.T) {
	rnd := rand.New(rand.NewPCG(51, 51))
	d := New()
	for range 60 {
		hex32, hex30, hex36 := invent(rnd, hexes, 32), invent(rnd, hexes, 30), invent(rnd, hexes, 36)
		user, base := invent(rnd, "123456789", 16), alnums+"+/"
		adyen := "AQE" + invent(rnd, small, 1) + "hm" + invent(rnd, base, 72) + "-" + invent(rnd, base, 43) + "=-" + invent(rnd, alnums, 14)
		for text, want := range map[string]string{
			hex32 + "-us1": "mailchimp " + hex32 + "-us1", "key: " + hex32 + "-us21, please": "mailchimp " + hex32 + "-us21", `{"k":"` + hex32 + `-us7"}`: "mailchimp " + hex32 + "-us7",
			hex36 + "NRAL": "newrelic " + hex36 + "NRAL", "x=" + hex36 + "NRAL\n": "newrelic " + hex36 + "NRAL", "(eu01" + "xx" + hex30 + "NRAL)": "newrelic eu01" + "xx" + hex30 + "NRAL",
			"1/" + user + ":" + hex32: "asana " + user + ":" + hex32, "Bearer 0/" + user + ":" + hex32 + " ok": "asana " + user + ":" + hex32,
			"2/" + user + "/" + user[:16] + ":" + hex32 + ".": "asana " + user[:16] + ":" + hex32,
			"X-API-Key: " + adyen:                             "adyen " + adyen, "see " + adyen + "!": "adyen " + adyen,
		} {
			one(t, d, text, want)
		}
		for _, text := range []string{
			hex32 + "-us", hex32 + "-usage", hex32 + "-us-east-1", hex32 + "-us123", hex32 + "-us12_x", hex32 + "-eu1", hex32 + "_us1", hex32[1:] + "-us1", hex32 + "0-us1", "a/" + hex32 + "-us1b", "x" + hex32 + "-us1",
			"0123456789abcdef0123456789abcdef-us1", "GG" + hex30 + "-us1", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-us4",
			hex36 + "NRA", hex36 + "nral", hex36 + "NRALx", hex36[1:] + "NRAL", hex36 + "0NRAL", "eu01xy" + hex30 + "NRAL", "eu02xx" + hex30 + "NRAL", "000000000000000000000000000000000000" + "NRAL",
			user + ":" + hex32, "x/" + user + ":" + hex32, "1/" + user[:14] + ":" + hex32, "1/" + user + "99:" + hex32, "1/" + user + ":" + hex30, "1/" + user + ":" + hex32 + "0", "1/" + user + "-" + hex32, "part 1/2 of " + hex32,
			"1/" + user + ":xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "2024/" + user[:8] + ":" + hex32, "AQE" + invent(rnd, alnums, 60), "AQEBinary data of an image",
		} {
			none(t, d, text)
		}
	}
}
