package policytest

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"outrider.dev/outrider/assemble/decisionservice"
	"outrider.dev/outrider/config"
	"outrider.dev/outrider/decision"
	configv1 "outrider.dev/outrider/proto/outrider/config/v1"
)

// Rule is one rule of the policies under test.
type Rule struct {
	Policy  string
	Name    string // as verdicts call it
	At      config.Position
	Covered bool // it held for at least one case
}

// probe is a rule and the specification that holds nothing else.
type probe struct {
	Rule
	policy int // its index
	alone  *configv1.PolicySpec
	holds  func(*Answer) bool
}

// Coverage finds out for every rule whether it holds for one of the cases that
// the pattern matches. Verdicts name the first rule that decides; to learn of
// the others, each is put alone into its policy, and the cases are asked again.
func (s *Suite) Coverage(ctx context.Context, pattern *regexp.Regexp) ([]Rule, error) {
	questions := s.matching(pattern)
	var out []Rule
	for i := range s.policies {
		for _, p := range probes(i, &s.policies[i]) {
			covered, err := s.covered(ctx, p, questions)
			if err != nil {
				return nil, err
			}
			p.Covered = covered
			out = append(out, p.Rule)
		}
	}
	return out, nil
}

func (s *Suite) covered(ctx context.Context, p probe, questions []question) (bool, error) {
	set, err := decisionservice.Compile(s.alone(p))
	if err != nil {
		return false, fmt.Errorf("%s alone: %w", p.Name, err)
	}
	e, _, err := s.engine(set)
	if err != nil {
		return false, err
	}
	for _, q := range questions {
		a, err := s.answer(ctx, e, q)
		if err != nil {
			return false, err
		}
		if p.holds(a) {
			return true, nil
		}
	}
	return false, nil
}

// alone returns the policies with one rule among all of them. Who is believed
// stays as it is; guards and limits, which come after rules, go.
func (s *Suite) alone(p probe) []config.Policy {
	out := make([]config.Policy, len(s.policies))
	for i := range s.policies {
		out[i] = s.policies[i]
		out[i].Doc = proto.CloneOf(s.policies[i].Doc)
		out[i].Doc.Spec = bare(out[i].Doc.GetSpec())
	}
	out[p.policy].Doc.Spec = p.alone
	return out
}

// bare returns the specification without anything that judges.
func bare(spec *configv1.PolicySpec) *configv1.PolicySpec {
	spec = proto.CloneOf(spec)
	spec.Backend, spec.Rules, spec.Rego, spec.RegoModules, spec.Mutations = nil, nil, "", nil, nil
	if spec.GetTraffic() != nil {
		spec.Traffic.RateLimiting = nil
	}
	return spec
}

// prober makes the probes of one policy.
type prober struct {
	policy *config.Policy
	index  int
	out    []probe
}

