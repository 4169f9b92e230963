package manifest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"outrider.dev/outrider/inject"
	"outrider.dev/outrider/inject/webhook"
)

// cluster is the webhook as the API server sees it.
type cluster struct {
	handler http.Handler
	told    inject.Report // of the last pod
}

func newCluster(t *testing.T) *cluster {
	c := &cluster{}
	c.handler = webhook.Handler(webhook.Config{
		Injector: newInjector(t), Namespace: "outrider", Log: slog.New(slog.DiscardHandler),
		Count: func(r inject.Report) { c.told = r }, Tell: func(inject.Report, webhook.Pod) {},
	})
	return c
}

// create returns the pod that the API server would store.
func (c *cluster) create(t *testing.T, pod map[string]any) map[string]any {
	t.Helper()
	body := marshal(t, map[string]any{
		"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
		"request": map[string]any{
			"uid": "1", "kind": map[string]any{"version": "v1", "kind": "Pod"},
			"namespace": "prod", "operation": "CREATE", "object": pod,
		},
	})
	r := httptest.NewRequest(http.MethodPost, "/mutate", bytes.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	c.handler.ServeHTTP(w, r)
	var answer struct {
		Response struct {
			Allowed bool
			Patch   []byte
		}
	}
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || !answer.Response.Allowed {
		t.Fatalf("%d %s: %v", w.Code, w.Body, err)
	}
	var ops []inject.Op
	if answer.Response.Patch != nil {
		if err := json.Unmarshal(answer.Response.Patch, &ops); err != nil {
			t.Fatal(err)
		}
	}
	out, err := inject.Apply(pod, ops)
	if err != nil {
		t.Fatal(err)
	}
	return plainJSON(t, out)
}

func marshal(t *testing.T, v any) []byte {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// plainJSON is an object as a JSON decoder makes it.
func plainJSON(t *testing.T, v any) (out map[string]any) {
	t.Helper()
	if err := json.Unmarshal(marshal(t, v), &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// kinds are the ways from a manifest to a pod: where its template is, what the pod's owner is
// called, and the labels that controllers add.
var kinds = map[string]struct {
	template []string
	owner    func(name string) (kind, owner string)
	labels   map[string]string
}{
	"Pod": {},
	"Deployment": {
		template: []string{"spec", "template"}, labels: map[string]string{"pod-template-hash": "5d5d5"},
		owner: func(name string) (string, string) { return "ReplicaSet", name + "-5d5d5" },
	},
	"Rollout": {
		template: []string{"spec", "template"}, labels: map[string]string{"rollouts-pod-template-hash": "5d5d5"},
		owner: func(name string) (string, string) { return "ReplicaSet", name + "-5d5d5" },
	},
	"StatefulSet": {
		template: []string{"spec", "template"}, labels: map[string]string{"statefulset.kubernetes.io/pod-name": "w-0", "apps.kubernetes.io/pod-index": "0", "controller-revision-hash": "w-5d5d5"},
		owner: func(name string) (string, string) { return "StatefulSet", name },
	},
	"DaemonSet": {
		template: []string{"spec", "template"}, labels: map[string]string{"controller-revision-hash": "5d5d5", "pod-template-generation": "1"},
		owner: func(name string) (string, string) { return "DaemonSet", name },
	},
	"Job": {
		template: []string{"spec", "template"}, labels: map[string]string{"batch.kubernetes.io/job-name": "w", "job-name": "w", "controller-uid": "u", "batch.kubernetes.io/controller-uid": "u"},
		owner: func(name string) (string, string) { return "Job", name },
	},
	"CronJob": {
		template: []string{"spec", "jobTemplate", "spec", "template"}, labels: map[string]string{"job-name": "w-28000000"},
		owner: func(name string) (string, string) { return "Job", name + "-28000000" },
	},
}

// under is the mapping that the keys lead to.
func under(o map[string]any, keys []string) map[string]any {
	for _, key := range keys {
		o = o[key].(map[string]any)
	}
	return o
}

// made is the pod that controllers make of a manifest.
func made(t *testing.T, kind string, obj map[string]any) map[string]any {
	k := kinds[kind]
	pod := plainJSON(t, under(obj, k.template))
	pod["apiVersion"], pod["kind"] = "v1", "Pod"
	if k.owner == nil {
		return pod
	}
	meta, _ := pod["metadata"].(map[string]any)
	if meta == nil {
		meta = map[string]any{}
		pod["metadata"] = meta
	}
	labels, _ := meta["labels"].(map[string]any)
	if labels == nil {
		labels = map[string]any{}
		meta["labels"] = labels
	}
	for key, value := range k.labels {
		labels[key] = value
	}
	ownerKind, owner := k.owner(obj["metadata"].(map[string]any)["name"].(string))
	meta["name"], meta["generateName"] = owner+"-x7x7x", owner+"-"
	meta["ownerReferences"] = []any{map[string]any{"kind": ownerKind, "name": owner, "controller": true}}
	return pod
}

// TestWebhookAndManifestAgree: whatever the workload, its pod comes out of the cluster the
// same whether the manifest was injected on a desk or the webhook patched the pod, and once
// injected it is left alone by either.
func TestWebhookAndManifestAgree(t *testing.T) {
	i, c := newInjector(t), newCluster(t)
	outcomes := map[inject.Outcome]int{}
	for seed := range uint64(250) {
		r := rand.New(rand.NewPCG(seed, 2))
		names := []string{"Pod", "Deployment", "Rollout", "StatefulSet", "DaemonSet", "Job", "CronJob"}
		kind := names[r.IntN(len(names))]
		obj := randomObject(r, kind)
		written, err := yaml.Marshal(obj)
		if r.IntN(2) == 0 {
			written, err = json.Marshal(obj)
		}
		if err != nil {
			t.Fatal(err)
		}
		out, reports, err := Inject(written, i)
		if err != nil || len(reports) != 1 {
			t.Fatalf("seed %d: %v, %d reports", seed, err, len(reports))
		}
		var offline map[string]any
		if err := yaml.Unmarshal(out, &offline); err != nil {
			t.Fatal(err)
		}
		online := c.create(t, made(t, kind, plainJSON(t, obj)))
		outcomes[c.told.Outcome]++
		if diff := cmp.Diff(said(c.told), said(reports[0])); diff != "" {
			t.Errorf("seed %d, %s (-webhook +manifest):\n%s", seed, kind, diff)
		}
		applied := made(t, kind, plainJSON(t, offline))
		if diff := cmp.Diff(online, applied); diff != "" {
			t.Fatalf("seed %d, %s (-webhook +manifest):\n%s", seed, kind, diff)
		}
		if again := c.create(t, applied); !cmp.Equal(again, applied) {
			t.Errorf("seed %d, %s: the webhook changes what the manifest made:\n%s", seed, kind, cmp.Diff(applied, again))
		}
	}
	if outcomes[inject.Injected] < 100 || outcomes[inject.Skipped] < 30 {
		t.Errorf("outcomes %v: the property says little", outcomes)
	}
}

// said is what a report tells of the pod, whatever object held it.
func said(r inject.Report) string {
	return fmt.Sprintln(r.Outcome, r.Reason, r.Detail, r.Agent, r.From, r.Notes)
}

// randomObject is a workload, or a pod, with a name that may look like one that a controller made.
func randomObject(r *rand.Rand, kind string) map[string]any {
	pod := randomWorkload(r)
	for { // a list holds it
		if list, ok := pod.(map[string]any)["items"].([]any); ok {
			pod = list[0]
			continue
		}
		break
	}
	template := under(pod.(map[string]any), []string{"spec", "template"})
	if meta, ok := template["metadata"].(map[string]any); ok && r.IntN(4) == 0 {
		annotations, _ := meta["annotations"].(map[string]any)
		annotations = maps.Clone(annotations)
		if annotations == nil {
			annotations = map[string]any{}
		}
		maps.Copy(annotations, []map[string]any{
			{inject.AnnotationInject: "false"},
			{inject.AnnotationAgent: "named"},
			{inject.AnnotationPort: "15000"},
			{inject.AnnotationAdminPort: "x"},
			{inject.AnnotationSkipContainers: "other,absent"},
			{inject.AnnotationInitContainers: "agent"},
			{inject.AnnotationImage: "mine:1"},
		}[r.IntN(7)])
		meta["annotations"] = annotations
	}
	name := []string{"w", "import-20240101", "a-1"}[r.IntN(3)]
	obj := map[string]any{"apiVersion": "v1", "kind": kind, "metadata": map[string]any{"name": name}}
	switch kind {
	case "Pod":
		maps.Copy(obj, template)
		meta, _ := obj["metadata"].(map[string]any)
		meta["name"] = name
	case "CronJob":
		obj["spec"] = map[string]any{"jobTemplate": map[string]any{"spec": map[string]any{"template": template}}}
	default:
		obj["spec"] = map[string]any{"template": template}
	}
	return obj
}
