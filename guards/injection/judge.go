package injection

import (
	"fmt"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/guards/injection/model"
)

// kindLikely is of a text that as a whole reads like an attack, kindEncoded of
// a run of base64, hexadecimal or percent signs, of letters set apart, or of turned
// ones, that hides one.
const (
	kindLikely  = "injection.likely"
	kindEncoded = "injection.encoded"
)

// Judge reads whole texts that a model is going to read. It finds what no
// single act gives away, and what is encoded. It is safe for concurrent use.
type Judge struct {
	model  *model.Model
	acts   *Detector
	turned *turned
}

// NewJudge returns a judge by the model of this build.
func NewJudge() (*Judge, error) {
	m, err := model.New()
	if err != nil {
		return nil, fmt.Errorf("injection: %w", err)
	}
	return &Judge{model: m, acts: New(true), turned: newTurned()}, nil
}

// Judge appends what it finds in a whole text.
func (j *Judge) Judge(text []byte, from model.Origin, out []decision.Finding) []decision.Finding {
	if sure, at := j.model.Judge(text, from); sure >= .5 {
		out = append(out, decision.Finding{
			Type: kindLikely, Rule: j.model.Why(text, at), Start: uint32(at.Start), End: uint32(at.End), Confidence: sure,
		})
	}
	for _, r := range hiddenRuns(text, j.turned) {
		if r.way == wayApart {
			r.text = j.acts.parted(r.text)
		}
		if sure, rule := j.hidden(r.text, from); sure >= .5 {
			out = append(out, decision.Finding{
				Type: kindEncoded, Rule: r.way + ": " + rule, Start: uint32(r.start), End: uint32(r.end), Confidence: sure,
			})
		}
	}
	return out
}

// hidden judges the text of a run, by the model and by acts, and tells what
// decided: an act where there is one.
func (j *Judge) hidden(text []byte, from model.Origin) (sure float32, rule string) {
	sure, at := j.model.Judge(text, from)
	if acts := j.acts.FindAll(text, nil); len(acts) > 0 {
		return max(sure, acts[0].Confidence), acts[0].Rule
	}
	if sure < .5 {
		return sure, ""
	}
	return sure, j.model.Why(text, at)
}
