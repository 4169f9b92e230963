package guards

import (
	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/guards/injection/model"
)

// judge reads whole texts. Unlike a detector it cannot begin before a text has
// ended, so it reads only what no stream carries.
type judge interface {
	Judge(text []byte, from model.Origin, out []decision.Finding) []decision.Finding
}

// judgeWhole appends what the judges find in a text that a model is going to
// read. What a model wrote arrives in streams too, where the same must be found.
func (s *Set) judgeWhole(text []byte, seg decision.Segment, using *[maxGuards]detector, out []decision.Finding) []decision.Finding {
	switch seg.Kind {
	case decision.KindPrompt, decision.KindResult, decision.KindDescription, decision.KindError:
	default:
		return out
	}
	for n := range s.guards {
		g := &s.guards[n]
		if g.judge != nil && using[n] != nil {
			out = g.judge.Judge(text, origin(seg), out)
		}
	}
	return out
}

// origin returns where a judge is to take a text from.
func origin(seg decision.Segment) model.Origin {
	switch {
	case seg.Kind == decision.KindDescription:
		return model.Description
	case ofTool(seg):
		return model.Result
	case seg.Origin == decision.OriginSystem:
		return model.System
	}
	return model.User
}

// ofTool reports whether a tool gave the text, or whoever wrote its description.
func ofTool(seg decision.Segment) bool {
	return seg.Origin == decision.OriginTool || seg.Kind == decision.KindResult || seg.Kind == decision.KindDescription
}