// probes lists the rules of a policy in the order of the document's schema.
func probes(index int, p *config.Policy) []probe {
	b := &prober{policy: p, index: index}
	spec := p.Doc.GetSpec()
	allows := spec.GetBackend().GetMcp().GetAuthorization().GetPolicy().GetMatchExpressions()
	for i, expr := range allows {
		b.add(fmt.Sprintf("spec.backend.mcp.authorization.policy.matchExpressions[%d]", i), fmt.Sprintf("backend.mcp.authorization[%d]", i),
			allowed, func(s *configv1.PolicySpec) {
				s.Backend = &configv1.BackendPolicy{Mcp: &configv1.MCPPolicy{Authorization: &configv1.Authorization{
					Policy: &configv1.MatchPolicy{MatchExpressions: []string{expr}},
				}}}
			})
	}
	for i, expr := range spec.GetBackend().GetMcp().GetDenyPolicy().GetMatchExpressions() {
		b.add(fmt.Sprintf("spec.backend.mcp.denyPolicy.matchExpressions[%d]", i), fmt.Sprintf("backend.mcp.denyPolicy[%d]", i),
			denied, func(s *configv1.PolicySpec) {
				s.Backend = &configv1.BackendPolicy{Mcp: &configv1.MCPPolicy{DenyPolicy: &configv1.DenyPolicy{MatchExpressions: []string{expr}}}}
			})
	}
	if models := spec.GetBackend().GetLlm().GetModels(); models != nil {
		b.add("spec.backend.llm.models.allow", "backend.llm.models", modelJudged, func(s *configv1.PolicySpec) {
			s.Backend = &configv1.BackendPolicy{Llm: &configv1.LLMPolicy{Models: models}}
		})
	}
	for i, r := range spec.GetRules() {
		b.named(i, r)
	}
	if inline, files := spec.GetRego(), spec.GetRegoModules(); inline != "" || files != nil {
		path := "spec.rego"
		if inline == "" {
			path = "spec.regoModules"
		}
		b.add(path, "rego", byModule, func(s *configv1.PolicySpec) {
			s.Rego, s.RegoModules = inline, files
			if inline != "" && !strings.Contains(inline, "allow") {
				s.Rules = everything()
			}
		})
	}
	for i, m := range spec.GetMutations() {
		b.add(fmt.Sprintf("spec.mutations[%d]", i), fmt.Sprintf("mutations[%d] %s", i, m.GetName()), changed, func(s *configv1.PolicySpec) {
			s.Mutations, s.Rules = []*configv1.Mutation{m}, everything()
		})
	}
	return b.out
}

// everything lets calls pass that only a deny or a mutation is about.
func everything() []*configv1.Rule {
	return []*configv1.Rule{{Name: "everything", Allow: &configv1.Target{}}}
}

// named probes a named rule. One that applies to the entries of lists alone is
// seen at them; a deny needs something beside it that would show them.
func (b *prober) named(i int, r *configv1.Rule) {
	listsOnly := slices.Equal(r.GetAllow().GetPhases(), []string{"List"}) || slices.Equal(r.GetDeny().GetPhases(), []string{"List"})
	rules := []*configv1.Rule{r}
	holds := allowed
	switch {
	case listsOnly && r.GetDeny() != nil:
		holds, rules = hides, append(rules, everything()...)
	case listsOnly:
		holds = shows
	case r.GetDeny() != nil:
		holds = denied
	}
	b.add(fmt.Sprintf("spec.rules[%d]", i), fmt.Sprintf("rules[%d] %s", i, r.GetName()), holds, func(s *configv1.PolicySpec) {
		s.Rules = rules
	})
}

func (b *prober) add(path, name string, holds func(*Answer) bool, put func(*configv1.PolicySpec)) {
	alone := bare(b.policy.Doc.GetSpec())
	alone.Enforcement = "Enforce" // what only observes names no rule
	put(alone)
	at, _ := b.policy.Position(path)
	b.out = append(b.out, probe{
		Rule:   Rule{Policy: b.policy.Doc.GetMetadata().GetName(), Name: name, At: at},
		policy: b.index, alone: alone, holds: holds,
	})
}

func allowed(a *Answer) bool { return a.Verdict.Allowed() && a.Verdict.Reason.Rule != "" }

func denied(a *Answer) bool { return a.Verdict.Reason.Code == decision.CodeDeniedByRule }

func byModule(a *Answer) bool {
	return strings.HasPrefix(a.Verdict.Reason.Rule, "rego ") || changed(a)
}

// changed: guards are left out, so only a mutation changes the call.
func changed(a *Answer) bool { return a.Verdict.Effect == decision.Mutate }

// modelJudged: a list of models holds when it lets a call pass, and decides
// when it does not.
func modelJudged(a *Answer) bool {
	v := a.Verdict
	return v.Allowed() && v.Policy != "" && v.Reason.Rule == "" || v.Reason.Code == decision.CodeModelNotAllowed
}

// shows and hides are for rules that apply to the entries of lists alone.
func shows(a *Answer) bool { return len(a.Visible) > 0 }
func hides(a *Answer) bool { return a.Verdict.Allowed() && len(a.Hidden) > 0 }
