package bench

import (
	"fmt"
	"testing"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/dialect"
	"outrider.dev/outrider/dialect/openai"
	"outrider.dev/outrider/guards"
	"outrider.dev/outrider/strictjson"
)

func eachSize(b *testing.B, run func(b *testing.B, body []byte)) {
	for _, kb := range []int{1, 64} {
		b.Run(fmt.Sprintf("%d_KB", kb), func(b *testing.B) {
			body := promptBody(prose(kb<<10), false)
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			run(b, body)
		})
	}
}

// BenchmarkParse reads a body as JSON.
func BenchmarkParse(b *testing.B) {
	eachSize(b, func(b *testing.B, body []byte) {
		for b.Loop() {
			doc, err := strictjson.Parse(body, strictjson.Limits{})
			if err != nil {
				b.Fatal(err)
			}
			doc.Free()
		}
	})
}

// BenchmarkReadChat reads a body as a chat request.
func BenchmarkReadChat(b *testing.B) {
	eachSize(b, func(b *testing.B, body []byte) {
		for b.Loop() {
			if _, err := openai.ReadChat(body, strictjson.Limits{}); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkGuards scans a clean request for personal data and injection, as
// the road does.
func BenchmarkGuards(b *testing.B) {
	set, err := guards.New([]guards.Spec{
		{Kind: guards.PII, Action: decision.ActionRedact}, {Kind: guards.Injection, Action: decision.ActionBlock},
	}, nil)
	if err != nil {
		b.Fatal(err)
	}
	eachSize(b, func(b *testing.B, body []byte) {
		call, err := openai.ReadChat(body, strictjson.Limits{})
		if err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			for _, s := range call.Segments {
				if found := set.Scan(dialect.Text(body, s), s, nil); len(found) > 0 {
					b.Fatal(found)
				}
			}
		}
	})
}
