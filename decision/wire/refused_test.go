package wire

import (
	"errors"
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"

	"outrider.dev/outrider/decision"
	decisionv1 "outrider.dev/outrider/proto/outrider/decision/v1"
)

func redacted(message, field string) bool {
	m := decisionv1.File_outrider_decision_v1_decision_proto.Messages().ByName(protoreflect.Name(message))
	options, _ := m.Fields().ByName(protoreflect.Name(field)).Options().(*descriptorpb.FieldOptions)
	return options.GetDebugRedact()
}

func wantCode(t *testing.T, err error, code decision.Code) {
	t.Helper()
	var refusal *decision.Error
	if !errors.As(err, &refusal) || refusal.Code != code {
		t.Errorf("got %v, want a refusal with %s", err, code)
	}
}

func TestRequestRefused(t *testing.T) {
	raw := []byte(`{"a":"b"}`)
	size := uint32(len(raw))
	body := func(segments ...*decisionv1.Segment) *decisionv1.Request {
		return &decisionv1.Request{Surface: "llm", Body: &decisionv1.Body{Raw: raw, Segments: segments}}
	}
	for name, m := range map[string]*decisionv1.Request{
		"no message":                       nil,
		"no surface":                       {},
		"another surface":                  {Surface: "LLM"},
		"a segment beyond the body":        body(&decisionv1.Segment{End: size + 1}),
		"the second segment":               body(&decisionv1.Segment{End: size}, &decisionv1.Segment{Start: size, End: size + 1}),
		"a segment far beyond":             body(&decisionv1.Segment{End: 1<<32 - 1}),
		"a segment that ends early":        body(&decisionv1.Segment{Start: 2, End: 1}),
		"a segment without a body":         {Surface: "llm", Body: &decisionv1.Body{Segments: []*decisionv1.Segment{{End: 1}}}},
		"text beside a body":               body(&decisionv1.Segment{Text: "other than what is forwarded"}),
		"too many segments":                body(make([]*decisionv1.Segment, maxSegments+1)...),
		"arguments beyond the body":        {Surface: "mcp", Body: &decisionv1.Body{Raw: raw}, Tool: &decisionv1.Tool{ArgsEnd: size + 1}},
		"arguments that end early":         {Surface: "mcp", Body: &decisionv1.Body{Raw: raw}, Tool: &decisionv1.Tool{ArgsStart: 2, ArgsEnd: 1}},
		"arguments by offset without body": {Surface: "mcp", Tool: &decisionv1.Tool{ArgsEnd: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Request(m)
			wantCode(t, err, decision.CodeBodyInvalid)
		})
	}
}

// TestSegmentsAreNumberedHere: guards name findings by the place in the table,
// whatever number the asker wrote.
func TestSegmentsAreNumberedHere(t *testing.T) {
	b, err := Body(&decisionv1.Body{Segments: []*decisionv1.Segment{{Id: 7, Text: "a"}, {Id: 7, Text: "b"}, nil}})
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range b.Segments {
		if int(s.ID) != i {
			t.Errorf("segment %d is numbered %d", i, s.ID)
		}
	}
}

func TestPartsRefused(t *testing.T) {
	_, err := Tools(&decisionv1.ToolPage{Tools: make([]*decisionv1.Tool, maxTools+1)})
	wantCode(t, err, decision.CodeBodyInvalid)
	_, err = Tools(&decisionv1.ToolPage{Tools: []*decisionv1.Tool{{}, {ArgsEnd: 1}}})
	wantCode(t, err, decision.CodeBodyInvalid)
	_, err = Deltas(&decisionv1.Deltas{Deltas: make([]*decisionv1.Delta, maxDeltas+1)})
	wantCode(t, err, decision.CodeBodyInvalid)
	if got, err := Tools(nil); got == nil || err != nil {
		t.Errorf("an empty page is a page: got %v, %v", got, err)
	}
}

// badSplices do not fit a body of 10 bytes.
func badSplices() map[string][]*decisionv1.Splice {
	return map[string][]*decisionv1.Splice{
		"beyond the body":   {{Start: 10, End: 11}},
		"far beyond":        {{Start: 1<<32 - 1, End: 1<<32 - 1}},
		"ending early":      {{Start: 3, End: 2}},
		"out of order":      {{Start: 5, End: 6}, {Start: 1, End: 2}},
		"overlapping":       {{Start: 1, End: 5}, {Start: 4, End: 6}},
		"one in another":    {{Start: 1, End: 9}, {Start: 2, End: 3}},
		"the last too long": {{Start: 1, End: 2}, {Start: 2, End: 11}},
	}
}

func TestSplicesRefused(t *testing.T) {
	tools := []decision.Tool{{}, {Definition: make([]byte, 10)}}
	for name, list := range badSplices() {
		t.Run(name, func(t *testing.T) {
			_, err := Verdict(&decisionv1.Verdict{Effect: decisionv1.Effect_EFFECT_MUTATE, Splices: list}, 10)
			wantCode(t, err, decision.CodeInternal)
			_, err = ruling(&decisionv1.Ruling{Effect: decisionv1.Effect_EFFECT_MUTATE, Splices: list}, 10)
			wantCode(t, err, decision.CodeInternal)
			for _, s := range list {
				s.Index = 1
			}
			_, err = visibility(&decisionv1.Visibility{Bitmap: []byte{3}, Splices: list}, tools)
			wantCode(t, err, decision.CodeInternal)
		})
	}
}

func TestVisibilityRefused(t *testing.T) {
	tools := []decision.Tool{{Definition: make([]byte, 10)}, {Definition: make([]byte, 10)}}
	for name, list := range map[string][]*decisionv1.Splice{
		"a tool that is not there": {{Index: 2}},
		"a tool far beyond":        {{Index: 1<<32 - 1}},
		"tools out of order":       {{Index: 1, End: 1}, {Index: 0, End: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := visibility(&decisionv1.Visibility{Splices: list}, tools)
			wantCode(t, err, decision.CodeInternal)
		})
	}
	_, err := visibility(&decisionv1.Visibility{Splices: []*decisionv1.Splice{{}}}, nil)
	wantCode(t, err, decision.CodeInternal)
}

// TestAnswersOfAnotherKind: an answer that is not there is no denial, since
// nobody has decided.
func TestAnswersOfAnotherKind(t *testing.T) {
	_, err := Verdict(nil, 0)
	wantCode(t, err, decision.CodeInternal)
	_, err = ruling(nil, 0)
	wantCode(t, err, decision.CodeInternal)
	_, err = visibility(nil, nil)
	wantCode(t, err, decision.CodeInternal)
	_, err = Verdict(&decisionv1.Verdict{Effect: decisionv1.Effect_EFFECT_ALLOW, Grants: []*decisionv1.Grant{{}}}, 0)
	wantCode(t, err, decision.CodeInternal)
	_, err = Verdict(&decisionv1.Verdict{Effect: decisionv1.Effect_EFFECT_ALLOW, Grants: []*decisionv1.Grant{nil}}, 0)
	wantCode(t, err, decision.CodeInternal)
}
