package input

import (
	"fmt"
	"slices"
	"testing"

	"outrider.dev/outrider/decision"
)

func TestFoundKnowsTheText(t *testing.T) {
	segments := []decision.Segment{{ID: 0, Origin: decision.OriginSystem, Kind: decision.KindPrompt}, {ID: 1, Origin: decision.OriginUser, Kind: decision.KindArguments}}
	var f Found
	f.Add(PhaseCall, []decision.Finding{{Type: "pii.email", Segment: 1, Confidence: 0.5}}, segments, decision.Segment{})
	f.Add(PhaseResult, []decision.Finding{{Type: "secret.github", Confidence: 1}}, nil, decision.Segment{Origin: decision.OriginAssistant, Kind: decision.KindCompletion})
	more := f.With([]decision.Finding{{Type: "pii.phone"}}, decision.Segment{Origin: decision.OriginTool, Kind: decision.KindResult})
	want := []Finding{
		{"pii.email", "user", "arguments", 0.5, PhaseCall}, {"secret.github", "assistant", "completion", 1, PhaseResult}, {"pii.phone", "tool", "result", 0, PhaseResult},
	}
	if !slices.Equal(more, want) || !slices.Equal(f.With(nil, decision.Segment{}), want[:2]) {
		t.Errorf("found %+v", more)
	}
}

// Whatever there is of findings, rules see few, and none is without one that
// stands for it.
func TestFoundIsBounded(t *testing.T) {
	var f Found
	for i := range 20 * maxFound {
		f.Add(PhaseCall, []decision.Finding{{Type: fmt.Sprintf("t.%d", i%7), Confidence: float32(i%4) / 4}}, nil, decision.Segment{})
	}
	f.Add(PhaseResult, []decision.Finding{{Type: "t.0", Confidence: 0.25}, {Type: "t.9"}, {Type: "t.9", Confidence: 1}, {Type: "t.9", Confidence: 0.5}}, nil, decision.Segment{})
	list := f.With(nil, decision.Segment{})
	if len(list) != maxFound+3 {
		t.Errorf("%d findings are kept", len(list))
	}
	for _, want := range []Finding{{"t.0", "", "", 0.25, PhaseResult}, {"t.9", "", "", 1, PhaseResult}, {"t.6", "", "", 0.75, PhaseCall}} {
		if !slices.Contains(list, want) {
			t.Errorf("%+v is not kept", want)
		}
	}
}
