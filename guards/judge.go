package guards

import "outrider.dev/outrider/decision"

// judge reads whole texts. Unlike a detector it cannot begin before a text has
// ended, so it reads only what no stream carries. Tool says that the text comes
// from a tool or describes one.
type judge interface {
	Judge(text []byte, tool bool, out []decision.Finding) []decision.Finding
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
			out = g.judge.Judge(text, ofTool(seg), out)
		}
	}
	return out
}

// ofTool reports whether a tool gave the text, or whoever wrote its description.
func ofTool(seg decision.Segment) bool {
	return seg.Origin == decision.OriginTool || seg.Kind == decision.KindResult || seg.Kind == decision.KindDescription
}
