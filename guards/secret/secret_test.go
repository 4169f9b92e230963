package secret

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/guards/window"
)

const (
	small   = "abcdefghijklmnopqrstuvwxyz"
	numbers = "0123456789"
	letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ" + small
	alnums  = letters + numbers
)

// invent returns n random characters of the alphabet. Every credential of the
// tests is made when they run, so that none stands in the source.
func invent(r *rand.Rand, alphabet string, n int) string {
	out := make([]byte, n)
	for k := range out {
		out[k] = alphabet[r.IntN(len(alphabet))]
	}
	return string(out)
}

// alphabetOf returns the bytes of a class.
func alphabetOf(class window.Class) string {
	var out []byte
	for c := range byte(128) {
		if window.ClassOf(c)&class != 0 {
			out = append(out, c)
		}
	}
	return string(out)
}

// detector is what the tests know of one.
type detector interface {
	Find(text []byte, p window.Places, m window.Mark, last bool, out []decision.Finding) ([]decision.Finding, window.Mark)
}

// find lets the detector judge every place of a text.
func find(d detector, text []byte, m window.Mark, last bool, out []decision.Finding) ([]decision.Finding, window.Mark) {
	start := m.At
	for from := start; from == start || from < len(text); from += window.Stretch {
		p := window.NewPlaces(from, len(text))
		p.AddFrom(from)
		if m.At >= from && (m.At < p.To || p.To == len(text)) {
			out, m = d.Find(text, p, m, last, out)
		}
	}
	return out, m
}

func found(d *Detector, text string) []string {
	all, _ := find(d, []byte(text), window.Mark{}, true, nil)
	out := []string{}
	for _, f := range all {
		out = append(out, strings.TrimPrefix(f.Type, "secret.")+" "+text[f.Start:f.End])
	}
	return out
}

func one(t *testing.T, d *Detector, text, want string) {
	t.Helper()
	if got := found(d, text); len(got) != 1 || got[0] != want {
		t.Errorf("%q\n got %q\nwant %q", text, got, want)
	}
}

func none(t *testing.T, d *Detector, text string) {
	t.Helper()
	if got := found(d, text); len(got) != 0 {
		t.Errorf("%q: got %q", text, got)
	}
}

// sample returns a random body that the rule must accept.
func (r rule) sample(rnd *rand.Rand) string {
	alphabet := alphabetOf(r.body &^ (window.Dash | window.Dot | window.Slash | window.Underscore | window.Equals | window.Plus | window.Dollar))
	n := r.min
	if r.max == 0 {
		n += 20
	}
	for {
		body := invent(rnd, alphabet, n)
		if (r.check&mixed == 0 || isMixed([]byte(body)) || scrambled([]byte(body))) && (r.check&random == 0 || looksRandom([]byte(body))) && !placeholder([]byte(body)) {
			return body
		}
	}
}

func TestEveryRule(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 1))
	d := New()
	providers := map[string]bool{}
	for _, r := range d.rules {
		providers[typeOf(r.id)[len("secret."):]] = true
		for range 20 {
			key := r.prefix + r.sample(rnd)
			want := typeOf(r.id)[len("secret."):] + " " + key
			one(t, d, key, want)
			one(t, d, "my key is "+key+", keep it", want)
			one(t, d, `{"k":"`+key+`"}`, want)
			one(t, d, "K="+key+"\n", want)
			one(t, d, `a\n`+key, want)
			none(t, d, "x"+key[:len(r.prefix)]+"x")
			none(t, d, r.prefix)
			none(t, d, r.prefix+"short")
			none(t, d, r.prefix+strings.Repeat("x", 60))
			none(t, d, r.prefix+"<your key>")
			none(t, d, r.prefix+"...")
		}
	}
	if len(providers) < 40 {
		t.Errorf("%d providers", len(providers))
	}
}

// TestRecall says how many random keys each rule may miss for looking like a
// placeholder or for want of a digit.
func TestRecall(t *testing.T) {
	rnd := rand.New(rand.NewPCG(2, 2))
	d := New()
	for _, r := range d.rules {
		alphabet := alphabetOf(r.body &^ (window.Dot | window.Slash | window.Equals | window.Plus | window.Dollar))
		missed := 0
		for range 500 {
			n := r.max
			if n == 0 {
				n = max(r.min, 32)
			}
			if len(found(d, r.prefix+invent(rnd, alphabet, n))) == 0 {
				missed++
			}
		}
		most := 15
		if r.check&random != 0 {
			most = 30 // the prefix is so weak that the body must look random
		}
		if missed > most {
			t.Errorf("%s %s: %d of 500 missed", typeOf(r.id)[len("secret."):], r.prefix, missed)
		}
	}
}

