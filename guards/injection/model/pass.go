package model

import (
	"math"

	"outrider.dev/outrider/guards/window"
)

// Pass is one reading of a text, of which somebody else looks at every word
// anyway: whoever it is hands over one block after another.
type Pass struct {
	stretches
	model  *Model
	reader *Reader // from the first stretch on that is judged
	best   windows
}

// Begin begins to judge a text.
func (m *Model) Begin(text []byte) Pass {
	return Pass{stretches: stretches{gate: m.gate, text: text}, model: m, best: windows{best: float32(math.Inf(-1))}}
}

// Word returns the concepts of the word of n ASCII letters and digits at i. It
// has none unless its key is among [Model.Keys], or both letters and digits among the
// first letters that a key has.
func (p *Pass) Word(i, n int) (concepts uint64) { return p.gate.word(p.text, i, n) }

// Block takes the next block, with the one behind it, and the concepts of all
// words that begin in it. Where they may be disguised it reads them by itself.
func (p *Pass) Block(b, next *window.Block, concepts uint64) {
	if len(p.text) <= shortText {
		return
	}
	if b.Odd|next.Odd != 0 || p.skip > p.base {
		concepts = p.read(b)
	} else {
		p.alnum = b.Alnum >> (window.BlockLen - 1)
	}
	if at, ok := p.add(concepts); ok {
		p.judge(at)
	}
}

// End returns what [Model.Judge] does, once all blocks have come.
func (p *Pass) End(from Origin) (sure float32, at Span) {
	if at, ok := p.rest(); ok {
		p.judge(at)
	}
	score, at := p.score()
	return p.model.sure(score, from), at
}

// judge judges a stretch.
func (p *Pass) judge(at Span) {
	if p.reader == nil {
		p.reader = p.model.readers.Get().(*Reader)
	}
	r := p.reader
	p.best.last = [paragraph]block{}
	r.start(p.text, at)
	for r.block() {
		p.best.add(block{p.model.sum(r.ids), r.n, len(r.ids) > 0, Span{r.t[0].start, r.t[r.n-1].end}})
	}
}

// score returns the best window, and what it scores: -Inf in a text without
// concepts of attacks.
func (p *Pass) score() (score float32, at Span) {
	if p.reader != nil {
		p.reader.scan.text = nil
		p.model.readers.Put(p.reader)
		p.reader = nil
	}
	return p.best.best + p.model.bias, p.best.at
}

// Keys returns the first letters of the words that have concepts, in lower
// case: as many as a key of the sieve has, digits not among them.
func (m *Model) Keys() (out []string) {
	for _, s := range m.gate.slots {
		if s.key != 0 {
			out = append(out, keyText(s.key))
		}
	}
	return out
}
