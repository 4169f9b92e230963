package authz

import (
	"errors"

	"outrider.dev/outrider/authz/cel"
	"outrider.dev/outrider/authz/rego"
	configv1 "outrider.dev/outrider/proto/outrider/config/v1"
)

// Source is one policy document as it was loaded.
type Source struct {
	Doc     *configv1.AgentPolicy
	Version string // content hash
	// Rego is what spec.regoModules names, without the inline module.
	Rego rego.Sources
	// Unready says why the policy lacks something that it cannot judge without;
	// such a policy refuses every call. Empty: it lacks nothing.
	Unready string
	// At returns "file:line" of a field, by its path such as
	// "spec.rules[2].when"; empty where unknown. May be nil.
	At func(path string) string
	// In returns the place of a line and column, both from 1, of a field's
	// text; empty where unknown. May be nil.
	In func(path, text string, line, column int) string
}

// Set is every policy of a configuration, compiled.
type Set struct {
	policies   []*Policy
	warnings   []Warning
	atoms      *cel.Atoms
	plans      plans
	selections selections
}

// NewSet compiles policies. Its error joins one [*LoadError] for everything
// that is wrong with them.
func NewSet(sources []Source) (*Set, error) {
	s := &Set{atoms: cel.NewAtoms()}
	compiler, err := cel.New(s.atoms, nil)
	if err != nil {
		return nil, err
	}
	var errs []error
	var builders []*builder
	names := map[string]bool{}
	for i, src := range sources {
		b := &builder{src: src, compiler: compiler, policy: &Policy{Index: i, Version: src.Version, Doc: src.Doc, Unready: src.Unready}}
		b.build(s.atoms)
		if names[b.policy.Name] {
			b.refuse("metadata.name", "another policy has the same name", "give each policy a name of its own")
		}
		names[b.policy.Name] = true
		errs = append(errs, b.errs...)
		s.policies = append(s.policies, b.policy)
		builders = append(builders, b)
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	for _, b := range builders {
		s.warnings = append(s.warnings, b.warnings(s.policies)...)
	}
	return s, nil
}

// Policies returns all policies in the order of their sources.
func (s *Set) Policies() []*Policy { return s.policies }

// Warnings returns what is likely a mistake but loads.
func (s *Set) Warnings() []Warning { return s.warnings }

// LoadError says what is wrong with a policy, where, and what to do.
type LoadError struct {
	Policy       string
	At           string // "file:line", empty where unknown
	Path         string // of the field, such as spec.rules[2].when
	Problem, Fix string
}

// Error implements error.
func (e *LoadError) Error() string {
	text := "policy " + e.Policy + ", " + e.Path + ": " + e.Problem
	if e.At != "" {
		text = e.At + ": " + text
	}
	if e.Fix != "" {
		text += ": " + e.Fix
	}
	return text
}
