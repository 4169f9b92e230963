package inject

import (
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// placeholder is what agents send for a key: SDKs refuse to start without one.
const placeholder = "outrider"

// variable is one that an agent's container gets. Those that say where calls
// go must not lead elsewhere.
type variable struct {
	name, value string
	address     bool
}

// variables are what the SDKs of agents read.
func variables(port int) []variable {
	base := "http://" + net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	return []variable{
		{"OPENAI_BASE_URL", base + "/v1", true},
		{"OPENAI_API_KEY", placeholder, false},
		{"ANTHROPIC_BASE_URL", base, true},
		{"ANTHROPIC_API_KEY", placeholder, false},
		{"AWS_ENDPOINT_URL_BEDROCK_RUNTIME", base, true},
		{"OUTRIDER_MCP_URL", base + "/mcp", true},
	}
}

// agent is a container that calls models and tools.
type agent struct {
	path string // in the pod
	object
}

// agents returns the containers that are agents: all but the sidecars of others
// and those that the annotation leaves out, and the init containers that it names.
func agents(r *Report, w *wishes, spec object) []agent {
	var out []agent
	seen := map[string]bool{}
	for n, c := range initContainers(spec) {
		name := text(c, "name")
		seen[name] = true
		if !slices.Contains(w.init, name) || name == containerName {
			continue
		}
		out = append(out, agent{index("/spec/initContainers", n), c})
		if w.Placement == Container {
			r.warn(name, "runs before a sidecar of placement Container does: its calls fail. Use placement Native")
		}
	}
	for n, c := range containers(spec) {
		name := text(c, "name")
		seen[name] = true
		if slices.Contains(w.skip, name) || name == containerName || mesh(name) {
			continue
		}
		out = append(out, agent{index("/spec/containers", n), c})
	}
	for _, name := range slices.Concat(w.init, w.skip) {
		if !seen[name] {
			r.warn("", fmt.Sprintf("an annotation names container %q, which is not there", name))
		}
	}
	return out
}

// environment gives every agent the variables that it has not.
func (i *Injector) environment(e *edit, r *Report, w *wishes, spec object) {
	// Paths are those of the pod before the sidecar came in, which stands among
	// the init containers before them.
	shift := 0
	if sidecarOf(spec) == nil && w.Placement == Native {
		shift = 1
	}
	for _, a := range agents(r, w, spec) {
		path := a.path
		if n, ok := strings.CutPrefix(path, "/spec/initContainers/"); ok {
			if at, err := strconv.Atoi(n); err == nil && at >= afterMesh(initContainers(spec)) {
				path = index("/spec/initContainers", at+shift)
			}
		}
		i.variables(e, r, w, a, path)
	}
}

type entry struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

func (i *Injector) variables(e *edit, r *Report, w *wishes, a agent, path string) {
	have := map[string]object{}
	env, _ := objects(a.object, "env")
	for _, v := range env {
		have[text(v, "name")] = v
	}
	var missing []any
	var sets, keeps []string
	for _, v := range variables(w.AgentPort) {
		was := have[v.name]
		switch {
		case was == nil:
			missing, sets = append(missing, entry{v.name, v.value}), append(sets, v.name)
		case text(was, "value") != v.value:
			keeps = append(keeps, v.name)
		}
	}
	name := text(a.object, "name")
	if len(sets) > 0 {
		r.note(name, "sets "+strings.Join(sets, ", "))
	}
	if len(keeps) > 0 {
		r.note(name, "keeps its own "+strings.Join(keeps, ", "))
	}
	e.append(a.object, "env", path, missing...)
}

// elsewhere says where an address leads, if not to the sidecar: its host, since
// the rest may hold a key. ok is false where it leads to the sidecar.
func elsewhere(v object, port int) (where string, ok bool) {
	if v["valueFrom"] != nil {
		return "somewhere that only the cluster knows", true
	}
	value := text(v, "value")
	if value == "" {
		return "the provider itself, since it is empty", true
	}
	u, err := url.Parse(value)
	if err != nil || u.Hostname() == "" {
		return "an address that cannot be read", true
	}
	host := strings.ToLower(u.Hostname())
	if ip := net.ParseIP(host); (host == "localhost" || ip != nil && ip.IsLoopback()) && u.Port() == strconv.Itoa(port) {
		return "", false
	}
	return u.Hostname(), true
}
