package policytest

import (
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"outrider.dev/outrider/assemble/decisionservice"
	"outrider.dev/outrider/audit"
	"outrider.dev/outrider/authz"
	"outrider.dev/outrider/authz/token"
	"outrider.dev/outrider/config"
	"outrider.dev/outrider/guards"
	"outrider.dev/outrider/pdp"
	"outrider.dev/outrider/pdp/route"
	configv1 "outrider.dev/outrider/proto/outrider/config/v1"
	"outrider.dev/outrider/strictjson"
)

// Now is what the clock of every test says: noon, UTC, on the first of January
// 2026.
func Now() time.Time { return time.Date(2026, time.January, 1, 12, 0, 0, 0, time.UTC) }

// Suite is one test document with the policies that it is about, compiled.
type Suite struct {
	test     *config.Test
	policies []config.Policy
	paths    []string // that the policies came from
	compiled *authz.Set
	now      func() time.Time
	tokens   *token.Verifier
	key      ed25519.PrivateKey // that signs the principals' tokens
	bearers  map[string]string  // by principal; empty: it shows no token
	places   *places

	arguments json.RawMessage // of the one call of a [WhatIf]; nil: the case's own
}

// Load reads the tests of files and folders and compiles what they are about.
func Load(paths ...string) ([]*Suite, error) {
	tests, err := config.Tests(paths...)
	if err != nil {
		return nil, err
	}
	out := make([]*Suite, 0, len(tests))
	for i := range tests {
		s, err := newSuite(&tests[i])
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}

// Name is what results are reported under.
func (s *Suite) Name() string { return s.test.Doc.GetMetadata().GetName() }

// File is where the suite stands.
func (s *Suite) File() string { return s.test.File }

func newSuite(test *config.Test) (*Suite, error) {
	s := &Suite{test: test, now: Now}
	loaded, err := config.Files(test.Doc.GetSpec().GetPolicies()...)
	if err != nil {
		return nil, fmt.Errorf("%s: the policies under test do not load:\n%w", test.File, err)
	}
	if loaded.Config != nil || len(loaded.Policies) == 0 {
		return nil, s.problem("spec.policies", "spec.policies brings a Config or no policy", "name files or folders with policies")
	}
	s.policies, s.paths = loaded.Policies, loaded.Paths
	for i := range s.policies {
		if s.policies[i].Doc.GetSpec().GetRegoModules().GetBundle().GetUrl() != "" {
			return nil, s.problem("spec.policies", "the policy "+s.policies[i].Doc.GetMetadata().GetName()+" has its bundle from a server, which tests do not ask",
				"test a policy that names the bundle, or what it is built from, as files")
		}
	}
	if s.compiled, err = decisionservice.Compile(s.policies); err != nil {
		return nil, err
	}
	if err := s.issue(); err != nil {
		return nil, err
	}
	s.places, err = newPlaces(test.Doc.GetSpec())
	return s, err
}

// problem is a mistake of the test document.
func (s *Suite) problem(path, problem, fix string) error {
	at := s.test.Position(path)
	return config.Errors{{File: at.File, Line: at.Line, Column: at.Column, Path: path, Problem: problem, Fix: fix}}
}

// engine returns a new engine of the policies.
func (s *Suite) engine(policies *authz.Set) (*pdp.Engine, *records, error) {
	seen := &records{}
	e, err := pdp.New(pdp.Config{
		Policies: policies,
		Tokens:   s.tokens,
		Routes:   s.places.routes,
		Recorder: seen,
		Limits:   strictjson.Limits{},
		Services: decisionservice.Silent(s.policies),
		GuardKey: make(guards.Key, guards.KeySize), // hashes are the same wherever tests run
		Now:      s.now,
	})
	return e, seen, err
}

// unasked names the services that guards ask elsewhere.
func (s *Suite) unasked() []string {
	return slices.Sorted(maps.Keys(decisionservice.Silent(s.policies)))
}

// limited reports whether a case may use up what the next one needs.
func (s *Suite) limited() bool {
	for i := range s.policies {
		if len(s.policies[i].Doc.GetSpec().GetTraffic().GetRateLimiting()) > 0 {
			return true
		}
	}
	return false
}

// records keeps what an engine recorded; one goroutine at a time.
type records struct{ list []audit.Record }

// Add implements pdp.Recorder.
func (r *records) Add(one audit.Record) { r.list = append(r.list, one) }

// places are the servers and the provider that the cases go to.
type places struct {
	routes *route.Table
	server string // where a case names none
}

// defaultServer is the server where the document names none, or several.
const defaultServer = "server"

func newPlaces(spec *configv1.PolicyTestSpec) (*places, error) {
	p := &places{server: defaultServer}
	named, unnamed := map[string]bool{}, false
	var names []string
	use := func(name string) {
		switch {
		case name == "":
			unnamed = true
		case !named[name]:
			named[name] = true
			names = append(names, name)
		}
	}
	for _, c := range spec.GetCases() {
		if c.GetChat() == nil {
			use(c.GetCall().GetServer() + c.GetList().GetServer() + c.GetMethod().GetServer())
		}
	}
	for _, m := range spec.GetMatrices() {
		use(m.GetServer())
	}
	switch {
	case len(names) == 1:
		p.server = names[0]
	case unnamed && !named[defaultServer]:
		names = append(names, defaultServer)
	}
	mcp := &configv1.MCP{}
	for _, name := range names {
		mcp.Servers = append(mcp.Servers, &configv1.MCPServer{Name: name, Url: "https://" + name + ".invalid/mcp"})
	}
	llm := &configv1.LLM{Providers: []*configv1.LLMProvider{{Name: "provider", Url: "https://provider.invalid/v1"}}}
	var err error
	p.routes, err = route.New(llm, mcp)
	return p, err
}

// of returns the server that a case means.
func (p *places) of(named string) string {
	if named == "" {
		return p.server
	}
	return named
}
