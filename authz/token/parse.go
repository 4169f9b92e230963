package token

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strings"

	"outrider.dev/outrider/decision"
)

// maxToken bounds a token's length in bytes.
const maxToken = 16 << 10

// parsed is a token that has been read and not yet believed.
type parsed struct {
	algorithm string // canonical
	kid       string
	issuer    string
	claims    map[string]any
	signed    []byte // header.payload, as signed
	signature []byte
}

func malformed(format string, args ...any) error {
	return decision.Refuse(decision.CodeTokenMalformed,
		fmt.Sprintf("the token cannot be read: "+format, args...))
}

// parse reads the compact form. It checks the token's shape only.
func parse(raw []byte) (*parsed, error) {
	if len(raw) > maxToken {
		return nil, malformed("it has %d bytes, more than %d: ask the issuer for fewer claims", len(raw), maxToken)
	}
	parts := bytes.SplitN(raw, []byte{'.'}, 6)
	switch len(parts) {
	case 3:
	case 5:
		return nil, malformed("it is encrypted (JWE): ask the issuer for a signed token")
	default:
		return nil, malformed("it is not a JWT, which has three parts with a dot between them")
	}
	p := &parsed{signed: raw[:len(parts[0])+1+len(parts[1])]}
	header, err := decodeObject("header", parts[0])
	if err != nil {
		return nil, err
	}
	if p.claims, err = decodeObject("payload", parts[1]); err != nil {
		return nil, err
	}
	if p.signature, err = decode("signature", parts[2]); err != nil {
		return nil, err
	}
	if p.issuer, err = text(p.claims, "iss"); err != nil {
		return nil, malformed("%s", err)
	}
	return p, p.readHeader(header)
}

// readHeader takes what verification needs. Keys that a header offers (jku,
// x5u, jwk, x5c) are not read at all.
func (p *parsed) readHeader(header map[string]any) error {
	var err error
	if p.algorithm, err = text(header, "alg"); err != nil {
		return malformed("%s", err)
	}
	p.algorithm = canonical(p.algorithm)
	if p.kid, err = text(header, "kid"); err != nil {
		return malformed("%s", err)
	}
	typ, err := text(header, "typ")
	if err != nil {
		return malformed("%s", err)
	}
	if foreign(typ) {
		return malformed("its typ says that it is no access token")
	}
	for _, name := range []string{"crit", "enc", "zip"} {
		if _, ok := header[name]; ok {
			return malformed("its header has %s, which is not supported here", name)
		}
	}
	if cty, _ := text(header, "cty"); strings.EqualFold(cty, "JWT") {
		return malformed("it holds another token")
	}
	return nil
}

// foreign reports whether typ marks a kind of JWT that must not pass as an
// access token, such as logout+jwt (RFC 8725 §3.11). Issuers put other words
// there too; those mark nothing.
func foreign(typ string) bool {
	typ = strings.TrimPrefix(strings.ToLower(typ), "application/")
	return strings.HasSuffix(typ, "+jwt") && typ != "at+jwt"
}

func decodeObject(part string, raw []byte) (map[string]any, error) {
	text, err := decode(part, raw)
	if err != nil {
		return nil, err
	}
	object, err := readObject(text)
	if err != nil {
		return nil, malformed("its %s %s", part, err)
	}
	return object, nil
}

// decode accepts one spelling only: the standard decoder skips line breaks,
// which would give one token many forms.
func decode(part string, raw []byte) ([]byte, error) {
	if bytes.ContainsAny(raw, "\r\n") {
		return nil, malformed("its %s holds a line break", part)
	}
	enc := base64.RawURLEncoding.Strict()
	out := make([]byte, enc.DecodedLen(len(raw)))
	if _, err := enc.Decode(out, raw); err != nil {
		return nil, malformed("its %s is not base64url", part)
	}
	return out, nil
}
