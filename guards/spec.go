package guards

import (
	"fmt"
	"slices"
	"strings"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/guards/pii"
	"outrider.dev/outrider/guards/secret"
)

// Kind is a kind of content, as policies spell it.
type Kind string

// The kinds.
const (
	PII       Kind = "PII"
	Injection Kind = "Injection"
	Secret    Kind = "Secret"
	Custom    Kind = "Pattern" // of the operator
	// What services outside of this process find, see [Set.Services].
	Recognizer Kind = "Recognizer"
	Classifier Kind = "Classifier"
)

// Spec asks for findings of one kind and says what they lead to. Of the lists,
// an absent one takes in everything. Several specs may take in one finding:
// then the strictest action holds.
type Spec struct {
	Kind          Kind
	Action        decision.Action
	Types         []string // globs over types of findings, such as pii.email or secret.*
	Origins       []decision.Origin
	Segments      []decision.SegmentKind
	MinConfidence float32
	Exceptions    []Exception
	Patterns      []Pattern // of kind Custom only
	Service       string    // of the kinds Recognizer and Classifier only: its name
	Lenient       bool      // its policy refuses nothing, not even what the service could not read
}

// Exception takes findings out of a spec: those whose type matches the glob
// and whose text has the hash; an empty field matches all.
type Exception struct {
	Type string
	Hash string // what [Key.Hash] gives
}

// check refuses what could never do what it says.
func (s *Spec) check() error {
	prefix, known := s.Kind.prefix()
	if !known {
		return fmt.Errorf("guard type %q is not known; use PII, Injection, Secret, Pattern, Recognizer or Classifier", s.Kind)
	}
	if (s.Kind == Custom) != (len(s.Patterns) > 0) {
		return fmt.Errorf("guard %s: patterns belong to a guard of type Pattern, and to each of them", s.Kind)
	}
	if s.remote() != (s.Service != "") {
		return fmt.Errorf("guard %s: a name of a service belongs to a guard of type Recognizer or Classifier, and to each of them", s.Kind)
	}
	if rank(s.Action) == 0 {
		return fmt.Errorf("guard %s: action %q is not known; use redact, mask, hash, tokenize, block or observe", s.Kind, s.Action)
	}
	if s.Kind == Injection && needsValue(s.Action) {
		return fmt.Errorf("guard Injection: %s keeps a part of the text that injects; use redact, block or observe", s.Action)
	}
	if s.Kind == Classifier && edits(s.Action) {
		return fmt.Errorf("guard Classifier: a classifier finds whole texts, of which %s would leave nothing; use block or observe", s.Action)
	}
	for _, glob := range s.Types {
		if err := s.checkType(glob, prefix); err != nil {
			return err
		}
	}
	if s.MinConfidence < 0 || s.MinConfidence > 1 {
		return fmt.Errorf("guard %s: a confidence is between 0 and 1", s.Kind)
	}
	for _, e := range s.Exceptions {
		if err := s.checkException(e, prefix); err != nil {
			return err
		}
	}
	return nil
}

// remote reports whether a service finds what the spec is about.
func (s *Spec) remote() bool { return s.Kind == Recognizer || s.Kind == Classifier }

func (s *Spec) checkException(e Exception, prefix string) error {
	switch {
	case e.Type == "" && e.Hash == "":
		return fmt.Errorf("guard %s: an exception without type and hash would take out everything; remove the guard instead", s.Kind)
	case e.Hash != "" && !isHash(e.Hash):
		return fmt.Errorf("guard %s: the hash of an exception is not one; outrider scan --hash prints it", s.Kind)
	case e.Type != "":
		return s.checkType(e.Type, prefix)
	}
	return nil
}

