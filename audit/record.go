package audit

import (
	"slices"
	"time"
	"unicode/utf8"

	"outrider.dev/outrider/decision"
)

// Phase tells what was judged.
type Phase string

// Phases of an exchange.
const (
	PhaseRequest  Phase = "request"  // the verdict on the request
	PhaseRuling   Phase = "ruling"   // a ruling on the answer
	PhaseOutcome  Phase = "outcome"  // how the exchange ended
	PhaseUnjudged Phase = "unjudged" // a call, to its end, that a data plane let pass: no service answered
)

// Bounds of one record, so that a line stays far below the size of a file.
const (
	maxText     = 512 // bytes of one field
	maxFindings = 64
	maxNames    = 16
)

// Record is one decision or ruling. Its usual form is written by line.go.
type Record struct {
	ID           string           `json:"id"` // decision id; all records of an exchange share it
	Time         time.Time        `json:"time"`
	Phase        Phase            `json:"phase"`
	Surface      decision.Surface `json:"surface"`
	Method       string           `json:"method,omitempty"`
	Agent        string           `json:"agent,omitempty"`
	Subject      string           `json:"subject,omitempty"`
	Model        string           `json:"model,omitempty"`
	Server       string           `json:"server,omitempty"`
	Tool         string           `json:"tool,omitempty"`
	Effect       string           `json:"effect"`
	Code         decision.Code    `json:"code,omitempty"`
	Rule         string           `json:"rule,omitempty"`
	Policy       string           `json:"policy,omitempty"`
	Version      string           `json:"version,omitempty"`
	Message      string           `json:"message,omitempty"`
	Findings     []Finding        `json:"findings,omitempty"`
	MoreFindings int              `json:"more_findings,omitempty"` // how many did not fit
	Providers    []string         `json:"providers,omitempty"`     // that grants named, or the one that answered
	Edits        []Edit           `json:"edits,omitempty"`         // what mutations changed
	Observed     []Observed       `json:"observed,omitempty"`      // what observing policies would have refused or changed
	Unread       []Unread         `json:"unread,omitempty"`        // services that did not read what they should have
	End          decision.End     `json:"end,omitempty"`           // of an outcome
	Usage        decision.Usage   `json:"usage,omitzero"`          // of an outcome, in tokens
	Explained    *Explained       `json:"explained,omitempty"`     // of a refusal by rules
	// Explain finds out what Explained is to hold. The goroutine that writes
	// calls it, if there is time; nil where there is nothing to explain.
	Explain func() *Explained `json:"-"`
}

// Observed is a refusal or a change that did not happen, because its policy
// observes.
type Observed struct {
	Policy string        `json:"policy"`
	Code   decision.Code `json:"code,omitempty"` // of a refusal
	Rule   string        `json:"rule,omitempty"`
	Change string        `json:"change,omitempty"` // what would have been changed
}

// Unread is a service that guards ask and that did not read what it should have.
type Unread struct {
	Service string `json:"service"`
	Passed  bool   `json:"passed"` // what it did not read passed nonetheless
	Why     string `json:"why"`
}

// Edit is what one mutation changed of a call. The values are not recorded.
type Edit struct {
	Rule string `json:"rule"` // the mutation, with its place
	What string `json:"what"`
}

// Finding is what a guard found, without the content.
type Finding struct {
	Type    string          `json:"type"`
	Rule    string          `json:"rule,omitempty"` // what decided, by name
	Segment uint32          `json:"segment"`
	Start   uint32          `json:"start"`
	End     uint32          `json:"end"`
	Action  decision.Action `json:"action"`
}

// Findings renders a verdict's findings for a record.
func Findings(found []decision.Finding) []Finding {
	out := make([]Finding, 0, min(len(found), maxFindings+1))
	for _, f := range found {
		out = append(out, Finding{Type: f.Type, Rule: f.Rule, Segment: f.Segment, Start: f.Start, End: f.End, Action: f.Action})
	}
	return out
}

// bounded returns the record with everything cut to the bounds above. Names
// of tools and models come from the agent.
func (r Record) bounded() Record {
	for _, s := range []*string{
		&r.ID, &r.Method, &r.Agent, &r.Subject, &r.Model, &r.Server, &r.Tool,
		&r.Effect, &r.Rule, &r.Policy, &r.Version, &r.Message,
	} {
		*s = clip(*s)
	}
	r.Phase, r.Surface, r.Code, r.End = clip(r.Phase), clip(r.Surface), clip(r.Code), clip(r.End)
	if n := len(r.Findings); n > maxFindings {
		r.Findings, r.MoreFindings = r.Findings[:maxFindings], r.MoreFindings+n-maxFindings
	}
	r.Observed = slices.Clone(r.Observed[:min(len(r.Observed), maxNames)])
	for i, o := range r.Observed {
		r.Observed[i] = Observed{Policy: clip(o.Policy), Code: clip(o.Code), Rule: clip(o.Rule), Change: clip(o.Change)}
	}
	r.Edits = slices.Clone(r.Edits[:min(len(r.Edits), maxNames)])
	for i, e := range r.Edits {
		r.Edits[i] = Edit{Rule: clip(e.Rule), What: clip(e.What)}
	}
	r.Unread = slices.Clone(r.Unread[:min(len(r.Unread), maxNames)])
	for i, u := range r.Unread {
		r.Unread[i] = Unread{Service: clip(u.Service), Passed: u.Passed, Why: clip(u.Why)}
	}
	r.Providers = slices.Clone(r.Providers[:min(len(r.Providers), maxNames)])
	for i, p := range r.Providers {
		r.Providers[i] = clip(p)
	}
	r.Explained = r.Explained.bounded()
	return r
}

// clip cuts s at a rune, with a mark that says so.
func clip[S ~string](s S) S {
	if len(s) <= maxText {
		return s
	}
	const mark = "…"
	end := maxText - len(mark)
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + mark
}
