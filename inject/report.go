package inject

// Outcome is what became of a pod.
type Outcome string

// Outcomes.
const (
	Injected  Outcome = "injected"
	Unchanged Outcome = "unchanged" // it was injected before
	Skipped   Outcome = "skipped"
)

// Reason says why a pod was skipped. The set is closed: metrics count by it.
type Reason string

// Reasons.
const (
	OptedOut          Reason = "opted_out"
	ExemptNamespace   Reason = "exempt_namespace"
	MirrorPod         Reason = "mirror_pod"
	InvalidPod        Reason = "invalid_pod"
	InvalidAnnotation Reason = "invalid_annotation"
	HostNetwork       Reason = "host_network"
	Windows           Reason = "windows"
	NameTaken         Reason = "name_taken"
	PortClash         Reason = "port_clash"
	WouldNotEnd       Reason = "would_not_end"
)

// Reasons lists them all.
func Reasons() []Reason {
	return []Reason{OptedOut, ExemptNamespace, MirrorPod, InvalidPod, InvalidAnnotation, HostNetwork, Windows, NameTaken, PortClash, WouldNotEnd}
}

// Wanted reports whether somebody chose that the pod is skipped. All other
// reasons are worth an operator's attention.
func (r Reason) Wanted() bool { return r == OptedOut || r == ExemptNamespace || r == MirrorPod }

// Report tells what became of one pod.
type Report struct {
	Kind, Namespace, Name string // of the object that holds it
	Outcome               Outcome
	Reason                Reason // why it was skipped
	Detail                string // the same for people: what, and what to do
	Agent                 string // the name that it speaks as
	From                  string // where that name comes from
	Notes                 []Note
}

// Note is something to know about an injected pod. It never holds a value that
// the pod's environment gives.
type Note struct {
	Warning   bool   // it leads around the road, or will not work
	Container string // empty: the pod
	Text      string
}

func (r *Report) note(container, text string) {
	r.Notes = append(r.Notes, Note{Container: container, Text: text})
}

func (r *Report) warn(container, text string) {
	r.Notes = append(r.Notes, Note{Warning: true, Container: container, Text: text})
}

// skip is a refusal to inject.
type skip struct {
	reason Reason
	detail string
}

func (r *Report) skipped(s *skip) {
	r.Outcome, r.Reason, r.Detail = Skipped, s.reason, s.detail
}
