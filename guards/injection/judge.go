package injection

import (
	"fmt"
	"math/bits"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/guards/injection/model"
	"outrider.dev/outrider/guards/window"
)

// kindLikely is of a text that as a whole reads like an attack, kindEncoded of
// a run of base64, hexadecimal or percent signs, of letters set apart, or of turned
// ones, that hides one.
const (
	kindLikely  = "injection.likely"
	kindEncoded = "injection.encoded"
)

// Judge reads whole texts that a model is going to read. It finds what no
// single act gives away, and what is encoded. It is safe for concurrent use.
type Judge struct {
	model  *model.Model
	acts   *Detector
	turned *turned
}

// NewJudge returns a judge by the model of this build.
func NewJudge() (*Judge, error) {
	m, err := model.New()
	if err != nil {
		return nil, fmt.Errorf("injection: %w", err)
	}
	return &Judge{model: m, acts: New(true), turned: newTurned()}, nil
}

// Keys returns the keys of the words that a [Reading] has to be told of: those
// that attacks are made of, as they are written and turned.
func (j *Judge) Keys() []string {
	out := j.model.Keys()
	for word := range j.turned.ways {
		out = append(out, word[:turnedKey])
	}
	return out
}

// Judge appends what it finds in a whole text.
func (j *Judge) Judge(text []byte, from model.Origin, out []decision.Finding) []decision.Finding {
	r := j.Begin(text)
	var b, next window.Block
	next.Read(text, 0)
	alnum := uint64(0) // whether the block before ends with a letter or digit
	for base := 0; base < len(text); base += window.BlockLen {
		b = next
		next.Read(text, base+window.BlockLen)
		for begin := b.Alnum &^ (b.Alnum<<1 | alnum); begin != 0; begin &= begin - 1 {
			o := bits.TrailingZeros64(begin)
			r.Word(base+o, bits.TrailingZeros64(^window.Shifted(b.Alnum, next.Alnum, o)))
		}
		r.Block(&b, &next)
		alnum = b.Alnum >> (window.BlockLen - 1)
	}
	return r.End(from, out)
}

// Reading is one whole text while it is judged. Somebody else looks at all of
// its words anyway, and hands over what this one needs to see.
type Reading struct {
	judge    *Judge
	pass     model.Pass
	hidden   seeker
	concepts uint64 // of the words of the block so far
}

// Begin begins to judge a whole text.
func (j *Judge) Begin(text []byte) Reading {
	return Reading{judge: j, pass: j.model.Begin(text), hidden: seeker{text: text, words: j.turned}}
}

// Word takes the word of n ASCII letters and digits at i, whose key is among
// [Judge.Keys] or which has letters and digits among as many; others may come as well.
func (r *Reading) Word(i, n int) {
	r.concepts |= r.pass.Word(i, n)
	if r.hidden.words.begins(r.hidden.text, i) {
		r.hidden.turned(i)
	}
}

// Block takes the next block, and the one behind it, once the words that begin
// in it have come.
func (r *Reading) Block(b, next *window.Block) {
	r.pass.Block(b, next, r.concepts)
	r.hidden.block(b, next)
	r.concepts = 0
}

// End appends what was found, once all blocks have come.
func (r *Reading) End(from model.Origin, out []decision.Finding) []decision.Finding {
	j := r.judge
	if sure, at := r.pass.End(from); sure >= .5 {
		out = append(out, decision.Finding{
			Type: kindLikely, Rule: j.model.Why(r.hidden.text, at), Start: uint32(at.Start), End: uint32(at.End), Confidence: sure,
		})
	}
	for _, h := range r.hidden.runs() {
		if h.way == wayApart {
			h.text = j.acts.parted(h.text)
		}
		if sure, rule := j.hidden(h.text, from); sure >= .5 {
			out = append(out, decision.Finding{
				Type: kindEncoded, Rule: h.way + ": " + rule, Start: uint32(h.start), End: uint32(h.end), Confidence: sure,
			})
		}
	}
	return out
}

// hidden judges the text of a run, by the model and by acts, and tells what
// decided: an act where there is one.
func (j *Judge) hidden(text []byte, from model.Origin) (sure float32, rule string) {
	sure, at := j.model.Judge(text, from)
	if acts := j.acts.FindAll(text, nil); len(acts) > 0 {
		return max(sure, acts[0].Confidence), acts[0].Rule
	}
	if sure < .5 {
		return sure, ""
	}
	return sure, j.model.Why(text, at)
}
