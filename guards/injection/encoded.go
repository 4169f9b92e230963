package injection

import (
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"unicode/utf8"

	"outrider.dev/outrider/guards/window"
)

// Bounds of what is decoded of one text, in bytes.
const (
	minEncoded = 24      // a shorter run says too little
	maxDecoded = 4 << 10 // of one run
	maxRuns    = 16      // that are decoded, of those that hold text
	maxTried   = 256     // that are tried
)

// encoding is a way to write text that people cannot read and models can.
type encoding struct {
	class  window.Class // of the bytes of a run
	decode func(run string) ([]byte, error)
}

func encodings() []encoding {
	return []encoding{
		{window.Alnum | window.Plus | window.Slash | window.Dash | window.Underscore, decodeBase64},
		{window.Hex | window.HexUpper, func(run string) ([]byte, error) { return hex.DecodeString(run[:len(run)&^1]) }},
		{
			window.Alnum | window.Percent | window.Plus | window.Dash | window.Underscore | window.Dot,
			func(run string) ([]byte, error) {
				text, err := url.QueryUnescape(run)
				return []byte(text), err
			},
		},
	}
}

// decodeBase64 reads both alphabets, with what is left over cut off.
func decodeBase64(run string) ([]byte, error) {
	run = run[:len(run)-btoi(len(run)%4 == 1)]
	if out, err := base64.RawStdEncoding.DecodeString(run); err == nil {
		return out, nil
	}
	return base64.RawURLEncoding.DecodeString(run)
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// run is an encoded text and where it stands.
type run struct {
	start, end int
	text       []byte
}

// encodedRuns returns the runs of a text that can be decoded to text.
func encodedRuns(text []byte) (out []run) {
	tried := 0
	for _, e := range encodings() {
		for i := 0; i < len(text) && len(out) < maxRuns && tried < maxTried; {
			n := 0
			for i+n < len(text) && window.ClassOf(text[i+n])&e.class != 0 {
				n++
			}
			if n >= minEncoded {
				tried++
				if plain, err := e.decode(string(text[i:min(i+n, i+2*maxDecoded)])); err == nil && readable(plain) && string(plain) != string(text[i:i+n]) {
					out = append(out, run{i, i + n, plain[:min(len(plain), maxDecoded)]})
				}
			}
			i += n + 1
		}
	}
	return out
}

// readable reports whether decoded bytes are text.
func readable(plain []byte) bool {
	if !utf8.Valid(plain) {
		return false
	}
	spaces := 0
	for _, c := range plain {
		switch {
		case c == ' ' || c == '\n':
			spaces++
		case c < ' ' && c != '\t' && c != '\r' || c == 0x7f:
			return false
		}
	}
	return spaces > 0 && len(plain) > 8
}
