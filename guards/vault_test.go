package guards

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"outrider.dev/outrider/decision"
)

// tokenized scans a text of a request and returns it as it is sent on.
func tokenized(t testing.TB, text string, specs ...Spec) (string, *Vault) {
	t.Helper()
	set := mustSet(t, specs...)
	v := NewVault(slices.Values([][]byte{[]byte(text)}))
	edits := set.Edits([]byte(text), scanBoth(set, text), v, nil)
	return edited(t, text, edits), v
}

func edited(t testing.TB, text string, edits []decision.Edit) string {
	t.Helper()
	united, err := decision.UniteEdits(edits)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	at := uint32(0)
	for _, e := range united {
		b.WriteString(text[at:e.Start] + e.With)
		at = e.End
	}
	b.WriteString(text[at:])
	return b.String()
}

// answered is an answer as the agent gets it: guarded, then restored.
func answered(t testing.TB, set *Set, v *Vault, text string) string {
	t.Helper()
	redactions := set.Edits([]byte(text), scanBoth(set, text), nil, nil)
	return edited(t, text, v.Restore([]byte(text), 0, redactions, slices.Clone(redactions)))
}

func tokenizing() []Spec {
	return []Spec{{Kind: PII, Action: decision.ActionTokenize}, {Kind: Secret, Action: decision.ActionTokenize}}
}

func TestPlaceholders(t *testing.T) {
	out, v := tokenized(t, "ann@example.com, bob@example.com, ann@example.com and 123-45-6789", tokenizing()...)
	want := strings.NewReplacer("_N]", v.nonce).Replace("[EMAIL_1_N], [EMAIL_2_N], [EMAIL_1_N] and [US_SSN_1_N]")
	if out != want {
		t.Errorf("got %q, want %q", out, want)
	}
	if len(v.nonce) != nonceLen+2 {
		t.Errorf("nonce %q", v.nonce)
	}
}

// TestRestoreUndoesTokenize: what a model says again comes back as it was.
func TestRestoreUndoesTokenize(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	none := mustSet(t)
	for range 500 {
		text := compose(r, 1+r.IntN(20))
		sent, v := tokenized(t, text, tokenizing()...)
		if strings.Contains(sent, "[SECRET:PRIVATE_KEY]") {
			continue // too long for a vault
		}
		if back := answered(t, none, v, sent); back != text {
			t.Fatalf("sent %q\nback %q\nwas  %q", sent, back, text)
		}
	}
}

// TestRestoreInAnySplit: with guards on the answer, a stream comes out as the
// whole text does.
func TestRestoreInAnySplit(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	for range 500 {
		sent, v := tokenized(t, compose(r, 6), tokenizing()...)
		answer := mangled(r, sent, v)
		set := anySet(t, r, answer)
		agreeRestored(t, set, v, answer, randomCuts(r, len(answer)))
	}
}

// mangled is what a model may make of a text with placeholders.
func mangled(r *rand.Rand, text string, v *Vault) string {
	all := append(slices.Clone(v.placeholders()), "[EMAIL_1_aaaaaa]", "[", "]", "[[", v.nonce, "password: ", "key=", "mail ", "{\"to\":\"", "\"}", "Bearer ")
	for range r.IntN(8) {
		at := r.IntN(len(text) + 1)
		piece := all[r.IntN(len(all))]
		if r.IntN(3) == 0 {
			piece = piece[:r.IntN(len(piece)+1)]
		}
		text = text[:at] + piece + text[at:]
	}
	return text
}

func agreeRestored(t testing.TB, set *Set, v *Vault, text string, cuts []int) {
	t.Helper()
	got := playRestoring(t, set, v, text, cuts)
	want := answered(t, set, v, text)
	if _, blocked := Block(scanBoth(set, text)); blocked || got.reason != nil {
		if !blocked || got.reason == nil || !strings.HasPrefix(want, got.out) {
			t.Fatalf("blocked %v, reason %v\nstreamed %q\nwhole    %q", blocked, got.reason, got.out, want)
		}
		return
	}
	if got.out != want {
		t.Fatalf("streamed %q\nwhole    %q\ntext %q cuts %v", got.out, want, text, cuts)
	}
}

func playRestoring(t testing.TB, set *Set, v *Vault, text string, cuts []int) played {
	t.Helper()
	var p played
	st := set.NewStream(v, nil)
	from := 0
	for k := 0; k <= len(cuts); k++ {
		to, last := len(text), k == len(cuts)
		if !last {
			to = cuts[k]
		}
		release, _, reason := st.Write(decision.Delta{Lane: "0", Text: text[from:to], Last: last})
		if err := p.take(text[:to], release); err != nil {
			t.Fatalf("%v\ntext %q cuts %v", err, text, cuts)
		}
		if p.reason = reason; reason != nil {
			return p
		}
		from = to
	}
	if p.upto != uint64(len(text)) {
		t.Fatalf("%d of %d bytes released", p.upto, len(text))
	}
	return p
}

// TestEverySplitOfAPlaceholder also shows how little waits.
func TestEverySplitOfAPlaceholder(t *testing.T) {
	sent, v := tokenized(t, "to ann@example.com [now]", Spec{Kind: PII, Action: decision.ActionTokenize})
	none := mustSet(t)
	for a := range len(sent) {
		for b := a; b < len(sent); b++ {
			if got := playRestoring(t, none, v, sent, []int{a, b}); got.out != "to ann@example.com [now]" {
				t.Fatalf("cuts %d %d: %q", a, b, got.out)
			}
		}
	}
	st := none.NewStream(v, nil)
	for _, c := range []struct {
		text string
		upto uint64
	}{{"see [", 4}, {"1] and ", 12}, {"[EMAI", 12}, {"L] ", 20}, {"[EMAIL_1_", 20}, {"!", 30}} {
		if release, _, _ := st.Write(decision.Delta{Lane: "0", Text: c.text}); release.Upto != c.upto {
			t.Errorf("%q: released to %d, want %d", c.text, release.Upto, c.upto)
		}
	}
}

