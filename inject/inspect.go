package inject

import (
	"fmt"
	"slices"
	"strings"

	"outrider.dev/outrider/decision"
)

// otherAddress tells variables beside ours that send an SDK elsewhere.
func otherAddress(name string) bool {
	return slices.Contains([]string{
		"OPENAI_API_BASE", "AZURE_OPENAI_ENDPOINT", "ANTHROPIC_BEDROCK_BASE_URL", "ANTHROPIC_VERTEX_BASE_URL",
		"AWS_ENDPOINT_URL", "GOOGLE_GEMINI_BASE_URL", "MISTRAL_BASE_URL", "GROQ_BASE_URL", "XAI_BASE_URL",
	}, name)
}

// providerKey tells variables that hold a provider's key by their name.
func providerKey(name string) bool {
	return slices.Contains([]string{
		"OPENAI_API_KEY", "AZURE_OPENAI_API_KEY", "ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "AWS_BEARER_TOKEN_BEDROCK",
		"XAI_API_KEY", "GROQ_API_KEY", "MISTRAL_API_KEY", "DEEPSEEK_API_KEY", "OPENROUTER_API_KEY", "GEMINI_API_KEY",
		"GOOGLE_API_KEY", "COHERE_API_KEY", "CO_API_KEY", "TOGETHER_API_KEY", "FIREWORKS_API_KEY", "PERPLEXITY_API_KEY",
		"HF_TOKEN", "HUGGINGFACE_API_KEY", "REPLICATE_API_TOKEN",
	}, name)
}

// inspect tells what leads around the road: addresses elsewhere, and keys that
// a provider would take.
func (i *Injector) inspect(r *Report, w *wishes, spec object) {
	for _, c := range slices.Concat(initContainers(spec), containers(spec)) {
		if name := text(c, "name"); name != containerName && !mesh(name) {
			i.inspectContainer(r, w, c)
		}
	}
	if c := sidecarOf(spec); c != nil && text(c, "image") != w.Image {
		r.warn(containerName, fmt.Sprintf("is there already and runs the image %q, where an injection gives it %q: nobody but its author knows what it does. "+
			"Inject the manifest as it was written anew", text(c, "image"), w.Image))
	}
	for _, shared := range []string{"shareProcessNamespace", "hostPID"} {
		if truth(spec, shared) {
			r.warn("", shared+": a container that runs as root can read the sidecar's token. Turn it off, or run all as users of their own")
		}
	}
}

func (i *Injector) inspectContainer(r *Report, w *wishes, c object) {
	container := text(c, "name")
	ours := variables(w.AgentPort)
	env, _ := objects(c, "env")
	for _, v := range env {
		name := text(v, "name")
		isOurs := slices.ContainsFunc(ours, func(o variable) bool { return o.name == name && o.address })
		switch where, away := elsewhere(v, w.AgentPort); {
		case (isOurs || otherAddress(name)) && away:
			r.warn(container, fmt.Sprintf("%s leads to %s: these calls go around Outrider. Remove it", name, where))
		default:
			i.inspectKey(r, container, name, v)
		}
	}
	if c["envFrom"] != nil {
		r.note(container, "takes more variables from the cluster (envFrom), which were not looked at: they may hold keys, or addresses under other names")
	}
	inspectProxy(r, container, env)
	for _, key := range []string{"command", "args"} {
		list, _ := c[key].([]any)
		for _, word := range list {
			if s, ok := word.(string); ok {
				if kind := i.credential(s); kind != "" {
					r.warn(container, fmt.Sprintf("%s holds a credential (%s) in plain sight. Move it to the decision service", key, kind))
				}
			}
		}
	}
}

// inspectKey tells a key by what it looks like, or by the name of its variable.
func (i *Injector) inspectKey(r *Report, container, name string, v object) {
	value := text(v, "value")
	switch kind := i.credential(name + "=" + value); {
	case kind != "":
		r.warn(container, fmt.Sprintf("%s holds a credential (%s) in plain sight. Move it to the decision service and change it", name, kind))
	case !providerKey(name) || value == placeholder:
	case v["valueFrom"] != nil:
		r.warn(container, name+" holds a key from the cluster, with which calls can go around Outrider. Move it to the decision service")
	case value != "" && !strings.HasPrefix(value, "$("):
		r.warn(container, name+" holds a key in plain sight. Move it to the decision service and change it")
	}
}

// credential returns the type of a credential in the text; empty: there is none.
func (i *Injector) credential(s string) string {
	for _, f := range i.secrets.Scan([]byte(s), decision.Segment{Kind: decision.KindPrompt, Origin: decision.OriginUser}, nil) {
		return f.Type
	}
	return ""
}

// inspectProxy tells of a proxy that would get the calls to the sidecar.
func inspectProxy(r *Report, container string, env []object) {
	proxy, bypass := "", ""
	for _, v := range env {
		switch name := text(v, "name"); strings.ToUpper(name) {
		case "HTTP_PROXY", "ALL_PROXY":
			proxy = name
		case "NO_PROXY":
			bypass += "," + text(v, "value")
		}
	}
	if proxy != "" && !strings.Contains(bypass, "127.0.0.1") {
		r.warn(container, proxy+" sends the calls to the sidecar to a proxy: add 127.0.0.1 to NO_PROXY")
	}
}
