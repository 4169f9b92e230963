package bench

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

const (
	rounds  = 5                      // in each, every system has its turn
	turn    = 250 * time.Millisecond // of one system
	warming = 100 * time.Millisecond
	resting = 5 * time.Millisecond // until a system has settled its last call
)

// BenchmarkRoad compares whole calls. The systems take turns within one run,
// so that whatever else the machine does weighs on all of them alike; figures
// are medians over the rounds.
func BenchmarkRoad(b *testing.B) {
	keys := newSigner(b)
	token := keys.token(b, "ann")
	at := newSite(b, keys)
	systems := []*system{at.proxy(b), at.direct(), at.inProcess(b, false), at.inProcess(b, true), at.overSocket(b, false), at.overSocket(b, true)}
	for _, s := range systems {
		s.prove(b, token)
	}
	var results table
	for _, w := range works(token) {
		for _, count := range []int{1, 16} {
			name := fmt.Sprintf("%s c=%d", w.name, count)
			b.Run(strings.ReplaceAll(name, " ", "_"), func(b *testing.B) {
				var rows []row
				for b.Loop() {
					rows = compare(b, w, count, systems)
				}
				results.add(rows)
				b.ReportMetric(0, "ns/op") // of the whole comparison: says nothing
				for _, r := range rows[direct+1:] {
					b.ReportMetric(r.ratio, strings.NewReplacer(" ", "", ",", "+").Replace(r.system)+"/proxy")
				}
			})
		}
	}
	results.print()
}

// Places of the systems that the others are compared with.
const (
	yardstick = iota // the reverse proxy
	direct           // nothing in between
)

// row is what one system showed at one work.
type row struct {
	work, system string
	agents       int
	perSecond    float64
	first, whole time.Duration // median until the first and the last byte
	added        time.Duration // to the median of nothing in between
	cpu          time.Duration // a call
	ratio        float64       // of cpu to the proxy's
}

// compare lets the systems take turns.
func compare(b *testing.B, w work, count int, systems []*system) []row {
	each := make([][]row, len(systems))
	crowds := make([]*agents, len(systems))
	for i, s := range systems {
		var err error
		if crowds[i], err = newAgents(s.address, count); err != nil {
			b.Fatal(err)
		}
		defer crowds[i].close()
		oneTurn(b, w, s, crowds[i], warming)
	}
	for range rounds {
		for i, s := range systems {
			each[i] = append(each[i], oneTurn(b, w, s, crowds[i], turn))
		}
	}
	out := make([]row, len(systems))
	for i := range systems {
		out[i] = medians(each[i])
		out[i].work, out[i].agents = w.name, count
		out[i].ratio = median(rounds, func(n int) float64 { return float64(each[i][n].cpu) / float64(each[yardstick][n].cpu) })
	}
	for i := range out {
		out[i].added = out[i].whole - out[direct].whole
	}
	return out
}

func oneTurn(b *testing.B, w work, s *system, crowd *agents, during time.Duration) row {
	q := w.ask
	if w.listed && s.bare {
		q.good = countsTools(toolCount)
	}
	before, begun := s.cpu(b), time.Now()
	took, err := crowd.ask(q, during)
	if err != nil {
		b.Fatalf("%s, %s: %v", s.name, w.name, err)
	}
	elapsed := time.Since(begun)
	time.Sleep(resting)
	calls := len(took)
	return row{
		system:    s.name,
		perSecond: float64(calls) / elapsed.Seconds(),
		first:     median(calls, func(i int) time.Duration { return took[i].first }),
		whole:     median(calls, func(i int) time.Duration { return took[i].last }),
		cpu:       (s.cpu(b) - before) / time.Duration(calls),
	}
}

func medians(rows []row) row {
	n := len(rows)
	return row{
		system:    rows[0].system,
		perSecond: median(n, func(i int) float64 { return rows[i].perSecond }),
		first:     median(n, func(i int) time.Duration { return rows[i].first }),
		whole:     median(n, func(i int) time.Duration { return rows[i].whole }),
		cpu:       median(n, func(i int) time.Duration { return rows[i].cpu }),
	}
}

// table prints what was compared.
type table struct{ rows []row }

// add replaces an earlier result of the same work.
func (t *table) add(rows []row) {
	t.rows = slices.DeleteFunc(t.rows, func(r row) bool { return r.work == rows[0].work && r.agents == rows[0].agents })
	t.rows = append(t.rows, rows...)
}

func (t *table) print() {
	const line = "%-22s %-17s %3v %9v %10v %10v %10v %9v %7v\n"
	fmt.Printf("\n"+line, "system", "work", "c", "req/s", "first ms", "p50 ms", "added ms", "CPU µs", "ratio")
	for i, r := range t.rows {
		if i > 0 && r.system == t.rows[0].system {
			fmt.Println()
		}
		fmt.Printf(line, r.system, r.work, r.agents, fmt.Sprintf("%.0f", r.perSecond), millis(r.first), millis(r.whole), millis(r.added),
			fmt.Sprintf("%.0f", float64(r.cpu)/float64(time.Microsecond)), fmt.Sprintf("%.2f", r.ratio))
	}
	fmt.Println()
}

func millis(d time.Duration) string { return fmt.Sprintf("%.3f", float64(d)/float64(time.Millisecond)) }
