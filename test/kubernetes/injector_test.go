package kubernetes

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"outrider.dev/outrider/config"
	"outrider.dev/outrider/inject"
	"outrider.dev/outrider/inject/manifest"
	"outrider.dev/outrider/test/freeport"
)

// webhook is the real outrider-injector out of its image, with the rights of its
// service account and nothing else.
type webhook struct {
	*process
	port  string
	admin string
}

// startInjector starts the base's injector.
func startInjector(t *testing.T, c *cluster) *webhook {
	t.Helper()
	return c.inject(t, injection(t)+"webhook:\n", 0, 1)
}

// inject starts an injector beside the API server, with a document that ends with what it
// says of the webhook, and leads those webhooks of the configuration to it. There is no
// network of pods, so the Service leads to loopback; its name is what the certificate is
// checked for.
func (c *cluster) inject(t *testing.T, document string, hooks ...int) *webhook {
	t.Helper()
	dir := t.TempDir()
	binary := filepath.Join(dir, "outrider-injector")
	if err := os.WriteFile(binary, commandOf(t, "outrider-injector"), 0o700); err != nil {
		t.Fatal(err)
	}
	port, admin := portOf(freeport.For(t)), portOf(freeport.For(t))
	write(t, filepath.Join(dir, "token"), c.token(t, "outrider", "outrider-injector"))
	write(t, filepath.Join(dir, "injection.yaml"), document+fmt.Sprintf(`  listen: 127.0.0.1:%s
  admin: 127.0.0.1:%s
  api: {url: %q, ca: %s, token: %s}
`, port, admin, c.url, c.ca, filepath.Join(dir, "token")))
	c.must(t, nil, "patch", "service", "outrider-injector", "-n", "outrider", "--type=merge", "-p",
		`{"spec": {"type": "ExternalName", "externalName": "localhost", "clusterIP": null, "clusterIPs": null}}`)
	p, err := startProcess(binary, "-c", filepath.Join(dir, "injection.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.stop(); err != nil {
			t.Errorf("outrider-injector ended with %v\n%s", err, &p.log)
		}
	})
	w := &webhook{p, port, "http://127.0.0.1:" + admin}
	mustUntil(t, "outrider-injector", p, func() error { return w.get("/readyz", io.Discard) })
	c.lead(t, w, hooks...)
	return w
}

// lead has those webhooks of the configuration ask this injector.
func (c *cluster) lead(t *testing.T, w *webhook, hooks ...int) {
	t.Helper()
	for _, n := range hooks {
		c.must(t, nil, "patch", "mutatingwebhookconfiguration", "outrider-injector", "--type=json", "-p",
			fmt.Sprintf(`[{"op": "replace", "path": "/webhooks/%d/clientConfig/service/port", "value": %s}]`, n, w.port))
	}
}

// injection is the base's document, with the image that is here.
func injection(t *testing.T) string {
	t.Helper()
	return strings.Replace(read(t, filepath.Join(base, "injector/injection.yaml")), "outrider-sidecar:dev", "localhost/outrider-sidecar:test", 1)
}

func (w *webhook) get(path string, to io.Writer) error {
	res, err := http.Get(w.admin + path)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", path, res.Status)
	}
	_, err = io.Copy(to, res.Body)
	return err
}

// count reads how many pods came out with a result and a reason.
func (w *webhook) count(t *testing.T, result, reason string) (n int) {
	t.Helper()
	var page bytes.Buffer
	if err := w.get("/metrics", &page); err != nil {
		t.Fatal(err)
	}
	series := fmt.Sprintf("outrider_injections_total{reason=%q,result=%q} ", reason, result)
	for line := range strings.Lines(page.String()) {
		if value, ok := strings.CutPrefix(line, series); ok {
			if _, err := fmt.Sscan(value, &n); err != nil {
				t.Fatal(err)
			}
		}
	}
	return n
}

