package model

// A window is judged by the features of the tokens in it. Every feature has a
// place in one table of weights:
//
//	concepts  one, and two of them within a dozen words, near or far, in their order
//	words     one, two that follow each other, one beside a concept, three concepts in
//	          their order, punctuation
//	letters   three to five that follow each other in a word
const (
	pairBits, wordBits, letterBits = 16, 18, 17

	featureBits = 20 // of the number of a feature
	seenBits    = 12

	wordsAt   = 1 << pairBits
	lettersAt = wordsAt + 1<<wordBits

	// Features is how many places the table of weights has.
	Features = lettersAt + 1<<letterBits
)

// bound stands for a word where a sentence begins or ends.
const bound = 1

const (
	blockTokens = 16 // windows begin and end where blocks do
	maxBack     = 8  // concepts that a concept is paired with
	near, far   = 4, 12
)

// known is a token with a concept that stands before the one that is read.
type known struct {
	id, at int
}

// Reader turns texts into features, one block of tokens after another. It is
// not safe for concurrent use.
type Reader struct {
	scan     scanner
	lex      *lexicon
	gate     *gate
	t        [blockTokens]token
	n        int // tokens of the block
	place    int // of the token in the text, in words and sentence ends
	last     uint64
	led      [maxConcepts]uint8 // concepts of the last token
	back     [maxBack]known
	ids      []uint32
	seen     [1 << seenBits]uint32 // the features of the block by their hashes, each with the block's number
	blocks   uint32
	ahead    bool // the token behind the block is read, at sentence
	sentence int
}

// Language is what readers know of words. It is immutable.
type Language struct {
	plain *plain
	words *lexicon
	gate  *gate
}

// NewLanguage returns the language of the concepts.
func NewLanguage() *Language {
	p := newPlain()
	x := newLexicon(p)
	return &Language{plain: p, words: x, gate: newGate(p, x)}
}

// NewReader returns a reader.
func (l *Language) NewReader() *Reader {
	return &Reader{scan: scanner{plain: l.plain, words: l.words}, lex: l.words, gate: l.gate}
}

// start sets the reader to the beginning of a stretch of a text.
func (r *Reader) start(text []byte, at Span) {
	r.scan.text, r.scan.at = text[:at.End], at.Start
	r.ahead = false
	r.place, r.last, r.led, r.back = 0, 0, [maxConcepts]uint8{}, [maxBack]known{}
}

// block reads the next tokens and returns their features: so many, or fewer up
// to the end of a sentence, so that a harmless sentence before an attack hides nothing of it. A block without a concept that attacks are made of
// has none. It returns false at the end.
func (r *Reader) block() bool {
	r.ids = r.ids[:0]
	if r.blocks++; r.blocks == 1<<(32-featureBits) {
		r.blocks, r.seen = 1, [1 << seenBits]uint32{}
	}
	r.n = 0
	if r.ahead {
		r.t[0], r.n = r.t[r.sentence], 1
	}
	r.ahead = false
	for r.n < blockTokens && r.scan.next(&r.t[r.n]) {
		if r.n >= leastSentence && r.t[r.n].gap > 1 {
			r.ahead, r.sentence = true, r.n
			break
		}
		r.n++
	}
	strong, over := false, r.n < blockTokens && !r.ahead
	for k := range r.n {
		for _, c := range r.t[k].concepts {
			strong = strong || r.lex.known[c].strong
		}
	}
	for k := range r.n {
		r.token(&r.t[k], strong)
	}
	if over && strong {
		r.beside(bound, nil)
	}
	return r.n > 0
}

