package model

import "math"

// Windows are of some lengths, in blocks: a clause, a sentence or two, a paragraph.
const (
	clause, sentence, paragraph = 1, 2, 4
	leastTokens                 = 6 // a shorter window counts as one of so many
	leastSentence               = 4 // tokens: a shorter one is read with the next
)

// scale is how much one feature of a window of n tokens counts.
func scale(n int) float32 { return float32(1 / math.Sqrt(float64(max(n, leastTokens)))) }

// Span is a window of a text, in bytes.
type Span struct{ Start, End int }

// block is what is left of a block of tokens.
type block struct {
	sum    float32
	tokens int
	strong bool
	at     Span
}

// windows slides over the blocks of a text and keeps the best one.
type windows struct {
	last [paragraph]block // the newest first
	best float32
	at   Span
}

func (w *windows) add(b block) {
	copy(w.last[1:], w.last[:paragraph-1])
	w.last[0] = b
	for _, n := range [...]int{clause, sentence, paragraph} {
		sum, tokens, strong, at := float32(0), 0, false, b.at
		for _, old := range w.last[:n] {
			if old.tokens == 0 {
				break
			}
			sum, tokens, strong = sum+old.sum, tokens+old.tokens, strong || old.strong
			at.Start = old.at.Start
		}
		if score := sum * scale(tokens); strong && score > w.best {
			w.best, w.at = score, at
		}
	}
}

// Block is the features of one block of a text, for the trainer.
type Block struct {
	Features []uint32
	Tokens   int
}

// Blocks reads a text as the model does. A block without tokens stands between
// two stretches.
func (r *Reader) Blocks(text []byte) (out []Block) {
	s := stretches{gate: r.gate, text: text}
	for stretch := range s.all {
		if len(out) > 0 {
			out = append(out, Block{})
		}
		r.start(text, stretch)
		for r.block() {
			out = append(out, Block{append([]uint32(nil), r.ids...), r.n})
		}
	}
	return out
}

// Best returns the blocks of the window that scores best, and its score and
// scale, given what the features of every block sum up to. A text without
// concepts of attacks has none.
func Best(blocks []Block, sums []float32) (from, to int, score, size float32) {
	score = float32(math.Inf(-1))
	for end := range blocks {
		sum, tokens, strong := float32(0), 0, false
		for n := 1; n <= paragraph && end-n+1 >= 0; n++ {
			b := &blocks[end-n+1]
			if b.Tokens == 0 {
				break
			}
			sum, tokens, strong = sum+sums[end-n+1], tokens+b.Tokens, strong || len(b.Features) > 0
			whole := end-n+1 == 0 || blocks[end-n].Tokens == 0 // the stretch begins here
			if n != clause && n != sentence && n != paragraph && !whole || !strong {
				continue
			}
			if s := scale(tokens); sum*s > score {
				from, to, score, size = end-n+1, end+1, sum*s, s
			}
		}
	}
	return from, to, score, size
}