func TestTableFits(t *testing.T) {
	d := New()
	if n := int(tailOfAlphabets) + len(d.alphabets); n > 255 {
		t.Errorf("%d tails do not fit the mark", n)
	}
	for n, r := range d.rules {
		if len(r.prefix) < 2 || r.min < 14 || r.max > 0 && r.max < r.min || len(r.prefix)+max(r.min, r.max, proofLen) >= window.MaxHold {
			t.Errorf("rule %d %q is out of bounds", n, r.prefix)
		}
		for _, later := range d.rules[n+1:] {
			if strings.HasPrefix(later.prefix, r.prefix) {
				t.Errorf("%q stands before the longer %q", r.prefix, later.prefix)
			}
		}
	}
}

func TestBoundaries(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 3))
	d := New()
	aws := "AKIA" + invent(rnd, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16)
	none(t, d, "X"+aws)
	none(t, d, aws+"A")
	none(t, d, aws+"a")
	none(t, d, aws[:19])
	one(t, d, aws+"-x", "aws "+aws)
	one(t, d, "("+aws+")", "aws "+aws)
	for _, prefix := range []string{"ghp_", "sk-ant-", "glpat-"} {
		endless := prefix + invent(rnd, alnums, 4000)
		if got := found(d, endless+" rest"); len(got) != 1 || !strings.HasSuffix(got[0], endless) {
			t.Errorf("%s: the whole run of a proven key belongs to it, got %d findings", prefix, len(got))
		}
	}
}

func TestPlaceholders(t *testing.T) {
	d := New()
	for _, text := range []string{
		"sk-" + strings.Repeat("x", 48), "sk-ant-" + "your-api-key-here-1", "sk-proj-" + "1234567890abcdefghij1234", "AKIA" + "IOSFODNN7EXAMPLE",
		"ghp_" + strings.Repeat("a1", 18), "ghp_" + "abcdefghijklmnopqrstuvwxyz0123456789", "glpat-" + "xxxxxxxxxxxxxxxxxxxx", "hf_" + strings.Repeat("*", 34),
		"sk-" + "this-is-not-a-real-key-at-all", "xoxb-" + "your-token-goes-right-here-1", "Bearer " + "YOUR_ACCESS_TOKEN_GOES_HERE",
		"Bearer token authentication is described below", "api_key = \"" + "<your-api-key>" + "\"", "password: correct", "https://user:password@host.example",
		"https://$USER:$PASS@host", "https://user:${PASS}@host", "https://bob:bob@host", "https://host:8080/path", "https://host/a:b@c", "https://u:***@host",
		"-----BEGIN " + "PRIVATE KEY-----", "-----BEGIN " + "PRIVATE KEY----- is how a key begins, and it ends alike.", "-----BEGIN " + "PRIVATE KEY-----\n...\n",
		"-----BEGIN " + "PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A", "-----BEGIN " + "CERTIFICATE-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A",
		"chatcmpl-9aBcDeFgHiJkLmNoPqRsTuVwXyZ01", "toolu_01A09q90qw90lq917835lq9", "call_9aBcDeFgHiJkLmNoPqRsTuVw", "550e8400-e29b-41d4-a716-446655440000",
		"sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "d41d8cd98f00b204e9800998ecf8427e", "eyJ", "eyJhbGciOiJub25lIn0",
		"arn:aws:secretsmanager:eu-west-1:123456789012:secret:MyTestSecret-a1B2c3", "task-ant-hill", "the sk- prefix", "secret: my-app-secret-v2",
	} {
		none(t, d, text)
	}
}

