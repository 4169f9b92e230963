package number

import (
	"encoding/json"
	"math/big"
	"strconv"
	"strings"
	"testing"
)

func TestRead(t *testing.T) {
	for raw, want := range map[string]any{
		"0": int64(0), "-0": int64(0), "0.0": int64(0), "-0.0": int64(0), "0e99999999999999999999": int64(0), "0.000e-7": int64(0),
		"1": int64(1), "1.0": int64(1), "100e-2": int64(1), "1e2": int64(100), "-1.50E1": int64(-15), "0.5e+1": int64(5),
		"9223372036854775807": int64(9223372036854775807), "9223372036854775807.000": int64(9223372036854775807),
		"-9223372036854775808": int64(-9223372036854775808), "922337203685477580.7e1": int64(9223372036854775807),
		"9007199254740993.0": int64(9007199254740993), // a double would be another number
		"0.1":                0.1, "1.10": 1.1, "-2.5e-3": -0.0025, "0.30000000000000004": 0.30000000000000004, "5e-324": 5e-324,
		"9223372036854775808": nil, "-9223372036854775809": nil, "18446744073709551615": nil, "1e19": nil, "10000000000000000000.0": nil,
		"12345678901234567890": nil, "1e400": nil, "-1e400": nil, "1e-400": nil, "1e99999999999999999999": nil, "1e-99999999999999999999": nil,
		"1.7976931348623157e308": nil, "100.00000000000000001": nil, "0.1000000000000000055511151231257827": nil, "0.10000000000000001": nil,
		"9007199254740992.5": nil, "1.0000000000000001": nil, "4e-324": nil,
		"0.1" + strings.Repeat("0", 500): 0.1, strings.Repeat("1", 500): nil, "0." + strings.Repeat("1", 500): nil,
	} {
		if want == nil {
			want = Inexact{raw}
		}
		if got := Read(raw); got != want {
			t.Errorf("%.40s: %#v, want %#v", raw, got, want)
		}
	}
}

// FuzzRead: what a number is read as has its value to the last digit, is the
// same however the number is written, and is found wherever there is one.
func FuzzRead(f *testing.F) {
	for _, seed := range []string{"0", "-0.0", "1.0", "1e2", "9223372036854775808", "0.1", "100.00000000000000001", "1e400", "5e-324", "12e-1", "1E+0003", "-120.0e-1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		raw = strings.TrimSpace(raw)
		if !json.Valid([]byte(raw)) || raw[0] != '-' && (raw[0] < '0' || raw[0] > '9') {
			return
		}
		got := Read(raw)
		if at := strings.IndexAny(raw, "eE"); at >= 0 {
			power, err := strconv.Atoi(raw[at+1:])
			if err != nil || power > 1000 || power < -1000 {
				return // too large to hold against
			}
		}
		value, ok := new(big.Rat).SetString(raw)
		if !ok {
			t.Fatalf("%s is no number", raw)
		}
		want := any(Inexact{raw})
		if value.IsInt() && value.Num().IsInt64() {
			want = value.Num().Int64()
		} else if near, _ := value.Float64(); !value.IsInt() {
			if shortest, ok := new(big.Rat).SetString(strconv.FormatFloat(near, 'e', -1, 64)); ok && shortest.Cmp(value) == 0 {
				want = near
			}
		}
		if got != want {
			t.Fatalf("%s: %#v, want %#v", raw, got, want)
		}
	})
}