// agents makes the agents' namespace, with the agent's Deployment, and returns the pod
// that its controller would make.
func agents(t *testing.T, c *cluster) object {
	t.Helper()
	c.namespace(t, "agents", object{
		"outrider.dev/injection":             "enabled",
		"pod-security.kubernetes.io/enforce": "restricted", "pod-security.kubernetes.io/warn": "restricted",
	})
	c.must(t, nil, "apply", "-f", "testdata/agent.yaml")
	deployment := c.get(t, "deployment", "devops-copilot", "-n", "agents")
	meta := deployment["metadata"].(object)
	set := object{
		"apiVersion": "apps/v1", "kind": "ReplicaSet",
		"metadata": object{"name": "devops-copilot-5d5d5", "namespace": "agents", "ownerReferences": []object{{
			"apiVersion": "apps/v1", "kind": "Deployment", "name": meta["name"], "uid": meta["uid"], "controller": true,
		}}},
		"spec": object{"replicas": 1, "selector": deployment["spec"].(object)["selector"], "template": deployment["spec"].(object)["template"]},
	}
	c.apply(t, set)
	return podOf(c.get(t, "replicaset", "devops-copilot-5d5d5", "-n", "agents"), "ReplicaSet")
}

// stored creates a pod and returns what the API server stored, or with dry run what it
// would have.
func (c *cluster) stored(t *testing.T, pod object, args ...string) object {
	t.Helper()
	var o object
	if err := json.Unmarshal([]byte(c.must(t, encode(t, pod), append([]string{"create", "-o", "json", "-f", "-"}, args...)...)), &o); err != nil {
		t.Fatal(err)
	}
	return o
}

func (c *cluster) remove(t *testing.T, pod object) {
	t.Helper()
	meta := pod["metadata"].(object)
	c.must(t, nil, "delete", "pod", meta["name"].(string), "-n", meta["namespace"].(string), "--now")
}

// plain is a pod of one container that PodSecurity lets pass everywhere.
func plain(namespace, name string, labels object, change func(spec object)) object {
	spec := object{
		"serviceAccountName": "default", "automountServiceAccountToken": false,
		"securityContext": object{"runAsNonRoot": true, "runAsUser": 1000, "seccompProfile": object{"type": "RuntimeDefault"}},
		"containers": []object{{"name": "agent", "image": "agent", "securityContext": object{
			"allowPrivilegeEscalation": false, "capabilities": object{"drop": []string{"ALL"}},
		}}},
	}
	if change != nil {
		change(spec)
	}
	return object{"apiVersion": "v1", "kind": "Pod", "metadata": object{"name": name, "namespace": namespace, "labels": labels}, "spec": spec}
}

// checkDryRun has the API server ask the injector about a pod, which it is to inject.
func (c *cluster) checkDryRun(t *testing.T, pod object) {
	t.Helper()
	// A warning tells of the service account default, so kubectl is asked as it is.
	out, _, err := c.kubectlAs("admin", encode(t, pod), "create", "--dry-run=server", "-o", "json", "-f", "-")
	if err != nil || !strings.Contains(out, `"outrider.dev/status": "injected"`) {
		t.Errorf("%v\n%s", err, out)
	}
}

func injected(pod object) bool {
	inits, _ := pod["spec"].(object)["initContainers"].([]any)
	return slices.ContainsFunc(inits, func(c any) bool { return c.(object)["name"] == "outrider" })
}

// TestInjection is the injector in the API server's way.
func TestInjection(t *testing.T) {
	c := install(t)
	pod := agents(t, c)
	w := startInjector(t, c)
	t.Run("a dry run leaves no trace", func(t *testing.T) {
		if !injected(c.stored(t, pod, "--dry-run=server")) {
			t.Error("the dry run shows no sidecar")
		}
		if n := w.count(t, "injected", ""); n != 0 {
			t.Errorf("%d pods were counted", n)
		}
	})
	t.Run("the pod of a Deployment", func(t *testing.T) { checkInjected(t, c, w, pod) })
	t.Run("PodSecurity's level restricted", func(t *testing.T) { checkRestricted(t, c, pod) })
	t.Run("the manifest injected before", func(t *testing.T) { checkOffline(t, c, pod) })
	t.Run("chosen pods of other namespaces", func(t *testing.T) { checkChosen(t, c) })
	t.Run("what is left alone", func(t *testing.T) { checkSkipped(t, c, w, pod) })
	t.Run("while the injector is away", func(t *testing.T) { checkAway(t, c, w, pod) })
}

