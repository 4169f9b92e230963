package decision

import "time"

// Effect is what happens to a call.
type Effect uint8

// Effects. The zero value denies, so that an empty verdict fails closed.
const (
	Deny Effect = iota
	Allow
	Mutate // allow with edits or headers
)

// String names the effect as users read it.
func (e Effect) String() string {
	switch e {
	case Allow:
		return "allow"
	case Mutate:
		return "mutate"
	default:
		return "deny"
	}
}

// Verdict is the answer to a [Request]. The zero Verdict is a denial.
type Verdict struct {
	ID         string // decision id, the exchange id of the request
	Effect     Effect
	Reason     Reason // of a denial; of an allow only Rule is set
	Splices    []Splice
	Headers    []HeaderOp
	Grants     []Grant // one for an LLM call, one per server for an MCP call
	Findings   []Finding
	Settlement []byte // opaque handle that any replica can charge once
	Duty       Duty
	Lifeboat   *Lifeboat // nil: the verdict must not be remembered
	Policy     string
	Version    string // content hash of the policy
	// For a face that forwards: whom the token names, and the limits that count
	// an allowed call, with it.
	Subject string
	Limits  []LimitState
}

// Allowed reports whether the call may pass, edited or not.
func (v *Verdict) Allowed() bool { return v.Effect == Allow || v.Effect == Mutate }

// Reason says why, for people and programs.
type Reason struct {
	Code         Code
	Message      string // the policy's own words, else the engine's
	Rule         string // name or position of the rule that decided
	NeededScopes []string
	RetryAfter   time.Duration // 0: unknown
	Hidden       bool          // the tool must be answered as unknown
}

// Splice replaces raw bytes [Start, End) of a body by With. A list of splices
// is ordered and never overlaps.
type Splice struct {
	Start uint32
	End   uint32
	With  []byte
	Index uint32 // of the tool, where the splice belongs to a tool's definition
}

// HeaderOp sets or removes one header of the forwarded request.
type HeaderOp struct {
	Name   string
	Value  Secret
	Remove bool
}

// Finding is what a guard found. It never carries the content.
type Finding struct {
	Type       string // pii.email, secret.github, injection.override
	Rule       string // what decided, by name, where a type has more than one way to be found; empty otherwise
	Segment    uint32
	Start      uint32 // byte offsets in the segment's unescaped text
	End        uint32
	Confidence float32 // 0 to 1
	Action     Action
}

// Action is what a guard's finding leads to.
type Action string

// Actions of guards.
const (
	ActionRedact   Action = "redact"   // a label in its place
	ActionMask     Action = "mask"     // its shape in its place, and its last four characters
	ActionHash     Action = "hash"     // a label with a keyed hash in its place
	ActionTokenize Action = "tokenize" // a placeholder in its place, which the answer loses again
	ActionBlock    Action = "block"    // the call is refused
	ActionObserve  Action = "observe"
)

// Duty is what the data plane must do after an allowed request.
type Duty struct {
	JudgeResponse bool // show us the answer before the agent gets it
	Settle        bool // report the outcome
}

// Lifeboat lets a data plane remember a verdict for the time in which no
// decision service answers.
type Lifeboat struct {
	NotAfter   time.Time
	InputsRead []string
}

// Grant names one target and carries its credential. It is the only way by
// which a credential reaches a data plane.
type Grant struct {
	Target     Target
	Credential Credential
	Expires    time.Time
}

// Target is where a call goes.
type Target struct {
	Provider string // LLM provider or MCP server
	Origin   string // scheme://host[:port]
	Path     string
	Dialect  string
	Model    string // the model name to send; empty: as the agent asked
}

// Credential is a header for the upstream; empty when the upstream needs none.
type Credential struct {
	Header HeaderOp
}
