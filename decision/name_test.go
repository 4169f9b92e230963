package decision

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestLegible(t *testing.T) {
	for _, name := range []string{
		"", "list_issues", "List Issues", "a/b:c@1.0-x", "qwen3:8b", "modèle-été", "模型", "naïve\u0301", "😀", "❤", "👍🏽", "🇨🇭",
		"हिन्दी", "ค้นหา", "ရှာဖွေ", "ស្វែងរក", "தேடு", "खोज_करो", "بحث", "חִפּוּשׂ", "поиск", "한국어", "검색", "ᄒ\u1161\u11ab", "ﾊﾝｶｸ", "tìm_kiếm", "ᠮᠣᠩᠭᠣᠯ", "⠓⠊", "བོད",
	} {
		if !Legible(name) {
			t.Errorf("%q is refused", name)
		}
	}
	for _, name := range []string{
		" a", "a ", " ", "a\x00", "a\n", "\ta", "a\x7f", "a\u00a0b", "a\u200bb", "a\u200d", "a\u202e", "\ufeffa", "a\u00ad", "a\U000e0061", "a\ufffd", "a\xff", "a\u2028",
		"a\u034f", "a\u115f", "\u1160a", "a\u17b4", "a\u180b", "a\u180f", "a\u2065", "a\u2800b", "a\u3164", "❤\ufe0f", "a\ufe00", "a\uffa0", "a\ufff0", "a\ufffc",
		"a\U0001d159", "a\U0001107f", "a\U00016fe4", "a\U000e0100", "a\U000e01ef", "a\U000e0fff",
	} {
		if Legible(name) {
			t.Errorf("%q passes", name)
		}
	}
}

// TestLegibleNothingUnseen goes through all of Unicode: whatever tables say
// prints nothing, or may be left out of what is shown, stands in no name.
func TestLegibleNothingUnseen(t *testing.T) {
	unseen := []*unicode.RangeTable{
		unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector, unicode.White_Space, unicode.Noncharacter_Code_Point,
		unicode.Cc, unicode.Cf, unicode.Cs, unicode.Co, unicode.Z,
	}
	legible := 0
	for r := rune(0x21); r <= unicode.MaxRune; r++ {
		name := "a" + string(r) + "b"
		if !Legible(name) {
			continue
		}
		legible++
		if unicode.In(r, unseen...) || !unicode.IsPrint(r) {
			t.Errorf("%q passes with %U", name, r)
		}
	}
	if legible < 100_000 { // most of what is written is letters and signs
		t.Errorf("%d characters are legible", legible)
	}
}

func FuzzLegible(f *testing.F) {
	for _, seed := range []string{"list_issues", "a\u200b", " x", "é", "❤\ufe0f", "\u3164", "a\u2800"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if !Legible(name) {
			return
		}
		for _, r := range name {
			if !unicode.IsPrint(r) || unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector) {
				t.Errorf("%q holds %U", name, r)
			}
		}
	})
}

func TestQuoted(t *testing.T) {
	for said, want := range map[string]string{
		"":                               `""`,
		"list_issues":                    `"list_issues"`,
		"naïve 模型":                       `"naïve 模型"`,
		"a\nb\x00\u202e":                 `"a\nb\x00\u202e"`,
		"\xff":                           `"\xff"`,
		strings.Repeat("a", 80):          `"` + strings.Repeat("a", 80) + `"`,
		strings.Repeat("a", 81):          `"` + strings.Repeat("a", 80) + `…"`,
		strings.Repeat("a", 79) + "é":    `"` + strings.Repeat("a", 79) + `…"`,
		"a" + strings.Repeat("模", 27):    `"a` + strings.Repeat("模", 26) + `…"`,
		"ab" + strings.Repeat("模", 26):   `"ab` + strings.Repeat("模", 26) + `"`,
		strings.Repeat("\U0001f98a", 21): `"` + strings.Repeat("\U0001f98a", 20) + `…"`,
	} {
		if got := Quoted(said); got != want {
			t.Errorf("%q: got %s, want %s", said, got, want)
		}
	}
}

func FuzzQuoted(f *testing.F) {
	for _, seed := range []string{"list_issues", strings.Repeat("é", 50), strings.Repeat("\xff", 90), strings.Repeat("a", 79) + "模"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, said string) {
		got := Quoted(said)
		if !utf8.ValidString(got) || len(got) > 4*80+len("…")+2 || strings.ContainsFunc(got, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("%q becomes %q", said, got)
		}
	})
}
