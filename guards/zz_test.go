package guards

import (
	"math/rand/v2"
	"strings"
	"testing"

	"outrider.dev/outrider/decision"
)

func BenchmarkSec(b *testing.B) {
	r := rand.New(rand.NewPCG(9, 9))
	set := mustSet(b, Spec{Secret, decision.ActionRedact})
	for _, t := range []benchText{
		{"chat", clean(r, 64<<10)},
		{"code", code(b, 64<<10)},
		{"json", records(r, 64<<10)},
		{"hits", spiced(r, 64<<10)},
		{"tokens", []byte(strings.Repeat("the token 12 key is auth 42, pass the value ", 1500))},
		{"prose", []byte(strings.Repeat("Please read the authorization docs, then the key points of the passage and of session 4 on the token economy. ", 600))},
	} {
		b.Run(t.name, func(b *testing.B) {
			b.SetBytes(int64(len(t.text)))
			for b.Loop() {
				set.Scan(t.text, decision.Segment{}, nil)
			}
		})
	}
	text := string(clean(r, 4000))
	b.Run("stream", func(b *testing.B) {
		for b.Loop() {
			st := set.NewStream()
			for at := 0; at < len(text); at += 20 {
				st.Write(decision.Delta{Lane: "0", Text: text[at:min(at+20, len(text))]})
			}
		}
	})
}