func TestTokens(t *testing.T) {
	rnd := rand.New(rand.NewPCG(4, 4))
	d := New()
	jwt := "eyJ" + invent(rnd, alnums, 33) + ".eyJ" + invent(rnd, alnums, 200) + "." + invent(rnd, alnums+"-_", 86)
	one(t, d, jwt, "jwt "+jwt)
	one(t, d, "token: "+jwt+" end", "jwt "+jwt)
	one(t, d, "Authorization: Bearer "+jwt, "jwt "+jwt)
	long := "eyJ" + invent(rnd, alnums, maxJWTHeader+20)
	one(t, d, long, "jwt "+long)
	none(t, d, "eyJ"+invent(rnd, alnums, 60))
	none(t, d, "eyJ"+invent(rnd, alnums, 33)+"."+invent(rnd, small, 33))

	opaque := invent(rnd, alnums, 20) + "7aA" + invent(rnd, alnums, 17)
	one(t, d, "Authorization: Bearer "+opaque, "bearer "+opaque)
	one(t, d, "authorization: bearer "+opaque+"\r\n", "bearer "+opaque)
	one(t, d, "Basic "+opaque+"==", "basic "+opaque+"==")
	none(t, d, "Bear "+opaque)
	none(t, d, "bearer "+opaque[:14])

	bot := invent(rnd, "123456789", 9) + ":AA" + invent(rnd, alnums, 33)
	one(t, d, "bot"+" "+bot+".", "telegram "+bot)
	none(t, d, bot[:len(bot)-1])
	none(t, d, bot+"x")
}

func TestAssignments(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 5))
	d := New()
	value := invent(rnd, alnums, 20) + "7aA" + invent(rnd, alnums, 17)
	for name, kind := range map[string]string{
		"api_key": "generic", "API_KEY": "generic", "X-Api-Key": "generic", "client_secret": "generic", "aws_secret_access_key": "aws",
		"db_password": "password", "AUTH_TOKEN": "generic", "private-token": "generic",
	} {
		for _, form := range []string{"%=$", "%: $", `"%": "$"`, "% = '$'", "%=>'$'", "export %=$\n", "--% =$", "% $", "the % is $"} {
			text := strings.NewReplacer("%", name, "$", value).Replace(form)
			one(t, d, text, kind+" "+value)
		}
		none(t, d, name+"_id: "+value)
		if kind != "password" {
			none(t, d, name+": "+invent(rnd, small, 30))
		}
		none(t, d, name+": "+value[:5])
	}
	none(t, d, "api_key: "+value[:15])
	none(t, d, "page_token: "+value)
	none(t, d, "commit: "+value)
}

func TestURLs(t *testing.T) {
	d := New()
	for _, scheme := range []string{"https", "postgres", "redis", "mongodb+srv", "amqp"} {
		one(t, d, scheme+"://bob:hunter2x@db.example.com/x", "url bob:hunter2x")
		one(t, d, "\""+scheme+"://:s3cr3tpw@h\"", "url :s3cr3tpw")
		none(t, d, scheme+"://db.example.com:5432/x")
		none(t, d, scheme+"://bob@db.example.com/x")
		none(t, d, scheme+"://bob:hunter2x")
	}
	endless := "bob:" + strings.Repeat("pQ7!", 200)
	one(t, d, "https://"+endless+"@h", "url "+endless)
	none(t, d, "https://"+strings.Repeat("a", 300)+":x1y2z3@h")
}

func pemKey(r *rand.Rand, kind, header string, lines int, eol string) string {
	var b strings.Builder
	b.WriteString("-----BEGIN " + kind + "-----" + eol + header)
	for range lines {
		b.WriteString(invent(r, alnums+"+/", 64) + eol)
	}
	b.WriteString("-----END " + kind + "-----")
	return b.String()
}

func TestPrivateKeys(t *testing.T) {
	rnd := rand.New(rand.NewPCG(6, 6))
	d := New()
	for _, kind := range []string{"PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "OPENSSH PRIVATE KEY", "ENCRYPTED PRIVATE KEY", "PGP PRIVATE KEY BLOCK"} {
		for _, eol := range []string{"\n", "\r\n", `\n`, `\\n`, `\\\\r\\\\n`, "\n    "} {
			for _, header := range []string{"", "Proc-Type: 4,ENCRYPTED" + eol + "DEK-Info: AES-256-CBC,0011223344556677" + eol + eol} {
				pem := pemKey(rnd, kind, header, 12, eol)
				one(t, d, pem, "private_key "+pem)
				one(t, d, "key: "+pem+"\nafter it, 1 line.", "private_key "+pem)
				one(t, d, `{"key":"`+pem+`","next":1}`, "private_key "+pem)
			}
		}
	}
	cut := strings.TrimSuffix(pemKey(rnd, "PRIVATE KEY", "", 3, "\n"), "-----END "+"PRIVATE KEY-----")
	one(t, d, cut, "private_key "+cut)
	one(t, d, cut+"-- no more", "private_key "+cut)
	two := pemKey(rnd, "PRIVATE KEY", "", 2, "\n")
	if got := found(d, two+"\n"+two); len(got) != 2 {
		t.Errorf("two keys: %q", got)
	}
}