// checkInjected looks at the object that was stored. That it was stored without a
// warning is PodSecurity's word on the sidecar.
func checkInjected(t *testing.T, c *cluster, w *webhook, pod object) {
	stored := c.stored(t, pod)
	defer c.remove(t, pod)
	spec := stored["spec"].(object)
	inits, _ := spec["initContainers"].([]any)
	if len(inits) != 1 {
		t.Fatalf("%d init containers, want the sidecar", len(inits))
	}
	sidecar := inits[0].(object)
	if sidecar["name"] != "outrider" || sidecar["restartPolicy"] != "Always" || sidecar["image"] != "localhost/outrider-sidecar:test" {
		t.Errorf("the init container is %v", sidecar)
	}
	env := map[string]any{}
	list, _ := spec["containers"].([]any)[0].(object)["env"].([]any)
	for _, e := range list {
		env[e.(object)["name"].(string)] = e.(object)["value"]
	}
	for name, want := range map[string]string{
		"OPENAI_BASE_URL": "http://127.0.0.1:14000/v1", "OPENAI_API_KEY": "outrider", "OUTRIDER_MCP_URL": "http://127.0.0.1:14000/mcp",
	} {
		if env[name] != want {
			t.Errorf("%s=%v, want %s", name, env[name], want)
		}
	}
	if got := stored["metadata"].(object)["labels"].(object)["outrider.dev/status"]; got != "injected" {
		t.Errorf("outrider.dev/status is %v", got)
	}
	if n := w.count(t, "injected", ""); n != 1 {
		t.Errorf("%d pods were counted as injected, want 1", n)
	}
}

// checkRestricted has PodSecurity judge a sidecar of the other placement too, and a pod
// that it does not let pass, injected or not.
func checkRestricted(t *testing.T, c *cluster, pod object) {
	other := clone(t, pod)
	other["metadata"].(object)["annotations"] = object{"outrider.dev/placement": "Container"}
	if n := len(list(c.stored(t, other, "--dry-run=server")["spec"].(object)["containers"])); n != 2 {
		t.Errorf("%d containers, want agent and sidecar", n)
	}
	capable := clone(t, pod)
	list(capable["spec"].(object)["containers"])[0].(object)["securityContext"] = object{"allowPrivilegeEscalation": false}
	_, refusal, err := c.kubectlAs("admin", encode(t, capable), "create", "--dry-run=server", "-f", "-")
	if err == nil || !strings.Contains(refusal, "violates PodSecurity") || strings.Contains(refusal, `"outrider"`) {
		t.Errorf("an agent with capabilities: %v %s", err, refusal)
	}
}

