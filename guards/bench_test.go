package guards

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"outrider.dev/outrider/decision"
)

// clean is text of n bytes in which the guards find nothing.
func clean(r *rand.Rand, n int) []byte {
	words := strings.Fields(`the deployment of service billing took 42 minutes on 2024-03-01, and its logs show no error; please tell
		the team to review "retries: 3" in config.yaml before we release version 1.4.2 to 127.0.0.1 so that users see fewer timeouts.`)
	var b strings.Builder
	for b.Len() < n {
		b.WriteString(words[r.IntN(len(words))] + " ")
	}
	return []byte(b.String()[:n])
}

// code is n bytes of the package's own source.
func code(b *testing.B, n int) []byte {
	var out []byte
	for len(out) < n {
		for _, name := range []string{"set.go", "lane.go", "stream.go", "apply.go", "sieve.go"} {
			raw, err := os.ReadFile(name)
			if err != nil {
				b.Fatal(err)
			}
			out = append(out, raw...)
		}
	}
	return out[:n]
}

// records is n bytes of JSON lines, full of numbers, times and ids.
func records(r *rand.Rand, n int) []byte {
	var out []byte
	for len(out) < n {
		out = fmt.Appendf(out, `{"id":"call_%s","ts":"2024-01-15T10:%02d:00.125Z","epoch":17%011d,"level":"info","trace":"%s","msg":"request served","status":200,"path":"/v1/users/%s/orders","tags":["a","prod"]}`+"\n",
			invent(r, alnum, 24), r.IntN(60), r.Int64N(1e11), invent(r, hexes, 32), invent(r, hexes, 12))
	}
	return out[:n]
}

// spiced is clean text with one thing to find, or nearly, in every 700 bytes.
func spiced(r *rand.Rand, n int) []byte {
	all := pieces(r)
	var out []byte
	for len(out) < n {
		out = append(append(out, clean(r, 700)...), " "+all[r.IntN(len(all))]+" "...)
	}
	return out[:n]
}

type benchText struct {
	name string
	text []byte
}

func benchTexts(b *testing.B) []benchText {
	r := rand.New(rand.NewPCG(9, 9))
	var out []benchText
	for _, n := range []int{1 << 10, 16 << 10, 64 << 10} {
		for _, t := range []benchText{{"chat", clean(r, n)}, {"code", code(b, n)}, {"json", records(r, n)}, {"hits", spiced(r, n)}} {
			out = append(out, benchText{fmt.Sprintf("%s/%dK", t.name, n>>10), t.text})
		}
	}
	for name, unit := range map[string]string{
		"words": "you ", "nearly": strings.Repeat("you ", 16) + "not are dan ", "accents": "you the \u00f4f you ", "numbers": "1-23 4567 ",
		"names": `secret="abcdefghijklmnop" `, "chinese": "\u65e5\u672c\u8a9e\u306e\u6587\u7ae0\u3067\u3059\u3002",
	} {
		out = append(out, benchText{"hostile/" + name, []byte(strings.Repeat(unit, 16<<10/len(unit)))})
	}
	return out
}

// BenchmarkScan compares the places that are sifted with judging every place.
func BenchmarkScan(b *testing.B) {
	set := mustSet(b, allKinds(decision.ActionRedact)...)
	for _, t := range benchTexts(b) {
		for _, way := range []struct {
			name string
			scan func()
		}{
			{"sifted", func() { set.Scan(t.text, decision.Segment{}, nil) }},
			{"everywhere", func() { scanNaively(set, t.text, decision.Segment{}) }},
		} {
			b.Run(t.name+"/"+way.name, func(b *testing.B) {
				b.SetBytes(int64(len(t.text)))
				b.ReportAllocs()
				for b.Loop() {
					way.scan()
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(t.text)), "ns/byte")
			})
		}
	}
}

// BenchmarkData is BenchmarkScan for what reads data alone: the goal is 300 MB/s.
func BenchmarkData(b *testing.B) {
	set := mustSet(b, Spec{Kind: PII, Action: decision.ActionRedact}, Spec{Kind: Secret, Action: decision.ActionRedact})
	for _, t := range benchTexts(b) {
		b.Run(t.name, func(b *testing.B) {
			b.SetBytes(int64(len(t.text)))
			b.ReportAllocs()
			for b.Loop() {
				set.Scan(t.text, decision.Segment{}, nil)
			}
		})
	}
}

// BenchmarkPrompt is BenchmarkScan for what a model is going to read: judges read it too.
func BenchmarkPrompt(b *testing.B) {
	set := mustSet(b, allKinds(decision.ActionRedact)...)
	seg := decision.Segment{Kind: decision.KindPrompt, Origin: decision.OriginUser}
	for _, t := range benchTexts(b) {
		b.Run(t.name, func(b *testing.B) {
			b.SetBytes(int64(len(t.text)))
			b.ReportAllocs()
			for b.Loop() {
				set.Scan(t.text, seg, nil)
			}
		})
	}
}

// BenchmarkNew measures what a policy bundle pays for its guards.
func BenchmarkNew(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		mustSet(b, allKinds(decision.ActionRedact)...)
	}
}

func BenchmarkStream(b *testing.B) {
	r := rand.New(rand.NewPCG(9, 9))
	text := string(clean(r, 4000))
	set := mustSet(b, allKinds(decision.ActionRedact)...)
	b.ReportAllocs()
	for b.Loop() {
		st := set.NewStream(nil, nil)
		for at := 0; at < len(text); at += 20 {
			st.Write(decision.Delta{Lane: "0", Text: text[at:min(at+20, len(text))]})
		}
	}
}
