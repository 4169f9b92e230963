package decisionservice

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"outrider.dev/outrider/config"
)

// vendor is a provider whose key may stand in the environment.
type vendor struct {
	preset   string
	variable string
	models   []string // what it serves; empty: everything
}

// vendors in the order of preference: the first that has a key also serves
// the models that no other one claims.
func vendors() []vendor {
	return []vendor{
		{"openai", "OPENAI_API_KEY", []string{"gpt-*", "o1*", "o3*", "o4*", "chatgpt-*", "text-embedding-*"}},
		{"xai", "XAI_API_KEY", []string{"grok-*"}},
		{"mistral", "MISTRAL_API_KEY", []string{"mistral-*", "codestral-*", "ministral-*"}},
		{"deepseek", "DEEPSEEK_API_KEY", []string{"deepseek-*"}},
		{"groq", "GROQ_API_KEY", []string{"llama-*"}},
		{"openrouter", "OPENROUTER_API_KEY", []string{"*/*"}},
	}
}

// KeyVariables are the environment variables that hold credentials: those
// that configuration and policies name, and the vendors' own, used or not.
func KeyVariables(loaded *config.Loaded) []string {
	out, cfg := vendorVariables(), loaded.Config
	for i := range loaded.Policies {
		spec := loaded.Policies[i].Doc.GetSpec()
		for _, p := range spec.GetTraffic().GetJwtAuthentication().GetProviders() {
			i := p.GetIntrospection()
			out = append(out, i.GetSecret().GetEnv(), i.GetPrivateKeyJwt().GetKey().GetEnv())
		}
		b := spec.GetRegoModules().GetBundle()
		out = append(out, b.GetBearer().GetEnv(), b.GetSignature().GetSecret().GetEnv())
	}
	for _, p := range cfg.GetLlm().GetProviders() {
		out = append(out, p.GetKey().GetEnv())
	}
	for _, s := range cfg.GetMcp().GetServers() {
		out = append(out, s.GetAuth().GetBearer().GetEnv())
	}
	for _, p := range cfg.GetPdp().GetPeers() {
		out = append(out, p.GetKey().GetEnv())
	}
	out = append(out, cfg.GetGuards().GetKey().GetEnv())
	return slices.DeleteFunc(out, func(name string) bool { return name == "" })
}

func vendorVariables() []string {
	var out []string
	for _, v := range vendors() {
		out = append(out, v.variable)
	}
	return out
}

// defaultPolicy applies where no file says otherwise: LLM calls pass, guards
// watch, and of MCP tools only those that read.
const defaultPolicy = `
---
apiVersion: outrider.dev/v1
kind: AgentPolicy
metadata: {name: default}
spec:
  backend:
    llm:
      guards:
        request: [{type: PII, action: Observe}, {type: Secret, action: Observe}, {type: Injection, action: Observe}]
        response: [{type: Secret, action: Observe}]
  rules:
    - {name: reads-only, allow: {tools: ["list_*", "get_*", "search_*", "read_*"]}}
`

// FromEnvironment makes a configuration of the provider keys in the
// environment and the default policy. OPENAI_BASE_URL, where it is set, says
// where OPENAI_API_KEY belongs.
func FromEnvironment(lookup func(string) (string, bool)) (*config.Loaded, error) {
	var providers, routes, first string
	for _, v := range vendors() {
		if key, ok := lookup(v.variable); !ok || key == "" {
			continue
		}
		where := "preset: " + v.preset
		if base, ok := lookup("OPENAI_BASE_URL"); ok && base != "" && v.preset == "openai" {
			where = fmt.Sprintf("url: %q", base)
		}
		providers += fmt.Sprintf("    - {name: %s, %s, key: {env: %s}}\n", v.preset, where, v.variable)
		routes += fmt.Sprintf("    - {match: {models: [%s]}, to: [{provider: %s}]}\n", quotedList(v.models), v.preset)
		if first == "" {
			first = v.preset
		}
	}
	if first == "" {
		return nil, errors.New("no provider key is in the environment: set " + strings.Join(vendorVariables(), ", or ") +
			"; or give a configuration with -c FILE")
	}
	return config.Text("environment", `apiVersion: outrider.dev/v1
kind: Config
agent: {name: local}
llm:
  providers:
`+providers+"  routes:\n"+routes+"    - {to: [{provider: "+first+"}]}\n"+defaultPolicy)
}

func quotedList(names []string) string {
	return `"` + strings.Join(names, `", "`) + `"`
}

// DemoStateDir is where the demo keeps its records, apart from real ones.
func DemoStateDir() string { return filepath.Join(StateDir(nil), "demo") }
