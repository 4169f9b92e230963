package decisionservice

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"outrider.dev/outrider/config"
	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/guards"
	"outrider.dev/outrider/guards/remote"
	"outrider.dev/outrider/pdp"
	configv1 "outrider.dev/outrider/proto/outrider/config/v1"
)

// failsOpen is how configurations spell that what a service could not read passes.
const failsOpen = "Open"

// services are the recognisers and classifiers of a configuration, by name. They
// hold connections, which closing them drops.
func services(cfg *configv1.GuardSettings, key keyReader) (map[string]pdp.Service, error) {
	out := map[string]pdp.Service{}
	for _, r := range cfg.GetRecognizers() {
		bearer, err := bearerOf("guards.recognizers "+r.GetName(), r.GetBearer(), key)
		if err != nil {
			return nil, err
		}
		at := remote.Options{URL: r.GetUrl(), Bearer: bearer, Timeout: r.GetTimeout().AsDuration()}
		out[r.GetName()] = pdp.Service{
			Reader: remote.NewRecognizer(at, r.GetLanguage(), r.GetMinScore()),
			Kind:   guards.Recognizer, Open: r.GetOnFailure() == failsOpen,
		}
	}
	for _, c := range cfg.GetClassifiers() {
		bearer, err := bearerOf("guards.classifiers "+c.GetName(), c.GetBearer(), key)
		if err != nil {
			return nil, err
		}
		at := remote.Options{URL: c.GetUrl(), Bearer: bearer, Timeout: c.GetTimeout().AsDuration()}
		out[c.GetName()] = pdp.Service{
			Reader: remote.NewClassifier(at, c.GetModel()),
			Kind:   guards.Classifier, Open: c.GetOnFailure() == failsOpen,
		}
	}
	return out, nil
}

func bearerOf(owner string, src *configv1.KeySource, key keyReader) (func() (decision.Secret, error), error) {
	if src == nil {
		return nil, nil
	}
	return key(owner, src)
}

// closeAll drops the connections of services.
func closeAll(list map[string]pdp.Service) {
	for _, s := range list {
		if c, ok := s.Reader.(interface{ Close() }); ok {
			c.Close()
		}
	}
}

// deaf stands for a service that nobody asks: it finds nothing.
type deaf struct{}

// Read implements pdp.Reader.
func (deaf) Read(_ context.Context, texts []string) ([][]decision.Finding, error) {
	return make([][]decision.Finding, len(texts)), nil
}

// Silent returns services with the names that guards of the policies ask for,
// none of which finds anything: for checks and tests, which ask nobody.
func Silent(policies []config.Policy) map[string]pdp.Service {
	out := map[string]pdp.Service{}
	for i := range policies {
		for _, a := range asking(&policies[i]) {
			if _, known := out[a.GetName()]; !known {
				out[a.GetName()] = pdp.Service{Reader: deaf{}, Kind: guards.Kind(a.GetType())}
			}
		}
	}
	return out
}

// askingGuard is a guard that asks a service, and the path of its field.
type askingGuard struct {
	*configv1.Guard
	path string
}

// asking returns the guards of a policy that ask services.
func asking(p *config.Policy) []askingGuard {
	var out []askingGuard
	b := p.Doc.GetSpec().GetBackend()
	for path, list := range map[string][]*configv1.Guard{
		"llm.guards.request": b.GetLlm().GetGuards().GetRequest(), "llm.guards.response": b.GetLlm().GetGuards().GetResponse(),
		"mcp.guards.request": b.GetMcp().GetGuards().GetRequest(), "mcp.guards.response": b.GetMcp().GetGuards().GetResponse(),
	} {
		for i, g := range list {
			if t := guards.Kind(g.GetType()); g.GetName() != "" && (t == guards.Recognizer || t == guards.Classifier) {
				out = append(out, askingGuard{g, fmt.Sprintf("spec.backend.%s[%d]", path, i)})
			}
		}
	}
	slices.SortFunc(out, func(a, b askingGuard) int { return strings.Compare(a.path, b.path) })
	return out
}

// expected says which services a configuration must have for the policies.
func expected(policies []config.Policy) []string {
	var out []string
	for i := range policies {
		p := &policies[i]
		for _, a := range asking(p) {
			at, _ := p.Position(a.path)
			out = append(out, fmt.Sprintf("%s: policy %s: whether a configuration has the %s %q is not known here: check both together",
				at, p.Doc.GetMetadata().GetName(), strings.ToLower(a.GetType()), a.GetName()))
		}
	}
	return out
}
