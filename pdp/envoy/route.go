package envoy

import (
	"fmt"
	"slices"
	"strings"

	"google.golang.org/grpc/metadata"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/dialect/inbound"
)

// Keys by which Envoy's configuration describes a route: as context extensions
// of ext_authz, and behind metadataPrefix, with hyphens, as initial metadata of
// ext_proc's gRPC service.
const (
	keyAgent          = "agent"
	keyNamespace      = "namespace"
	keyServiceAccount = "service_account"
	keyLabels         = "labels" // app=copilot,team=dev
	keyProvider       = "provider"
	keyServer         = "server"
	keyPaired         = "paired" // "true": ext_proc follows ext_authz

	metadataPrefix = "x-outrider-"
)

func keys() []string {
	return []string{keyAgent, keyNamespace, keyServiceAccount, keyLabels, keyProvider, keyServer, keyPaired}
}

func known(key string) bool { return slices.Contains(keys(), key) }

// Route is what Envoy's configuration says of the route that a call takes: for
// whom Envoy speaks there, and where it leads. Agents cannot set it.
type Route struct {
	Agent    decision.Caller // Agent is empty where the configuration names none
	Provider string          // LLM provider that the route leads to; empty: not said
	Server   string          // MCP server that the route leads to; empty: not said
	Paired   bool            // both faces stand in the chain
}

// Target names the provider or the server that the route leads to.
func (r *Route) Target() string {
	if r.Provider != "" {
		return r.Provider
	}
	return r.Server
}

// Aim holds a call to where the route leads, if the route says so. The error is
// a *decision.Error.
func (r *Route) Aim(c *inbound.Call) error {
	ask := &c.Ask
	switch {
	case r.Target() == "":
		return nil
	case ask.Surface == decision.LLM && r.Provider == "", ask.Surface == decision.MCP && r.Server == "":
		return misconfigured("it leads to " + r.Target() + ", which is none for calls to " + ask.HTTP.Path)
	case ask.Surface == decision.MCP && ask.Server != "" && ask.Server != r.Server:
		return misconfigured("it leads to the server " + r.Server + ", and the path names another one")
	}
	ask.Target, ask.Server = r.Target(), r.Server
	return nil
}

// RouteOfContext reads the context extensions of a check. The error is a
// *decision.Error.
func RouteOfContext(extensions map[string]string) (Route, error) {
	for key := range extensions {
		if !known(key) {
			return Route{}, misconfigured(fmt.Sprintf("context_extensions: %.64q is not known; known are %s", key, strings.Join(keys(), ", ")))
		}
	}
	return readRoute("context_extensions", extensions)
}

// RouteOfMetadata reads the initial metadata of an ext_proc stream. The error
// is a *decision.Error.
func RouteOfMetadata(md metadata.MD) (Route, error) {
	values := map[string]string{}
	for name, list := range md {
		rest, ours := strings.CutPrefix(name, metadataPrefix)
		if !ours {
			continue
		}
		key := strings.ReplaceAll(rest, "-", "_")
		if !known(key) {
			return Route{}, misconfigured(fmt.Sprintf("initial_metadata: %.64q is not known; known are %s", name, strings.Join(keys(), ", ")))
		}
		if len(list) != 1 {
			return Route{}, misconfigured("initial_metadata: " + name + " stands twice")
		}
		values[key] = list[0]
	}
	return readRoute("initial_metadata", values)
}

func readRoute(where string, values map[string]string) (Route, error) {
	r := Route{
		Agent: decision.Caller{
			Agent: values[keyAgent], Namespace: values[keyNamespace], ServiceAccount: values[keyServiceAccount],
		},
		Provider: values[keyProvider],
		Server:   values[keyServer],
	}
	switch values[keyPaired] {
	case "", "false":
	case "true":
		r.Paired = true
	default:
		return Route{}, misconfigured(where + `: paired must be "true" or "false"`)
	}
	if r.Provider != "" && r.Server != "" {
		return Route{}, misconfigured(where + ": a route leads to a provider or to a server, not to both")
	}
	var err error
	r.Agent.Labels, err = readLabels(where, values[keyLabels])
	return r, err
}

func readLabels(where, text string) (map[string]string, error) {
	if text == "" {
		return nil, nil
	}
	labels := map[string]string{}
	for pair := range strings.SplitSeq(text, ",") {
		name, value, ok := strings.Cut(strings.TrimSpace(pair), "=")
		if _, twice := labels[name]; !ok || name == "" || twice {
			return nil, misconfigured(where + ": labels must read name=value,name=value, each name once")
		}
		labels[name] = value
	}
	return labels, nil
}

func misconfigured(message string) error {
	return decision.Refuse(decision.CodeFaceCannotEnforce, "Envoy's configuration of this route: "+message)
}
