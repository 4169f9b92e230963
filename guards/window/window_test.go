package window

import "testing"

func TestReadingPastTheEndIsNoted(t *testing.T) {
	for _, c := range []struct {
		name  string
		read  func(w *Window)
		short bool
	}{
		{"within", func(w *Window) { w.At(2) }, false},
		{"past", func(w *Window) { w.At(3) }, true},
		{"before", func(w *Window) { w.Before(0); w.Before(3) }, false},
		{"prefix that fits", func(w *Window) { w.HasPrefix(0, "abc") }, false},
		{"prefix that differs first", func(w *Window) { w.HasPrefix(1, "bxy") }, false},
		{"prefix that is cut off", func(w *Window) { w.HasPrefix(1, "bcd") }, true},
		{"run that ends", func(w *Window) { w.Run(0, 2, Letters) }, false},
		{"run that is cut off", func(w *Window) { w.Run(0, 9, Letters) }, true},
	} {
		w := Window{Text: []byte("abc")}
		if c.read(&w); w.Short != c.short {
			t.Errorf("%s: short %v", c.name, w.Short)
		}
		w = Window{Text: []byte("abc"), Last: true}
		if c.read(&w); w.Short {
			t.Errorf("%s: short at the end of the whole text", c.name)
		}
	}
}

func TestReads(t *testing.T) {
	w := Window{Text: []byte("ab12-"), Last: true}
	if w.At(0) != 'a' || w.At(9) != 0 || w.Before(0) != 0 || w.Before(2) != 'b' {
		t.Error("At or Before is off")
	}
	if !w.HasPrefix(1, "b12") || w.HasPrefix(1, "b13") || w.HasPrefix(4, "-x") {
		t.Error("HasPrefix is off")
	}
	if n := w.Run(0, 9, Letters); n != 2 {
		t.Errorf("run of letters: %d", n)
	}
	if n := w.Run(0, 3, Alnum); n != 3 {
		t.Errorf("limited run: %d", n)
	}
}

func TestClassesCoverWhatTheySay(t *testing.T) {
	for class, want := range map[Class]string{
		Digit: "0123456789", HexLower: "abcdef", HexUpper: "ABCDEF", Dash: "-", Underscore: "_", Dot: ".", Plus: "+", Slash: "/", Equals: "=",
		Tilde: "~", Percent: "%", Dollar: "$", Space: "\t\n\r ", Quote: "\"'\\", Colon: ":", At: "@", Hex: "0123456789abcdef",
	} {
		got := ""
		for c := range 256 {
			if ClassOf(byte(c))&class != 0 {
				got += string(rune(c))
			}
		}
		if got != want {
			t.Errorf("class %b: %q, want %q", class, got, want)
		}
	}
	for c := range 256 {
		b := byte(c)
		letter := b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z'
		if digit := b >= '0' && b <= '9'; IsDigit(b) != digit || IsAlnum(b) != (letter || digit) || (ClassOf(b)&Letters != 0) != letter {
			t.Errorf("byte %q is misjudged", b)
		}
		if b >= 0x80 && ClassOf(b) != 0 {
			t.Errorf("byte %x has a class", b)
		}
	}
}
