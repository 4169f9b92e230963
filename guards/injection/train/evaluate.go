package main

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"

	"outrider.dev/outrider/guards/injection"
	"outrider.dev/outrider/guards/injection/model"
)

// folds is how many parts the sources are dealt into: each is scored by a model
// that learned from the others.
const folds = 6

// Shares of the harmless texts, held out, that may score above the thresholds.
const (
	userShare        = .01
	resultShare      = .02
	descriptionShare = .01 // of such texts as describe
	systemShare      = .001
)

// describes reports whether the texts of a source are such as describe a tool.
func describes(source string) bool {
	switch source {
	case "neg-describe", "neg-tool-hints", "neg-docs", "awscli-examples", "python-stdlib-docstrings":
		return true
	}
	return false
}

func anySource(string) bool { return true }

// group joins sources that hold texts of one kind, so that none of them is
// learned from while another is held out.
func group(source string) string {
	switch {
	case strings.HasPrefix(source, "garak"), strings.HasPrefix(source, "pyrit"):
		return "wild"
	case strings.HasPrefix(source, "neg-mail"), strings.HasPrefix(source, "neg-security"), strings.HasPrefix(source, "neg-tool"):
		return source[:len("neg-mail")]
	case strings.HasPrefix(source, "hand-override"), source == "hand-indirect":
		return "hand-override"
	case source == "hand-secret", source == "hand-hijack", strings.HasPrefix(source, "hand-game"):
		return "hand-game"
	case strings.HasPrefix(source, "hand-jailbreak"):
		return "hand-jailbreak"
	case strings.HasPrefix(source, "neg-hand-ask"):
		return "neg-hand-ask"
	case strings.HasPrefix(source, "own-grammar"):
		return "own-grammar"
	}
	return source
}

// bySource holds out whole sources: what is measured is an attack of a kind
// that was never seen.
func bySource(d *doc) string { return group(d.Source) }

// byTemplate holds out some templates of every source of ours: what is measured
// is a known kind of attack in words that were never seen.
func byTemplate(d *doc) string {
	if d.line > 0 {
		return d.Source + strconv.Itoa(d.line*7919%folds)
	}
	return group(d.Source)
}

// scored is how a text scored in a model that had not learned from its part.
type scored struct {
	*doc
	score float64
}

// crossValidate scores every text by a model that has learned from no text with
// the same key.
func crossValidate(docs []*doc, key func(*doc) string) (out []scored) {
	fold := deal(docs, key)
	for f := range folds {
		var seen, held []*doc
		for _, d := range docs {
			if fold[key(d)] == f {
				held = append(held, d)
			} else {
				seen = append(seen, d)
			}
		}
		l := train(seen, uint64(f))
		for _, d := range held {
			_, _, score, _ := l.score(d.blocks)
			out = append(out, scored{d, float64(score)})
		}
	}
	return out
}

// deal spreads the keys of attacks and of harmless texts over the folds.
func deal(docs []*doc, key func(*doc) string) map[string]int {
	var keys [2][]string
	for _, d := range docs {
		if k := key(d); !slices.Contains(keys[d.Label], k) {
			keys[d.Label] = append(keys[d.Label], k)
		}
	}
	fold := map[string]int{}
	for label := range keys {
		slices.Sort(keys[label])
		for n, k := range keys[label] {
			fold[k] = n % folds
		}
	}
	return fold
}

// threshold returns the score that at most this share of the harmless texts
// exceeds, each source counting alike, and of no large source
// more than five times as many: kinds of text that are hard to tell from attacks,
// such as letters, are not to pay for the others.
func threshold(all []scored, share float64, among func(source string) bool) float64 {
	bySource := map[string][]scored{}
	for _, s := range all {
		if s.Label == 0 && among(s.Source) {
			bySource[s.Source] = append(bySource[s.Source], s)
		}
	}
	out := math.Inf(-1)
	var benign []scored
	for _, some := range bySource {
		benign = append(benign, some...)
		if weight, templates := byTemplates(some); templates >= leastJudged {
			out = max(out, exceeded(some, 5*share, weight))
		}
	}
	return max(out, exceeded(benign, share, func(s scored) float64 {
		return 1 / float64(len(bySource[s.Source])) / float64(len(bySource))
	}))
}

// byTemplates returns what each text of a source counts where every template counts
// alike, and how many templates there are.
func byTemplates(some []scored) (weight func(scored) float64, templates int) {
	texts := map[int]float64{}
	for _, s := range some {
		if s.line == 0 || texts[s.line] == 0 {
			templates++
		}
		texts[s.line]++
	}
	return func(s scored) float64 {
		if s.line == 0 {
			return 1 / float64(templates)
		}
		return 1 / float64(templates) / texts[s.line]
	}, templates
}

// leastJudged is how many templates a source needs to be held to a share of its own.
const leastJudged = 25

// exceeded returns the score that texts of at most this weight exceed.
func exceeded(some []scored, share float64, weight func(scored) float64) float64 {
	slices.SortFunc(some, func(a, b scored) int {
		return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(a.Source, b.Source), cmp.Compare(a.Text, b.Text))
	})
	above := 0.0
	for _, s := range some {
		if above += weight(s); above > share {
			return s.score
		}
	}
	return math.Inf(-1)
}

// area is the chance that an attack scores higher than a harmless text.
func area(all []scored) float64 {
	byScore := slices.Clone(all)
	slices.SortStableFunc(byScore, func(a, b scored) int { return cmp.Compare(a.score, b.score) })
	rank, attacks := 0.0, 0.0
	for k, s := range byScore {
		if s.Label == 1 {
			rank += float64(k + 1)
			attacks++
		}
	}
	return (rank - attacks*(attacks+1)/2) / (attacks * (float64(len(all)) - attacks))
}

// prepare reads the texts as the model and the grammar of acts do.
func prepare(samples []sample) (out []*doc) {
	r := model.NewLanguage().NewReader()
	acts := injection.New(false)
	for _, s := range samples {
		text := []byte(s.Text)
		out = append(out, &doc{sample: s, blocks: r.Blocks(text), act: len(acts.FindAll(text, nil)) > 0})
	}
	return out
}
