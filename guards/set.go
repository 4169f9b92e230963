package guards

import (
	"cmp"
	"fmt"
	"slices"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/guards/injection"
	"outrider.dev/outrider/guards/pii"
	"outrider.dev/outrider/guards/secret"
	"outrider.dev/outrider/guards/window"
)

// MaxFindings is how many findings of one body are worth the memory that they
// take. Patterns, which may match every character, find no more in one text.
const MaxFindings = 100_000

// maxGuards bounds the guards of a set: one for each kind, and a second for PII.
const maxGuards = 4

// detector finds spans of one kind. Find appends the findings that begin at the
// places, at or after m.At in the text, and returns how far it got; see
// [window.Mark]. It is a pure function of its arguments and keeps to the bounds
// of package window.
type detector interface {
	Find(text []byte, p window.Places, m window.Mark, last bool, out []decision.Finding) ([]decision.Finding, window.Mark)
}

// guard is a detector and where it looks.
type guard struct {
	detector
	kind   Kind
	places field
	tool   detector         // used in its place on what a tool returned or describes; nil: the same
	judge  *injection.Judge // reads whole texts besides; nil: none does
}

// Set is the guards of one direction, of one policy or of several together.
// Each detector reads a text once, however many specs ask for its kind. A Set
// is immutable and safe for concurrent use.
type Set struct {
	guards []guard
	sieve  *sieve
	custom *patterns // nil: none
	specs  []Spec    // that the guards and patterns serve
	remote []Spec    // that services serve
	key    Key
}

// New builds a set. No specs make an empty set, which finds nothing. The key
// is needed where hashes are.
func New(specs []Spec, key Key) (*Set, error) {
	set := &Set{key: key}
	kinds := map[Kind]bool{}
	for i := range specs {
		p := &specs[i]
		if err := p.check(); err != nil {
			return nil, err
		}
		if p.remote() {
			set.remote = append(set.remote, *p)
		} else {
			set.specs = append(set.specs, *p)
		}
		kinds[p.Kind] = true
		if (p.Action == decision.ActionHash || p.byHash()) && len(key) != KeySize {
			return nil, fmt.Errorf("guard %s: hashes need a key of %d bytes", p.Kind, KeySize)
		}
	}
	var err error
	if set.custom, err = newPatterns(specs); err != nil {
		return nil, err
	}
	v := &sieve{value: parts()}
	// Where findings of several kinds begin and end alike, the first in this order names them.
	if kinds[Secret] {
		d := secret.New()
		v.credentials(d.Keys(), d.Prefixes())
		v.open(d.Openers())
		set.guards = append(set.guards, guard{detector: d, kind: Secret, places: ofSecrets})
	}
	if kinds[PII] {
		set.guards = append(set.guards, guard{detector: pii.Emails{}, kind: PII, places: whole},
			guard{detector: pii.NewNumbers(), kind: PII, places: ofNumbers})
	}
	if kinds[Injection] {
		d := injection.New(false)
		v.injections(d.Keys())
		whole, err := injection.NewJudge()
		if err != nil {
			return nil, err
		}
		v.judge(whole.Keys())
		set.guards = append(set.guards, guard{
			detector: d, kind: Injection, places: ofInjection, tool: injection.New(true), judge: whole,
		})
	}
	set.sieve = v
	return set, nil
}

// Empty reports whether the set finds nothing, whatever it reads.
func (s *Set) Empty() bool { return len(s.specs)+len(s.remote) == 0 }

// Enforces reports whether some finding may change or refuse what is read.
func (s *Set) Enforces() bool {
	acts := func(p Spec) bool { return p.Action != decision.ActionObserve }
	return slices.ContainsFunc(s.specs, acts) || slices.ContainsFunc(s.remote, acts)
}

// Streams refuses a set that could not guard a stream.
func (s *Set) Streams() error {
	if e := s.custom.unbounded(); e != nil {
		return fmt.Errorf("pattern %q may match more than %d bytes, and answers that are streamed cannot wait for so much: bound its repetitions, as {0,100} instead of *",
			e.Name, maxReach)
	}
	return nil
}

