package bench

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/guards"
)

const (
	anchorTurns = 5
	anchorTurn  = 200 * time.Millisecond // of processor time, as in anchor/src/main.rs
)

// BenchmarkGuardsAnchor scans the same texts with the guards and with Rust's
// regex crate: a RegexSet over anchor/patterns.txt and find_iter of the rules
// that matched, which is how a gateway in Rust would do it. Both take turns in
// one run on one core each, by processor time; the best turn counts. It needs
// cargo, and says so where there is none.
func BenchmarkGuardsAnchor(b *testing.B) {
	if _, err := exec.LookPath("cargo"); err != nil {
		b.Log("left out: cargo is missing; install Rust to compare the guards with it")
		return
	}
	rust := startAnchor(b)
	set, err := guards.New([]guards.Spec{
		{Kind: guards.PII, Action: decision.ActionRedact}, {Kind: guards.Secret, Action: decision.ActionBlock},
	}, guards.Key{})
	if err != nil {
		b.Fatal(err)
	}
	var table strings.Builder
	fmt.Fprintf(&table, "\n%-16s %10s %10s %8s %10s %10s\n", "text", "guards MB/s", "Rust MB/s", "ratio", "findings", "matches")
	for _, t := range anchorTexts(b) {
		var ours, theirs round
		for range anchorTurns {
			ours.better(scanTurn(set, t.text))
			theirs.better(rust.turn(b, t))
		}
		ratio := ours.speed / theirs.speed
		b.ReportMetric(ratio, strings.ReplaceAll(t.name, " ", "_")+"/Rust")
		fmt.Fprintf(&table, "%-16s %10.0f %10.0f %8.2f %10d %10d\n", t.name, ours.speed/1e6, theirs.speed/1e6, ratio, ours.found, theirs.found)
	}
	fmt.Println(table.String())
	for b.Loop() { // the turns above are what is measured
	}
}

// round is one system's best round over a text.
type round struct {
	speed float64 // bytes a second
	found int
}

func (r *round) better(other round) {
	if other.speed > r.speed {
		*r = other
	}
}

// scanTurn scans again and again for one turn.
func scanTurn(set *guards.Set, text []byte) round {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var found []decision.Finding
	best := time.Duration(1 << 62)
	for begin := threadTime(); threadTime()-begin < anchorTurn; {
		began := threadTime()
		found = set.Scan(text, decision.Segment{Origin: decision.OriginUser}, found[:0])
		best = min(best, threadTime()-began)
	}
	return round{float64(len(text)) / best.Seconds(), len(found)}
}

// threadTime is the processor time of this thread.
func threadTime() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t); err != nil {
		panic(err)
	}
	return time.Duration(t.Nano())
}

// anchor is the running program in Rust.
type anchor struct {
	in  io.Writer
	out *bufio.Scanner
}

func startAnchor(b *testing.B) *anchor {
	b.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		b.Fatal(err)
	}
	target := filepath.Join(cache, "outrider-bench-anchor")
	build := exec.Command("cargo", "build", "--release", "--quiet", "--locked", "--manifest-path", "anchor/Cargo.toml", "--target-dir", target)
	if said, err := build.CombinedOutput(); err != nil {
		b.Fatalf("cargo build: %v\n%s", err, said)
	}
	cmd := exec.Command(filepath.Join(target, "release", "anchor"), "anchor/patterns.txt")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Wait()
	})
	return &anchor{in, bufio.NewScanner(out)}
}

func (a *anchor) turn(b *testing.B, t anchorText) round {
	b.Helper()
	fmt.Fprintln(a.in, t.file)
	if !a.out.Scan() {
		b.Fatalf("the program in Rust ended: %v", a.out.Err())
	}
	var out round
	if _, err := fmt.Sscan(a.out.Text(), &out.speed, &out.found); err != nil {
		b.Fatal(err)
	}
	return out
}

// anchorText is a text that both read, the one from memory, the other from a file.
type anchorText struct {
	name, file string
	text       []byte
}

func anchorTexts(b *testing.B) []anchorText {
	b.Helper()
	var out []anchorText
	for _, kind := range []struct {
		name string
		make func(*testing.B, int) []byte
	}{{"chat", chatText}, {"code", codeText}, {"JSON", jsonText}} {
		for _, kb := range []int{1, 16, 64, 256} {
			t := anchorText{name: fmt.Sprintf("%s %d KB", kind.name, kb), text: kind.make(b, kb<<10)}
			t.file = filepath.Join(b.TempDir(), "text")
			if err := os.WriteFile(t.file, t.text, 0o600); err != nil {
				b.Fatal(err)
			}
			out = append(out, t)
		}
	}
	return out
}

// chatText is prose as in the other benchmarks, with something to find in each
// four KB.
func chatText(_ *testing.B, size int) []byte {
	const every = 4 << 10
	var text []byte
	for n := 0; len(text) < size; n++ {
		text = append(text, prose(every)...)
		text = fmt.Appendf(text, " Write to agent%d@example.com or call (212) 555-01%02d. ", n, n%100)
	}
	return text[:size]
}

// codeText is this project's own code.
func codeText(b *testing.B, size int) []byte {
	b.Helper()
	files, err := filepath.Glob("../../*/*.go")
	if err != nil {
		b.Fatal(err)
	}
	var text []byte
	for len(text) < size {
		for _, file := range files {
			raw, err := os.ReadFile(file)
			if err != nil {
				b.Fatal(err)
			}
			text = append(text, raw...)
		}
	}
	return text[:size]
}

// jsonText is what a tool returns: records with times, ids and digests.
func jsonText(b *testing.B, size int) []byte {
	b.Helper()
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	for n := uint64(1); text.Len() < size; n++ {
		id := n * 0x9E3779B97F4A7C15
		if err := encoder.Encode(map[string]any{
			"id": fmt.Sprintf("%016x", id), "uuid": fmt.Sprintf("%08x-%04x-4%03x-a%03x-%012x", id>>32, id>>16&0xffff, id>>4&0xfff, id&0xfff, id>>16),
			"created_at": fmt.Sprintf("2026-%02d-%02dT%02d:%02d:%02dZ", n%12+1, n%28+1, n%24, n%60, n%59), "count": id % 100000, "ok": n%2 == 0,
			"title": prose(80), "sha": fmt.Sprintf("%016x%016x", id, id>>3), "version": fmt.Sprintf("%d.%d.%d", n%9, n%23, n%40),
		}); err != nil {
			b.Fatal(err)
		}
	}
	return text.Bytes()[:size]
}
