package inject

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Where the sidecar finds what is mounted for it.
const (
	mountPath       = "/var/run/outrider"
	configFile      = "config.yaml"
	tokenFile       = "token"
	trustFile       = "ca.crt"
	tokenExpiration = 3600 // seconds; the kubelet renews it when a fifth is left
)

// addSidecar adds the container, its volume, its configuration and the mark.
func (i *Injector) addSidecar(e *edit, r *Report, w *wishes, pod object) {
	spec, meta := child(pod, "spec"), child(pod, "metadata")
	if pod["metadata"] == nil {
		e.add("/metadata", object{})
	}
	e.members(meta, "labels", "/metadata", member{LabelStatus, statusInjected})
	e.members(meta, "annotations", "/metadata", member{annotationConfig, configOf(r.Agent, child(meta, "labels"), w)})
	e.append(spec, "volumes", "/spec", w.volume())
	c := w.container(freeUID(spec, w.UID))
	if w.Placement == Container {
		e.append(spec, "containers", "/spec", c)
		return
	}
	c.RestartPolicy = "Always"
	inits := initContainers(spec)
	if len(inits) == 0 {
		e.append(spec, "initContainers", "/spec", c)
		return
	}
	e.add(index("/spec/initContainers", afterMesh(inits)), c)
}

// afterMesh returns the place of the sidecar: first, but for what brings the
// pod's network up, without which nothing reaches the decision service.
func afterMesh(inits []object) int {
	for n, c := range inits {
		if !mesh(text(c, "name")) {
			return n
		}
	}
	return len(inits)
}

// mesh tells the containers of service meshes by the names that they all use.
func mesh(container string) bool {
	return strings.HasPrefix(container, "istio-") || strings.HasPrefix(container, "linkerd-")
}

// freeUID returns the first user id from uid on that no container runs as: the
// same user could read the sidecar's token.
func freeUID(spec object, uid int64) int64 {
	used := map[int64]bool{}
	for _, o := range append(slices.Concat(initContainers(spec), containers(spec)), spec) {
		if n, ok := number(child(o, "securityContext"), "runAsUser"); ok {
			used[n] = true
		}
	}
	for used[uid] {
		uid++
	}
	return uid
}

// configOf is the configuration of the sidecar. Namespace and service account
// are not in it: the decision service reads them from the token.
func configOf(agent string, labels object, w *wishes) string {
	var b strings.Builder
	fmt.Fprintf(&b, "apiVersion: outrider.dev/v1\nkind: Config\nagent:\n  name: %s\n", quote(agent))
	first := true
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		value, ok := labels[key].(string)
		if !ok || controllerLabel(key) {
			continue
		}
		if first {
			b.WriteString("  labels:\n")
			first = false
		}
		fmt.Fprintf(&b, "    %s: %s\n", quote(key), quote(value))
	}
	fmt.Fprintf(&b, "listen:\n  agent: \"127.0.0.1:%d\"\n  admin: \"0.0.0.0:%d\"\n", w.AgentPort, w.AdminPort)
	fmt.Fprintf(&b, "decision:\n  target: %s\n  token: %s/%s\n  tls:\n    ca: %s/%s\n", quote(w.Target), mountPath, tokenFile, mountPath, trustFile)
	if w.ServerName != "" {
		fmt.Fprintf(&b, "    serverName: %s\n", quote(w.ServerName))
	}
	return b.String()
}

