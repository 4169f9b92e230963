package inject

import (
	"strconv"
	"strings"
	"testing"
)

// noted returns the notes on a pod with one agent of that environment, as
// "! container: text".
func noted(t *testing.T, env string) string {
	t.Helper()
	_, r := injected(t, injector(t, nil), `{"spec": {"serviceAccountName": "bot", "containers": [{"name": "a", "env": [`+env+`]}]}}`)
	return textOf(r)
}

func textOf(r Report) string {
	var b strings.Builder
	for _, n := range r.Notes {
		if n.Warning {
			b.WriteString("! ")
		}
		b.WriteString(n.Container + ": " + n.Text + "\n")
	}
	return b.String()
}

// TestWaysAround: an address that leads elsewhere is told, with its host alone.
func TestWaysAround(t *testing.T) {
	for value, want := range map[string]string{
		"https://api.openai.com/v1":            "leads to api.openai.com",
		"https://user:hunter2@proxy.corp/x?k=": "leads to proxy.corp",
		"http://127.0.0.1:14001/v1":            "leads to 127.0.0.1",
		"http://127.0.0.1:4000/v1":             "leads to 127.0.0.1",
		"http://127.0.0.1.evil.example:14000":  "leads to 127.0.0.1.evil.example",
		"http://[2001:db8::1]:14000/v1":        "leads to 2001:db8::1",
		"api.openai.com":                       "an address that cannot be read",
		"http://%zz":                           "an address that cannot be read",
		"":                                     "the provider itself",
		"http://127.0.0.1:14000/other":         "",
		"http://localhost:14000/v1":            "",
		"http://LOCALHOST:14000/v1/":           "",
		"http://[::1]:14000/v1":                "",
		"http://127.1.2.3:14000/v1":            "",
	} {
		got := noted(t, `{"name": "OPENAI_BASE_URL", "value": "`+value+`"}`)
		if strings.Contains(got, "! a: OPENAI_BASE_URL") != (want != "") || !strings.Contains(got, want) || strings.Contains(got, "hunter2") {
			t.Errorf("%q:\n%s", value, got)
		}
	}
	for name, want := range map[string]bool{
		"ANTHROPIC_BASE_URL": true, "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": true, "OUTRIDER_MCP_URL": true, "AZURE_OPENAI_ENDPOINT": true,
		"OPENAI_API_BASE": true, "AWS_ENDPOINT_URL": true, "DATABASE_URL": false, "openai_base_url": false,
	} {
		got := noted(t, `{"name": "`+name+`", "value": "https://elsewhere.example"}`)
		if strings.Contains(got, "leads to elsewhere.example") != want {
			t.Errorf("%s:\n%s", name, got)
		}
	}
	if got := noted(t, `{"name": "OPENAI_BASE_URL", "valueFrom": {"configMapKeyRef": {"name": "x"}}}`); !strings.Contains(got, "only the cluster knows") {
		t.Error(got)
	}
}

