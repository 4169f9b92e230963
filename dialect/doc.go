// Package dialect holds what all body formats share: the table of segments
// that a body is read into ([Call], [Answer]), the way back from edits of text
// to splices of raw bytes ([Render], [Apply]), and the [Reframer] that holds
// the events of a stream until their text is released.
//
// What was judged is what travels on: a body is never encoded again, its bytes
// are spliced. The formats themselves are the child packages; they import this
// package, never each other. The data plane and the decision service import
// both.
package dialect

import "outrider.dev/outrider/decision"

// Call is what a dialect reads of a request body.
type Call struct {
	Segments   []decision.Segment
	Model      string
	ModelStart uint32 // raw offsets of the model's name, between the quotes
	ModelEnd   uint32
	Stream     bool
	MaxTokens  uint64 // 0: not given
}

// Answer is what a dialect reads of a whole response body.
type Answer struct {
	Segments []decision.Segment
	Usage    decision.Usage    // Estimated is set when the body tells no figures
	Splices  []decision.Splice // what must go whatever the guards say
}
