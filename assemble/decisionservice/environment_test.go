package decisionservice

import (
	"slices"
	"strings"
	"testing"

	"outrider.dev/outrider/config"
)

func lookup(env map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		value, ok := env[name]
		return value, ok
	}
}

func TestFromEnvironment(t *testing.T) {
	for name, tt := range map[string]struct {
		env       map[string]string
		providers []string // with where they are
		last      string   // the provider of every other model
	}{
		"one":   {map[string]string{"OPENAI_API_KEY": "sk-1"}, []string{"openai openai"}, "openai"},
		"other": {map[string]string{"MISTRAL_API_KEY": "m", "OPENAI_API_KEY": ""}, []string{"mistral mistral"}, "mistral"},
		"two": {
			map[string]string{"XAI_API_KEY": "x", "OPENAI_API_KEY": "sk-1"},
			[]string{"openai openai", "xai xai"},
			"openai",
		},
		"elsewhere": {
			map[string]string{"OPENAI_API_KEY": "sk-1", "OPENAI_BASE_URL": "http://127.0.0.1:9/v1"},
			[]string{"openai http://127.0.0.1:9/v1"},
			"openai",
		},
	} {
		loaded, err := FromEnvironment(lookup(tt.env))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var got []string
		for _, p := range loaded.Config.GetLlm().GetProviders() {
			got = append(got, p.GetName()+" "+p.GetPreset()+p.GetUrl())
			if p.GetKey().GetEnv() == "" {
				t.Errorf("%s: %s takes its key from %v", name, p.GetName(), p.GetKey())
			}
		}
		routes := loaded.Config.GetLlm().GetRoutes()
		if last := routes[len(routes)-1]; !slices.Equal(got, tt.providers) || last.GetTo()[0].GetProvider() != tt.last {
			t.Errorf("%s: providers %q, the last route %v", name, got, last)
		}
		if _, err := Check(loaded); err != nil || len(loaded.Policies) != 1 {
			t.Errorf("%s: %d policies, %v", name, len(loaded.Policies), err)
		}
	}
}

// TestFromEnvironmentRefuses: no value of a variable may write configuration.
func TestFromEnvironmentRefuses(t *testing.T) {
	if _, err := FromEnvironment(lookup(nil)); err == nil || !strings.Contains(err.Error(), "set OPENAI_API_KEY") || !strings.Contains(err.Error(), "-c FILE") {
		t.Errorf("no key: %v", err)
	}
	for _, base := range []string{"http://api.example/v1", "file:///etc", "x\", key: {env: HOME}, name: \"y", "a\n---\nkind: AgentPolicy"} {
		if _, err := FromEnvironment(lookup(map[string]string{"OPENAI_API_KEY": "sk-secret", "OPENAI_BASE_URL": base})); err == nil || strings.Contains(err.Error(), "sk-secret") {
			t.Errorf("%q: %v", base, err)
		}
	}
}

func TestKeyVariables(t *testing.T) {
	loaded, err := config.Text("test", `apiVersion: outrider.dev/v1
kind: Config
agent: {name: a}
llm:
  providers:
    - {name: one, preset: openai, key: {env: MY_KEY}}
    - {name: two, url: "http://127.0.0.1:1/v1", key: {file: /run/key}}
    - {name: three, url: "http://127.0.0.1:1/v1"}
mcp:
  servers:
    - {name: git, url: "http://127.0.0.1:2/mcp", auth: {bearer: {env: GIT_TOKEN}}}
    - {name: open, url: "http://127.0.0.1:3/mcp"}
pdp: {peers: [{key: {env: CI_KEY}, agents: [ci]}]}
`)
	if err != nil {
		t.Fatal(err)
	}
	got := KeyVariables(loaded)
	for _, want := range []string{"OPENAI_API_KEY", "OPENROUTER_API_KEY", "MY_KEY", "GIT_TOKEN", "CI_KEY"} {
		if !slices.Contains(got, want) {
			t.Errorf("%s is missing of %q", want, got)
		}
	}
	if slices.Contains(got, "") {
		t.Errorf("%q names nothing", got)
	}
}
