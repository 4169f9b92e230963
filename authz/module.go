package authz

import (
	"outrider.dev/outrider/authz/input"
	"outrider.dev/outrider/authz/rego"
	"outrider.dev/outrider/decision"
)

// module is a policy's Rego module. A nil one has no say.
type module struct {
	*rego.Module
	at                           string
	allow, deny, visible, mutate string // what verdicts call the rules, with their place

	inside func(line, column int) string // the place of a line of the policy's own module; empty where unknown
}

func newModule(m *rego.Module, at string, inside func(line, column int) string) *module {
	return &module{
		Module: m, at: at, inside: inside,
		allow: withPlace("rego allow", at), deny: withPlace(moduleDeny, at), visible: withPlace("rego visible", at),
		mutate: withPlace(moduleMutate, at),
	}
}

// What verdicts call the rules of a module.
const (
	moduleDeny   = "rego deny"
	moduleMutate = "rego mutate"
)

// hasAllow reports whether the module's allow is about the surface: that of
// the words it reads, and both where it reads none of either.
func (m *module) hasAllow(s decision.Surface) bool {
	if m == nil || !m.HasAllow() {
		return false
	}
	r := m.AllowRoots()
	if s == decision.LLM {
		return r.Has(input.LLM) || r.OnLLM()
	}
	return !r.OnLLM() || r.OnMCP()
}

// modulePlan is what is left to ask of a module about calls with one key.
type modulePlan struct {
	*module
	settled  bool // deny depends on the key alone
	messages []string
}

// plan asks a deny that depends on nothing but the call's key. One that fails
// is asked again with every call.
func (m *module) plan(c *input.Call) modulePlan {
	p := modulePlan{module: m}
	if m != nil && m.HasDeny() && m.DenyDepends() == input.OnKey && m.DenyStage() < input.Guarded {
		messages, err := m.Deny(c)
		p.settled, p.messages = err == nil, messages
	}
	return p
}

// denies asks the module's deny or, while a list is filtered and the module
// has it, visible. A deny that reads findings is asked after the guards, once
// for the call, and a module has no say about answers.
func (p *modulePlan) denies(view *input.Call) ([]string, error) {
	switch {
	case p.module == nil || view.Answer:
		return nil, nil
	case p.asksVisible(view):
		if visible, err := p.Visible(view); visible || err != nil {
			return nil, err
		}
		return []string{"the module does not show the tool"}, nil
	case view.Guarded != (p.DenyStage() == input.Guarded):
		return nil, nil
	case p.settled || !p.HasDeny():
		return p.messages, nil
	default:
		return p.Deny(view)
	}
}

// allows returns the name of the module's rule that allows the call, empty
// when none does.
func (p *modulePlan) allows(view *input.Call) string {
	if p.module == nil || !p.HasAllow() {
		return ""
	}
	if p.asksVisible(view) {
		return p.visible // denies has asked it
	}
	if ok, err := p.Allow(view); !ok || err != nil {
		return ""
	}
	return p.allow
}

// mutates reports whether the module may change calls.
func (p *modulePlan) mutates() bool { return p.module != nil && p.HasMutate() }

// asksVisible reports whether the module's visible stands for its other rules.
func (p *modulePlan) asksVisible(view *input.Call) bool { return view.ArgsUnknown && p.HasVisible() }
