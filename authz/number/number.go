// Package number reads the numbers of JSON so that rules compare them as they
// are written: those of arguments for authz/input, those of claims for
// authz/token. The languages of rules import it too, to find what it marked.
package number

import (
	"cmp"
	"strconv"
	"strings"
)

// Inexact is a number that no rule may compare, because it would be taken for
// another one, or an array that holds such a number somewhere. It is its JSON.
type Inexact struct{ Raw string }

// MarshalJSON implements [json.Marshaler].
func (i Inexact) MarshalJSON() ([]byte, error) { return []byte(cmp.Or(i.Raw, "null")), nil }

// Member is a member of every object that holds an [Inexact] somewhere
// below, so that who reads the object as a whole learns of it at once. It is no
// UTF-8, so no object of JSON has it of itself.
const Member = "\xff"

// Holds reports whether the value is an [Inexact] or an object that holds one.
func Holds(value any) bool {
	switch v := value.(type) {
	case Inexact:
		return true
	case map[string]any:
		_, holds := v[Member]
		return holds
	}
	return false
}

// Read reads a number of JSON. A whole one is an int64, however it is
// written. Another one is the float64 nearest to it, if that is written with
// the same digits: then numbers compare as their texts do. Any other is Inexact.
func Read(raw string) any {
	if n, err := strconv.ParseInt(raw, 10, 64); err == nil {
		return n
	}
	d, ok := decimalOf(raw)
	if !ok {
		return Inexact{raw}
	}
	if n, whole := d.whole(); whole {
		return n
	}
	f, err := strconv.ParseFloat(raw, 64)
	if err != nil || d.power >= 0 {
		return Inexact{raw}
	}
	if written, ok := decimalOf(strconv.FormatFloat(f, 'e', -1, 64)); !ok || written != d {
		return Inexact{raw}
	}
	return f
}

// decimal is a number as digits without zeros at their ends, times a power of
// ten, so that equal numbers are equal decimals. Zero has no digits.
type decimal struct {
	negative bool
	digits   string
	power    int
}

// Bounds of a number that is looked at: no float64 has more digits in its
// shortest text, nor a larger power.
const (
	maxDigits = 19
	maxPower  = 400
)

// decimalOf reads a number of JSON, and fails on one beyond the bounds.
func decimalOf(raw string) (decimal, bool) {
	var d decimal
	raw, d.negative = strings.TrimPrefix(raw, "-"), strings.HasPrefix(raw, "-")
	if at := strings.IndexAny(raw, "eE"); at >= 0 {
		power, err := strconv.Atoi(raw[at+1:])
		if err != nil {
			power = len(raw) + maxPower + 1 // of a number that is not zero
		}
		raw, d.power = raw[:at], power
	}
	whole, fraction, _ := strings.Cut(raw, ".")
	all := strings.TrimLeft(whole+fraction, "0")
	d.digits = strings.TrimRight(all, "0")
	if d.digits == "" {
		return decimal{}, true
	}
	d.power += len(all) - len(d.digits) - len(fraction)
	return d, len(d.digits) <= maxDigits && -maxPower < d.power && d.power < maxPower
}

// whole returns the number if it is a whole one of 64 bits.
func (d decimal) whole() (int64, bool) {
	if d.digits == "" {
		return 0, true
	}
	if d.power < 0 || len(d.digits)+d.power > maxDigits {
		return 0, false
	}
	text := d.digits + strings.Repeat("0", d.power)
	if d.negative {
		text = "-" + text
	}
	n, err := strconv.ParseInt(text, 10, 64)
	return n, err == nil
}
