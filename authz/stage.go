package authz

import (
	"outrider.dev/outrider/authz/input"
)

// Which rules are judged when. A call is judged when it is asked about; where
// rules are about providers, once for each that it may go to. Denies that read
// findings wait for the guards, and those of the phase Result are about what
// came back. An allow cannot wait: without it the call would not get that far.

// timely refuses rules that would come at a time when they can do nothing.
func (b *builder) timely(r *rule, when, phases string) {
	waits := r.stage() == input.Guarded
	switch {
	case !r.deny && waits:
		b.refuse(when, "an allow cannot read findings, because guards read only what is allowed", "write a deny")
	case !r.deny && r.target.times()&onResult != 0:
		b.refuse(phases, "an allow says nothing about answers", "write a deny")
	case waits && r.target.times() == onList:
		b.refuse(phases, "guards find nothing in a list of tools", "use Call or Result")
	}
}

// stages puts the rules into the lists of the times when they are judged.
func (b *builder) stages() {
	var now, waiting, answers []*rule
	for _, r := range b.denies {
		switch waits := r.stage() == input.Guarded; {
		case waits && r.target.times()&onCall != 0:
			waiting = append(waiting, r)
		case !waits && r.target.times()&(onList|onCall) != 0:
			now = append(now, r)
		}
		if r.target.times()&onResult != 0 {
			answers = append(answers, r)
		}
	}
	p := b.policy
	p.allows, p.denies, p.changes = newRuleList(b.allows), newRuleList(now), newRuleList(b.changes)
	p.waiting, p.answers = newRuleList(waiting), newRuleList(answers)
}

// timelyMutation refuses a mutation that reads what is not known yet.
func (b *builder) timelyMutation(r *rule, path string) {
	s := r.stage()
	if r.change.value != nil {
		s = max(s, r.change.value.Stage())
	}
	if s > input.Asked {
		b.refuse(path, "a mutation cannot read providers or findings, because it changes the call before it is routed and guarded", "write a deny, or change the call whatever they are")
	}
}

// timelyModule refuses a module that asks too early for what is found out later.
func (b *builder) timelyModule(path string) {
	m := b.policy.module
	if m != nil && m.MutateStage() > input.Asked {
		b.refuse(path, "mutate cannot read providers or findings, because it changes the call before it is routed and guarded", "read them in deny")
	}
	if m != nil && (m.AllowStage() == input.Guarded || m.VisibleStage() == input.Guarded) {
		b.refuse(path, "allow and visible cannot read findings, because guards read only what is allowed", "read them in deny")
	}
}
