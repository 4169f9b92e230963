package dialect_test

import (
	"bytes"
	"testing"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/dialect"
)

func splice(start, end uint32, with string) decision.Splice {
	return decision.Splice{Start: start, End: end, With: []byte(with)}
}

func TestCompose(t *testing.T) {
	const raw = "0123456789"
	for name, tt := range map[string]struct {
		a, b []decision.Splice
		want string
		size int // of the list
	}{
		"nothing":             {nil, nil, raw, 0},
		"first only":          {[]decision.Splice{splice(1, 2, "x")}, nil, "0x23456789", 1},
		"second only":         {nil, []decision.Splice{splice(1, 2, "x")}, "0x23456789", 1},
		"apart":               {[]decision.Splice{splice(1, 2, "xyz")}, []decision.Splice{splice(6, 7, "q")}, "0xyz23q56789", 2},
		"inside the first":    {[]decision.Splice{splice(1, 2, "xyz")}, []decision.Splice{splice(2, 3, "_")}, "0x_z23456789", 1},
		"over its end":        {[]decision.Splice{splice(1, 2, "xyz")}, []decision.Splice{splice(3, 5, "_")}, "0xy_3456789", 1},
		"over all of it":      {[]decision.Splice{splice(1, 2, "xyz")}, []decision.Splice{splice(0, 6, "")}, "456789", 1},
		"over two":            {[]decision.Splice{splice(1, 2, "xy"), splice(5, 5, "z")}, []decision.Splice{splice(2, 7, "_")}, "0x_56789", 1},
		"before an insertion": {[]decision.Splice{splice(3, 3, "x")}, []decision.Splice{splice(3, 3, "y")}, "012yx3456789", 1},
		"behind an insertion": {[]decision.Splice{splice(3, 3, "x")}, []decision.Splice{splice(4, 4, "y")}, "012xy3456789", 1},
		"at a hole":           {[]decision.Splice{splice(3, 6, "")}, []decision.Splice{splice(3, 3, "y")}, "012y6789", 1},
		"taken back":          {[]decision.Splice{splice(3, 3, "x")}, []decision.Splice{splice(3, 4, "")}, raw, 0},
		"at the end":          {[]decision.Splice{splice(10, 10, "x")}, []decision.Splice{splice(10, 11, "y"), splice(11, 11, "z")}, raw + "yz", 1},
	} {
		t.Run(name, func(t *testing.T) {
			list, err := dialect.Compose([]byte(raw), tt.a, tt.b)
			if err != nil {
				t.Fatal(err)
			}
			if got := string(dialect.Apply(nil, []byte(raw), list)); got != tt.want || len(list) != tt.size {
				t.Errorf("got %s by %d splices, want %s by %d", got, len(list), tt.want, tt.size)
			}
		})
	}
}

func TestComposeRefuses(t *testing.T) {
	raw := []byte("0123456789")
	good := []decision.Splice{splice(1, 2, "xyz")}
	for _, bad := range [][]decision.Splice{
		{splice(5, 4, "")},
		{splice(0, 13, "")},
		{splice(13, 13, "")},
		{splice(2, 4, ""), splice(3, 5, "")},
	} {
		_, err := dialect.Compose(raw, good, bad)
		wantConflict(t, err)
		_, err = dialect.Compose(raw, bad, good)
		wantConflict(t, err)
		_, err = dialect.Compose(raw, nil, bad)
		wantConflict(t, err)
		_, err = dialect.Compose(raw, bad, nil)
		wantConflict(t, err)
	}
}

// list makes an ordered list of splices on size bytes of four bytes each: a
// gap, a length, how much is put in its place, and what.
func list(size int, plan []byte) []decision.Splice {
	var out []decision.Splice
	at := 0
	for len(plan) >= 4 {
		start := at + int(plan[0]%8)
		end := start + int(plan[1]%8)
		if end > size {
			break
		}
		out = append(out, splice(uint32(start), uint32(end), string(bytes.Repeat(plan[3:4], int(plan[2]%5)))))
		at, plan = end, plan[4:]
	}
	return out
}

// FuzzCompose: one list does what the two do one after the other.
func FuzzCompose(f *testing.F) {
	f.Add([]byte(`{"a":1,"b":"x y"}`), []byte("\x01\x02\x03a\x00\x00\x02b"), []byte("\x00\x05\x01c\x02\x03\x00d"))
	f.Add([]byte(`{}`), []byte("\x02\x00\x04x"), []byte("\x03\x02\x00y\x00\x00\x01z"))
	f.Fuzz(func(t *testing.T, raw, a, b []byte) {
		first := list(len(raw), a)
		mid := dialect.Apply(nil, raw, first)
		second := list(len(mid), b)
		both, err := dialect.Compose(raw, first, second)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := dialect.Apply(nil, raw, both), dialect.Apply(nil, mid, second); !bytes.Equal(got, want) {
			t.Fatalf("%q by %v and %v\ngot  %q\nwant %q", raw, first, second, got, want)
		}
		if len(first) == 0 || len(second) == 0 {
			return
		}
		for i := 1; i < len(both); i++ {
			if both[i].Start <= both[i-1].End {
				t.Fatalf("%v touch", both)
			}
		}
	})
}
