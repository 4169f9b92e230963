package input

import (
	"maps"
	"slices"

	"outrider.dev/outrider/decision"
)

// Phases of a finding.
const (
	PhaseCall   = "Call"   // in what the agent sent
	PhaseResult = "Result" // in what came back
)

// Finding is what a guard found, as rules see it. It holds no content.
type Finding struct {
	Type       string  `cel:"type" json:"type"`             // such as pii.email
	Origin     string  `cel:"origin" json:"origin"`         // who wrote the text: system, user, assistant, tool
	Kind       string  `cel:"kind" json:"kind"`             // of the text: prompt, completion, arguments, result, description, error
	Confidence float64 `cel:"confidence" json:"confidence"` // 0 to 1
	Phase      string  `cel:"phase" json:"phase"`           // [PhaseCall] or [PhaseResult]
}

// maxFound bounds how many findings rules see one by one. Beyond it only those
// are added that no earlier one stands for, so that what rules may ask of any
// finding stays right.
const maxFound = 1000

// Found gathers the findings of a call and its answer.
type Found struct {
	list []Finding
	best map[Finding]float64 // the highest confidence, by the rest of the finding
}

// Add notes what guards found in the texts of a body. A finding of a stream has
// no segment: it is in text like that of rest.
func (f *Found) Add(phase string, found []decision.Finding, segments []decision.Segment, rest decision.Segment) {
	for _, one := range found {
		in := rest
		if int(one.Segment) < len(segments) {
			in = segments[one.Segment]
		}
		f.add(Finding{Type: one.Type, Origin: string(in.Origin), Kind: string(in.Kind), Phase: phase}, float64(one.Confidence))
	}
}

func (f *Found) add(like Finding, confidence float64) {
	if f.best == nil {
		f.best = map[Finding]float64{}
	}
	most, seen := f.best[like]
	if !seen || confidence > most {
		f.best[like] = confidence
	} else if len(f.list) >= maxFound {
		return
	}
	like.Confidence = confidence
	f.list = append(f.list, like)
}

// With returns what was found and, with it, more of the phase Result.
func (f *Found) With(more []decision.Finding, in decision.Segment) []Finding {
	if len(more) == 0 {
		return f.list
	}
	both := Found{list: slices.Clip(f.list), best: maps.Clone(f.best)}
	both.Add(PhaseResult, more, nil, in)
	return both.list
}

// findings are unknown until the guards have read the call.
func (c *Call) findings() (any, error) {
	if !c.Guarded {
		return nil, ErrUnknown
	}
	if c.Found == nil {
		return []Finding{}, nil
	}
	return c.Found, nil
}
