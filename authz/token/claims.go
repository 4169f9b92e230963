package token

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"outrider.dev/outrider/authz/number"
)

// maxDepth bounds how deep arrays and objects nest in a header or in claims.
const maxDepth = 16

// maxInstant is the last second of the year 9999. A later exp is a mistake,
// mostly milliseconds.
const maxInstant = 253402300799

// readObject reads one JSON object and nothing after it. Duplicate names and
// invalid UTF-8 are refused: two readers of such a token would disagree. Its
// errors say where, never what: a token's content is not for logs.
func readObject(raw []byte) (map[string]any, error) {
	d := jsontext.NewDecoder(bytes.NewBuffer(raw))
	if d.PeekKind() != '{' {
		return nil, errors.New("is not a JSON object")
	}
	v, err := readValue(d, maxDepth)
	if err != nil {
		return nil, describe(d, err)
	}
	if _, err := d.ReadToken(); !errors.Is(err, io.EOF) {
		return nil, errors.New("has something after its JSON object")
	}
	return v.(map[string]any), nil
}

var errDepth = fmt.Errorf("nests deeper than %d levels", maxDepth)

func describe(d *jsontext.Decoder, err error) error {
	switch {
	case errors.Is(err, errDepth):
		return err
	case errors.Is(err, jsontext.ErrDuplicateName):
		return errors.New("names one member twice")
	default:
		return fmt.Errorf("is not valid JSON near byte %d", d.InputOffset())
	}
}

func readValue(d *jsontext.Decoder, depth int) (any, error) {
	tok, err := d.ReadToken()
	if err != nil {
		return nil, err
	}
	switch tok.Kind() {
	case '{', '[':
		if depth == 0 {
			return nil, errDepth
		}
		if tok.Kind() == '{' {
			return readMembers(d, depth-1)
		}
		return readElements(d, depth-1)
	case '"':
		return tok.String(), nil
	case '0':
		return number.Read(tok.String()), nil
	case 't', 'f':
		return tok.Bool(), nil
	default: // the decoder returns no other value than null
		return nil, nil
	}
}

func readMembers(d *jsontext.Decoder, depth int) (any, error) {
	out, inexact := map[string]any{}, false
	for d.PeekKind() != '}' {
		name, err := d.ReadToken()
		if err != nil {
			return nil, err
		}
		key := name.String()
		if out[key], err = readValue(d, depth); err != nil {
			return nil, err
		}
		inexact = inexact || number.Holds(out[key])
	}
	if inexact {
		out[number.Member] = number.Inexact{}
	}
	_, err := d.ReadToken()
	return out, err
}

// readElements returns no list of which an element holds a number that no rule
// may compare: which elements a rule means shows only when it is evaluated.
func readElements(d *jsontext.Decoder, depth int) (any, error) {
	out, inexact := []any{}, false
	for d.PeekKind() != ']' {
		v, err := readValue(d, depth)
		if err != nil {
			return nil, err
		}
		out, inexact = append(out, v), inexact || number.Holds(v)
	}
	_, err := d.ReadToken()
	if inexact {
		return number.Inexact{}, err
	}
	return out, err
}

// instant reads a NumericDate (RFC 7519): seconds since 1970, perhaps with a
// fraction. The zero time means that the claim is absent.
func instant(claims map[string]any, name string) (time.Time, error) {
	v, ok := claims[name]
	if !ok {
		return time.Time{}, nil
	}
	var seconds float64
	switch n := v.(type) {
	case int64:
		if n >= 0 && n <= maxInstant {
			return time.Unix(n, 0), nil
		}
		seconds = float64(n)
	case float64:
		seconds = n
	case number.Inexact: // with more digits than anybody compares, or out of range
		var err error
		if seconds, err = strconv.ParseFloat(n.Raw, 64); err != nil {
			return time.Time{}, fmt.Errorf("%s is not a number of seconds", name)
		}
	default:
		return time.Time{}, fmt.Errorf("%s is not a number of seconds", name)
	}
	if seconds < 0 || seconds > maxInstant {
		return time.Time{}, fmt.Errorf("%s is not a number of seconds between 1970 and the year 9999", name)
	}
	whole, part := math.Modf(seconds)
	return time.Unix(int64(whole), int64(part*1e9)), nil
}

// text reads an optional string claim.
func text(claims map[string]any, name string) (string, error) {
	v, ok := claims[name]
	if !ok {
		return "", nil
	}
	s, ok := v.(string)
	if !ok {
		return "", fmt.Errorf("%s is not a string", name)
	}
	return s, nil
}

// texts reads an optional claim that is a list of strings or one string, which
// split takes apart.
func texts(claims map[string]any, name string, split func(string) []string) ([]string, error) {
	switch v := claims[name].(type) {
	case nil:
		return nil, nil
	case string:
		return split(v), nil
	case []any:
		out := make([]string, 0, len(v))
		for _, e := range v {
			s, ok := e.(string)
			if !ok {
				return nil, fmt.Errorf("%s has an entry that is not a string", name)
			}
			out = append(out, s)
		}
		return out, nil
	default:
		return nil, fmt.Errorf("%s is neither a string nor a list of strings", name)
	}
}

func single(s string) []string { return []string{s} }

// spaced splits where OAuth does (RFC 6749 §3.3): at the space, nowhere else.
func spaced(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ' ' })
}

// scopes returns scp ∪ scope ∪ roles and makes scp and scope lists in claims,
// so that a rule reads Okta's array and a spaced string alike. Some issuers put
// objects into roles; those are for rules to read and add no scope.
func scopes(claims map[string]any) ([]string, error) {
	var out []string
	for _, name := range []string{"scp", "scope"} {
		list, err := texts(claims, name, spaced)
		if err != nil {
			return nil, err
		}
		if _, ok := claims[name]; ok {
			claims[name] = anyList(list)
		}
		out = appendNew(out, list)
	}
	if roles, err := texts(claims, "roles", single); err == nil {
		out = appendNew(out, roles)
	}
	return out, nil
}

func anyList(list []string) []any {
	out := make([]any, len(list))
	for i, s := range list {
		out[i] = s
	}
	return out
}

func appendNew(list, more []string) []string {
	for _, s := range more {
		if !slices.Contains(list, s) {
			list = append(list, s)
		}
	}
	return list
}

// clientOf is the client that got the token: by RFC 9068, as Okta, OpenID Connect
// and version 1 of Entra's tokens name it.
func clientOf(claims map[string]any) string {
	for _, name := range []string{"client_id", "cid", "azp", "appid"} {
		if id, err := text(claims, name); err == nil && id != "" {
			return id
		}
	}
	return ""
}
