package inject

import (
	"regexp"
	"slices"
	"strings"
)

// name settles who the agent is: as its annotation says, else as its service
// account, which alone the pod can prove, else as labels and workload call it.
func (i *Injector) name(r *Report, w *wishes, h holder, pod object) {
	labels, spec := at(pod, "metadata", "labels"), child(pod, "spec")
	account := text(spec, "serviceAccountName")
	if account == "" {
		account = text(spec, "serviceAccount")
	}
	if account == "default" {
		account = ""
	}
	for _, c := range []struct{ name, from string }{
		{w.agent, "annotation " + AnnotationAgent},
		{account, "service account"},
		{text(labels, "app.kubernetes.io/name"), "label app.kubernetes.io/name"},
		{text(labels, "app"), "label app"},
		{h.workload, "workload"},
		{"default", "service account"},
	} {
		if c.name != "" {
			r.Agent, r.From = c.name, c.from
			break
		}
	}
	if account == "" {
		r.warn("", "runs as the service account default, which proves nothing of it but its namespace: give it one of its own")
	} else if r.Agent != account {
		r.note("", "proves to be "+account+", its service account; pdp.peers must let that speak for "+r.Agent)
	}
}

// workloadOf names what a pod belongs to, as its manifest would: a Deployment
// by its ReplicaSet, a CronJob by its Job.
func workloadOf(meta object) string {
	owners, _ := objects(meta, "ownerReferences")
	for _, o := range owners {
		if !truth(o, "controller") {
			continue
		}
		name := text(o, "name")
		for _, label := range revisionLabels() {
			if hash := text(child(meta, "labels"), label); hash != "" {
				name = strings.TrimSuffix(name, "-"+hash)
			}
		}
		return withoutTime(text(o, "kind"), name)
	}
	if name := text(meta, "name"); name != "" {
		return name
	}
	return strings.TrimSuffix(text(meta, "generateName"), "-")
}

// revisionLabels hold what Deployments, and the Rollouts of Argo, put behind their names.
func revisionLabels() []string { return []string{"pod-template-hash", "rollouts-pod-template-hash"} }

// cronTime is what the CronJob controller puts behind its name: minutes since 1970.
var cronTime = regexp.MustCompile(`-\d{8,}$`)

// withoutTime calls a Job as its CronJob. A pod does not tell whether there is one, so a Job
// that only looks as if is called so too, in its manifest as well.
func withoutTime(kind, name string) string {
	if kind != "Job" {
		return name
	}
	return cronTime.ReplaceAllString(name, "")
}

// controllerLabel tells labels that are set by controllers on each pod, and ours. They name the single pod
// or its revision, so policies do not select by them.
func controllerLabel(name string) bool {
	if slices.Contains(revisionLabels(), name) {
		return true
	}
	switch name {
	case "controller-revision-hash", "pod-template-generation", "controller-uid", "job-name",
		"statefulset.kubernetes.io/pod-name", "apps.kubernetes.io/pod-index", LabelStatus, AnnotationInject:
		return true
	default:
		return strings.HasPrefix(name, "batch.kubernetes.io/")
	}
}
