package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"outrider.dev/outrider/guards/injection/model"
)

// evaluation is how good the model is on what it has not learned from.
type evaluation struct {
	sources, templates []scored // by what was held out
}

func evaluate(docs []*doc) evaluation {
	return evaluation{crossValidate(docs, bySource), crossValidate(docs, byTemplate)}
}

// thresholds returns those of texts by their origins. They are set
// where templates are held out: the kinds of harmless text that there are can
// be collected, their words cannot.
func (e evaluation) thresholds() model.Thresholds { return thresholds(e.templates) }

func thresholds(all []scored) (out model.Thresholds) {
	out[model.User] = float32(threshold(all, userShare, anySource))
	out[model.Result] = float32(threshold(all, resultShare, anySource))
	out[model.Description] = float32(threshold(all, descriptionShare, describes))
	out[model.System] = float32(threshold(all, systemShare, anySource))
	return out
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
finds 1 %% (user), 2 %% (what a tool returned) and .1 %% (system) of the harmless texts whose
templates are held out, and for descriptions of tools 1 %% of those harmless texts that
document something, each source counting alike, and of no source of 25 templates or more
five times as many. The tables are at the threshold of users; the last columns tell
what is found at the others.

| held out | AUC | threshold user | result | description | system |
|---|---|---|---|---|---|
%s%s`

// markdown is the page of the evaluation.
func (e evaluation) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, preface, summary("whole sources", e.sources), summary("templates", e.templates))
	for label, title := range []string{"Harmless texts: what is found wrongly", "Attacks: what is found"} {
		e.table(&b, label, title)
	}
	e.kinds(&b)
	return b.String()
}

// summary is the line of one way to hold texts out.
func summary(name string, all []scored) string {
	t := thresholds(all)
	return fmt.Sprintf("| %s | %.4f | %.2f | %.2f | %.2f | %.2f |\n", name, area(all), t[model.User], t[model.Result], t[model.Description], t[model.System])
}

// kinds tells what is found of each kind of attack where its source is held out, the
// sources counting alike, and what is found of harmless texts at the same threshold.
func (e evaluation) kinds(b *strings.Builder) {
	b.WriteString("\n## By kind\n\nOf sources that are held out, by the threshold of users; these are sources of ours and public collections, so " +
		"attacks of others may be found less often.\n\n| kind | sources | found |\n|---|---|---|\n")
	at := float64(e.thresholds()[model.User])
	names, found := tallies(e.sources, 1, at)
	shares := map[string][]float64{}
	for _, name := range names {
		shares[kind(name)] = append(shares[kind(name)], found[name].either/found[name].n)
	}
	for _, k := range slices.Sorted(maps.Keys(shares)) {
		fmt.Fprintf(b, "| %s | %d | %.3f |\n", k, len(shares[k]), mean(shares[k]))
	}
	names, wrong := tallies(e.sources, 0, at)
	fmt.Fprintf(b, "| harmless | %d | %.3f |\n", len(names), wrong[""].either/wrong[""].n)
}

// kind is what sources of attacks have in common.
func kind(source string) string {
	switch head, _, _ := strings.Cut(strings.TrimPrefix(source, "hand-"), "-"); head {
	case "override", "exfil", "fake", "split", "indirect", "task", "prompt", "form":
		return "override"
	case "game", "guard", "play", "secret", "hijack", "door", "word":
		return "game"
	case "own":
		return "the grammar's own sentences"
	case "lang":
		return "further languages"
	}
	return "jailbreak" // persona, scaffold, garak, pyrit
}

func mean(shares []float64) float64 {
	sum := 0.0
	for _, s := range shares {
		sum += s
	}
	return sum / float64(len(shares))
}

// table tells of each source of a label what is found, by user's threshold and, where
// sources are held out, by those of the other origins.
func (e evaluation) table(b *strings.Builder, label int, title string) {
	at := e.thresholds()
	fmt.Fprintf(b, "\n## %s\n\n| source | texts | acts | sources held out: model | either | templates held out: model | either | sources held out, either: result | description | system |\n"+
		"|---|---|---|---|---|---|---|---|---|---|\n", title)
	names, part := tallies(e.templates, label, float64(at[model.User]))
	var whole [model.Origins]map[string]*tally
	for k, limit := range at {
		_, whole[k] = tallies(e.sources, label, float64(limit))
	}
	for _, name := range append(names, "") {
		w, p := whole[model.User][name], part[name]
		fmt.Fprintf(b, "| %s | %.0f | %.3f | %.3f | %.3f | %.3f | %.3f", cmp.Or(name, "mean"), w.n, w.act/w.n, w.model/w.n, w.either/w.n, p.model/p.n, p.either/p.n)
		for k := model.Result; k < model.Origins; k++ {
			fmt.Fprintf(b, " | %.3f", whole[k][name].either/w.n)
		}
		b.WriteString(" |\n")
	}
}
