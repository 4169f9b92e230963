package main

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"

	"outrider.dev/outrider/guards/injection/model"
)

// doc is a labelled text as the trainer sees it.
type doc struct {
	sample
	blocks []model.Block
	act    bool // the grammar of acts finds something
	weight float32
}

// learner is logistic regression by AdaGrad. Of every text only the window
// counts that is most like an attack: that one has to be found, or let pass. Each
// time that it sees a text, half of the features are hidden from it, so that it
// comes to rely on none of them alone.
type learner struct {
	weights, steps []float32
	bias, biasStep float32
	known          []bool // features that enough sources have
	sums           []float32
	salt           uint32 // of the features that are hidden; zero: none is
}

// How a learner learns, chosen by the mean over sources that are held out.
const (
	epochs       = 16 // of the later half of them the mean is kept
	rate         = .15
	decay        = 4e-3
	conceptDecay = 8e-3
	leastSources = 3 // a word that fewer have tells of them, not of attacks
)

// train learns from all docs.
func train(docs []*doc, seed uint64) *learner {
	l := &learner{weights: make([]float32, model.Features), steps: make([]float32, model.Features), known: shared(docs)}
	r := rand.New(rand.NewPCG(seed, seed)) //nolint:gosec // the same order every time
	weigh(docs)
	order := append([]*doc(nil), docs...)
	mean, bias := make([]float32, model.Features), float32(0)
	const kept = epochs / 2
	for n := range epochs {
		r.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		for _, d := range order {
			l.learn(d, r.Uint32()|1)
		}
		if n < epochs-kept {
			continue
		}
		for id, w := range l.weights {
			mean[id] += w / kept
		}
		bias += l.bias / kept
	}
	l.weights, l.bias = mean, bias
	return l
}

// shared returns which features are learned: those that the texts of enough sources
// have, where sources of one group count as one, and all of concepts.
func shared(docs []*doc) []bool {
	type sources struct {
		n    int
		last string
	}
	seen := make([]sources, model.Features)
	bySource := slices.Clone(docs)
	slices.SortStableFunc(bySource, func(a, b *doc) int { return cmp.Compare(group(a.Source), group(b.Source)) })
	for _, d := range bySource {
		name := group(d.Source)
		for _, b := range d.blocks {
			for _, id := range b.Features {
				if s := &seen[id]; s.last != name {
					s.n, s.last = s.n+1, name
				}
			}
		}
	}
	known := make([]bool, model.Features)
	for id, s := range seen {
		known[id] = s.n >= leastSources || model.OfConcepts(uint32(id))
	}
	return known
}

// weigh gives both labels the same weight, sources the root of how many templates
// they have, and templates the root of how many texts were made of them.
func weigh(docs []*doc) {
	type template struct {
		source string
		line   int
	}
	texts, templates := map[template]float64{}, map[string]float64{}
	for _, d := range docs {
		t := template{d.Source, d.line}
		if d.line == 0 || texts[t] == 0 {
			templates[d.Source]++
		}
		if d.line > 0 {
			texts[t]++
		}
	}
	share := func(d *doc) float64 {
		return 1 / math.Sqrt(templates[d.Source]*max(1, texts[template{d.Source, d.line}]))
	}
	var totals [2]float64
	for _, d := range docs {
		totals[d.Label] += share(d)
	}
	for _, d := range docs {
		d.weight = float32(float64(len(docs)) / 2 * share(d) / totals[d.Label])
	}
}

// score returns the best window of the blocks.
func (l *learner) score(blocks []model.Block) (from, to int, score, size float32) {
	l.sums = l.sums[:0]
	for _, b := range blocks {
		sum := float32(0)
		for _, id := range b.Features {
			if !l.hides(id) {
				sum += l.weights[id] * model.Share(id)
			}
		}
		l.sums = append(l.sums, sum)
	}
	from, to, score, size = model.Best(blocks, l.sums)
	return from, to, score + l.bias, size
}

// hides reports whether a feature is one of the half that is hidden.
func (l *learner) hides(id uint32) bool {
	h := (id ^ l.salt) * 0x9E3779B1
	return l.salt != 0 && (h^h>>15)*0x85EBCA6B>>31 == 0
}

// learn learns from a text, half of whose features are hidden by the salt.
func (l *learner) learn(d *doc, salt uint32) {
	l.salt = salt
	defer func() { l.salt = 0 }()
	from, to, score, size := l.score(d.blocks)
	if math.IsInf(float64(score), -1) {
		return
	}
	slope := d.weight * (float32(1/(1+math.Exp(-float64(score)))) - float32(d.Label))
	for _, b := range d.blocks[from:to] {
		for _, id := range b.Features {
			if !l.known[id] || l.hides(id) {
				continue
			}
			fade := float32(decay)
			if model.OfConcepts(id) {
				fade = conceptDecay
			}
			g := slope*size*model.Share(id) + fade*l.weights[id]
			l.steps[id] += g * g
			l.weights[id] -= rate * g / float32(math.Sqrt(float64(l.steps[id]))+1e-4)
		}
	}
	l.biasStep += slope * slope
	l.bias -= rate / 4 * slope / float32(math.Sqrt(float64(l.biasStep))+1e-4)
}

// file returns the model as it is committed, with its thresholds.
func (l *learner) file(thresholds model.Thresholds) []byte {
	out := make([]float32, len(l.weights))
	for id, w := range l.weights {
		out[id] = w * model.Share(uint32(id))
	}
	return model.Write(out, l.bias, thresholds)
}
