package authz

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"outrider.dev/outrider/authz/input"
	"outrider.dev/outrider/decision"
)

func explain(set *Set, r *decision.Request, p *decision.Principal) Explanation {
	c := input.New(r, p)
	return set.Select(&r.Caller).Explain(c, c)
}

// decides returns the outcomes that decided.
func (e Explanation) decides() []decision.RuleOutcome {
	return slices.DeleteFunc(slices.Clone(e.Rules), func(o decision.RuleOutcome) bool { return !o.Decides })
}

// checkExplained holds an explanation against the judgement of the same call.
func checkExplained(t *testing.T, e Explanation, out Outcome) {
	t.Helper()
	if e.Code != out.Reason.Code {
		t.Fatalf("explained %q, judged %q: %+v", e.Code, out.Reason.Code, e.Rules)
	}
	if !out.Allow && (e.Policy != out.Policy || e.Change == "") || out.Allow && e.Change != "" {
		t.Fatalf("explained by policy %q with the change %q, judged by %q", e.Policy, e.Change, out.Policy)
	}
	if out.Rule == "" {
		return
	}
	if by := e.decides(); len(by) == 0 || withPlace(by[0].Rule, by[0].At) != out.Rule {
		t.Fatalf("judged by rule %q, explained by %+v", out.Rule, by)
	}
}

// What every rule comes to by itself adds up to what the engine says.
func TestExplainedIsJudged(t *testing.T) {
	results := map[decision.RuleResult]int{}
	eachScene(t, func(t *testing.T, _ *rand.Rand, s scene) {
		set := load(t, s.sources...)
		for _, w := range s.worlds {
			e := explain(set, w.r, w.p)
			checkExplained(t, e, judge(set, w.r, w.p))
			for i := range e.Rules {
				results[e.Rules[i].Result]++
			}
		}
	})
	for _, r := range []decision.RuleResult{decision.ResultTrue, decision.ResultFalse, decision.ResultError, decision.ResultSkipped} {
		if results[r] < 100 {
			t.Errorf("the scenes reach %s only %d times", r, results[r])
		}
	}
}

// Nested conditions, in both languages, come to what plain Go says.
func TestExplainedFormulas(t *testing.T) {
	for seed := range uint64(100) {
		rng := rand.New(rand.NewPCG(seed, 11))
		p := randomPair(rng)
		inCEL, inRego := load(t, policy(t, "c", p.inCEL())), load(t, policy(t, "r", p.inRego()))
		for range 6 {
			w := randomWorld(rng)
			for _, set := range []*Set{inCEL, inRego} {
				e := explain(set, w.r, w.p)
				if got := effect(Outcome{Allow: e.Code == "", Reason: decision.Reason{Code: e.Code}}); got != p.want(w) {
					t.Fatalf("seed %d: explained %s, want %s: %+v", seed, got, p.want(w), e.Rules)
				}
				checkExplained(t, e, judge(set, w.r, w.p))
			}
		}
	}
}

// An entry of a list is explained as it is shown or hidden.
func TestExplainedEntries(t *testing.T) {
	unknown := 0
	eachScene(t, func(t *testing.T, _ *rand.Rand, s scene) {
		set := load(t, s.sources...)
		for _, w := range s.worlds {
			if w.r.Method != "tools/call" {
				continue
			}
			list := input.New(mcpCall("tools/list"), w.p)
			entry := decision.Tool{Server: w.r.Tool.Server, Name: w.r.Tool.Name}
			sel := set.Select(&list.Request.Caller)
			listed := list.Listed(entry)
			e := sel.Explain(listed, listed)
			if shown := sel.Visible(list, []decision.Tool{entry})[0]; shown != (e.Code == "") {
				t.Fatalf("shown %v, explained %q: %+v", shown, e.Code, e.Rules)
			}
			if slices.ContainsFunc(e.Rules, func(o decision.RuleOutcome) bool { return o.Result == decision.ResultUnknown }) {
				unknown++
			}
		}
	})
	if unknown < 20 {
		t.Errorf("only %d entries depend on arguments", unknown)
	}
}

// A scope that is said to help does.
func TestSaidScopesHelp(t *testing.T) {
	helped := 0
	eachScene(t, func(t *testing.T, _ *rand.Rand, s scene) {
		set := load(t, s.sources...)
		for _, w := range s.worlds {
			said := explain(set, w.r, w.p).Change
			rest, found := strings.CutPrefix(said, "add the scope")
			if !found || strings.Contains(said, ", and ") { // another argument beside it
				continue
			}
			helped++
			c := input.New(w.r, w.p)
			for _, scope := range strings.Split(strings.TrimPrefix(rest, "s"), " and ") {
				c = c.WithScope(strings.TrimSpace(scope))
			}
			if out := set.Select(&w.r.Caller).Judge(c); !out.Allow {
				t.Fatalf("%s: %+v", said, out.Reason)
			}
		}
	})
	if helped < 10 {
		t.Errorf("only %d calls were helped by a scope", helped)
	}
}

