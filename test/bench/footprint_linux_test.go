package bench

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// BenchmarkSidecar measures what a data plane costs by being there: its
// binary, the time from its start to its first answer, and its own memory
// after load.
func BenchmarkSidecar(b *testing.B) {
	keys := newSigner(b)
	token := keys.token(b, "ann")
	at := newSite(b, keys)
	info, err := os.Stat(filepath.Join(at.bin, "outrider-sidecar"))
	if err != nil {
		b.Fatal(err)
	}
	first := chat(token, 1<<10, false)
	b.Run("start", func(b *testing.B) {
		dir, c := b.TempDir(), at.setup(b, true)
		at.startPDP(b, dir, c)
		eventually(b, "the decision service", func() bool { _, err := os.Stat(socket(dir)); return err == nil })
		untilAnswer(b, at.startSidecar, dir, c, first) // its files are cached from here on
		var sum time.Duration
		n := 0
		for b.Loop() {
			sum += untilAnswer(b, at.startSidecar, dir, c, first)
			n++
		}
		b.ReportMetric(0, "ns/op")
		b.ReportMetric(sum.Seconds()*1000/float64(n), "ms/first-answer")
		b.ReportMetric(float64(info.Size())/1e6, "MB-binary")
	})
	b.Run("memory", func(b *testing.B) {
		s := at.overSocket(b, true)
		sidecar := s.processes[0]
		idle, chats, most := sidecar.anonymous(b), 0, 0
		for b.Loop() {
			crowd, err := newAgents(s.address, 64)
			if err != nil {
				b.Fatal(err)
			}
			for i, w := range works(token) {
				if _, err := crowd.ask(w.ask, turn); err != nil {
					b.Fatal(err)
				}
				now := sidecar.anonymous(b)
				if most = max(most, now); i == 0 {
					chats = now
				}
			}
			crowd.close()
		}
		b.ReportMetric(0, "ns/op")
		b.ReportMetric(float64(idle)/1e6, "MB-idle")
		b.ReportMetric(float64(chats)/1e6, "MB-after-chats")
		b.ReportMetric(float64(most)/1e6, "MB-most")
	})
}

// untilAnswer is how long it takes from the start of a process to its first
// good answer.
func untilAnswer(b *testing.B, start func(testing.TB, string, setup) *process, dir string, c setup, q question) time.Duration {
	begun := time.Now()
	p := start(b, dir, c)
	eventually(b, p.name, func() bool {
		one, err := newAgents(c.agent, 1)
		if err != nil {
			return false
		}
		defer one.close()
		_, err = one.each[0].ask(q)
		return err == nil
	})
	took := time.Since(begun)
	p.stop(b)
	return took
}