// TestKeysInSight: keys are told by their shape or by their variable's name,
// and never shown.
func TestKeysInSight(t *testing.T) {
	const github = "ghp_R4nd0mT0kenV4lu3W1thM1xedCh4r5Xy7Qz2"
	for env, want := range map[string]string{
		`{"name": "OPENAI_API_KEY", "value": "hunter2"}`:                                       "! a: OPENAI_API_KEY holds a key in plain sight",
		`{"name": "OPENAI_API_KEY", "value": "outrider"}`:                                      "",
		`{"name": "OPENAI_API_KEY", "value": ""}`:                                              "",
		`{"name": "OPENAI_API_KEY", "value": "$(FROM_ELSEWHERE)"}`:                             "",
		`{"name": "OPENAI_API_KEY", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}`: "! a: OPENAI_API_KEY holds a key from the cluster",
		`{"name": "GEMINI_API_KEY", "value": "hunter2"}`:                                       "! a: GEMINI_API_KEY holds a key in plain sight",
		`{"name": "ANYTHING", "value": "` + github + `"}`:                                      "! a: ANYTHING holds a credential (secret.github) in plain sight",
		`{"name": "ANYTHING", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}`:       "",
		`{"name": "LOG_LEVEL", "value": "info"}`:                                               "",
	} {
		got := noted(t, env)
		if want == "" && strings.Contains(got, "!") || !strings.Contains(got, want) || strings.Contains(got, "hunter2") || strings.Contains(got, github) {
			t.Errorf("%s:\n%s", env, got)
		}
	}
	_, r := injected(t, injector(t, nil), `{"spec": {"serviceAccountName": "bot", "initContainers": [{"name": "i", "command": ["sh", "-c", "login `+github+`"]}],
		"containers": [{"name": "a", "args": ["--key=`+github+`", 7, null]}]}}`)
	if got := textOf(r); !strings.Contains(got, "! i: command holds a credential") || !strings.Contains(got, "! a: args holds a credential") || strings.Contains(got, github) {
		t.Error(got)
	}
}

func TestProxies(t *testing.T) {
	for env, warned := range map[string]bool{
		`{"name": "HTTP_PROXY", "value": "http://p"}`:                                                   true,
		`{"name": "all_proxy", "value": "http://p"}, {"name": "no_proxy", "value": ".svc"}`:             true,
		`{"name": "http_proxy", "value": "http://p"}, {"name": "NO_PROXY", "value": "x,127.0.0.1"}`:     false,
		`{"name": "HTTPS_PROXY", "value": "http://p"}`:                                                  false,
		`{"name": "HTTP_PROXY", "value": "http://p"}, {"name": "no_proxy", "value": "127.0.0.1,::1,x"}`: false,
	} {
		if got := noted(t, env); strings.Contains(got, "NO_PROXY") != warned {
			t.Errorf("%s:\n%s", env, got)
		}
	}
}

