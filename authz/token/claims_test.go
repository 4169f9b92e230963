package token

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"outrider.dev/outrider/authz/number"
	"outrider.dev/outrider/decision"
)

func TestScopes(t *testing.T) {
	for name, tt := range map[string]struct {
		claims object
		want   []string
		scp    any
	}{
		"none":             {object{}, nil, nil},
		"array":            {object{"scp": []any{"a", "b"}}, []string{"a", "b"}, []any{"a", "b"}},
		"spaced":           {object{"scp": "a b"}, []string{"a", "b"}, []any{"a", "b"}},
		"spaces around":    {object{"scp": "  a  "}, []string{"a"}, []any{"a"}},
		"empty string":     {object{"scp": ""}, nil, []any{}},
		"tab is no space":  {object{"scp": "a\tb"}, []string{"a\tb"}, []any{"a\tb"}},
		"united in order":  {object{"scp": "b a", "scope": []any{"c", "a"}, "roles": []any{"d", "b"}}, []string{"b", "a", "c", "d"}, []any{"b", "a"}},
		"role with spaces": {object{"roles": "Data Admin"}, []string{"Data Admin"}, nil},
		"role objects":     {object{"scp": "a", "roles": object{"x": 1}}, []string{"a"}, []any{"a"}},
		"entry with space": {object{"scp": []any{"a b"}}, []string{"a b"}, []any{"a b"}},
		"null":             {object{"scp": nil}, nil, []any{}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := scopes(tt.claims)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("scopes (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.scp, tt.claims["scp"]); diff != "" {
				t.Errorf("claims.scp (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSubjectAndClient(t *testing.T) {
	for name, tt := range map[string]struct {
		claims          object
		subject, client string
	}{
		"user":          {object{"sub": "user", "cid": "c"}, "user", "c"},
		"RFC 9068":      {object{"client_id": "id", "cid": "c", "azp": "z", "appid": "a"}, "id", "id"},
		"Okta":          {object{"sub": "", "cid": "c", "azp": "z"}, "c", "c"},
		"OpenID":        {object{"client_id": 7, "azp": "z", "appid": "a"}, "z", "z"},
		"Entra, v1":     {object{"sub": "oid", "appid": "a"}, "oid", "a"},
		"nobody":        {object{}, "", ""},
		"empty clients": {object{"sub": "user", "client_id": "", "cid": ""}, "user", ""},
	} {
		r := &remembered{issuer: testIssuer}
		if err := r.read(tt.claims); err != nil || r.token.Subject != tt.subject || r.token.Client != tt.client {
			t.Errorf("%s: %+v, %v", name, r.token, err)
		}
	}
}

func TestInstant(t *testing.T) {
	for raw, want := range map[string]time.Time{
		"0": time.Unix(0, 0), "1767225600": time.Unix(1767225600, 0), "1767225600.5": time.Unix(1767225600, 5e8),
		"1.7672256e9": time.Unix(1767225600, 0), "253402300799": time.Unix(maxInstant, 0),
		"1767225600.50000000000000000000": time.Unix(1767225600, 5e8), // digits that no double has
		"1767225600.50000000000000000001": time.Unix(1767225600, 5e8), "1e-999": time.Unix(0, 0),
	} {
		claims := must(readObject([]byte(`{"exp":` + raw + `}`)))
		if got, err := instant(claims, "exp"); err != nil || !got.Equal(want) {
			t.Errorf("%s: %v, %v", raw, got, err)
		}
	}
	for _, raw := range []string{"-1", "-0.5", "253402300800", "1e300", "1e999", "-1767225600.50000000000000000001", "18446744073709551615", `"1"`, "null", "true", "[1]", "[1e999]"} {
		claims := must(readObject([]byte(`{"exp":` + raw + `}`)))
		if got, err := instant(claims, "exp"); err == nil {
			t.Errorf("%s: %v", raw, got)
		}
	}
}

func TestNumbers(t *testing.T) {
	claims := must(readObject([]byte(`{"a":9223372036854775807,"b":-9223372036854775808,"d":1.5,"e":1e3,"f":-0,"l":[1,2.0]}`)))
	want := object{"a": int64(math.MaxInt64), "b": int64(math.MinInt64), "d": 1.5, "e": int64(1000), "f": int64(0), "l": []any{int64(1), int64(2)}}
	if diff := cmp.Diff(want, claims); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	claims = must(readObject([]byte(`{"c":9223372036854775808,"far":1e999,"o":{"l":[1,{"n":0.10000000000000001}],"k":1},"p":{}}`)))
	want = object{
		"c": number.Inexact{Raw: "9223372036854775808"}, "far": number.Inexact{Raw: "1e999"}, "p": object{}, number.Member: number.Inexact{},
		"o": object{"l": number.Inexact{}, "k": int64(1), number.Member: number.Inexact{}},
	}
	if diff := cmp.Diff(want, claims); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestDepth(t *testing.T) {
	nested := func(levels int) []byte {
		return []byte(strings.Repeat(`{"a":`, levels) + "1" + strings.Repeat("}", levels))
	}
	if _, err := readObject(nested(maxDepth)); err != nil {
		t.Errorf("%d levels: %v", maxDepth, err)
	}
	for _, levels := range []int{maxDepth + 1, 5000} {
		if _, err := readObject(nested(levels)); err == nil || !strings.Contains(err.Error(), "deeper") {
			t.Errorf("%d levels: %v", levels, err)
		}
	}
}

// FuzzReadObject compares with encoding/json: what is accepted reads the same
// there.
func FuzzReadObject(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"a":[1,2.5,true,false,null,"x\u0041"]}`, `{"a":1,"a":2}`, `{"a":"\ud800"}`, `[]`, `{"a":1}x`, "{\"a\":\"\xff\"}", `{"a":1e999}`, `{"a":[{"b":18446744073709551615}]}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		got, err := readObject(raw)
		if err != nil {
			return
		}
		var want map[string]any
		d := json.NewDecoder(bytes.NewReader(raw))
		d.UseNumber()
		if err := d.Decode(&want); err != nil {
			t.Fatalf("encoding/json refuses what was accepted: %v", err)
		}
		if !reflect.DeepEqual(any(got), asRead(want)) {
			t.Fatalf("read %v, want %v", got, want)
		}
	})
}

// asRead is a value of encoding/json as claims hold it.
func asRead(v any) any {
	switch v := v.(type) {
	case json.Number:
		return number.Read(v.String())
	case []any:
		out := make([]any, len(v))
		for i := range v {
			if out[i] = asRead(v[i]); number.Holds(out[i]) {
				return number.Inexact{}
			}
		}
		return out
	case map[string]any:
		out := object{}
		for k, e := range v {
			out[k] = asRead(e)
		}
		for _, e := range out {
			if number.Holds(e) {
				out[number.Member] = number.Inexact{}
				break
			}
		}
		return out
	default:
		return v
	}
}

// FuzzVerify: nothing but what the issuer signed is accepted. Header and
// claims are free, the signature is anything or one by a stranger's key.
func FuzzVerify(f *testing.F) {
	v := newVerifier(f, inlineProvider(setOf("rsa", "p256", "ed")))
	good := mintAs("rsa", nil)
	f.Add([]byte(good), []byte(nil), []byte(nil))
	f.Add([]byte("a.b.c"), []byte(`{"alg":"none"}`), []byte(`{"iss":"`+testIssuer+`"}`))
	f.Add([]byte(nil), []byte(`{"alg":"RS256","kid":"rsa"}`), []byte(`{"iss":"`+testIssuer+`","exp":99999999999}`))
	f.Add([]byte(nil), []byte(`{"alg":"EdDSA"}`), must(json.Marshal(goodClaims())))
	f.Add([]byte(nil), []byte(`{"alg":"ES256","kid":"p256","jwk":{}}`), must(json.Marshal(goodClaims())))
	f.Fuzz(func(t *testing.T, raw, header, claims []byte) {
		forged := fmt.Sprintf("%s.%s.%s", encode(string(header)), encode(string(claims)), base64.RawURLEncoding.EncodeToString(raw))
		for _, bearer := range []decision.Secret{raw, decision.Secret(forged)} {
			if string(bearer) == string(good) {
				continue
			}
			tok, err := v.Verify(bearer)
			if err == nil || tok != nil {
				t.Fatalf("accepted %q", []byte(bearer))
			}
			if code := codeOf(err); !code.Known() {
				t.Fatalf("code %q (%v)", code, err)
			}
		}
	})
}

// TestBoundToNothing: a cnf without a value binds a token to nothing.
func TestBoundToNothing(t *testing.T) {
	claims := goodClaims()
	claims["cnf"] = nil
	if _, err := newVerifier(t, inlineProvider(allKeys())).Verify(mint("RS256", signers()["rsa"], object{"alg": "RS256"}, claims)); err != nil {
		t.Error(err)
	}
}
