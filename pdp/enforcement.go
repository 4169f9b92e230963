package pdp

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"

	"outrider.dev/outrider/authz"
	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/guards"
	"outrider.dev/outrider/limit"
	configv1 "outrider.dev/outrider/proto/outrider/config/v1"
)

// phase is where a guard reads: what the agent sends or what comes back, on
// one surface.
type phase uint8

const (
	llmRequest phase = iota
	llmResponse
	mcpRequest
	mcpResponse
	phases // how many there are
)

func requestPhase(s decision.Surface) phase {
	if s == decision.LLM {
		return llmRequest
	}
	return mcpRequest
}

func responsePhase(s decision.Surface) phase { return requestPhase(s) + 1 }

// enforcement is what one policy demands beside its rules.
type enforcement struct {
	observe bool
	guards  [phases][]guards.Spec
	name    string
	rules   []limit.Rule
	limits  *limit.Limiter // nil: none
	trial   *trial         // nil: the policy enforces, or has no guards
}

// guardLists are the guards of one policy as they stand in its document.
type guardLists = [phases][]*configv1.Guard

// enforcements compiles guards and limits of every policy, by its index.
func enforcements(cfg *Config) ([]enforcement, error) {
	var out []enforcement
	for _, p := range cfg.Policies.Policies() {
		one, err := newEnforcement(p, cfg)
		if err != nil {
			return nil, err
		}
		out = append(out, one)
	}
	return out, checkPatterns(out, cfg.GuardKey)
}

// checkPatterns holds the patterns of all policies to what one call may meet.
func checkPatterns(list []enforcement, key guards.Key) error {
	var all []guards.Spec
	for i := range list {
		for _, specs := range list[i].guards {
			for _, s := range specs {
				if s.Kind == guards.Custom {
					all = append(all, s)
				}
			}
		}
	}
	if _, err := guards.New(all, key); err != nil {
		return fmt.Errorf("guards of all policies: %w", err)
	}
	return nil
}

func newEnforcement(p *authz.Policy, cfg *Config) (enforcement, error) {
	backend := p.Doc.GetSpec().GetBackend()
	e := enforcement{observe: p.Observe, name: p.Name}
	lists := guardLists{
		llmRequest:  backend.GetLlm().GetGuards().GetRequest(),
		llmResponse: backend.GetLlm().GetGuards().GetResponse(),
		mcpRequest:  backend.GetMcp().GetGuards().GetRequest(),
		mcpResponse: backend.GetMcp().GetGuards().GetResponse(),
	}
	for i, list := range lists {
		e.guards[i] = guardSpecs(list, p.Observe)
		set, err := guards.New(e.guards[i], cfg.GuardKey)
		if err == nil && phase(i) == llmResponse {
			err = set.Streams()
		}
		if err == nil {
			err = checkServices(e.guards[i], cfg.Services)
		}
		if err != nil {
			return e, fmt.Errorf("policy %s: guards: %w", p.Name, err)
		}
	}
	if p.Observe {
		var err error
		if e.trial, err = newTrial(p, lists, cfg.GuardKey); err != nil {
			return e, fmt.Errorf("policy %s: guards: %w", p.Name, err)
		}
	}
	e.rules = limitRules(p)
	if len(e.rules) == 0 {
		return e, nil
	}
	limiter, err := limit.New(e.rules, cfg.Now)
	if err != nil {
		return e, fmt.Errorf("policy %s: rateLimiting: %w", p.Name, err)
	}
	e.limits = limiter
	return e, nil
}

// checkServices refuses guards that ask nobody, or somebody else than they say.
func checkServices(specs []guards.Spec, services map[string]Service) error {
	for i := range specs {
		name, kind := specs[i].Service, specs[i].Kind
		if s := services[name]; name != "" && s.Kind != kind {
			list := "guards." + strings.ToLower(string(kind)) + "s"
			return fmt.Errorf("guard %s: the configuration has no %s of the name %q: add it to %s, or name one that stands there",
				kind, strings.ToLower(string(kind)), name, list)
		}
	}
	return nil
}

// keepLimits lets the limiters of policies whose limits did not change go on
// counting: a reload must not hand out fresh budgets.
func keepLimits(policies, old []enforcement) {
	for i := range policies {
		for _, o := range old {
			if o.name == policies[i].name && slices.Equal(o.rules, policies[i].rules) {
				policies[i].limits = o.limits
			}
		}
	}
}

