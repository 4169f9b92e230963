package decision

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
)

func redaction(seg, start, end uint32, with string) Edit {
	return Edit{Segment: seg, Start: start, End: end, With: with, Redaction: true}
}

func TestUniteEdits(t *testing.T) {
	for _, c := range []struct {
		name string
		in   []Edit
		want []Edit
	}{
		{"none", nil, nil},
		{
			"order by segment and start",
			[]Edit{redaction(1, 0, 2, "b"), redaction(0, 5, 6, "c"), redaction(0, 1, 2, "a")},
			[]Edit{redaction(0, 1, 2, "a"), redaction(0, 5, 6, "c"), redaction(1, 0, 2, "b")},
		},
		{
			"overlapping redactions unite under the earlier text",
			[]Edit{redaction(0, 4, 9, "[PHONE]"), redaction(0, 1, 5, "[EMAIL]")},
			[]Edit{redaction(0, 1, 9, "[EMAIL]")},
		},
		{
			"a redaction inside another vanishes",
			[]Edit{redaction(0, 1, 9, "[A]"), redaction(0, 3, 4, "[B]")},
			[]Edit{redaction(0, 1, 9, "[A]")},
		},
		{
			"a chain unites",
			[]Edit{redaction(0, 0, 3, "[A]"), redaction(0, 2, 6, "[B]"), redaction(0, 5, 8, "[C]")},
			[]Edit{redaction(0, 0, 8, "[A]")},
		},
		{
			"neighbours stay apart",
			[]Edit{redaction(0, 0, 3, "[A]"), redaction(0, 3, 6, "[B]")},
			[]Edit{redaction(0, 0, 3, "[A]"), redaction(0, 3, 6, "[B]")},
		},
		{
			"the same edit twice is one",
			[]Edit{{Pointer: "/model", Value: []byte(`"x"`)}, {Pointer: "/model", Value: []byte(`"x"`)}},
			[]Edit{{Pointer: "/model", Value: []byte(`"x"`)}},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := UniteEdits(c.in)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.EqualFunc(got, c.want, sameEdit) {
				t.Fatalf("got %+v, want %+v", got, c.want)
			}
		})
	}
}

func sameEdit(a, b Edit) bool { return same(a, b) && a.Redaction == b.Redaction }

func TestUniteEditsRefusesContradictions(t *testing.T) {
	for name, in := range map[string][]Edit{
		"two values for one pointer":     {{Pointer: "/a", Value: []byte("1")}, {Pointer: "/a", Value: []byte("2")}},
		"a rewrite under a redaction":    {redaction(0, 0, 5, "[A]"), {Start: 3, End: 6, With: "x"}},
		"two rewrites of one place":      {{Start: 0, End: 2, With: "x"}, {Start: 1, End: 3, With: "y"}},
		"two insertions at one place":    {{Start: 2, End: 2, With: "x"}, {Start: 2, End: 2, With: "y"}},
		"an insertion into a rewrite":    {{Start: 0, End: 4, With: "x"}, {Start: 2, End: 2, With: "y"}},
		"an insertion where one begins":  {{Start: 2, End: 2, With: "y"}, {Start: 2, End: 4, With: "x"}},
		"a redaction under two rewrites": {{Start: 0, End: 2, With: "x"}, redaction(0, 1, 2, "[A]")},
	} {
		t.Run(name, func(t *testing.T) {
			for range 2 {
				_, err := UniteEdits(in)
				var refusal *Error
				if !errors.As(err, &refusal) || refusal.Code != CodeEditConflict {
					t.Fatalf("got %v, want an edit conflict", err)
				}
				slices.Reverse(in)
			}
		})
	}
}

// TestUniteEditsCovers holds UniteEdits against a bitmap: what any redaction
// covered is covered, nothing else is, and the result is in order.
func TestUniteEditsCovers(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 5000 {
		in := make([]Edit, rng.IntN(8))
		var want, got [40]bool
		for i := range in {
			start := rng.Uint32N(30)
			in[i] = redaction(0, start, start+1+rng.Uint32N(9), "x")
			for at := in[i].Start; at < in[i].End; at++ {
				want[at] = true
			}
		}
		before := slices.Clone(in)
		out, err := UniteEdits(in)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.EqualFunc(in, before, sameEdit) {
			t.Fatal("UniteEdits changed its input")
		}
		var last uint32
		for _, e := range out {
			if e.Start < last || e.End <= e.Start {
				t.Fatalf("out of order or overlapping: %+v", out)
			}
			last = e.End
			for at := e.Start; at < e.End; at++ {
				got[at] = true
			}
		}
		if got != want {
			t.Fatalf("%+v united to %+v", before, out)
		}
	}
}