// Tokenizes reports whether the set puts placeholders into text.
func (s *Set) Tokenizes() bool {
	tokenizes := func(p Spec) bool { return p.Action == decision.ActionTokenize }
	return slices.ContainsFunc(s.specs, tokenizes) || slices.ContainsFunc(s.remote, tokenizes)
}

// Scan appends what the guards find in a whole text, by start and the longer
// first. Spans are byte offsets in text, which is the unescaped text of seg and
// shorter than 4 GiB. Findings of different kinds may overlap. Clean text costs
// no allocation.
func (s *Set) Scan(text []byte, seg decision.Segment, out []decision.Finding) []decision.Finding {
	first := len(out)
	var using [maxGuards]detector
	if s.forSegment(seg, &using) {
		r := s.read(text, 0, true)
		if judge := s.judge(seg, &using); judge != nil {
			r.judging, r.whole = true, judge.Begin(text)
		}
		if out = r.detect(s.guards, &using, out); r.judging {
			out = r.whole.End(origin(seg), out)
		}
	}
	if s.custom != nil && rank(s.strictest(Custom, seg)) > 0 {
		out = s.custom.scan(text, out)
	}
	out = s.resolve(s.specs, text, seg, out, first)
	slices.SortStableFunc(out[first:], byStart)
	return out
}

// detect appends what the detectors find in a whole text.
func (r *reader) detect(guards []guard, using *[maxGuards]detector, out []decision.Finding) []decision.Finding {
	var marks [maxGuards]window.Mark
	for r.next() {
		for n := range guards {
			g := &guards[n]
			if using[n] == nil || !r.due(g, marks[n]) {
				continue
			}
			out, marks[n] = using[n].Find(r.text, r.at(g), marks[n], true, out)
		}
	}
	return out
}

// resolve gives the findings from first on their actions and drops those that
// none of the specs takes in.
func (s *Set) resolve(specs []Spec, text []byte, seg decision.Segment, out []decision.Finding, first int) []decision.Finding {
	kept := out[:first]
	for _, f := range out[first:] {
		f.Segment = seg.ID
		if f.Action, _ = s.decide(specs, &f, seg, text[f.Start:f.End], true); f.Action != "" {
			kept = append(kept, f)
		}
	}
	return kept
}

// decide returns the strictest action of the specs that take in the finding,
// nothing where none does. While the end of its text is not known, an exception
// by hash may still take the finding out: then the action is open.
func (s *Set) decide(specs []Spec, f *decision.Finding, seg decision.Segment, value []byte, known bool) (strictest decision.Action, open bool) {
	hash := ""
	for i := range specs {
		p := &specs[i]
		if rank(p.Action) <= rank(strictest) || !p.matches(f, seg) {
			continue
		}
		openHere := false
		if len(p.Exceptions) > 0 {
			byHash := p.byHash() && len(value) <= maxValue
			if byHash && known && hash == "" {
				hash = s.key.Hash(value)
			}
			if p.excepts(f, hash) {
				continue
			}
			openHere = byHash && !known
		}
		strictest, open = p.Action, openHere
	}
	return strictest, open
}

// forSegment chooses the detectors for a segment and reports whether there are any.
func (s *Set) forSegment(seg decision.Segment, using *[maxGuards]detector) bool {
	some := false
	for n := range s.guards {
		g := &s.guards[n]
		if rank(s.strictest(g.kind, seg)) > 0 {
			using[n] = g.forSegment(seg)
			some = some || using[n] != nil
		}
	}
	return some
}

// strictest returns the strictest action that a finding of the kind in the
// segment may lead to.
func (s *Set) strictest(k Kind, seg decision.Segment) decision.Action {
	var out decision.Action
	for i := range s.specs {
		if p := &s.specs[i]; p.Kind == k && rank(p.Action) > rank(out) && p.takes(seg) {
			out = p.Action
		}
	}
	return out
}

// forSegment returns the detector for the segment.
func (g *guard) forSegment(seg decision.Segment) detector {
	if g.tool != nil && ofTool(seg) {
		return g.tool
	}
	return g.detector
}

// byStart orders findings; of those with the same span, those of the guard that
// stands first in a set come first.
func byStart(a, b decision.Finding) int {
	return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(b.End, a.End), cmp.Compare(b.Type, a.Type))
}