// guardSpecs reads the guards of one phase. In a policy that only observes
// they observe, whatever their action.
func guardSpecs(list []*configv1.Guard, observe bool) []guards.Spec {
	var out []guards.Spec
	for _, g := range list {
		s := guards.Spec{
			Kind:          guards.Kind(g.GetType()),
			Action:        decision.Action(strings.ToLower(g.GetAction())),
			Types:         g.GetTypes(),
			MinConfidence: float32(g.GetMinConfidence()),
			Service:       g.GetName(),
			Lenient:       observe,
		}
		if observe {
			s.Action = decision.ActionObserve
		}
		for _, o := range g.GetOrigins() {
			s.Origins = append(s.Origins, decision.Origin(strings.ToLower(o)))
		}
		for _, k := range g.GetSegments() {
			s.Segments = append(s.Segments, decision.SegmentKind(strings.ToLower(k)))
		}
		for _, p := range g.GetPatterns() {
			s.Patterns = append(s.Patterns, guards.Pattern{
				Name: p.GetName(), Expression: p.GetPattern(), Confidence: float32(cmp.Or(p.GetConfidence(), 1)), Examples: p.GetExamples(),
			})
		}
		for _, e := range g.GetExceptions() {
			s.Exceptions = append(s.Exceptions, guards.Exception{Type: e.GetType(), Hash: e.GetHash()})
		}
		out = append(out, s)
	}
	return out
}

func limitRules(p *authz.Policy) []limit.Rule {
	var out []limit.Rule
	for i, r := range p.Doc.GetSpec().GetTraffic().GetRateLimiting() {
		rule := limit.Rule{
			Name:     fmt.Sprintf("%s rateLimiting[%d]", p.Name, i),
			Provider: r.GetMatch().GetProvider(),
			Per:      limit.Per(r.GetPer()),
		}
		for _, l := range r.GetLimits() {
			if n := l.GetRequestsPerMinute(); n > 0 {
				rule.RequestsPerMinute = n
			}
			if n := l.GetTokensPerMinute(); n > 0 {
				rule.TokensPerMinute = n
			}
		}
		out = append(out, rule)
	}
	return out
}

// bundle is what the policies of one selection demand together.
type bundle struct {
	guards [phases]*guards.Set
	trials []*trial
	limits []boundLimiter
}

type boundLimiter struct {
	policy, version string
	observe         bool
	limiter         *limit.Limiter
}

// bundles remembers the bundle of each selection: there are few, because
// agents of one kind select the same policies.
type bundles struct {
	mu   sync.RWMutex
	seen map[*authz.Selection]*bundle
}

// maxBundles bounds the memory; beyond it bundles are built for each call.
const maxBundles = 1024

func (s *state) bundle(sel *authz.Selection) (*bundle, error) {
	s.bundles.mu.RLock()
	b := s.bundles.seen[sel]
	s.bundles.mu.RUnlock()
	if b != nil {
		return b, nil
	}
	b, err := s.newBundle(sel)
	if err != nil {
		return nil, err
	}
	s.bundles.mu.Lock()
	defer s.bundles.mu.Unlock()
	if s.bundles.seen == nil {
		s.bundles.seen = map[*authz.Selection]*bundle{}
	}
	if len(s.bundles.seen) < maxBundles {
		s.bundles.seen[sel] = b
	}
	return b, nil
}

func (s *state) newBundle(sel *authz.Selection) (*bundle, error) {
	b := &bundle{}
	for ph := range phases {
		var specs []guards.Spec
		for _, p := range sel.Policies() {
			specs = append(specs, s.policies[p.Index].guards[ph]...)
		}
		set, err := guards.New(specs, s.GuardKey)
		if err != nil {
			return nil, err
		}
		b.guards[ph] = set
	}
	for _, p := range sel.Policies() {
		if t := s.policies[p.Index].trial; t != nil {
			b.trials = append(b.trials, t)
		}
		if l := s.policies[p.Index].limits; l != nil {
			b.limits = append(b.limits, boundLimiter{policy: p.Name, version: p.Version, observe: p.Observe, limiter: l})
		}
	}
	return b, nil
}
