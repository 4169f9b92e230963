package pii

import (
	"slices"
	"strings"
	"testing"

	"outrider.dev/outrider/guards/window"
)

func TestContextWords(t *testing.T) {
	for text, want := range map[string]bool{
		"phone 4155550123": true, "Phone: 4155550123": true, "TEL. 4155550123": true, "my cell is 4155550123": true, "call 4155550123": true,
		"m\u00f3vil 4155550123": true, "num\u00e9ro 4155550123": true, "text me at 4155550123": true, "WhatsApp\n4155550123": true,
		"order 4155550123": false, "hotel 4155550123": false, "recall 4155550123": false, "called 4155550123": false, "4155550123": false,
		"xphone 4155550123": false, "phone" + strings.Repeat(".", reach) + " 4155550123": false, "\u00e9 4155550123": false,
		"phone" + strings.Repeat(".", reach-6) + " 4155550123": true,
	} {
		got := found(text)
		if (len(got) > 0) != want {
			t.Errorf("%q: %q", text, got)
		}
	}
}

func TestContextIsBoundToWords(t *testing.T) {
	for text, want := range map[string]bool{
		"ssn 123456789": true, "SSN: 123456789": true, "Social security number 123456789": true, "ITIN 123456789": true, "ssn123456789": false,
		"lessn 123456789": false, "antisocial 123456789": false, "_ssn 123456789": true, "-ssn 123456789": true, "9ssn 123456789": false,
	} {
		if got := found(text); slices.Contains(got, "us_ssn 123456789") != want {
			t.Errorf("%q: %q", text, got)
		}
	}
}

// TestOnlyPlacesAreJudged checks that numbers are found at places only, and
// that judging goes on behind a number, not within it.
func TestOnlyPlacesAreJudged(t *testing.T) {
	text := []byte("415-555-0123, 123-45-6789, 4111111111111111")
	at := []int{0, 14, 27}
	for mask := range 8 {
		p := window.NewPlaces(0, len(text))
		var want, got []uint32
		for k, i := range at {
			if mask&(1<<k) != 0 {
				p.Add(i)
				p.Add(i + 4)
				want = append(want, uint32(i))
			}
		}
		all, m := numbers.Find(text, p, window.Mark{}, true, nil)
		for _, f := range all {
			got = append(got, f.Start)
		}
		if !slices.Equal(got, want) || m.At != len(text) {
			t.Errorf("mask %b: found at %v up to %d, want %v", mask, got, m.At, want)
		}
	}
}

func TestNumberAcrossTheEndOfItsStretch(t *testing.T) {
	text := []byte(strings.Repeat(". ", window.Stretch/2-2) + "415-555-0123 555-0123")
	p := window.NewPlaces(0, len(text))
	p.AddFrom(0)
	all, m := numbers.Find(text, p, window.Mark{}, true, nil)
	if len(all) != 1 || m.At != int(all[0].End) || m.At <= p.To {
		t.Errorf("%v up to %d, stretch to %d", all, m.At, p.To)
	}
	_, m = numbers.Find(text[:window.Stretch+3], p, window.Mark{}, false, nil)
	if m.At != window.Stretch-4 {
		t.Errorf("waits at %d, not where the number begins", m.At)
	}
}
