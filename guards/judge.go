package guards

import (
	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/guards/injection"
	"outrider.dev/outrider/guards/injection/model"
)

// reads reports whether a model is going to read text of the segment, which a
// judge then reads as a whole. Unlike a detector it cannot begin before a text has
// ended, so it reads only what no stream carries: what a model wrote arrives in
// streams too, where the same must be found.
func reads(seg decision.Segment) bool {
	switch seg.Kind {
	case decision.KindPrompt, decision.KindResult, decision.KindDescription, decision.KindError:
		return true
	}
	return false
}

// judge returns what is to judge a whole text, nil if nothing is.
func (s *Set) judge(seg decision.Segment, using *[maxGuards]detector) *injection.Judge {
	for n := range s.guards {
		if g := &s.guards[n]; g.judge != nil && using[n] != nil && reads(seg) {
			return g.judge
		}
	}
	return nil
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