// resumed runs the detector as a stream would, with text arriving in steps.
func resumed(d *Detector, text string, step int) (all []decision.Finding, held int) {
	var m window.Mark
	for end := min(step, len(text)); ; end = min(end+step, len(text)) {
		was := m
		var got []decision.Finding
		got, m = find(d, []byte(text[:end]), m, end == len(text), nil)
		for k, f := range got {
			if k == 0 && was.Open != 0 {
				all[len(all)-1].End = f.End
				continue
			}
			all = append(all, f)
		}
		if end == len(text) {
			return all, held
		}
		held = max(held, end-m.At)
	}
}

func fuzzSeeds(r *rand.Rand) []string {
	return []string{
		pemKey(r, "EC PRIVATE KEY", "", 2, "\n"), pemKey(r, "PRIVATE KEY", "Comment: x\n", 1, `\n`), "-----BEGIN " + "PRIVATE KEY-----\n" + strings.Repeat("A: b\n", 90),
		"sk-ant-" + invent(r, alnums, 90) + " and https://u:p4ssw@h", "eyJ" + invent(r, alnums, 500), "https://u:" + invent(r, alnums, 400) + "@h",
		"api_key=\"" + invent(r, alnums, 90) + "\"", "Bearer " + invent(r, alnums, 30), invent(r, numbers, 9) + ":AA" + invent(r, alnums, 33), `\nghp_` + invent(r, alnums, 36),
		"-----END -----BEGIN ----------", "://:@://", strings.Repeat("sk-", 50),
	}
}

// FuzzResume checks that the detector finds the same in steps as at once, and
// that it never waits for more than it may.
func FuzzResume(f *testing.F) {
	for _, s := range fuzzSeeds(rand.New(rand.NewPCG(7, 7))) {
		f.Add(s, 1)
		f.Add(s, 13)
	}
	d := New()
	f.Fuzz(func(t *testing.T, text string, step int) {
		if len(text) > 4096 {
			return
		}
		whole, _ := find(d, []byte(text), window.Mark{}, true, nil)
		steps, held := resumed(d, text, max(1, step%40))
		if !slices.Equal(whole, steps) {
			t.Fatalf("%q: in steps %v, whole %v", text, steps, whole)
		}
		if held > window.MaxHold {
			t.Fatalf("%q: held %d", text, held)
		}
		at := uint32(0)
		for _, f := range whole {
			if f.Start < at || f.Start >= f.End || int(f.End) > len(text) {
				t.Fatalf("%q: span %v after %d", text, f, at)
			}
			at = f.End
		}
	})
}

// TestProvenAtOnce checks that a credential is known before it ends: nothing
// of it waits in a buffer for its last byte.
func TestProvenAtOnce(t *testing.T) {
	rnd := rand.New(rand.NewPCG(8, 8))
	d := New()
	for _, begun := range []string{
		"sk-ant-" + "api03-" + invent(rnd, alnums, 80), "ghp_" + invent(rnd, alnums, 80), pemKey(rnd, "PRIVATE KEY", "", 2, "\n")[:120],
		"eyJ" + invent(rnd, alnums, 20) + ".eyJ" + invent(rnd, alnums, 20), "Bearer " + invent(rnd, alnums, 80) + "7aA",
	} {
		got, m := find(d, []byte(begun), window.Mark{}, false, nil)
		if len(got) != 1 || m.Open == 0 || m.At != len(begun) {
			t.Errorf("%q: %v, mark %v", begun, got, m)
		}
	}
}

func TestCleanTextCostsNothing(t *testing.T) {
	text := []byte(strings.Repeat("See https://example.com/a?b=c for the secret: it is 42, -- a key, sk- and eyJ; token=abc e9f. ", 50))
	d := New()
	var out []decision.Finding
	if n := testing.AllocsPerRun(20, func() { out, _ = find(d, text, window.Mark{}, true, out[:0]) }); n != 0 || len(out) != 0 {
		t.Errorf("%v allocations, found %v", n, out)
	}
}
