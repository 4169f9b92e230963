package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/demo/issuer"
	"outrider.dev/outrider/demo/tools"
)

func tokenSteps() []step {
	var out []step
	for i, c := range clients() {
		out = append(out, step{
			"a token with " + label(c.Scopes[0]),
			func(ctx context.Context, p *player) (*seen, error) {
				token, err := p.agent.token(ctx, p.stage.Issuer.TokenURL(), c)
				if err != nil {
					return nil, err
				}
				p.tokens[scopes()[i]] = token
				return &seen{effect: obtained, status: 200, why: "scp [" + c.Scopes[0] + "]"}, nil
			},
			want{effect: obtained, status: 200},
		})
	}
	return out
}

func listSteps() []step {
	var out []step
	for _, scope := range scopes() {
		w := pass()
		w.reached = anyReach
		out = append(out, step{"tools listed with " + label(scope), listing(scope), w})
	}
	return out
}

// listing demands exactly the tools that the scope opens.
func listing(scope string) func(context.Context, *player) (*seen, error) {
	return func(ctx context.Context, p *player) (*seen, error) {
		names, a, err := p.agent.list(ctx, p.tokens[scope])
		if err != nil {
			return nil, err
		}
		s := see(a)
		var expected []string
		for _, t := range toolTable() {
			if opens(scope, t.least) {
				expected = append(expected, t.name)
			}
		}
		s.why = fmt.Sprintf("%d of %d tools", len(names), len(toolTable()))
		slices.Sort(names)
		slices.Sort(expected)
		if !slices.Equal(names, expected) {
			s.fault("expected the tools %v, got %v", expected, names)
		}
		for _, line := range wrap(shortNames(names), lineWidth-6) {
			s.note("%s", line)
		}
		return s, nil
	}
}

// shortNames drops the servers' names.
func shortNames(names []string) []string {
	out := make([]string, len(names))
	for i, n := range names {
		_, out[i], _ = strings.Cut(n, "__")
	}
	return out
}

// wrap joins words to lines of at most n characters.
func wrap(words []string, n int) []string {
	var lines []string
	for _, w := range words {
		last := len(lines) - 1
		if last >= 0 && len(lines[last])+1+len(w) <= n {
			lines[last] += " " + w
			continue
		}
		lines = append(lines, w)
	}
	return lines
}

func callSteps(scope string) []step {
	var out []step
	for _, t := range toolTable() {
		if !t.calls {
			continue
		}
		w := refuse(decision.CodeToolUnknown) // hidden, so unknown
		if opens(scope, t.least) {
			w = pass()
		}
		out = append(out, step{t.name, calling(era2025, scope, t.name, t.args, nil), w})
	}
	return out
}

// calling calls a tool and checks which server it reached, by its own name.
func calling(era, scope, name string, args map[string]any, closer check) func(context.Context, *player) (*seen, error) {
	return func(ctx context.Context, p *player) (*seen, error) {
		marks := p.marks()
		a, err := p.agent.call(ctx, era, p.tokens[scope], name, args)
		if err != nil {
			return nil, err
		}
		s := see(a)
		received := p.since(marks)
		server, own, _ := strings.Cut(name, "__")
		for _, r := range received {
			if r.at != "server "+server || calledTool(r.Body) != own {
				s.fault("%s received a call of %q", r.at, calledTool(r.Body))
			}
		}
		if closer != nil {
			closer(p, a, s, received)
		}
		return s, nil
	}
}

func calledTool(body []byte) string {
	var msg struct{ Params struct{ Name string } }
	if json.Unmarshal(body, &msg) != nil {
		return ""
	}
	return msg.Params.Name
}

func argumentSteps() []step {
	infra := map[string]any{"repo": "infra/network", "title": "Open port 22"}
	changed := pass()
	changed.effect = redacted
	return []step{
		{"create_issue in infra/ with mcp:write", calling(era2025, scopeWrite, "github__create_issue", infra, nil), refuse(decision.CodeDeniedByRule)},
		{
			"a phone number in a tool's result",
			calling(era2025, scopeRead, "slack__get_message", map[string]any{"channel": "ops", "id": "m1"}, checkResult), changed,
		},
		{
			"list_issues by protocol " + era2026,
			calling(era2026, scopeRead, "github__list_issues", map[string]any{"repo": "acme/web"}, checkMirrored), pass(),
		},
	}
}

// checkResult demands that the server said the number and the agent did not hear it.
func checkResult(_ *player, a *answer, s *seen, _ []arrival) {
	if strings.Contains(a.text, tools.OnCallPhone) || !strings.Contains(a.text, "night shift, call ") {
		s.fault("the agent received %q", a.text)
		return
	}
	s.effect = redacted
	s.note("the agent received: %s", a.text)
}

// checkMirrored demands that the header names the tool as the body does.
func checkMirrored(_ *player, _ *answer, s *seen, received []arrival) {
	for _, r := range received {
		if name := r.Header.Get("Mcp-Name"); name != "list_issues" {
			s.fault("%s received the header Mcp-Name %q", r.at, name)
		}
		if version := r.Header.Get("Mcp-Protocol-Version"); version != era2026 {
			s.fault("%s was spoken to by protocol %q", r.at, version)
		}
	}
}

func forgedSteps() []step {
	const tool = "github__list_issues"
	args := map[string]any{"repo": "acme/web"}
	steps := []step{
		{"no token", presenting("", tool, args), refuse(decision.CodeTokenMissing)},
		{"not a token", presenting("not-a-token", tool, args), refuse(decision.CodeTokenMalformed)},
	}
	for _, f := range []struct {
		what string
		kind issuer.Forgery
		code decision.Code
	}{
		{"an expired token", issuer.Expired, decision.CodeTokenExpired},
		{"a token for another audience", issuer.OtherAudience, decision.CodeAudienceMismatch},
		{"a token of another issuer", issuer.OtherIssuer, decision.CodeIssuerUnknown},
		{"a token signed with a stranger's key", issuer.StrangerKey, decision.CodeTokenSignature},
		{"an unsigned token (alg none)", issuer.Unsigned, decision.CodeTokenAlgorithm},
		{"HS256 with the public key as secret", issuer.HMAC, decision.CodeTokenAlgorithm},
	} {
		steps = append(steps, step{
			f.what,
			func(ctx context.Context, p *player) (*seen, error) {
				token, err := p.stage.Issuer.Forge(f.kind, clients()[readClient].ID, scopeRead)
				if err != nil {
					return nil, err
				}
				return presenting(token, tool, args)(ctx, p)
			},
			refuse(f.code),
		})
	}
	return steps
}

// presenting calls a tool with the given token, and demands the challenge that
// goes with a refusal.
func presenting(token, tool string, args map[string]any) func(context.Context, *player) (*seen, error) {
	return func(ctx context.Context, p *player) (*seen, error) {
		a, err := p.agent.call(ctx, era2025, token, tool, args)
		if err != nil {
			return nil, err
		}
		s := see(a)
		if a.status == 401 && !strings.HasPrefix(a.header.Get("WWW-Authenticate"), "Bearer") {
			s.fault("the answer has no WWW-Authenticate header")
		}
		return s, nil
	}
}
