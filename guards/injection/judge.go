package injection

import (
	"fmt"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/guards/injection/model"
)

// kindLikely is of a text that as a whole reads like an attack, kindEncoded of
// a run of base64, hexadecimal or percent signs, or of letters set apart, that
// hides one.
const (
	kindLikely  = "injection.likely"
	kindEncoded = "injection.encoded"
)

// Judge reads whole texts that a model is going to read. It finds what no
// single act gives away, and what is encoded. It is safe for concurrent use.
type Judge struct {
	model *model.Model
	acts  *Detector
}

// NewJudge returns a judge by the model of this build.
func NewJudge() (*Judge, error) {
	m, err := model.New()
	if err != nil {
		return nil, fmt.Errorf("injection: %w", err)
	}
	return &Judge{model: m, acts: New(true)}, nil
}

// Judge appends what it finds in a whole text. Tool says that the text comes
// from a tool, or describes one.
func (j *Judge) Judge(text []byte, tool bool, out []decision.Finding) []decision.Finding {
	if sure, at := j.model.Judge(text, tool); sure >= .5 {
		out = append(out, decision.Finding{Type: kindLikely, Start: uint32(at.Start), End: uint32(at.End), Confidence: sure})
	}
	for _, r := range hiddenRuns(text) {
		sure, _ := j.model.Judge(r.text, tool)
		if acts := j.acts.FindAll(r.text, nil); len(acts) > 0 {
			sure = max(sure, acts[0].Confidence)
		}
		if sure >= .5 {
			out = append(out, decision.Finding{Type: kindEncoded, Start: uint32(r.start), End: uint32(r.end), Confidence: sure})
		}
	}
	return out
}
