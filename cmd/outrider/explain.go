package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/structpb"

	"outrider.dev/outrider/config"
	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/decision/wire"
	"outrider.dev/outrider/policytest"
	configv1 "outrider.dev/outrider/proto/outrider/config/v1"
)

type explainCommand struct {
	Config   string   `short:"c" xor:"from" required:"" type:"existingfile" placeholder:"FILE" help:"Configuration whose policies, servers and agent are meant."`
	Policies []string `xor:"from" required:"" sep:"none" placeholder:"PATH" help:"Files or folders with policies, instead of a configuration."`

	Tool   string `xor:"what" required:"" placeholder:"[SERVER/]NAME" help:"The tool that is called."`
	Args   string `placeholder:"JSON" help:"The arguments of the tool call, as a JSON object."`
	Model  string `xor:"what" required:"" placeholder:"NAME" help:"The model that is asked."`
	Prompt string `placeholder:"TEXT" help:"What it is asked."`

	Agent  string            `placeholder:"NAME" help:"The agent that asks; of a configuration, its own if absent."`
	Label  map[string]string `placeholder:"NAME=VALUE" mapsep:"none" help:"A label of the agent; may be repeated."`
	Scope  []string          `sep:"none" placeholder:"SCOPE" help:"A scope of its token; may be repeated."`
	Claim  map[string]string `placeholder:"NAME=VALUE" mapsep:"none" help:"A claim of its token, JSON or text; may be repeated."`
	Token  string            `type:"existingfile" placeholder:"FILE" help:"A file with a JWT whose claims are taken. Its signature is not checked."`
	At     time.Time         `placeholder:"TIME" help:"When the call comes, as 2026-01-31T09:00:00Z; now if absent."`
	Output string            `short:"o" default:"text" enum:"text,json" help:"How the answer is written: text, json."`
}

// Help implements kong.HelpProvider.
func (explainCommand) Help() string {
	return "Says what would happen to a call, what every rule comes to, and the smallest change that would let it pass. " +
		"Nothing is sent anywhere, no running service is asked, and nothing is counted.\n\n" +
		"Example: outrider explain -c outrider.yaml --tool github/create_issue --args '{\"repo\":\"infra/dns\"}' --scope mcp:write"
}

// Validate implements the check that kong makes of what was typed.
func (c *explainCommand) Validate() error {
	switch {
	case c.Args != "" && c.Tool == "":
		return errors.New("--args goes with --tool")
	case c.Prompt != "" && c.Model == "":
		return errors.New("--prompt goes with --model")
	case c.Token != "" && len(c.Scope)+len(c.Claim) > 0:
		return errors.New("--token brings claims and scopes of its own: leave --scope and --claim out, or --token")
	case c.Agent == "" && c.Config == "":
		return errors.New("--agent is missing: policies select agents by name and labels")
	}
	return nil
}

// Run explains the call.
func (c *explainCommand) Run(ctx context.Context) error {
	what, err := c.whatIf()
	if err != nil {
		return err
	}
	e, err := what.Explain(ctx)
	if who := config.Errors(nil); errors.As(err, &who) && len(c.Scope)+len(c.Claim) > 0 {
		return fmt.Errorf("--scope and --claim make a token: %w", err)
	}
	if err != nil {
		return err
	}
	if c.Output == "json" {
		return explanationJSON(os.Stdout, e)
	}
	c.print(os.Stdout, e)
	return nil
}

// whatIf turns what was typed into a call.
func (c *explainCommand) whatIf() (*policytest.WhatIf, error) {
	loaded, err := c.load()
	if err != nil {
		return nil, err
	}
	if len(loaded.Policies) == 0 {
		return nil, errors.New("there is no policy to explain: name a file or folder that holds some")
	}
	if err := c.issuedBy(loaded.Policies); err != nil {
		return nil, err
	}
	w := &policytest.WhatIf{
		Policies: loaded.Policies, Config: loaded.Config, Now: c.now,
		Agent: c.agent(loaded.Config), Principal: &configv1.TestPrincipal{Name: "somebody", Scopes: c.Scope},
	}
	w.Case = c.call(w.Principal.GetName())
	if w.Arguments, err = c.arguments(); err != nil {
		return nil, err
	}
	if c.Token != "" {
		w.Token, err = readClaims(c.Token)
		return w, err
	}
	w.Principal.Claims, err = c.claims(w.Principal)
	return w, err
}

// issuedBy says what a token that is made up lacks of an issuer.
func (c *explainCommand) issuedBy(policies []config.Policy) error {
	if len(c.Scope)+len(c.Claim) == 0 || c.Claim["iss"] != "" {
		return nil
	}
	var issuers []string
	for i := range policies {
		for _, p := range policies[i].Doc.GetSpec().GetTraffic().GetJwtAuthentication().GetProviders() {
			issuers = append(issuers, p.GetIssuer())
		}
	}
	slices.Sort(issuers)
	switch issuers = slices.Compact(issuers); len(issuers) {
	case 0:
		return errors.New("--scope and --claim make a token, and no policy believes any: list its issuer under jwtAuthentication.providers, or leave them out")
	case 1:
		return nil
	default:
		return fmt.Errorf("--scope and --claim make a token, and the policies believe several issuers: say whose it is by --claim iss=ISSUER, one of %s", strings.Join(issuers, ", "))
	}
}

// now is the time that the call is judged by.
func (c *explainCommand) now() time.Time {
	if c.At.IsZero() {
		return time.Now()
	}
	return c.At
}

func (c *explainCommand) load() (*config.Loaded, error) {
	if c.Config != "" {
		return config.Load(c.Config)
	}
	return config.Files(c.Policies...)
}

