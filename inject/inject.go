package inject

import (
	"fmt"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/guards"
)

// Injector injects with one set of settings. It is immutable and safe for
// concurrent use.
type Injector struct {
	settings Settings
	secrets  *guards.Set
}

// New checks the settings.
func New(s Settings) (*Injector, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	secrets, err := guards.New([]guards.Spec{{Kind: guards.Secret, Action: decision.ActionObserve}}, nil)
	if err != nil {
		return nil, fmt.Errorf("inject: %w", err)
	}
	return &Injector{settings: s, secrets: secrets}, nil
}

// Pod injects into a pod as the API server gets it. The namespace is the
// request's, since the object need not say it.
func (i *Injector) Pod(pod map[string]any, namespace string) ([]Op, Report) {
	name := text(child(pod, "metadata"), "name")
	if name == "" {
		name = text(child(pod, "metadata"), "generateName") + "…"
	}
	return i.pod(holder{kind: "Pod", namespace: namespace, name: name, workload: workloadOf(child(pod, "metadata"))}, "", pod)
}

// holder is the object that holds a pod.
type holder struct {
	kind, namespace, name string
	workload              string // that the pod belongs to, for the agent's name
}

// Object injects into every pod that the object holds: itself, its template,
// or those of its items. Without any there is no report.
func (i *Injector) Object(obj map[string]any) ([]Op, []Report) {
	return i.within("", obj, maxDepth)
}

// maxDepth bounds how deep lists hold lists; kubectl makes one level.
const maxDepth = 4

func (i *Injector) within(path string, obj object, depth int) (ops []Op, reports []Report) {
	if items, ok := obj["items"].([]any); ok && depth > 0 && obj["spec"] == nil {
		for n, item := range items {
			if o, ok := item.(object); ok {
				more, told := i.within(index(path+"/items", n), o, depth-1)
				ops, reports = append(ops, more...), append(reports, told...)
			}
		}
		return ops, reports
	}
	below, pod := podOf(obj)
	if pod == nil {
		return nil, nil
	}
	meta := child(obj, "metadata")
	h := holder{kind: text(obj, "kind"), namespace: text(meta, "namespace"), name: text(meta, "name")}
	if h.workload = withoutTime(h.kind, h.name); below == "" {
		h.workload = workloadOf(meta)
	}
	ops, report := i.pod(h, path+below, pod)
	return ops, []Report{report}
}

// podOf returns the pod that the object is or describes, and where it stands.
// Kinds are told by their shape, so that those of operators work as well.
func podOf(obj object) (path string, pod object) {
	if text(obj, "kind") == "Pod" {
		return "", obj
	}
	for _, path := range []string{"/template", "/spec/template", "/spec/jobTemplate/spec/template"} {
		if t := at(obj, Steps(path)...); t != nil && child(t, "spec")["containers"] != nil {
			return path, t
		}
	}
	return "", nil
}

// pod injects into one pod or template that stands at path.
func (i *Injector) pod(h holder, path string, pod object) ([]Op, Report) {
	r := Report{Kind: h.kind, Namespace: h.namespace, Name: h.name}
	meta := child(pod, "metadata")
	if why := optedOut(meta); why != nil {
		r.skipped(why)
		return nil, r
	}
	w, why := i.wishes(meta)
	if why == nil {
		why = refuse(pod, &w)
	}
	if why != nil {
		r.skipped(why)
		return nil, r
	}
	spec, e := child(pod, "spec"), &edit{root: path}
	i.name(&r, &w, h, pod)
	if sidecarOf(spec) == nil {
		i.addSidecar(e, &r, &w, pod)
	}
	i.environment(e, &r, &w, spec)
	i.inspect(&r, &w, spec)
	if r.Outcome = Injected; len(e.ops) == 0 {
		r.Outcome = Unchanged
	}
	return e.ops, r
}
