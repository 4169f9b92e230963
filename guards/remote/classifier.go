package remote

import (
	"context"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/strictjson"
)

// Classifier asks a service with the API of OpenAI's moderation endpoint into
// which categories texts fall. A finding spans its whole text. It is safe for
// concurrent use.
type Classifier struct {
	*service
	model string
}

// NewClassifier returns a classifier by the model, which may be empty.
func NewClassifier(o Options, model string) *Classifier {
	return &Classifier{service: newService(o), model: model}
}

// moderation is the question about all texts.
type moderation struct {
	Input []string `json:"input"`
	Model string   `json:"model,omitempty"`
}

// Read returns the categories of each text, or an error where the service did
// not answer about all of them.
func (c *Classifier) Read(ctx context.Context, texts []string) ([][]decision.Finding, error) {
	ctx, end, err := c.question(ctx)
	if err != nil {
		return nil, err
	}
	defer end()
	raw, err := c.post(ctx, c.URL, moderation{Input: texts, Model: c.model})
	if err != nil {
		return nil, err
	}
	doc, answer, err := parse(raw)
	if err != nil {
		return nil, err
	}
	defer doc.Free()
	results := answer.Get("results")
	if results.Kind() != strictjson.Array || results.Len() != len(texts) {
		return nil, errShape
	}
	out := make([][]decision.Finding, len(texts))
	for i, result := range results.Elements() {
		if out[i], err = c.findings(result, len(texts[i])); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// findings reads the result about a text of n bytes.
func (c *Classifier) findings(result strictjson.Value, n int) ([]decision.Finding, error) {
	flagged, said := result.Get("flagged").Bool()
	categories := result.Get("categories")
	if !said || categories.Kind() != strictjson.Object {
		return nil, errShape
	}
	var out []decision.Finding
	for category, value := range categories.Members() {
		name, _ := category.Text()
		hit, ok := value.Bool()
		if !ok && value.Kind() != strictjson.Null { // null: the model does not know the category
			return nil, errShape
		}
		if !hit {
			continue
		}
		f, err := c.finding(string(name), n)
		if err != nil {
			return nil, err
		}
		if score := result.Get("category_scores").Get(string(name)); score.Kind() != strictjson.None {
			if f.Confidence, ok = share(score); !ok {
				return nil, errShape
			}
		}
		out = append(out, f)
	}
	if flagged && len(out) == 0 {
		f, err := c.finding("flagged", n)
		return append(out, f), err
	}
	return out, nil
}

func (c *Classifier) finding(category string, n int) (decision.Finding, error) {
	kind, err := c.name("moderation.", category, snake)
	return decision.Finding{Type: kind, End: uint32(n), Confidence: 1}, err
}