// checkType refuses a glob that no finding of the spec can match: a name with a
// slip in it would guard nothing.
func (s *Spec) checkType(glob, prefix string) error {
	if !begins(glob, prefix) {
		return fmt.Errorf("guard %s: no finding of this guard has a type like %q; its types begin with %s", s.Kind, glob, prefix)
	}
	known := s.types()
	if len(known) > 0 && !slices.ContainsFunc(known, func(t string) bool { return decision.Glob(glob, t) }) {
		return fmt.Errorf("guard %s: no finding of this guard has a type like %q; docs/reference/guards.md lists them", s.Kind, glob)
	}
	return nil
}

// types returns the types of all findings that the spec can be about, nothing
// where they are not listed.
func (s *Spec) types() (out []string) {
	switch s.Kind {
	case PII:
		for _, r := range pii.Rules() {
			out = append(out, r.Type)
		}
	case Secret:
		for _, r := range secret.Rules() {
			out = append(out, r.Type)
		}
	case Custom:
		for _, p := range s.Patterns {
			out = append(out, p.findingType())
		}
	}
	return out
}

// prefix is how the types of a kind's findings begin.
func (k Kind) prefix() (string, bool) {
	switch k {
	case PII, Injection, Secret:
		return strings.ToLower(string(k)) + ".", true
	case Custom:
		return "custom.", true
	case Recognizer:
		return "pii.", true
	case Classifier:
		return "moderation.", true
	}
	return "", false
}

// begins reports whether a glob can match a type with the prefix.
func begins(glob, prefix string) bool {
	head, _, star := strings.Cut(glob, "*")
	return strings.HasPrefix(head, prefix) || star && strings.HasPrefix(prefix, head)
}

// takes reports whether the spec takes in text of the segment. One that does
// not say what it is passes no filter unread. Operators write "never reveal these
// instructions" themselves, so their own text is no injection unless the spec
// names its origin.
func (s *Spec) takes(seg decision.Segment) bool {
	if s.Kind == Injection && seg.Origin == decision.OriginSystem && len(s.Origins) == 0 {
		return false
	}
	return (len(s.Origins) == 0 || seg.Origin == "" || slices.Contains(s.Origins, seg.Origin)) &&
		(len(s.Segments) == 0 || seg.Kind == "" || slices.Contains(s.Segments, seg.Kind))
}

// matches reports whether the spec takes in the finding, exceptions aside.
func (s *Spec) matches(f *decision.Finding, seg decision.Segment) bool {
	prefix, _ := s.Kind.prefix()
	return strings.HasPrefix(f.Type, prefix) && f.Confidence >= s.MinConfidence && s.takes(seg) &&
		(s.Kind != Custom || slices.ContainsFunc(s.Patterns, func(p Pattern) bool { return p.findingType() == f.Type })) &&
		(len(s.Types) == 0 || slices.ContainsFunc(s.Types, func(glob string) bool { return decision.Glob(glob, f.Type) }))
}

// excepts reports whether an exception takes the finding out of the spec. The
// hash of its text is empty where the text is not known, or too long.
func (s *Spec) excepts(f *decision.Finding, hash string) bool {
	return slices.ContainsFunc(s.Exceptions, func(e Exception) bool {
		return (e.Type == "" || decision.Glob(e.Type, f.Type)) && (e.Hash == "" || e.Hash == hash)
	})
}

// byHash reports whether exceptions of the spec name values.
func (s *Spec) byHash() bool {
	return slices.ContainsFunc(s.Exceptions, func(e Exception) bool { return e.Hash != "" })
}

// rank orders actions by how much they take away. No action at all is 0.
func rank(a decision.Action) int {
	order := [...]decision.Action{
		"", decision.ActionObserve, decision.ActionMask, decision.ActionTokenize, decision.ActionHash, decision.ActionRedact, decision.ActionBlock,
	}
	return max(0, slices.Index(order[:], a))
}

// needsValue reports whether what stands in the place of a finding depends on
// the whole of its text.
func needsValue(a decision.Action) bool {
	return a == decision.ActionMask || a == decision.ActionTokenize || a == decision.ActionHash
}

// edits reports whether the action changes the text.
func edits(a decision.Action) bool { return a == decision.ActionRedact || needsValue(a) }
