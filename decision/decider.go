package decision

import (
	"context"
	"time"
)

// Decider answers questions. An error means that nobody decided, never a
// denial: the asker refuses the call with [CodePDPUnavailable].
//
// Implementations are safe for concurrent use.
type Decider interface {
	// Check answers one question for a program or a face. It never grants.
	Check(ctx context.Context, r *Request) (*Verdict, error)
	// Open answers the question about a call that the asker will forward.
	// The Exchange is nil after a denial.
	Open(ctx context.Context, r *Request) (*Verdict, Exchange, error)
	// FilterTools tells which tools the principal of r may see, in one pass.
	FilterTools(ctx context.Context, r *Request, tools []Tool) (*Visibility, error)
}

// Exchange is the state of one forwarded call in the decision service. One
// caller at a time. Whoever opened it settles it, exactly once in effect:
// Settle may be repeated.
type Exchange interface {
	// Attempt reports a failed target and asks for the next grant. A nil
	// Grant means that there is none.
	Attempt(ctx context.Context, a Attempt) (*Grant, error)
	// Judge rules on a part of the answer.
	Judge(ctx context.Context, p Part) (*Ruling, error)
	// Settle reports the outcome and ends the exchange.
	Settle(ctx context.Context, o Outcome) error
}

// Attempt reports that a provider failed before its first content byte.
type Attempt struct {
	FailedProvider string
	Error          string
}

// Part is a piece of an answer: exactly one field is set.
type Part struct {
	Whole  *Body
	Deltas []Delta
	Tools  []Tool
}

// Delta is decoded text that arrived on a lane of a stream.
type Delta struct {
	Lane string // choice, channel, tool call
	Text string
	Last bool // nothing follows on this lane
}

// Ruling is the answer to a [Part]. Which fields matter follows from the part:
// Splices for a whole body, Releases for deltas, Visibility for tools.
type Ruling struct {
	Effect     Effect
	Reason     Reason
	Splices    []Splice
	Releases   []Release
	Visibility *Visibility
	Findings   []Finding
}

// Release lets a lane's text go up to the offset Upto (bytes from the lane's
// start), after the replacements. Offsets never go back.
type Release struct {
	Lane    string
	Upto    uint64
	Replace []Replacement
}

// Replacement puts With in the place of the lane's bytes [Start, End). The
// replacements of a lane are ordered, never overlap and end at or before the
// Upto of their Release; a redaction whose end is not known yet goes on in the
// next Release as a replacement with an empty With.
type Replacement struct {
	Start uint64
	End   uint64
	With  string
}

// Visibility says which tools of a page may be seen: one bit a tool, lowest
// bit first. Splices rewrite the visible definitions; their Index is the
// tool's place in the page, their offsets are in its definition.
type Visibility struct {
	Bitmap  []byte
	Splices []Splice
}

// Visible reports the bit of tool i.
func (v *Visibility) Visible(i int) bool {
	return i>>3 < len(v.Bitmap) && v.Bitmap[i>>3]&(1<<(i&7)) != 0
}

// Show sets the bit of tool i, growing the bitmap as needed.
func (v *Visibility) Show(i int) {
	for i>>3 >= len(v.Bitmap) {
		v.Bitmap = append(v.Bitmap, 0)
	}
	v.Bitmap[i>>3] |= 1 << (i & 7)
}

// Outcome is how an exchange ended.
type Outcome struct {
	ExchangeID string
	Settlement []byte
	Provider   string
	Usage      Usage
	End        End
	Attempts   uint32
	Unjudged   *Unjudged // nil but of calls that no decision service was asked about
}

// Unjudged is a call that passed by the fail mode of its route, while no decision
// service answered.
type Unjudged struct {
	FailMode string // Lifeboat or Open
	Time     time.Time
	Agent    string
	Surface  Surface
	Method   string
	Server   string // that the path named
	Tool     string // as the agent sees it
	Model    string
	// Of the lifeboat, about the verdict that was followed.
	Policy  string
	Version string
	Rule    string
	Age     time.Duration
}

// Usage counts tokens. Estimated is set when the provider told no figures.
type Usage struct {
	Input     uint64
	Output    uint64
	Cached    uint64
	Estimated bool
}

// End says how an exchange ended.
type End string

// Ends of an exchange.
const (
	EndCompleted    End = "completed"
	EndDenied       End = "denied"       // the answer was refused
	EndFailed       End = "failed"       // no target answered
	EndDisconnected End = "disconnected" // the agent went away
	EndUnseen       End = "unseen"       // whoever forwarded the call shows no answers
)
