package secret

import (
	"slices"
	"strings"

	w "outrider.dev/outrider/guards/window"
)

// rule is one shape of credential: a prefix and a body of one alphabet. With
// max 0 the first min bytes of the body prove it and the rest of the run
// belongs to it; otherwise the body is min to max bytes and ends there.
type rule struct {
	id       string // the provider, a dash, what it is
	title    string
	prefix   string
	body     w.Class
	min, max int
	check    check
}

// check is what a body must be beyond its alphabet and length.
type check uint8

const (
	mixed  check = 1 << iota // digits and letters both occur: the prefix is weak
	crc                      // ends with the checksum of the rest; tells how sure a finding is
	random                   // letters and digits, or letters of both cases, change places often, as in nothing that people write
)

const (
	base32Upper = w.Digit | w.HexUpper | w.Upper
	hexAny      = w.Hex | w.HexUpper
	hexDash     = w.Hex | w.Dash
	lowAlnum    = w.Hex | w.Lower
	wordly      = w.Alnum | w.Underscore
	dotted      = w.URLSafe | w.Dot
	padded      = w.Base64 | w.Dash | w.Underscore
	linked      = w.URLSafe | w.Slash | w.At // the path of a webhook
)

// typeOf returns the finding type of a rule: its provider's.
func typeOf(id string) string {
	provider, _, _ := strings.Cut(id, "-")
	return "secret." + provider
}

// rules lists the shapes. Where one prefix begins another, the longer stands first.
func rules() []rule {
	return slices.Concat(modelRules(), codeRules(), deliveryRules(), cloudRules(), dataRules(), watchRules(), chatRules(), moneyRules(), serviceRules())
}