// TestLookAlikesStay: only this exchange's own placeholders come back.
func TestLookAlikesStay(t *testing.T) {
	_, other := tokenized(t, "bob@example.com", tokenizing()...)
	foreign := other.placeholders()[0]
	text := "ann@example.com wrote " + foreign + " and [EMAIL_1_aaaaaa] and [EMAIL_1]"
	sent, v := tokenized(t, text, tokenizing()...)
	if v.nonce == other.nonce || !strings.HasSuffix(sent, text[len("ann@example.com"):]) {
		t.Fatalf("sent %q", sent)
	}
	if back := answered(t, mustSet(t), v, sent); back != text {
		t.Errorf("back %q", back)
	}
}

// TestNonceIsNotInTheRequest: another one is drawn, but not for ever.
func TestNonceIsNotInTheRequest(t *testing.T) {
	texts := slices.Values([][]byte{[]byte("hi"), []byte("look: [EMAIL_1_aaaaaa] and _bbbbbb]")})
	drawn := []string{"aaaaaa", "bbbbbb", "cccccc"}
	next := func() string {
		first := drawn[0]
		drawn = drawn[1:]
		return first
	}
	if v := newVault(texts, next); v == nil || v.nonce != "_cccccc]" {
		t.Errorf("vault %+v", v)
	}
	if v := newVault(texts, func() string { return "aaaaaa" }); v != nil {
		t.Errorf("a vault with a nonce of the request: %+v", v)
	}
}

func TestVaultIsBounded(t *testing.T) {
	v := NewVault(slices.Values([][]byte{}))
	for k := range maxTokens {
		if v.token("pii.email", []byte(strconv.Itoa(k))) == "" {
			t.Fatalf("token %d", k)
		}
	}
	if v.token("pii.email", []byte("one more")) != "" || v.token("pii.email", []byte("7")) == "" {
		t.Error("a full vault takes more, or forgets")
	}
	v = NewVault(slices.Values([][]byte{}))
	big := strings.Repeat("x", maxVaultBytes/2)
	if v.token("pii.a", []byte(big)) == "" || v.token("pii.b", []byte(big)) == "" || v.token("pii.c", []byte("x")) != "" {
		t.Error("bytes are not bounded")
	}
	if v.token("pii.d", []byte("\xff")) != "" {
		t.Error("what is no text is kept")
	}
	var none *Vault
	if !none.Empty() || none.token("pii.email", []byte("x")) != "" {
		t.Error("no vault is not empty")
	}
}

// TestRestoreInsideJSON: the arguments of a tool are JSON in a string, where a
// value must stand with escapes.
func TestRestoreInsideJSON(t *testing.T) {
	v := NewVault(slices.Values([][]byte{}))
	set := scriptedSet(scripted{})
	token := set.replacement(decision.ActionTokenize, "secret.password", []byte(`a\"b\\c`), v, true)
	if back := v.values[token]; back != `a"b\c` {
		t.Fatalf("holds %q", back)
	}
	for in, want := range map[string]string{
		`{"pw":"` + token + `"}`: `{"pw":"a\"b\\c"}`,
		`It is ` + token + `.`:   `It is a"b\c.`,
	} {
		none := mustSet(t)
		if got := answered(t, none, v, in); got != want {
			t.Errorf("whole: %q, want %q", got, want)
		}
		for a := 1; a < len(in); a++ {
			if got := playRestoring(t, none, v, in, []int{a}); got.out != want {
				t.Errorf("cut %d: %q, want %q", a, got.out, want)
			}
		}
	}
}

// TestGuardsOfTheAnswerComeFirst: what they redact stays away, and what comes
// back is not judged.
func TestGuardsOfTheAnswerComeFirst(t *testing.T) {
	sent, v := tokenized(t, "ann@example.com", Spec{Kind: PII, Action: decision.ActionTokenize})
	set := mustSet(t, Spec{Kind: PII, Action: decision.ActionBlock})
	if got := playRestoring(t, set, v, "mail "+sent, nil); got.reason != nil || got.out != "mail ann@example.com" {
		t.Errorf("got %+v", got)
	}
	over := scriptedSet(scripted{spans: []decision.Finding{{Type: "secret.a", Start: 3, End: 12}}})
	text := counted(5) + sent
	if got := answered(t, over, v, text); got != text[:3]+"[SECRET:A]"+text[12:] {
		t.Errorf("restored what was redacted: %q", got)
	}
}

func FuzzRestore(f *testing.F) {
	r := rand.New(rand.NewPCG(3, 3))
	for range 12 {
		f.Add(compose(r, 5), uint64(r.Uint32()))
	}
	f.Fuzz(func(t *testing.T, text string, seed uint64) {
		if len(text) > 4096 {
			return
		}
		r := rand.New(rand.NewPCG(seed, 1))
		sent, v := tokenized(t, text, tokenizing()...)
		answer := mangled(r, sent, v)
		agreeRestored(t, anySet(t, r, answer), v, answer, randomCuts(r, len(answer)))
	})
}