func clone(t *testing.T, o object) (out object) {
	t.Helper()
	if err := json.Unmarshal(encode(t, o), &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// checkOffline injects the manifest as `outrider inject` does and compares the pods that the
// API server would store: of that, and of the manifest as it is, patched by the webhook.
func checkOffline(t *testing.T, c *cluster, pod object) {
	file := filepath.Join(t.TempDir(), "injection.yaml")
	write(t, file, injection(t))
	document, err := config.LoadInjection(file)
	if err != nil {
		t.Fatal(err)
	}
	injector, err := inject.New(inject.SettingsOf(document, inject.Native))
	if err != nil {
		t.Fatal(err)
	}
	out, _, err := manifest.Inject([]byte(read(t, "testdata/agent.yaml")), injector)
	if err != nil {
		t.Fatal(err)
	}
	var applied struct{ Items []object }
	if err := json.Unmarshal([]byte(c.must(t, out, "apply", "--dry-run=server", "-o", "json", "-f", "-")), &applied); err != nil {
		t.Fatal(err)
	}
	before := podOf(applied.Items[len(applied.Items)-1], "ReplicaSet")
	for _, key := range []string{"name", "ownerReferences"} {
		before["metadata"].(object)[key] = pod["metadata"].(object)[key]
	}
	online, offline := c.stored(t, pod, "--dry-run=server"), c.stored(t, before, "--dry-run=server")
	for _, o := range []object{online, offline} {
		delete(o["metadata"].(object), "uid")
		delete(o["metadata"].(object), "creationTimestamp")
	}
	if diff := cmp.Diff(online, offline); diff != "" || !injected(offline) {
		t.Errorf("the pods differ (-webhook +manifest):\n%s", diff)
	}
}

func checkChosen(t *testing.T, c *cluster) {
	c.namespace(t, "elsewhere", object{})
	chosen := plain("elsewhere", "chosen", object{"outrider.dev/inject": "true"}, nil)
	// The service account default is told as a warning here, so kubectl is asked as it is.
	out, _, err := c.kubectlAs("admin", encode(t, chosen), "create", "-o", "json", "-f", "-")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out, `"outrider.dev/status": "injected"`) {
		t.Errorf("a pod that asks for it is not injected:\n%s", out)
	}
	if injected(c.stored(t, plain("elsewhere", "other", nil, nil))) {
		t.Error("a pod that does not ask is injected")
	}
}

// checkSkipped creates pods that get no sidecar and reads why from event and metric.
func checkSkipped(t *testing.T, c *cluster, w *webhook, agent object) {
	for _, namespace := range []string{"outrider", "kube-system"} {
		c.furnish(t, namespace)
		if injected(c.stored(t, plain(namespace, "exempt", object{"outrider.dev/inject": "true"}, nil))) {
			t.Errorf("a pod of %s is injected", namespace)
		}
	}
	if n := w.count(t, "skipped", "exempt_namespace"); n != 0 {
		t.Errorf("the API server asked %d times about exempt namespaces", n)
	}
	c.namespace(t, "nodes", object{"outrider.dev/injection": "enabled"})
	owner := agent["metadata"].(object)["ownerReferences"]
	for reason, pod := range map[string]object{
		"opted_out":    plain("nodes", "out", object{"outrider.dev/inject": "false"}, nil),
		"host_network": plain("nodes", "host", nil, func(spec object) { spec["hostNetwork"] = true }),
	} {
		pod["metadata"].(object)["ownerReferences"] = owner
		out, _, err := c.kubectlAs("admin", encode(t, pod), "create", "-o", "json", "-f", "-")
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(out, `"outrider.dev/status"`) {
			t.Errorf("%s: the pod is injected", reason)
		}
		if n := w.count(t, "skipped", reason); n != 1 {
			t.Errorf("%d pods were counted as %s, want 1", n, reason)
		}
		mustUntil(t, "the event of "+reason, nil, func() error { return c.eventOf(reason) })
	}
}

// eventOf looks for the event that tells why a pod was not injected.
func (c *cluster) eventOf(reason string) error {
	out, err := c.kubectl(nil, "get", "events", "-n", "nodes", "-o", "json")
	if err != nil {
		return err
	}
	var list struct {
		Items []struct {
			Reason, Message string
			InvolvedObject  struct{ Kind, Name string }
		}
	}
	if err := json.Unmarshal([]byte(out), &list); err != nil {
		return err
	}
	for _, e := range list.Items {
		if e.Reason == "OutriderNotInjected" && strings.HasPrefix(e.Message, reason) && e.InvolvedObject.Kind == "ReplicaSet" {
			return nil
		}
	}
	return fmt.Errorf("no event with %s among %s", reason, out)
}

// checkAway stops the injector: agents' pods are not made then, others are.
func checkAway(t *testing.T, c *cluster, w *webhook, pod object) {
	if err := w.stop(); err != nil {
		t.Fatal(err)
	}
	_, refusal, err := c.kubectlAs("admin", encode(t, pod), "create", "-f", "-")
	if err == nil || !strings.Contains(refusal, `failed calling webhook "namespaces.outrider.dev"`) {
		t.Errorf("the API server says %q, %v", refusal, err)
	}
	asks := object{"outrider.dev/inject": "true"}
	for namespace, labels := range map[string]object{"elsewhere": nil, "outrider": asks, "kube-system": asks} {
		if injected(c.stored(t, plain(namespace, "meanwhile", labels, nil))) {
			t.Errorf("%s: nobody can have injected this", namespace)
		}
	}
	c.apply(t, object{"apiVersion": "v1", "kind": "ConfigMap", "metadata": object{"name": "meanwhile", "namespace": "agents"}})
}
