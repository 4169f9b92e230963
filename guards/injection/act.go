package injection

import (
	"slices"

	"outrider.dev/outrider/guards/window"
)

const (
	maxLive  = 24 // courses of one act: they are kept on the stack
	maxSteps = 20 // words and punctuation of one act
)

// reader goes through the words of one act.
type reader struct {
	w       *window.Window
	start   int // of the act
	at      int
	visible int // bytes that show something
}

// word is the next word, or the punctuation before it.
type word struct {
	class class
	end   int  // of the word, or of the word before the punctuation
	over  bool // the window is used up
	pad   bool // used up by padding
}

// course is a rule that an act may still follow.
type course struct {
	rule *rule
	done progress
}

// act reads the act that begins with the word at i.
func (d *Detector) act(w *window.Window, i int) hit {
	r := reader{w: w, start: i, at: i}
	first := d.word(&r)
	if first.pad {
		return hit{kindOverride, r.at, .5, rulePadding}
	}
	if first.class&d.first == 0 || w.Short {
		return hit{}
	}
	var courses [maxLive]course
	live := courses[:0]
	for n := range d.rules {
		if first.class&d.rules[n].parts[0] != 0 {
			live = append(live, course{&d.rules[n], 1})
		}
	}
	h := d.follow(&r, live)
	if h.end > 0 && (mentioned(w, i) || quoted(w, i, h.end)) {
		return hit{}
	}
	return h
}

// follow feeds words to the live courses until one is complete or none is left.
func (d *Detector) follow(r *reader, live []course) hit {
	for range maxSteps {
		word := d.next(r)
		if word.pad && slices.ContainsFunc(live, func(c course) bool { return c.rule.kind == kindOverride }) {
			return hit{kindOverride, r.at, .5, rulePadding}
		}
		if word.over {
			return hit{}
		}
		left := live[:0]
		for _, c := range live {
			next, complete := c.rule.step(c.done, word.class)
			if complete {
				return hit{c.rule.kind, word.end, c.rule.sure, c.rule.name}
			}
			if next != 0 {
				left = append(left, course{c.rule, next})
			}
		}
		if live = left; len(live) == 0 || r.w.Short {
			return hit{}
		}
	}
	return hit{}
}

// next reads one word, or the punctuation that stands before it.
func (d *Detector) next(r *reader) word {
	before := r.at
	if c, over := r.gap(); c != 0 || over {
		return word{class: c, end: before, over: over, pad: over && r.visible <= maxVisible}
	}
	return d.word(r)
}

// word reads the word that begins where the reader stands. It stops reading a
// word that is in no vocabulary.
func (d *Detector) word(r *reader) word {
	var low letters
	d.ascii(r, &low)
	for !r.spent() {
		g := glyphAt(r.w, r.at)
		if g.sign != signLetter && g.sign != signIgnored {
			break
		}
		r.take(g)
		if g.sign == signLetter && (g.n == 0 || low.n+g.n > maxWord) {
			return word{end: r.at}
		}
		low.n += copy(low.raw[low.n:], g.as[:g.n])
	}
	if r.spent() {
		return word{over: true, pad: r.visible <= maxVisible}
	}
	return word{class: d.meanings[d.meaning(&low)].class, end: r.at}
}

// ascii reads the plain letters that a word begins with: all of it, as a rule.
func (d *Detector) ascii(r *reader, low *letters) {
	for low.n < maxWord && r.at < len(r.w.Text) && !r.spent() {
		c := d.fold[r.w.Text[r.at]]
		if c == 0 {
			break
		}
		low.raw[low.n] = c
		low.n++
		r.at++
		r.visible++
	}
}

// meaning returns where the meaning of a word stands. The word is read with
// digits as letters if need be.
func (d *Detector) meaning(low *letters) uint16 {
	if n := d.words.find(low); n != 0 {
		return n
	}
	digit := false
	for k, c := range low.raw[:low.n] {
		if c < 'a' {
			low.raw[k] = imitated(c)
			digit = true
		}
	}
	if !digit {
		return 0
	}
	return d.words.find(low)
}

// gap skips what stands between two words. Punctuation and line ends are a
// part of their own: within a sentence they are glue, at its end they are not.
func (r *reader) gap() (c class, over bool) {
	for !r.spent() {
		if r.at < len(r.w.Text) { // what stands there as a rule
			next := r.w.Text[r.at]
			if next == ' ' {
				r.at++
				continue
			}
			if window.IsAlnum(next) {
				return c, false
			}
		}
		g := glyphAt(r.w, r.at)
		switch g.sign {
		case signLetter:
			return c, false
		case signSpace:
			if r.w.Text[r.at] == '\n' {
				c |= end | glue
			}
		case signSoft:
			c |= end | glue
		case signHard:
			r.take(g)
			return end, false
		}
		r.take(g)
	}
	return 0, true
}

func (r *reader) take(g glyph) {
	r.at += g.width
	if g.sign == signLetter || g.sign == signSoft {
		r.visible += g.width
	}
}

// spent reports whether the window of the act is used up. The bounds are where
// a character begins, so a span never ends within one.
func (r *reader) spent() bool { return r.at-r.start >= maxRaw || r.visible > maxVisible }
