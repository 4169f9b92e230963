package pii

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"golang.org/x/crypto/sha3"

	"outrider.dev/outrider/guards/window"
)

// Lengths of wallet addresses in letters and digits.
const (
	minWallet = 26
	maxWallet = 62 // bech32 for a script, with the longest prefix that is known
	maxLonger = 108
)

// wallet reads an address of a currency.
func wallet(w *window.Window, i int) hit {
	if k := i + minWallet - 1; k < len(w.Text) && (!window.IsAlnum(w.Text[k]) || !BeginsWallet(w.Text[i:])) {
		return hit{}
	}
	n := w.Run(i, maxLonger, window.Alnum)
	if n < minWallet || n == maxLonger || !ended(w, i+n) || w.Run(i, n, hexDigit) == n { // a digest
		return hit{}
	}
	text := w.Text[i : i+n]
	if ethereum(text) || segwit(text) || base58(text) {
		return hit{kWallet, i + n, .95}
	}
	return hit{}
}

// BeginsWallet reports whether an address of a currency may begin with the text
// of at least 26 bytes. The sieve of the guards package asks so too.
func BeginsWallet(text []byte) bool {
	switch text[0] | 0x20 {
	case '0' | 0x20:
		return text[1] == 'x'
	case 'b', 't':
		return text[1]|0x20 == 'c' || text[1]|0x20 == 'b' || plain58(text)
	case 'l', 'a':
		return text[1]|0x20 == 't' || text[1]|0x20 == 'd' || plain58(text)
	case '1', '3', 'm', 'd', 'x', '9', '7':
		return plain58(text)
	}
	return false
}

// plain58 reports whether the letters and digits of the shortest address are
// all of those that base 58 has.
func plain58(text []byte) bool {
	for _, c := range text[:minWallet] {
		if c == '0' || c == 'O' || c == 'I' || c == 'l' {
			return false
		}
	}
	return true
}

// ethereum reports whether the text is 0x and 40 hexadecimal digits. Where both
// cases occur, they are the checksum of EIP-55.
func ethereum(text []byte) bool {
	if len(text) != 42 || text[0] != '0' || text[1] != 'x' {
		return false
	}
	var low [40]byte
	small, capital := false, false
	for k, c := range text[2:] {
		class := window.ClassOf(c)
		if class&hexDigit == 0 {
			return false
		}
		small, capital = small || class == window.HexLower, capital || class == window.HexUpper
		low[k] = c
		if class == window.HexUpper {
			low[k] |= 0x20
		}
	}
	return !small || !capital || checksummed(text[2:], low[:])
}

// checksummed reports whether the letters of an address are capitals where the
// Keccak digest of its small form has a high digit.
func checksummed(text, low []byte) bool {
	h := sha3.NewLegacyKeccak256()
	h.Write(low)
	digest := hex.EncodeToString(h.Sum(nil))
	for k, c := range text {
		if c > '9' && (c < 'a') != (digest[k] >= '8') {
			return false
		}
	}
	return true
}

const charset = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"

// segwit checks bech32 and bech32m, all in one case, of the chains that use them.
func segwit(text []byte) bool {
	if c := text[0] | 0x20; c != 'b' && c != 't' && c != 'l' && c != 'a' {
		return false
	}
	var low [maxLonger]byte
	small, capital := false, false
	for k, c := range text {
		upper := c-'A' <= 'Z'-'A'
		small, capital = small || c >= 'a', capital || upper
		low[k] = c
		if upper {
			low[k] |= 0x20
		}
	}
	if small && capital {
		return false
	}
	for _, chain := range [...]string{"bc", "tb", "ltc", "addr"} {
		n := len(chain)
		if string(low[:n]) == chain && low[n] == '1' && (n == 4 || len(text) <= maxWallet) {
			rest := polymod(chain, low[n+1:len(text)])
			return rest == 1 || rest == 0x2bc830a3
		}
	}
	return false
}

// polymod is the remainder of BIP 173 over the human-readable part and the data.
func polymod(chain string, body []byte) uint32 {
	sum := uint32(1)
	step := func(v uint32) {
		top := sum >> 25
		sum = sum&0x1ffffff<<5 ^ v
		for k, g := range [...]uint32{0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3} {
			if top>>k&1 == 1 {
				sum ^= g
			}
		}
	}
	for _, c := range []byte(chain) {
		step(uint32(c >> 5))
	}
	step(0)
	for _, c := range []byte(chain) {
		step(uint32(c & 31))
	}
	for _, c := range body {
		v := strings.IndexByte(charset, c)
		if v < 0 {
			return 0
		}
		step(uint32(v))
	}
	return sum
}

const alphabet58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"

// base58 checks a version, 20 bytes and four of their digest.
func base58(text []byte) bool {
	if len(text) > 35 {
		return false
	}
	var raw [25]byte
	for _, c := range text {
		carry := strings.IndexByte(alphabet58, c)
		if carry < 0 {
			return false
		}
		for k := len(raw) - 1; k >= 0; k-- {
			carry += int(raw[k]) * 58
			raw[k] = byte(carry)
			carry >>= 8
		}
		if carry != 0 {
			return false
		}
	}
	switch raw[0] {
	case 0x00, 0x05, 0x30, 0x32, 0x1e, 0x16, 0x4c, 0x10, 0x41: // Bitcoin, Litecoin, Dogecoin, Dash, TRON
	default:
		return false
	}
	once := sha256.Sum256(raw[:21])
	twice := sha256.Sum256(once[:])
	return bytes.Equal(twice[:4], raw[21:])
}