// TestWhatIsSetAndKept is told by name.
func TestWhatIsSetAndKept(t *testing.T) {
	got := noted(t, `{"name": "OPENAI_API_KEY", "value": "outrider"}, {"name": "OUTRIDER_MCP_URL", "value": "http://localhost:14000/mcp/github"}`)
	want := "a: sets OPENAI_BASE_URL, ANTHROPIC_BASE_URL, ANTHROPIC_API_KEY, AWS_ENDPOINT_URL_BEDROCK_RUNTIME\na: keeps its own OUTRIDER_MCP_URL\n"
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

// TestContainersOfOthers: meshes' own, and those that the annotation names, keep
// their environment.
func TestContainersOfOthers(t *testing.T) {
	pod, r := injected(t, injector(t, nil), `{"metadata": {"annotations": {"outrider.dev/skip-containers": " logs , gone,,"}},
		"spec": {"serviceAccountName": "bot", "containers": [{"name": "a"}, {"name": "logs"}, {"name": "istio-proxy"}, {"name": "linkerd-proxy"}]}}`)
	for _, c := range containers(child(pod, "spec")) {
		if given := c["env"] != nil; given != (text(c, "name") == "a") {
			t.Errorf("container %s: %v", text(c, "name"), c["env"])
		}
	}
	if got := textOf(r); !strings.Contains(got, `! : an annotation names container "gone", which is not there`) || strings.Contains(got, "logs") {
		t.Error(got)
	}
}

// TestAnnotationsOfOnePod change that pod alone.
func TestAnnotationsOfOnePod(t *testing.T) {
	i := injector(t, nil)
	changed, _ := injected(t, i, `{"metadata": {"annotations": {"outrider.dev/image": "other:2", "outrider.dev/port": "15000", "outrider.dev/admin-port": "15001", "outrider.dev/placement": "Container"}},
		"spec": {"containers": [{"name": "a", "ports": [{"containerPort": 14000}, {"containerPort": 14001}]}]}}`)
	usual, _ := injected(t, i, plainPod)
	c, u := sidecarOf(child(changed, "spec")), sidecarOf(child(usual, "spec"))
	if text(c, "image") != "other:2" || c["restartPolicy"] != nil || len(containers(child(changed, "spec"))) != 2 {
		t.Errorf("the changed sidecar is %v", c)
	}
	if n, _ := number(at(c, "readinessProbe", "httpGet"), "port"); n != 15001 {
		t.Errorf("it is asked at port %d", n)
	}
	if env, _ := objects(containers(child(changed, "spec"))[0], "env"); text(env[0], "value") != "http://127.0.0.1:15000/v1" {
		t.Errorf("the agent is told %v", env[0])
	}
	if text(u, "image") != "sidecar:1" || text(u, "restartPolicy") != "Always" {
		t.Errorf("the usual sidecar is %v", u)
	}
}

// TestJobsNeedANativeSidecar: one that goes on beside them would keep them from ending.
func TestJobsNeedANativeSidecar(t *testing.T) {
	for _, policy := range []string{"Never", "OnFailure", "Always", ""} {
		raw := `{"spec": {"restartPolicy": "` + policy + `", "containers": [{"name": "a"}]}}`
		_, beside := injected(t, injector(t, func(s *Settings) { s.Placement = Container }), raw)
		_, native := injected(t, injector(t, nil), raw)
		ends := policy == "Never" || policy == "OnFailure"
		if (beside.Reason == WouldNotEnd) != ends || native.Outcome != Injected {
			t.Errorf("%q: beside %v, native %v", policy, beside, native)
		}
	}
}

// TestTrustOfASecret: the authority may stand in a Secret as well.
func TestTrustOfASecret(t *testing.T) {
	pod, _ := injected(t, injector(t, func(s *Settings) { s.Trust = Trust{Secret: "pdp-ca", Key: "tls.crt"} }), plainPod)
	volumes, _ := objects(child(pod, "spec"), "volumes")
	sources, _ := objects(child(volumes[0], "projected"), "sources")
	found := false
	for _, s := range sources {
		items, _ := objects(child(s, "secret"), "items")
		found = found || text(child(s, "secret"), "name") == "pdp-ca" && text(items[0], "key") == "tls.crt" && text(items[0], "path") == trustFile
		if s["configMap"] != nil {
			t.Error("a ConfigMap is mounted too")
		}
	}
	if !found {
		t.Errorf("the volume is %v", volumes[0])
	}
}

// TestForgedSidecar: a pod that looks as if it had been injected is left as it
// is, and told of, unless its sidecar is the one that an injection gives it.
func TestForgedSidecar(t *testing.T) {
	i := injector(t, nil)
	ours, _ := injected(t, i, plainPod)
	for image, forged := range map[string]bool{"sidecar:1": false, "sidecar:0": true, "evil/sidecar:1": true, "": true} {
		sidecarOf(child(ours, "spec"))["image"] = image
		_, r := i.Pod(ours, "prod")
		if got := strings.Contains(textOf(r), "! outrider: is there already and runs the image "+strconv.Quote(image)); got != forged || r.Outcome != Unchanged {
			t.Errorf("%q is %s:\n%s", image, r.Outcome, textOf(r))
		}
	}
}

// TestVariablesFromTheCluster: what nobody sees here is said to be unseen, and
// what is set beside it wins.
func TestVariablesFromTheCluster(t *testing.T) {
	pod, r := injected(t, injector(t, nil), `{"spec": {"serviceAccountName": "bot", "containers": [{"name": "a", "envFrom": [{"secretRef": {"name": "s"}}]}]}}`)
	env, _ := objects(containers(child(pod, "spec"))[0], "env")
	if !strings.Contains(textOf(r), "a: takes more variables from the cluster (envFrom)") || len(env) != len(variables(14000)) {
		t.Errorf("%d variables:\n%s", len(env), textOf(r))
	}
	if got := noted(t, ""); strings.Contains(got, "envFrom") {
		t.Error(got)
	}
}
