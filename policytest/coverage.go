package policytest

import (
	"context"
	"fmt"
	"regexp"
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
	holds  func(*decision.Verdict) bool
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
		r, err := s.request(q)
		if err != nil {
			return false, err
		}
		v, err := e.Check(ctx, r)
		if err != nil {
			return false, err
		}
		if p.holds(v) {
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
	spec.Backend, spec.Rules, spec.Rego = nil, nil, ""
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
		holds := allowed
		if r.GetDeny() != nil {
			holds = denied
		}
		b.add(fmt.Sprintf("spec.rules[%d]", i), fmt.Sprintf("rules[%d] %s", i, r.GetName()), holds, func(s *configv1.PolicySpec) {
			s.Rules = []*configv1.Rule{r}
		})
	}
	if module := spec.GetRego(); module != "" {
		b.add("spec.rego", "rego", byModule, func(s *configv1.PolicySpec) { s.Rego = module })
	}
	return b.out
}

func (b *prober) add(path, name string, holds func(*decision.Verdict) bool, put func(*configv1.PolicySpec)) {
	alone := bare(b.policy.Doc.GetSpec())
	alone.Enforcement = "Enforce" // what only observes names no rule
	put(alone)
	at, _ := b.policy.Position(path)
	b.out = append(b.out, probe{
		Rule:   Rule{Policy: b.policy.Doc.GetMetadata().GetName(), Name: name, At: at},
		policy: b.index, alone: alone, holds: holds,
	})
}

func allowed(v *decision.Verdict) bool { return v.Allowed() && v.Reason.Rule != "" }

func denied(v *decision.Verdict) bool { return v.Reason.Code == decision.CodeDeniedByRule }

func byModule(v *decision.Verdict) bool { return strings.HasPrefix(v.Reason.Rule, "rego ") }

// modelJudged: a list of models holds when it lets a call pass, and decides
// when it does not.
func modelJudged(v *decision.Verdict) bool {
	return v.Allowed() && v.Policy != "" && v.Reason.Rule == "" || v.Reason.Code == decision.CodeModelNotAllowed
}
