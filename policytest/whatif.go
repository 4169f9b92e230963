package policytest

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	"outrider.dev/outrider/assemble/decisionservice"
	"outrider.dev/outrider/config"
	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/pdp/route"
	configv1 "outrider.dev/outrider/proto/outrider/config/v1"
)

// WhatIf is a call that nobody made, by somebody who is made up as in a test.
type WhatIf struct {
	Policies []config.Policy
	// Config brings the names of servers and providers, and the routes; nil:
	// they are made up.
	Config *configv1.Config
	Agent  *configv1.Agent
	// Principal shows a token where it says anything beside its name.
	Principal *configv1.TestPrincipal
	// Token is the claims of a real token, instead. Nobody asks the issuer
	// about the signature.
	Token map[string]any
	Case  *configv1.TestCase
	// Arguments are those of the tool call, as JSON, instead of the case's: a
	// document holds no number beyond a double.
	Arguments json.RawMessage
	Now       func() time.Time // the time of the call, and of a token that is made up
}

// Explain asks the engine what would happen. Nothing is sent anywhere.
func (w *WhatIf) Explain(ctx context.Context) (*decision.Explanation, error) {
	s, err := w.suite()
	if err != nil {
		return nil, err
	}
	e, _, err := s.engine(s.compiled)
	if err != nil {
		return nil, err
	}
	r, err := s.request(question{TestCase: w.Case})
	if err != nil {
		return nil, err
	}
	return e.Explain(ctx, r)
}

// suite is the call as the only case of a test.
func (w *WhatIf) suite() (*Suite, error) {
	doc := &configv1.PolicyTest{Spec: &configv1.PolicyTestSpec{
		Agent: w.Agent, Principals: []*configv1.TestPrincipal{w.Principal}, Cases: []*configv1.TestCase{w.Case},
	}}
	s := &Suite{test: &config.Test{Doc: doc, File: "principal"}, policies: w.Policies, arguments: w.Arguments, now: w.Now}
	var err error
	if s.compiled, err = decisionservice.Compile(w.Policies); err != nil {
		return nil, err
	}
	if err := s.issue(); err != nil {
		return nil, err
	}
	if w.Token != nil {
		if s.bearers[w.Principal.GetName()], err = sign(s.key, w.Token); err != nil {
			return nil, err
		}
	}
	s.places, err = w.places(doc.GetSpec())
	return s, err
}

// places are those of the configuration by name. Where they lead is nobody's
// business here.
func (w *WhatIf) places(spec *configv1.PolicyTestSpec) (*places, error) {
	if len(w.Config.GetMcp().GetServers()) == 0 && w.Case.GetChat() == nil || len(w.Config.GetLlm().GetProviders()) == 0 && w.Case.GetChat() != nil {
		return newPlaces(spec)
	}
	llm, mcp := proto.CloneOf(w.Config.GetLlm()), proto.CloneOf(w.Config.GetMcp())
	for i, p := range llm.GetProviders() {
		llm.Providers[i] = &configv1.LLMProvider{Name: p.GetName(), Url: "https://" + p.GetName() + ".invalid/v1"}
	}
	var names []string
	for i, one := range mcp.GetServers() {
		names = append(names, one.GetName())
		mcp.Servers[i] = &configv1.MCPServer{Name: one.GetName(), Url: "https://" + one.GetName() + ".invalid/mcp"}
	}
	p := &places{}
	if len(names) > 0 {
		p.server = names[0]
	}
	if call := w.Case.GetCall(); call != nil {
		if err := named(names, call.GetServer()); err != nil {
			return nil, err
		}
	}
	var err error
	p.routes, err = route.New(llm, mcp)
	return p, err
}

// named reports whether the server of a call is one of the configuration, and
// said where there are several.
func named(names []string, server string) error {
	for _, name := range names {
		if name == server || server == "" && len(names) == 1 {
			return nil
		}
	}
	if server == "" {
		return fmt.Errorf("the configuration has several servers: say which one has the tool, as %s/TOOL", strings.Join(names, "/TOOL or "))
	}
	return fmt.Errorf("the configuration has no MCP server %q: it has %s", server, strings.Join(names, ", "))
}
