package remote

import (
	"context"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/sync/errgroup"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/strictjson"
)

// atOnce is how many texts of one question are with the service together.
const atOnce = 4

// Recognizer asks a service with the API of Presidio's analyzer where texts
// hold personal data. It is safe for concurrent use.
type Recognizer struct {
	*service
	language string
	minScore float64
}

// NewRecognizer returns a recogniser of texts in the language. The service
// itself leaves out what it is less sure of than minScore.
func NewRecognizer(o Options, language string, minScore float64) *Recognizer {
	o.URL = strings.TrimRight(o.URL, "/") + "/analyze"
	return &Recognizer{service: newService(o), language: language, minScore: minScore}
}

// analysis is the question about one text.
type analysis struct {
	Text     string  `json:"text"`
	Language string  `json:"language"`
	MinScore float64 `json:"score_threshold,omitempty"`
}

// Read returns what each text holds, or an error where the service did not
// answer about all of them.
func (r *Recognizer) Read(ctx context.Context, texts []string) ([][]decision.Finding, error) {
	ctx, end, err := r.question(ctx)
	if err != nil {
		return nil, err
	}
	defer end()
	out := make([][]decision.Finding, len(texts))
	work, ctx := errgroup.WithContext(ctx)
	work.SetLimit(atOnce)
	for i, text := range texts {
		work.Go(func() error {
			raw, err := r.post(ctx, r.URL, analysis{Text: text, Language: r.language, MinScore: r.minScore})
			if err == nil {
				out[i], err = r.findings(raw, text)
			}
			return err
		})
	}
	return out, work.Wait()
}

// findings reads an answer about the text.
func (r *Recognizer) findings(raw []byte, text string) ([]decision.Finding, error) {
	doc, answer, err := parse(raw)
	if err != nil {
		return nil, err
	}
	defer doc.Free()
	if answer.Kind() != strictjson.Array {
		return nil, errShape
	}
	var out []decision.Finding
	at := characters(text)
	for _, v := range answer.Elements() {
		kind, named := v.Get("entity_type").Text()
		start, begun := v.Get("start").Uint()
		end, ended := v.Get("end").Uint()
		sure, scored := share(v.Get("score"))
		if !named || !begun || !ended || !scored || start >= end || end >= uint64(len(at)) {
			return nil, errShape
		}
		f := decision.Finding{Start: at[start], End: at[end], Confidence: sure}
		if f.Type, err = r.name("pii.", string(kind), entity); err != nil {
			return nil, err
		}
		out = append(out, f)
	}
	return out, nil
}

// entity names an entity as the guards of this project do, where they have a
// name for it.
func entity(said string) string {
	switch said {
	case "LOCATION":
		return "address"
	case "EMAIL_ADDRESS":
		return "email"
	case "PHONE_NUMBER":
		return "phone"
	case "IBAN_CODE":
		return "iban"
	case "CRYPTO":
		return "crypto_wallet"
	}
	return snake(said)
}

// characters returns the offset in bytes of every character, and of the end.
func characters(text string) []uint32 {
	at := make([]uint32, 0, utf8.RuneCountInString(text)+1)
	for i := range text {
		at = append(at, uint32(i))
	}
	return append(at, uint32(len(text)))
}

// share reads a number from 0 to 1.
func share(v strictjson.Value) (float32, bool) {
	if v.Kind() != strictjson.Number {
		return 0, false
	}
	f, err := strconv.ParseFloat(string(v.Raw()), 32)
	return float32(f), err == nil && f >= 0 && f <= 1
}