const explained = `{
  traffic: {jwtAuthentication: {surfaces: [MCP, LLM], providers: [{issuer: "` + issuer + `", audiences: ["api://default"]}]}},
  backend: {
    mcp: {
      authorization: {policy: {matchExpressions: ["claims.scp.exists(s, s == 'mcp:read') && tool.name.startsWith('get_')"]}},
      denyPolicy: {matchExpressions: ["tool.name.contains('delete')"]},
    },
    llm: {models: {allow: ["gpt-4o", "claude-*"]}},
  },
  rules: [
    {name: writers, allow: {tools: ["create_*", "delete_*"]}, when: "'mcp:write' in scopes && 'mcp:read' in scopes"},
    {name: no-infra, deny: {tools: ["create_issue"]}, when: "has(tool.args.repo) && tool.args.repo.startsWith('infra/')", message: "Ask the platform team."},
    {name: pages, deny: {tools: ["get_page"]}, when: "tool.args.limit > 100"},
    {name: sites, allow: {tools: ["publish"]}, when: "tool.args.site == 'blog'"},
    {name: quiet, deny: {tools: ["notify"]}, when: "has(tool.args.to)"},
    {name: notify, allow: {tools: ["notify"]}},
    {name: chat, allow: {models: ["gpt-*", "claude-*"]}},
  ],
}`

func TestSmallestChange(t *testing.T) {
	set := load(t, policy(t, "p", explained))
	nobody := &decision.Principal{Agent: "copilot"}
	for name, tc := range map[string]struct {
		r    *decision.Request
		p    *decision.Principal
		want string
	}{
		"passes":          {toolCall("get_a", "{}"), withScopes("mcp:read"), ""},
		"one scope":       {toolCall("get_a", "{}"), withScopes(), "add the scope mcp:read"},
		"another scope":   {toolCall("create_a", "{}"), withScopes("mcp:read"), "add the scope mcp:write"},
		"two scopes":      {toolCall("create_a", "{}"), withScopes(), "add the scopes mcp:read and mcp:write"},
		"a token":         {toolCall("get_a", "{}"), nobody, "send a token of " + issuer + " with the scope mcp:read"},
		"a deny":          {toolCall("delete_a", "{}"), withScopes("mcp:read", "mcp:write"), "nothing that the caller may change was found to help: the deny rule backend.mcp.denyPolicy[0] (p.yaml:spec.backend.mcp.denyPolicy.matchExpressions[0]) is final"},
		"an argument":     {toolCall("create_issue", `{"repo":"infra/dns"}`), withScopes("mcp:read", "mcp:write"), `change tool.args.repo: rules[1] no-infra denies while tool.args.repo.startsWith("infra/")`},
		"both":            {toolCall("create_issue", `{"repo":"infra/dns"}`), withScopes("mcp:read"), `add the scope mcp:write, and change tool.args.repo: rules[1] no-infra denies while tool.args.repo.startsWith("infra/")`},
		"a number":        {toolCall("get_page", `{"limit":5000}`), withScopes("mcp:read"), "change tool.args.limit: rules[2] pages denies while tool.args.limit > 100"},
		"a missing one":   {toolCall("get_page", `{}`), withScopes("mcp:read"), "send the argument limit"},
		"a literal":       {toolCall("publish", `{"site":"shop"}`), withScopes(), `set tool.args.site to "blog"`},
		"one to drop":     {toolCall("notify", `{"to":"all"}`), withScopes(), "leave out the argument to"},
		"nothing at all":  {toolCall("paint", "{}"), withScopes(), `no scope opens this: add an allow rule for tool paint to policy "p"`},
		"a model":         {llmCall("grok"), withScopes(), "ask for the model gpt-4o"},
		"a passing model": {llmCall("claude-9"), withScopes(), ""},
	} {
		e := explain(set, tc.r, tc.p)
		if e.Change != tc.want {
			t.Errorf("%s: %q, want %q", name, e.Change, tc.want)
		}
		checkExplained(t, e, judge(set, tc.r, tc.p))
	}
	if e := explain(load(t), toolCall("x", "{}"), nobody); e.Code != decision.CodeNoPolicy || !strings.Contains(e.Change, "spec.agents selects the agent copilot") {
		t.Errorf("without a policy: %+v", e)
	}
	broken := load(t, policy(t, "b", `{rules: [{name: all, allow: {tools: ["*"]}}, {name: team, deny: {tools: ["*"]}, when: "claims.team == 'x'"}]}`))
	if e := explain(broken, toolCall("x", "{}"), nobody); !strings.HasSuffix(e.Change, "ask first with has(): no such key: team") {
		t.Errorf("a rule that errs: %q", e.Change)
	}
	module := load(t, policy(t, "m", `{rules: [{name: all, allow: {tools: ["*"]}}], rego: "package outrider\ndeny contains \"at most 20\" if input.tool.args.n > 20\nvisible := true"}`))
	if e := explain(module, toolCall("x", `{"n":30,"id":12345678901234567890}`), nobody); e.Change != "change tool.args.n: rego deny denies while it is as it is" {
		t.Errorf("an argument that a module reads: %q", e.Change)
	}
	narrow := load(t, policy(t, "n", `{backend: {llm: {models: {allow: ["claude-*"]}}}}`))
	if e := explain(narrow, llmCall("grok"), nobody); e.Change != "ask for a model that is named like claude-*" {
		t.Errorf("a pattern: %q", e.Change)
	}
}