// token appends the features of a token, and remembers it for those behind it.
func (r *Reader) token(t *token, strong bool) {
	r.place += t.gap
	if strong {
		if t.gap > 1 || r.last == 0 {
			r.beside(bound, nil)
			r.last = bound
		}
		r.beside(t.word, t)
		r.put(wordFeature(t.word))
		r.put(wordFeature(mix(r.last ^ t.word + 1)))
		if t.mark != 0 {
			r.put(wordFeature(t.mark + 2))
		}
		r.letters(t)
		for _, c := range t.concepts {
			if c != 0 {
				r.concept(int(c), t.quoted)
			}
		}
	}
	r.last, r.led, t.ids = t.word, t.concepts, len(r.ids)
	for _, c := range t.concepts {
		if c != 0 && r.back[0].id != int(c) {
			copy(r.back[1:], r.back[:maxBack-1])
			r.back[0] = known{int(c), r.place}
		}
	}
}

// beside appends the concepts of the last token with the word behind them, and those
// of t with the word before it: whether "the" or "my" stands before a password, and
// whether a sentence ends behind it, tells who asks whom for what.
func (r *Reader) beside(word uint64, t *token) {
	for _, c := range r.led {
		if c != 0 {
			r.put(wordFeature(mix(word^uint64(c)<<48) + 6))
		}
	}
	r.led = [maxConcepts]uint8{}
	if t == nil {
		return
	}
	for _, c := range t.concepts {
		if c != 0 {
			r.put(wordFeature(mix(r.last^uint64(c)<<40) + 5))
		}
	}
}

// concept appends the features of a concept: with each of those before it.
func (r *Reader) concept(id int, quoted bool) {
	r.put(uint32(id))
	if quoted {
		r.put(uint32(128 + id))
	}
	for k, b := range r.back {
		d := r.place - b.at
		if b.id == 0 || d > far {
			break
		}
		r.put(pairFeature(b.id, id, d > near))
		if k+1 < maxBack && r.back[k+1].id != 0 && d <= near && b.at-r.back[k+1].at <= near {
			r.put(wordFeature(mix(uint64(id|b.id<<8|r.back[k+1].id<<16) + 3)))
		}
	}
}

// put appends a feature of the block, once: what is repeated tells no more. A
// feature whose place another one has taken since is appended again.
func (r *Reader) put(id uint32) {
	entry := r.blocks<<featureBits | id
	place := &r.seen[id*0x9E3779B1>>(32-seenBits)]
	if *place != entry {
		*place = entry
		r.ids = append(r.ids, id)
	}
}

// pairFeature numbers two concepts; the numbers below 256 are of single ones.
func pairFeature(first, second int, apart bool) uint32 {
	n := first<<7 | second
	if apart {
		n |= 1 << 14
	}
	return uint32(256 + n)
}

func wordFeature(h uint64) uint32 { return uint32(wordsAt + mix(h)>>(64-wordBits)) }

// letters appends what follows each other in a word, its ends included.
func (r *Reader) letters(t *token) {
	a, b, c, d := uint32(0), uint32(0), uint32(1), uint32(1)
	for k := range t.n + 1 {
		e := uint32(2)
		if k < t.n {
			e = uint32(t.letters[k])
		}
		three := c*0x9E3779B1 ^ d*0x85EBCA6B ^ e*0xC2B2AE35
		four := three ^ b*0x27D4EB2F
		five := four ^ a*0x165667B1
		if k > 0 {
			r.put(letterFeature(three))
		}
		if k > 1 {
			r.put(letterFeature(four + 1))
		}
		if k > 2 {
			r.put(letterFeature(five + 2))
		}
		a, b, c, d = b, c, d, e
	}
}

func letterFeature(h uint32) uint32 {
	h *= 0x9E3779B1
	return lettersAt + (h^h>>15)*0x85EBCA6B>>(32-letterBits)
}

// OfConcepts reports whether a feature is of concepts alone.
func OfConcepts(id uint32) bool { return id < wordsAt }

// Share is how much one feature counts beside others of its text: the fewer
// there are of a kind, the more.
func Share(id uint32) float32 {
	if id >= lettersAt {
		return .1
	}
	return 1
}
