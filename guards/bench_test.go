package guards

import (
	"math/rand/v2"
	"strings"
	"testing"

	"outrider.dev/outrider/decision"
)

// clean is text of n bytes in which the guards find nothing.
func clean(r *rand.Rand, n int) []byte {
	words := strings.Fields(`the deployment of service billing took 42 minutes on 2024-03-01, and its logs show no error; please tell
		the team to review "retries: 3" in config.yaml before we release version 1.4.2 to 10.0.0.7 so that users see fewer timeouts.`)
	var b strings.Builder
	for b.Len() < n {
		b.WriteString(words[r.IntN(len(words))] + " ")
	}
	return []byte(b.String()[:n])
}

func BenchmarkScan(b *testing.B) {
	r := rand.New(rand.NewPCG(9, 9))
	text := clean(r, 64<<10)
	for _, kind := range []Kind{PII, Secret, Injection} {
		set := mustSet(b, Spec{kind, decision.ActionRedact})
		b.Run(string(kind), func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				set.Scan(text, decision.Segment{}, nil)
			}
		})
	}
}

func BenchmarkStream(b *testing.B) {
	r := rand.New(rand.NewPCG(9, 9))
	text := string(clean(r, 4000))
	set := mustSet(b, allKinds(decision.ActionRedact)...)
	b.ReportAllocs()
	for b.Loop() {
		st := set.NewStream()
		for at := 0; at < len(text); at += 20 {
			st.Write(decision.Delta{Lane: "0", Text: text[at:min(at+20, len(text))]})
		}
	}
}
