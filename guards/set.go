package guards

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/guards/injection"
	"outrider.dev/outrider/guards/pii"
	"outrider.dev/outrider/guards/secret"
	"outrider.dev/outrider/guards/window"
)

// maxGuards bounds the guards of a set: one for each kind, and a second for PII.
const maxGuards = 4

// Kind is a kind of content, as policies spell it.
type Kind string

// The kinds.
const (
	PII       Kind = "PII"
	Injection Kind = "Injection"
	Secret    Kind = "Secret"
)

// Spec asks for one kind and says what its findings lead to.
type Spec struct {
	Kind   Kind
	Action decision.Action
}

// detector finds spans of one kind. Find appends the findings that begin at the
// places, at or after m.At in the text, and returns how far it got; see
// [window.Mark]. It is a pure function of its arguments and keeps to the bounds
// of package window.
type detector interface {
	Find(text []byte, p window.Places, m window.Mark, last bool, out []decision.Finding) ([]decision.Finding, window.Mark)
}

// guard is a detector and the action that its findings lead to.
type guard struct {
	detector
	places   field
	action   decision.Action
	tool     detector // used in its place on what a tool returned or describes; nil: the same
	noSystem bool     // not for text that the operator wrote
}

// Set is the guards of one direction of one policy. It is immutable and safe
// for concurrent use.
type Set struct {
	guards []guard
	sieve  *sieve
}

// New builds a set. No specs make an empty set, which finds nothing.
func New(specs []Spec) (*Set, error) {
	seen := map[Kind]bool{}
	for _, s := range specs {
		switch s.Action {
		case decision.ActionRedact, decision.ActionBlock, decision.ActionObserve:
		default:
			return nil, fmt.Errorf("guard %s: action %q is not known; use redact, block or observe", s.Kind, s.Action)
		}
		if seen[s.Kind] {
			return nil, fmt.Errorf("guard %s is given twice; keep one action for it", s.Kind)
		}
		seen[s.Kind] = true
	}
	// Where findings of several kinds begin and end alike, the first in this order names them.
	specs = slices.Clone(specs)
	slices.SortStableFunc(specs, func(a, b Spec) int { return strings.Compare(string(b.Kind), string(a.Kind)) })
	set := &Set{}
	var secretKeys, injectionKeys, near, right []string
	for _, s := range specs {
		switch s.Kind {
		case PII:
			set.guards = append(set.guards, guard{detector: pii.Emails{}, places: whole, action: s.Action},
				guard{detector: pii.NewNumbers(), places: ofNumbers, action: s.Action})
		case Secret:
			d := secret.New()
			secretKeys = d.Keys()
			near, right = d.Openers()
			set.guards = append(set.guards, guard{detector: d, places: ofSecrets, action: s.Action})
		case Injection:
			d := injection.New(false)
			injectionKeys = d.Keys()
			set.guards = append(set.guards, guard{detector: d, places: ofInjection, tool: injection.New(true), noSystem: true, action: s.Action})
		default:
			return nil, fmt.Errorf("guard type %q is not known; use PII, Injection or Secret", s.Kind)
		}
	}
	set.sieve = newSieve(secretKeys, injectionKeys)
	set.sieve.open(near, right)
	return set, nil
}

// Empty reports whether the set finds nothing, whatever it reads.
func (s *Set) Empty() bool { return len(s.guards) == 0 }

// Scan appends what the guards find in a whole text, by start and the longer
// first. Spans are byte offsets in text, which is the unescaped text of seg and
// shorter than 4 GiB. Findings of different kinds may overlap. Clean text costs
// no allocation.
func (s *Set) Scan(text []byte, seg decision.Segment, out []decision.Finding) []decision.Finding {
	first := len(out)
	var marks [maxGuards]window.Mark
	for r := s.read(text, 0, true); r.next(); {
		for n := range s.guards {
			g := &s.guards[n]
			d := g.forSegment(seg)
			if d == nil || !r.due(g, marks[n]) {
				continue
			}
			before := len(out)
			out, marks[n] = d.Find(text, r.at(g), marks[n], true, out)
			for k := before; k < len(out); k++ {
				out[k].Segment, out[k].Action = seg.ID, g.action
			}
		}
	}
	slices.SortStableFunc(out[first:], byStart)
	return out
}

// forSegment returns the detector for the segment, nil when there is none.
func (g *guard) forSegment(seg decision.Segment) detector {
	switch {
	case g.noSystem && seg.Origin == decision.OriginSystem:
		return nil
	case g.tool != nil && (seg.Origin == decision.OriginTool || seg.Kind == decision.KindResult || seg.Kind == decision.KindDescription):
		return g.tool
	}
	return g.detector
}

// byStart orders findings; of those with the same span, those of the guard that
// stands first in a set come first.
func byStart(a, b decision.Finding) int {
	return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(b.End, a.End), cmp.Compare(b.Type, a.Type))
}
