package secret

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"outrider.dev/outrider/guards/window"
)

// keyOf returns the key of the word that the text begins with.
func keyOf(text string) string {
	n := 0
	for n < min(len(text), window.KeyLen) && window.IsAlnum(text[n]) {
		n++
	}
	return strings.ToLower(text[:n])
}

func TestEverySampleHasAKey(t *testing.T) {
	rnd := rand.New(rand.NewPCG(9, 9))
	d := New()
	keys := d.Keys()
	for _, r := range d.rules {
		for range 30 {
			if sample := r.prefix + r.sample(rnd); !slices.Contains(keys, keyOf(sample)) {
				t.Errorf("%s begins with no key", sample[:8])
			}
		}
	}
	for _, text := range []string{"BEGIN RSA", "eyJhbGci", "eyJ0eXAi", "EYJ-"} {
		if !slices.Contains(keys, keyOf(text)) {
			t.Errorf("%s begins with no key", text)
		}
	}
}

func TestKeysDismissCommonWords(t *testing.T) {
	keys := New().Keys()
	for _, text := range []string{
		"the", "and", "return", "function", "string", "error", "true", "null", "https", "skip", "serve", "path_", "passed", "key", "keys",
		"secretary", "token", "hooked", "apple", "glass", "shop", "square", "password", "2024", "id",
	} {
		switch key := keyOf(text); key {
		case "path", "secr", "hook", "pass", "key", "skip": // these begin like credentials do
		default:
			if slices.Contains(keys, key) {
				t.Errorf("%s has to be judged", text)
			}
		}
	}
	if len(keys) > 1000 {
		t.Errorf("%d keys", len(keys))
	}
}

func TestAppendKeys(t *testing.T) {
	for _, c := range []struct {
		prefix string
		body   window.Class
		want   []string
	}{
		{"ghp_", window.Alnum, []string{"ghp"}},
		{"AKIA", window.Alnum, []string{"akia"}},
		{"hooks.slack.com/", window.Alnum, []string{"hook"}},
		{"abc", window.Digit, []string{"abc", "abc0", "abc1", "abc2", "abc3", "abc4", "abc5", "abc6", "abc7", "abc8", "abc9"}},
		{"abc", window.Dash, []string{"abc"}},
	} {
		if got := appendKeys(nil, c.prefix, c.body); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", c.prefix, got, c.want)
		}
	}
	two := appendKeys(nil, "SK", window.Hex)
	if len(two) != 1+16+16*16 || !slices.Contains(two, "sk0f") || slices.Contains(two, "skg0") {
		t.Errorf("%d keys of SK", len(two))
	}
}

// TestOnlyPlacesAreJudged checks that a detector finds what begins at a place
// and nothing else, and that it goes on behind what it found.
func TestOnlyPlacesAreJudged(t *testing.T) {
	rnd := rand.New(rand.NewPCG(10, 10))
	d := New()
	one, two := "ghp_"+invent(rnd, alnums, 36), "glpat-"+invent(rnd, alnums, 20)
	text := []byte(one + " " + two + " " + one)
	at := []int{0, len(one) + 1, len(one) + len(two) + 2}
	for mask := range 8 {
		p := window.NewPlaces(0, len(text))
		var want []uint32
		for k, i := range at {
			if mask&(1<<k) != 0 {
				p.Add(i)
				want = append(want, uint32(i))
			}
		}
		got, m := d.Find(text, p, window.Mark{}, true, nil)
		var starts []uint32
		for _, f := range got {
			starts = append(starts, f.Start)
		}
		if !slices.Equal(starts, want) || m.At != len(text) {
			t.Errorf("mask %b: found at %v up to %d, want %v", mask, starts, m.At, want)
		}
	}
}

func TestOpenFindingLeavesItsStretch(t *testing.T) {
	rnd := rand.New(rand.NewPCG(11, 11))
	d := New()
	text := []byte("sk-ant-" + invent(rnd, alnums, 3*window.Stretch) + " rest")
	p := window.NewPlaces(0, len(text))
	p.AddFrom(0)
	got, m := d.Find(text, p, window.Mark{}, true, nil)
	if len(got) != 1 || m.At != len(text)-len(" rest") || m.Open != 0 {
		t.Fatalf("%v, mark %+v", got, m)
	}
	cut := text[:2*window.Stretch]
	got, m = d.Find(cut, p, window.Mark{}, false, nil)
	if len(got) != 1 || m.At != len(cut) || m.Open == 0 {
		t.Fatalf("%v, mark %+v", got, m)
	}
}