// A search that has no time left says what stands in the way, and the rules
// come to the same.
func TestSearchEndsInTime(t *testing.T) {
	set := load(t, policy(t, "p", explained))
	r, who := toolCall("get_a", "{}"), withScopes()
	c, full := input.New(r, who), explain(set, r, who)
	late := set.Select(&r.Caller).explain(c, c, time.Now())
	if late.Code != full.Code || len(late.Rules) != len(full.Rules) || !strings.HasPrefix(late.Change, "no scope opens this") {
		t.Errorf("%+v, with time %+v", late, full)
	}
}

// The tree of a rule says which piece stands in the way.
func TestExplainedTree(t *testing.T) {
	set := load(t, policy(t, "p", explained))
	e := explain(set, toolCall("create_issue", `{"repo":"infra/dns"}`), withScopes("mcp:write"))
	var got []string
	for i := range e.Rules {
		o := &e.Rules[i]
		line := string(o.Effect) + " " + o.Rule + " " + string(o.Result)
		if o.Decides {
			line += "!"
		}
		got = append(got, line+" "+o.Note)
	}
	want := []string{
		"allow backend.mcp.authorization[0] false ",
		"deny backend.mcp.denyPolicy[0] false ",
		"models backend.llm.models skipped it is about LLM calls",
		"allow rules[0] writers false ",
		"deny rules[1] no-infra true! Ask the platform team.",
		"deny rules[2] pages skipped it is about other tools: get_page",
		"allow rules[3] sites skipped it is about other tools: publish",
		"deny rules[4] quiet skipped it is about other tools: notify",
		"allow rules[5] notify skipped it is about other tools: notify",
		"allow rules[6] chat skipped it is about LLM calls",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	tree, err := json.Marshal(e.Rules[3].When)
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"operator":"all","result":"false","parts":[{"text":"\"mcp:write\" in scopes","result":"true"},{"text":"\"mcp:read\" in scopes","result":"false"}]}`; string(tree) != want {
		t.Errorf("got %s", tree)
	}
	if want := []decision.ReadValue{{Path: "tool.args.repo", Value: "text of 9 characters"}}; !slices.Equal(e.Rules[4].Values, want) {
		t.Errorf("got %+v", e.Rules[4].Values)
	}
	if first := e.Rules[0].When.Parts[0].Text; first != `claims.scp.exists(s, s == "mcp:read")` {
		t.Errorf("a macro is shown as %s", first)
	}
}

// The words of the caller do not come through: neither claims that say who
// somebody is, nor arguments, headers, sessions, resources.
func TestExplanationHoldsNoContent(t *testing.T) {
	const canary = "c4n4ry"
	set := load(t, policy(t, "p", `{
  traffic: {jwtAuthentication: {providers: [{issuer: "`+issuer+`", audiences: ["api://default"]}]}},
  variables: [{name: repo, expression: "tool.args.repo + '!'"}],
  rules: [
    {name: a, allow: {}, when: "claims.sub == 'x' || claims.email == 'x' || claims.name.first == 'x' || claims[\"x/y\"] == 'x' || principal.subject == 'x'"},
    {name: b, allow: {tools: ["*"]}, when: "tool.args.repo == 'x' || tool.args.deep.er == 'x' || tool.args.list[0] == 'x' || variables.repo == 'x'"},
    {name: c, deny: {}, when: "request.headers['x-a'] == 'x' || session == 'x'"},
    {name: d, deny: {methods: ["resources/*"]}, when: "resource.uri == 'x'"},
    {name: e, deny: {tools: ["*"]}, when: "tool.args.phone == 1 || tool.args.map['k'] == 'x' || claims.age > 3"},
  ],
  rego: "package outrider\ndeny contains \"no\" if input.tool.args.repo == input.claims.sub\nvisible := true",
}`))
	p := withScopes("mcp:read")
	for _, name := range []string{"sub", "email", "x/y"} {
		p.Claims[name] = canary
	}
	p.Subject, p.Claims["name"], p.Claims["age"] = canary, map[string]any{"first": canary}, int64(424242)
	r := toolCall("get_a", `{"repo":"`+canary+`","deep":{"er":"`+canary+`"},"list":["`+canary+`"],"phone":4155550100,"map":{"k":"`+canary+`"}}`)
	read := mcpCall("resources/read")
	read.Resource = canary
	for _, r := range []*decision.Request{r, read} {
		r.Session, r.HTTP = canary, decision.HTTP{Headers: map[string]string{"x-a": canary}}
		e := explain(set, r, p)
		raw, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range []string{canary, "4155550100", "424242"} {
			if strings.Contains(string(raw), secret) {
				t.Errorf("%s is in %s", secret, raw)
			}
		}
		if !strings.Contains(string(raw), "text of 6 characters") {
			t.Errorf("nothing was masked: %s", raw)
		}
		checkExplained(t, e, judge(set, r, p))
	}
}
