package authz

import (
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"google.golang.org/protobuf/encoding/protojson"

	"outrider.dev/outrider/authz/input"
	"outrider.dev/outrider/decision"
	configv1 "outrider.dev/outrider/proto/outrider/config/v1"
)

// parse reads a policy from YAML.
func parse(t testing.TB, text string) *configv1.AgentPolicy {
	t.Helper()
	raw, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	doc := &configv1.AgentPolicy{}
	if err := protojson.Unmarshal(raw, doc); err != nil {
		t.Fatal(err)
	}
	return doc
}

// policy is a policy named p with this spec, as a Source.
func policy(t testing.TB, name, spec string) Source {
	t.Helper()
	return Source{
		Doc:     parse(t, "metadata: {name: "+name+"}\nspec:\n "+spec),
		Version: "v-" + name,
		At:      func(path string) string { return name + ".yaml:" + path },
	}
}

func load(t testing.TB, sources ...Source) *Set {
	t.Helper()
	set, err := NewSet(sources)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

const issuer = "https://your-okta.okta.com/oauth2/your-auth-server"

func withScopes(scopes ...string) *decision.Principal {
	list := make([]any, len(scopes))
	for i, s := range scopes {
		list[i] = s
	}
	return &decision.Principal{
		Agent: "copilot", Issuer: issuer, Subject: "ann", Scopes: scopes,
		Claims: map[string]any{"scp": list, "aud": "api://default"},
	}
}

var noon = time.Date(2026, time.January, 1, 12, 0, 0, 0, time.UTC) // a Thursday

func copilot() decision.Caller {
	return decision.Caller{Agent: "copilot", Namespace: "prod", ServiceAccount: "bot", Labels: map[string]string{"app": "devops-copilot"}}
}

func toolCall(name, args string) *decision.Request {
	return &decision.Request{
		Surface: decision.MCP, Method: "tools/call", Caller: copilot(), Time: noon,
		Tool: decision.Tool{Server: "github", Name: name, Exposed: "github__" + name, Args: []byte(args)},
	}
}

func llmCall(model string) *decision.Request {
	return &decision.Request{Surface: decision.LLM, Method: "chat.completions", Caller: copilot(), Time: noon, LLM: decision.LLMCall{Model: model}}
}

func mcpCall(method string) *decision.Request {
	return &decision.Request{Surface: decision.MCP, Method: method, Server: "github", Caller: copilot(), Time: noon}
}

func judge(set *Set, r *decision.Request, p *decision.Principal) Outcome {
	return set.Select(&r.Caller).Judge(input.New(r, p))
}

func observed(set *Set, r *decision.Request, p *decision.Principal) []Observation {
	return set.Select(&r.Caller).Observe(input.New(r, p))
}

// effect is an outcome in one word: allow or the reason code.
func effect(o Outcome) string {
	if o.Allow {
		return "allow"
	}
	return string(o.Reason.Code)
}