// agent is the configuration's, unless something else was typed.
func (c *explainCommand) agent(cfg *configv1.Config) *configv1.Agent {
	a := &configv1.Agent{Name: c.Agent, Labels: c.Label}
	if c.Agent == "" {
		a = cfg.GetAgent()
		if len(c.Label) > 0 {
			a.Labels = c.Label
		}
	}
	return a
}

// call is the call that was typed, as a case of a test.
func (c *explainCommand) call(principal string) *configv1.TestCase {
	out := &configv1.TestCase{Name: "what if", Principal: principal}
	if c.Model != "" {
		out.Chat = &configv1.TestChat{Model: c.Model, Messages: []*configv1.TestMessage{{Role: "user", Content: c.Prompt}}}
		return out
	}
	server, tool, found := strings.Cut(c.Tool, "/")
	if !found {
		server, tool = "", c.Tool
	}
	out.Call = &configv1.TestCall{Server: server, Tool: tool}
	return out
}

// arguments are those that were typed, to the letter.
func (c *explainCommand) arguments() (json.RawMessage, error) {
	var object map[string]json.RawMessage
	if c.Args == "" {
		return nil, nil
	}
	if err := json.Unmarshal([]byte(c.Args), &object); err != nil || object == nil {
		return nil, errors.New("--args is no JSON object: write it as '{\"name\":\"value\"}'")
	}
	return json.RawMessage(c.Args), nil
}

// claims are those that were typed. Issuer, subject and audience stand beside
// the others in a test's principal.
func (c *explainCommand) claims(who *configv1.TestPrincipal) (*structpb.Struct, error) {
	if len(c.Claim) == 0 {
		return nil, nil
	}
	out := map[string]any{}
	for name, text := range c.Claim {
		var value any
		if json.Unmarshal([]byte(text), &value) != nil {
			value = text
		}
		if n, ok := value.(float64); ok && math.Abs(n) >= 1<<53 {
			return nil, fmt.Errorf("--claim %s is a number too large to be held exactly: put it into a JWT, and give that by --token", name)
		}
		switch name {
		case "iss":
			who.Issuer = text
		case "sub":
			who.Subject = text
		case "aud":
			who.Audiences = []string{text}
		default:
			out[name] = value
		}
	}
	return structpb.NewStruct(out)
}

// readClaims reads the claims of a JWT.
func readClaims(file string) (map[string]any, error) {
	raw, err := os.ReadFile(file) //nolint:gosec // the user names it
	if err != nil {
		return nil, err
	}
	parts := bytes.Split(bytes.TrimSpace(raw), []byte("."))
	wrong := fmt.Errorf("%s: holds no JWT: three parts with dots between", file)
	if len(parts) != 3 {
		return nil, wrong
	}
	payload, err := base64.RawURLEncoding.DecodeString(string(parts[1]))
	if err != nil {
		return nil, wrong
	}
	decoder := json.NewDecoder(bytes.NewReader(payload))
	decoder.UseNumber() // large numbers stay as they are
	var claims map[string]any
	if decoder.Decode(&claims) != nil || claims == nil {
		return nil, wrong
	}
	return claims, nil
}

// explanationJSON writes what the decision API answers.
func explanationJSON(out io.Writer, e *decision.Explanation) error {
	raw, err := protojson.Marshal(wire.ExplanationProto(e))
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := json.Indent(&b, raw, "", "  "); err != nil { // protojson's own spaces differ from run to run
		return err
	}
	_, err = fmt.Fprintln(out, b.String())
	return err
}

// print prints the answer, what would help, and then the way to it.
func (c *explainCommand) print(out io.Writer, e *decision.Explanation) {
	v, color := e.Verdict, colored(os.Stdout)
	p := rulePrinter{out: out, color: color}
	row := func(name, value string) {
		if value != "" {
			fmt.Fprintf(out, "  %-10s %s\n", name, printable(value))
		}
	}
	heading, shade := v.Effect.String(), colorAllow
	if !v.Allowed() {
		heading, shade = heading+"  "+string(v.Reason.Code), colorDeny
	}
	fmt.Fprintln(out, p.paint(printable(heading), shade))
	row("message", v.Reason.Message)
	row("rule", v.Reason.Rule)
	row("policy", named(v.Policy, v.Version))
	for _, f := range v.Findings {
		row("found", finding(f.Type, f.Rule, f.Segment, f.Start, f.End, f.Action))
	}
	for _, edit := range e.Edits {
		row("changed", edit)
	}
	for _, l := range e.Limits {
		row("limit", limitText(&l))
	}
	if e.Change != v.Reason.Message {
		row("to pass", e.Change)
	}
	if c.Token != "" {
		row("token", "its signature was not checked")
	}
	p.print(e.Rules)
}

// limitText says what a limit would count.
func limitText(l *decision.LimitState) string {
	var sizes []string
	if l.Requests.Of > 0 {
		sizes = append(sizes, fmt.Sprintf("%d requests", l.Requests.Of))
	}
	if l.Tokens.Of > 0 {
		sizes = append(sizes, fmt.Sprintf("%d tokens", l.Tokens.Of))
	}
	return fmt.Sprintf("%s: %s a minute per %s", l.Name, strings.Join(sizes, " and "), l.Per)
}

func finding(kind, rule string, segment, start, end uint32, action decision.Action) string {
	if rule != "" {
		kind += " (" + rule + ")"
	}
	return fmt.Sprintf("%s in segment %d, bytes %d to %d: %s", kind, segment, start, end, action)
}

func named(policy, version string) string {
	if version == "" {
		return policy
	}
	return policy + " (" + version + ")"
}