// quote writes a string so that YAML and JSON read it alike.
func quote(s string) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil { // strings can always be encoded
		return `""`
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// The container and the volume, in the order in which people write them.
type (
	sidecar struct {
		Name            string          `json:"name"`
		Image           string          `json:"image"`
		Args            []string        `json:"args"`
		Env             []envVar        `json:"env,omitempty"`
		RestartPolicy   string          `json:"restartPolicy,omitempty"`
		Ports           []port          `json:"ports"`
		StartupProbe    probe           `json:"startupProbe"`
		ReadinessProbe  probe           `json:"readinessProbe"`
		LivenessProbe   probe           `json:"livenessProbe"`
		Resources       resources       `json:"resources"`
		SecurityContext securityContext `json:"securityContext"`
		Termination     string          `json:"terminationMessagePolicy"`
		VolumeMounts    []mount         `json:"volumeMounts"`
	}
	envVar struct {
		Name  string `json:"name"`
		Value string `json:"value"`
	}
	port struct {
		Name          string `json:"name"`
		ContainerPort int    `json:"containerPort"`
	}
	probe struct {
		HTTPGet          httpGet `json:"httpGet"`
		PeriodSeconds    int     `json:"periodSeconds"`
		TimeoutSeconds   int     `json:"timeoutSeconds"`
		FailureThreshold int     `json:"failureThreshold"`
	}
	httpGet struct {
		Path string `json:"path"`
		Port int    `json:"port"`
	}
	resources struct {
		Requests quantities `json:"requests"`
		Limits   quantities `json:"limits"`
	}
	quantities struct {
		CPU    string `json:"cpu,omitempty"`
		Memory string `json:"memory"`
	}
	securityContext struct {
		AllowPrivilegeEscalation bool           `json:"allowPrivilegeEscalation"`
		Capabilities             object         `json:"capabilities"`
		ReadOnlyRootFilesystem   bool           `json:"readOnlyRootFilesystem"`
		RunAsGroup               int64          `json:"runAsGroup"`
		RunAsNonRoot             bool           `json:"runAsNonRoot"`
		RunAsUser                int64          `json:"runAsUser"`
		SeccompProfile           seccompProfile `json:"seccompProfile"`
	}
	seccompProfile struct {
		Type string `json:"type"`
	}
	mount struct {
		Name      string `json:"name"`
		MountPath string `json:"mountPath"`
		ReadOnly  bool   `json:"readOnly"`
	}
)

func (w *wishes) container(uid int64) *sidecar {
	const second, often, seldom = 1, 5, 10
	look := func(path string, period, failures int) probe {
		return probe{HTTPGet: httpGet{path, w.AdminPort}, PeriodSeconds: period, TimeoutSeconds: 3, FailureThreshold: failures}
	}
	return &sidecar{
		Name:           containerName,
		Image:          w.Image,
		Args:           []string{"-c", mountPath + "/" + configFile},
		Env:            softLimit(w.MemoryLimit),
		Ports:          []port{{"outrider-admin", w.AdminPort}},
		StartupProbe:   look("/healthz", second, 60),
		ReadinessProbe: look("/readyz", often, 3),
		LivenessProbe:  look("/healthz", seldom, 6),
		Resources:      resources{Requests: quantities{w.CPU, w.Memory}, Limits: quantities{Memory: w.MemoryLimit}},
		SecurityContext: securityContext{
			Capabilities:           object{"drop": []string{"ALL"}},
			ReadOnlyRootFilesystem: true,
			RunAsGroup:             uid,
			RunAsNonRoot:           true,
			RunAsUser:              uid,
			SeccompProfile:         seccompProfile{"RuntimeDefault"},
		},
		Termination:  "FallbackToLogsOnError",
		VolumeMounts: []mount{{containerName, mountPath, true}},
	}
}

type (
	volume struct {
		Name      string    `json:"name"`
		Projected projected `json:"projected"`
	}
	projected struct {
		Sources []any `json:"sources"`
	}
	keyFile struct {
		Key  string `json:"key"`
		Path string `json:"path"`
	}
	trustSource struct {
		Name  string    `json:"name"`
		Items []keyFile `json:"items"`
	}
	tokenSource struct {
		Audience          string `json:"audience"`
		ExpirationSeconds int    `json:"expirationSeconds"`
		Path              string `json:"path"`
	}
	fieldFile struct {
		Path     string `json:"path"`
		FieldRef object `json:"fieldRef"`
	}
)

// volume holds all that the sidecar reads. Only its container mounts it, so
// that the agent cannot read the token.
func (w *wishes) volume() volume {
	trust := map[string]trustSource{}
	if w.Trust.Secret != "" {
		trust["secret"] = trustSource{w.Trust.Secret, []keyFile{{w.Trust.Key, trustFile}}}
	} else {
		trust["configMap"] = trustSource{w.Trust.ConfigMap, []keyFile{{w.Trust.Key, trustFile}}}
	}
	config := fieldFile{configFile, object{"fieldPath": "metadata.annotations['" + annotationConfig + "']"}}
	return volume{containerName, projected{[]any{
		map[string]tokenSource{"serviceAccountToken": {w.Audience, tokenExpiration, tokenFile}},
		trust,
		object{"downwardAPI": object{"items": []fieldFile{config}}},
	}}}
}
