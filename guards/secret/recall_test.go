package secret

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/guards/window"
)

// tally counts how many of a kind were found.
type tally struct {
	found, all int
	missed     string
}

// covers reports whether the findings cover most of the value in a text.
func covers(text, value string, findings []decision.Finding) bool {
	at := strings.Index(text, value)
	if _, rest, ok := strings.Cut(value, "://"); ok && strings.Contains(rest, "@") {
		user, _, _ := strings.Cut(rest, "@")
		at, value = strings.Index(text, user), user
	}
	covered := 0
	for _, f := range findings {
		covered += max(0, min(at+len(value), int(f.End))-max(at, int(f.Start)))
	}
	return covered*10 >= 6*len(value)
}

func measure(d *Detector, counts map[string]*tally, kind, text, value string) {
	all, _ := find(d, []byte(text), window.Mark{}, true, nil)
	if counts[kind] == nil {
		counts[kind] = &tally{}
	}
	counts[kind].all++
	if value == "" && len(all) > 0 || value != "" && covers(text, value, all) {
		counts[kind].found++
		return
	}
	counts[kind].missed = text
}

// report adds up the kinds that begin with the prefix and lists the worst.
func report(t *testing.T, counts map[string]*tally, prefix string, floor float64) {
	t.Helper()
	var sum tally
	var lines []string
	for kind, n := range counts {
		if !strings.HasPrefix(kind, prefix) {
			continue
		}
		sum.found += n.found
		sum.all += n.all
		if n.found < n.all {
			lines = append(lines, fmt.Sprintf("%5.3f %-40s %q", float64(n.found)/float64(n.all), kind, n.missed))
		}
	}
	slices.Sort(lines)
	recall := float64(sum.found) / float64(sum.all)
	t.Logf("%s: recall %.4f of %d", prefix, recall, sum.all)
	if recall < floor {
		t.Errorf("%s: recall %.4f of %d, want %.3f\n%s", prefix, recall, sum.all, floor, strings.Join(lines[:min(len(lines), 60)], "\n"))
	}
}

func TestCorpusRecall(t *testing.T) {
	rnd := rand.New(rand.NewPCG(21, 21))
	d := New()
	counts := map[string]*tally{}
	for range 12 {
		for _, s := range slices.Concat(plainKinds(rnd, d), namedKinds(rnd, d), genericKinds(rnd)) {
			spokenIn, writtenIn := spoken[rnd.IntN(len(spoken))], written[rnd.IntN(len(written))]
			measure(d, counts, s.kind, fill(spokenIn, s), s.value)
			measure(d, counts, s.kind, fill(writtenIn, s), s.value)
			measure(d, counts, "said: "+spokenIn, fill(spokenIn, s), s.value)
			measure(d, counts, "written: "+writtenIn, fill(writtenIn, s), s.value)
		}
		for kind, text := range fixedKinds(rnd) {
			measure(d, counts, "fixed "+kind, text, "")
		}
	}
	for prefix, floor := range map[string]float64{"plain": .99, "named": .97, "generic": .97, "password": .93, "fixed": .99, "said": .97, "written": .97} {
		report(t, counts, prefix, floor)
	}
}
