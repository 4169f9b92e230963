package main

import (
	"fmt"
	"slices"
	"strings"
)

// evaluation is how good the model is on what it has not learned from.
type evaluation struct {
	sources, templates []scored // by what was held out
}

func evaluate(docs []*doc) evaluation {
	return evaluation{crossValidate(docs, bySource), crossValidate(docs, byTemplate)}
}

// thresholds returns those of texts from users and from tools. They are set
// where templates are held out: the kinds of harmless text that there are can
// be collected, their words cannot.
func (e evaluation) thresholds() [2]float32 {
	return [2]float32{float32(threshold(e.templates, userShare)), float32(threshold(e.templates, toolShare))}
}

// tally counts, of one source, what the model, the acts and both together find.
type tally struct{ n, model, act, either float64 }

func (t *tally) add(s scored, at float64) {
	t.n++
	over := s.score > at
	if over {
		t.model++
	}
	if s.act {
		t.act++
	}
	if over || s.act {
		t.either++
	}
}

// tallies counts by source and, under the empty name, over all sources of a
// label, each counting alike.
func tallies(all []scored, label int, at float64) (names []string, out map[string]*tally) {
	out = map[string]*tally{}
	for _, s := range all {
		if s.Label != label {
			continue
		}
		if out[s.Source] == nil {
			out[s.Source] = &tally{}
			names = append(names, s.Source)
		}
		out[s.Source].add(s, at)
	}
	slices.Sort(names)
	mean := &tally{n: float64(len(names))}
	for _, t := range out {
		mean.model += t.model / t.n
		mean.act += t.act / t.n
		mean.either += t.either / t.n
	}
	out[""] = mean
	return names, out
}

const preface = `# How good the model is

Written by guards/injection/train; see there. Every text is scored by a model that
has not learned from its part. Shares are of the texts of a source that are found: by
the model, by the grammar of acts, by either. Thresholds are those at which the model
finds 1 %% (user) and 2 %% (tool) of the harmless texts whose templates are held out, each
source counting alike, and of no source of 50 texts or more five times as many.

| held out | AUC | threshold user | tool |
|---|---|---|---|
| whole sources | %.4f | %.2f | %.2f |
| templates | %.4f | %.2f | %.2f |
`

// markdown is the page of the evaluation.
func (e evaluation) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, preface, area(e.sources), threshold(e.sources, userShare), threshold(e.sources, toolShare),
		area(e.templates), threshold(e.templates, userShare), threshold(e.templates, toolShare))
	at := float64(e.thresholds()[0])
	for label, title := range []string{"Harmless texts: what is found wrongly", "Attacks: what is found"} {
		fmt.Fprintf(&b, "\n## %s\n\n| source | texts | acts | sources held out: model | either | templates held out: model | either |\n|---|---|---|---|---|---|---|\n", title)
		names, whole := tallies(e.sources, label, at)
		_, part := tallies(e.templates, label, at)
		for _, name := range append(names, "") {
			w, p := whole[name], part[name]
			if name == "" {
				name = "mean"
			}
			fmt.Fprintf(&b, "| %s | %.0f | %.3f | %.3f | %.3f | %.3f | %.3f |\n", name, w.n, w.act/w.n, w.model/w.n, w.either/w.n, p.model/p.n, p.either/p.n)
		}
	}
	return b.String()
}
