package demo

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func printed(color bool, do func(*printer)) string {
	var text strings.Builder
	do(&printer{out: &text, color: color})
	return text.String()
}

func TestRowsAreAlignedAndFit(t *testing.T) {
	long := strings.Repeat("ä wide text ", 20)
	for _, r := range []row{
		{what: "short", seen: &seen{effect: allowed, decision: "abcdefghijklmnop"}},
		{what: long, seen: &seen{effect: redacted, code: "guard_pii", why: long, decision: "abcdefghijklmnop", notes: []string{long}}},
		{what: "no id", seen: &seen{effect: obtained, why: "scp"}},
	} {
		text := printed(false, func(p *printer) { p.row(r) })
		for i, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
			if n := utf8.RuneCountInString(line); n > lineWidth {
				t.Errorf("%d characters: %q", n, line)
			}
			if i > 0 {
				continue
			}
			before, _, _ := strings.Cut(line, string(r.seen.effect))
			at := utf8.RuneCountInString(before)
			if at != len("  x ")+whatWidth+1 {
				t.Errorf("the effect stands at %d: %q", at, line)
			}
			if r.seen.decision != "" && !strings.HasSuffix(line, " abcdefgh") {
				t.Errorf("no short id at the end: %q", line)
			}
		}
	}
}

func TestFaultsAreShownBelowTheRow(t *testing.T) {
	text := printed(false, func(p *printer) {
		p.row(row{what: "w", seen: &seen{effect: allowed, notes: []string{"a note"}}, faults: []string{"expected refused, got allowed"}})
	})
	lines := strings.Split(text, "\n")
	if !strings.HasPrefix(lines[0], "  ✗ w ") || lines[1] != "      a note" || lines[2] != "      expected refused, got allowed" {
		t.Errorf("got:\n%s", text)
	}
}

func TestColourOnlyOnATerminal(t *testing.T) {
	tell := func(p *printer) {
		p.scene("s")
		p.row(row{what: "w", seen: &seen{effect: blocked, decision: "abcdefgh", notes: []string{"n"}}, faults: []string{"f"}})
		p.summary(3, 1, time.Second)
		p.summary(3, 0, time.Second)
	}
	without, with := printed(false, tell), printed(true, tell)
	if strings.Contains(without, "\x1b") {
		t.Errorf("colour without a terminal: %q", without)
	}
	if !strings.Contains(with, red) || !strings.Contains(with, green) || !strings.Contains(with, bold) {
		t.Errorf("no colour on a terminal: %q", with)
	}
	for _, code := range []string{green, red, yellow, dim, bold, plain} {
		with = strings.ReplaceAll(with, code, "")
	}
	if with != without {
		t.Errorf("colour changes the text:\n%q\n%q", with, without)
	}
}

func TestSummary(t *testing.T) {
	if got := printed(false, func(p *printer) { p.summary(7, 0, 1234*time.Millisecond) }); !strings.Contains(got, "All 7 steps came out as expected, in 1.2 s.") {
		t.Errorf("got %q", got)
	}
	if got := printed(false, func(p *printer) { p.summary(7, 2, time.Second) }); !strings.Contains(got, "2 of 7 steps did not come out as expected.") {
		t.Errorf("got %q", got)
	}
}

func TestTheEndSaysHowToGoOn(t *testing.T) {
	s := stage(t)
	text := printed(false, func(p *printer) {
		p.opening(s)
		p.closing(s, "abcdefghijklmnop", false)
		p.keeping(s)
	})
	for _, want := range []string{
		"why --state " + s.StateDir + " abcdefgh\n",
		"OPENAI_API_KEY=… go run ./cmd/outrider run",
		s.AgentAddress, s.Issuer.TokenURL(),
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not said in:\n%s", want, text)
		}
	}
	if with := printed(false, func(p *printer) { p.closing(s, "abcdefghijklmnop", true) }); !strings.Contains(with, "outrider why abcdefgh\n") {
		t.Errorf("asks in a folder that is looked in anyway:\n%s", with)
	}
	if without := printed(false, func(p *printer) { p.closing(s, "", true) }); strings.Contains(without, "why") {
		t.Errorf("asks about no id:\n%s", without)
	}
}

func TestWrap(t *testing.T) {
	got := wrap([]string{"one", "two", "three", "four"}, 9)
	if strings.Join(got, "|") != "one two|three|four" {
		t.Errorf("got %q", got)
	}
	if wrap(nil, 9) != nil {
		t.Error("lines without words")
	}
}

func TestClipAndPadCountCharacters(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", "    "},
		{"ab", "ab  "},
		{"äöüß", "äöüß"},
		{"äöüßx", "äöü…"},
	} {
		if got := pad(c.text, 4); got != c.want {
			t.Errorf("pad(%q) is %q, want %q", c.text, got, c.want)
		}
	}
}
