package decision

import (
	"testing"
	"unicode"
)

func TestLegible(t *testing.T) {
	for _, name := range []string{"", "list_issues", "List Issues", "a/b:c@1.0-x", "qwen3:8b", "modèle-été", "模型", "naïve\u0301", "😀"} {
		if !Legible(name) {
			t.Errorf("%q is refused", name)
		}
	}
	for _, name := range []string{" a", "a ", " ", "a\x00", "a\n", "\ta", "a\x7f", "a\u00a0b", "a\u200bb", "a\u200d", "a\u202e", "\ufeffa", "a\u00ad", "a\U000e0061", "a\ufffd", "a\xff", "a\u2028"} {
		if Legible(name) {
			t.Errorf("%q passes", name)
		}
	}
}

func FuzzLegible(f *testing.F) {
	for _, seed := range []string{"list_issues", "a\u200b", " x", "é"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		for _, r := range name {
			if Legible(name) && !unicode.IsPrint(r) {
				t.Errorf("%q holds %U", name, r)
			}
		}
	})
}
