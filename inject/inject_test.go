package inject

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func settings() Settings {
	return Settings{
		Image: "sidecar:1", Placement: Native, UID: 14000, CPU: "10m", Memory: "32Mi", MemoryLimit: "128Mi",
		AgentPort: 14000, AdminPort: 14001, Target: "dns:///pdp:9191", Audience: "outrider",
		Trust: Trust{ConfigMap: "trust", Key: "ca.crt"},
	}
}

func injector(t testing.TB, change func(*Settings)) *Injector {
	t.Helper()
	s := settings()
	if change != nil {
		change(&s)
	}
	i, err := New(s)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func parse(t testing.TB, raw string) object {
	t.Helper()
	var o object
	if err := json.Unmarshal([]byte(raw), &o); err != nil {
		t.Fatal(err)
	}
	return o
}

// injected returns the pod with the sidecar in it.
func injected(t testing.TB, i *Injector, raw string) (object, Report) {
	t.Helper()
	pod := parse(t, raw)
	ops, report := i.Pod(pod, "prod")
	if !reflect.DeepEqual(pod, parse(t, raw)) {
		t.Fatal("injection changed the object that it got")
	}
	out, err := Apply(pod, ops)
	if err != nil {
		t.Fatal(err)
	}
	return out.(object), report
}

const plainPod = `{"kind": "Pod", "metadata": {"name": "p"}, "spec": {"serviceAccountName": "bot", "containers": [{"name": "agent"}]}}`

func TestSettingsAreChecked(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*Settings)
		want   string
	}{
		"image":       {func(s *Settings) { s.Image = "" }, "sidecar.image"},
		"placement":   {func(s *Settings) { s.Placement = "Side" }, "sidecar.placement"},
		"target":      {func(s *Settings) { s.Target = "" }, "decision.target"},
		"no trust":    {func(s *Settings) { s.Trust.ConfigMap = "" }, "trustConfigMap"},
		"two trusts":  {func(s *Settings) { s.Trust.Secret = "x" }, "trustConfigMap"},
		"no key":      {func(s *Settings) { s.Trust.Key = "" }, "trustKey"},
		"port":        {func(s *Settings) { s.AgentPort = 0 }, "port"},
		"large port":  {func(s *Settings) { s.AdminPort = 65536 }, "port"},
		"equal ports": {func(s *Settings) { s.AdminPort = 14000 }, "given twice"},
	} {
		s := settings()
		tt.change(&s)
		if _, err := New(s); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// restricted says what of the Pod Security Standard "restricted" the container
// breaks. The pod's own settings are left aside: the container has to hold by itself.
func restricted(c object) (broken []string) {
	check := func(ok bool, what string) {
		if !ok {
			broken = append(broken, what)
		}
	}
	s := child(c, "securityContext")
	uid, known := number(s, "runAsUser")
	caps := child(s, "capabilities")
	drop, _ := caps["drop"].([]any)
	check(s["allowPrivilegeEscalation"] == false, "allowPrivilegeEscalation")
	check(!truth(s, "privileged"), "privileged")
	check(truth(s, "runAsNonRoot"), "runAsNonRoot")
	check(known && uid != 0, "runAsUser")
	check(slices.Contains(drop, any("ALL")) && caps["add"] == nil, "capabilities")
	check(text(child(s, "seccompProfile"), "type") == "RuntimeDefault", "seccompProfile")
	check(s["procMount"] == nil && s["seLinuxOptions"] == nil && s["windowsOptions"] == nil, "other settings")
	ports, _ := objects(c, "ports")
	for _, p := range ports {
		check(p["hostPort"] == nil, "hostPort")
	}
	check(child(c, "lifecycle") == nil, "lifecycle")
	for _, probe := range []string{"startupProbe", "readinessProbe", "livenessProbe"} {
		get := at(c, probe, "httpGet")
		check(get != nil && get["host"] == nil, probe)
	}
	return broken
}

func TestSidecarPassesRestricted(t *testing.T) {
	for _, placement := range []Placement{Native, Container} {
		pod, _ := injected(t, injector(t, func(s *Settings) { s.Placement = placement }), plainPod)
		c := sidecarOf(child(pod, "spec"))
		if broken := restricted(c); len(broken) > 0 {
			t.Errorf("%s: the sidecar breaks %v", placement, broken)
		}
		if !truth(child(c, "securityContext"), "readOnlyRootFilesystem") {
			t.Errorf("%s: the sidecar can write to its image", placement)
		}
		volumes, _ := objects(child(pod, "spec"), "volumes")
		for _, v := range volumes {
			if v["projected"] == nil || len(v) != 2 {
				t.Errorf("%s: volume %v is of a type that restricted refuses", placement, v)
			}
		}
	}
	if broken := restricted(object{"securityContext": object{"privileged": true}}); len(broken) < 5 {
		t.Errorf("the check finds only %v in a container without any setting", broken)
	}
}

// TestOnlyTheSidecarCanReadItsToken: no other container mounts its volume, and
// none runs as its user.
func TestOnlyTheSidecarCanReadItsToken(t *testing.T) {
	pod, _ := injected(t, injector(t, nil), `{"spec": {"securityContext": {"runAsUser": 14000}, "initContainers": [{"name": "a", "securityContext": {"runAsUser": 14002}}],
		"containers": [{"name": "b", "securityContext": {"runAsUser": 14001}}, {"name": "c"}]}}`)
	spec := child(pod, "spec")
	used := map[int64]bool{14000: true, 14001: true, 14002: true}
	for _, c := range slices.Concat(initContainers(spec), containers(spec)) {
		uid, _ := number(child(c, "securityContext"), "runAsUser")
		mounts, _ := objects(c, "volumeMounts")
		if ours := text(c, "name") == containerName; ours && used[uid] || ours != (len(mounts) == 1) {
			t.Errorf("container %s runs as %d with mounts %v", text(c, "name"), uid, mounts)
		}
	}
}

func TestPlaceOfTheSidecar(t *testing.T) {
	for name, tt := range map[string]struct {
		inits string
		want  []string
	}{
		"none":       {`[]`, []string{"outrider"}},
		"first":      {`[{"name": "a"}, {"name": "b"}]`, []string{"outrider", "a", "b"}},
		"after mesh": {`[{"name": "linkerd-init"}, {"name": "linkerd-proxy"}, {"name": "b"}]`, []string{"linkerd-init", "linkerd-proxy", "outrider", "b"}},
		"mesh last":  {`[{"name": "istio-init"}]`, []string{"istio-init", "outrider"}},
		"mesh late":  {`[{"name": "a"}, {"name": "istio-proxy"}]`, []string{"outrider", "a", "istio-proxy"}},
	} {
		pod, _ := injected(t, injector(t, nil), `{"spec": {"containers": [{"name": "x"}], "initContainers": `+tt.inits+`}}`)
		var got []string
		for _, c := range initContainers(child(pod, "spec")) {
			got = append(got, text(c, "name"))
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
	}
}

// TestInitContainersThatAreAgents get their variables where they stand, beside
// the sidecar that comes in before them, which has its own bound of memory alone.
func TestInitContainersThatAreAgents(t *testing.T) {
	pod, report := injected(t, injector(t, nil), `{"metadata": {"annotations": {"outrider.dev/init-containers": "istio-init,two"}},
		"spec": {"containers": [{"name": "x"}], "initContainers": [{"name": "istio-init"}, {"name": "one"}, {"name": "two", "env": [{"name": "A"}]}]}}`)
	got := map[string]int{}
	for _, c := range initContainers(child(pod, "spec")) {
		env, _ := objects(c, "env")
		got[text(c, "name")] = len(env)
	}
	if want := map[string]int{"istio-init": 6, "outrider": 1, "one": 0, "two": 7}; !reflect.DeepEqual(got, want) {
		t.Errorf("variables: %v, want %v; %v", got, want, report.Notes)
	}
}

func TestAgentsName(t *testing.T) {
	const owner = `"ownerReferences": [{"kind": "Node", "name": "n"}, {"kind": "%s", "name": "%s", "controller": true}]`
	for name, tt := range map[string]struct{ meta, spec, want, from string }{
		"annotation": {`"annotations": {"outrider.dev/agent": "a"}, "labels": {"app": "l"}`, `"serviceAccountName": "s",`, "a", "annotation outrider.dev/agent"},
		"account":    {`"labels": {"app": "l"}`, `"serviceAccountName": "s",`, "s", "service account"},
		"label":      {`"labels": {"app": "l", "app.kubernetes.io/name": "m"}`, `"serviceAccountName": "default",`, "m", "label app.kubernetes.io/name"},
		"old label":  {`"labels": {"app": "l"}`, ``, "l", "label app"},
		"name":       {`"name": "n"`, ``, "n", "workload"},
		"generated":  {`"generateName": "gen-"`, ``, "gen", "workload"},
		"nothing":    {`"labels": {}`, ``, "default", "service account"},
		"deployment": {`"name": "web-5d4f-x", "labels": {"pod-template-hash": "5d4f"}, ` + strings.NewReplacer("%s\", \"name\": \"%s", `ReplicaSet", "name": "web-5d4f`).Replace(owner), ``, "web", "workload"},
		"cron":       {`"name": "n-29382720-x", ` + strings.NewReplacer("%s\", \"name\": \"%s", `Job", "name": "n-29382720`).Replace(owner), ``, "n", "workload"},
		"stateful":   {`"name": "db-0", ` + strings.NewReplacer("%s\", \"name\": \"%s", `StatefulSet", "name": "db`).Replace(owner), ``, "db", "workload"},
	} {
		_, r := injected(t, injector(t, nil), `{"metadata": {`+tt.meta+`}, "spec": {`+tt.spec+` "containers": [{"name": "x"}]}}`)
		if r.Agent != tt.want || r.From != tt.from {
			t.Errorf("%s: %q from %q, want %q from %q", name, r.Agent, r.From, tt.want, tt.from)
		}
	}
}

// TestLaterContainersAreGivenTheirVariables: another webhook adds a container
// to a pod that is injected already, and the API server asks again.
func TestLaterContainersAreGivenTheirVariables(t *testing.T) {
	i := injector(t, nil)
	pod, _ := injected(t, i, plainPod)
	spec := child(pod, "spec")
	spec["containers"] = append(spec["containers"].([]any), object{"name": "late"})
	ops, report := i.Pod(pod, "prod")
	if report.Outcome != Injected || len(ops) != 1 || ops[0].Path != "/spec/containers/1/env" {
		t.Errorf("%v, %v", report.Outcome, ops)
	}
}

// TestAForgedMarkInjects: the label alone is no sidecar.
func TestAForgedMarkInjects(t *testing.T) {
	pod, report := injected(t, injector(t, nil), `{"metadata": {"labels": {"outrider.dev/status": "injected"}}, "spec": {"containers": [{"name": "x"}]}}`)
	if report.Outcome != Injected || sidecarOf(child(pod, "spec")) == nil {
		t.Errorf("%v", report)
	}
}

func TestPatchesThatLeadNowhere(t *testing.T) {
	tree := parse(t, `{"a": {"b": [1, {"c": 2}]}, "s": "x"}`)
	for _, path := range []string{"/a/b/2/c", "/a/b/x", "/a/b/-1", "/a/b/3", "/s/t", "/a/b/0/c", "/n/o"} {
		if out, err := Apply(tree, []Op{{"add", path, json.RawMessage(`1`)}}); err == nil {
			t.Errorf("%s led to %v", path, out)
		}
	}
	if _, err := Apply(tree, []Op{{"add", "/a", json.RawMessage(`{`)}}); err == nil {
		t.Error("half a value was added")
	}
	out, err := Apply(tree, []Op{{"add", "/a/b/0", json.RawMessage(`0`)}, {"add", "/a/~1~0", json.RawMessage(`"x"`)}, {"add", "/a/b/2/d", json.RawMessage(`3`)}})
	if want := parse(t, `{"a": {"b": [0, 1, {"c": 2, "d": 3}], "/~": "x"}, "s": "x"}`); err != nil || !reflect.DeepEqual(out, any(want)) {
		t.Errorf("%v, %v", out, err)
	}
}

// TestReasonsAreWords that metrics can count by.
func TestReasonsAreWords(t *testing.T) {
	wanted := 0
	for _, r := range Reasons() {
		if strings.Trim(string(r), "abcdefghijklmnopqrstuvwxyz_") != "" || r == "" {
			t.Errorf("%q is no word", r)
		}
		if r.Wanted() {
			wanted++
		}
	}
	if wanted != 3 {
		t.Errorf("%d reasons are wanted", wanted)
	}
}

func FuzzPod(f *testing.F) {
	i := injector(f, nil)
	for _, seed := range []string{
		plainPod, `{}`, `{"spec": null}`, `{"spec": {"containers": [null]}}`, `{"metadata": [], "spec": {"containers": [{"name": 1}]}}`,
		`{"metadata": {"labels": {"a": null}, "ownerReferences": [{"controller": true}]}, "spec": {"containers": [{"name": "x", "env": [{"name": null, "valueFrom": 1}], "args": [1]}], "securityContext": {"runAsUser": 1.5}}}`,
		`{"metadata": {"annotations": {"outrider.dev/port": "99999999999999999999"}}, "spec": {"containers": [{}], "initContainers": null, "volumes": null}}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		var pod object
		if json.Unmarshal([]byte(raw), &pod) != nil || pod == nil {
			return
		}
		ops, report := i.Pod(pod, "prod")
		if report.Outcome == Skipped {
			if len(ops) > 0 || report.Reason == "" || report.Detail == "" {
				t.Fatalf("skipped without a reason, or with changes: %v", report)
			}
			return
		}
		out, err := Apply(pod, ops)
		if err != nil {
			t.Fatalf("the patch does not apply: %v\n%s\n%v", err, raw, ops)
		}
		spec := child(out.(object), "spec")
		if sidecarOf(spec) == nil {
			t.Fatalf("no sidecar in %v", out)
		}
		for _, c := range containers(spec) {
			left := text(at(pod, "metadata", "annotations"), AnnotationSkipContainers)
			if text(c, "name") == containerName || mesh(text(c, "name")) || left != "" {
				continue
			}
			env, _ := objects(c, "env")
			if !slices.ContainsFunc(env, func(v object) bool { return text(v, "name") == "OPENAI_BASE_URL" }) {
				t.Fatalf("container %v does not know of the sidecar", c)
			}
		}
		if again, _ := i.Pod(out.(object), "prod"); len(again) > 0 {
			t.Fatalf("a second injection adds %v", again)
		}
	})
}
