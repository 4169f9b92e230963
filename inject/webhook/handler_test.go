package webhook

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"go.uber.org/goleak"
	"go.yaml.in/yaml/v3"

	"outrider.dev/outrider/config"
	"outrider.dev/outrider/inject"
	"outrider.dev/outrider/inject/manifest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newInjector(t testing.TB) *inject.Injector {
	t.Helper()
	cfg, err := config.LoadInjection("")
	if err != nil {
		t.Fatal(err)
	}
	i, err := inject.New(inject.SettingsOf(cfg, inject.Native))
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// heard keeps what the handler counted and told.
type heard struct {
	counted []inject.Report
	told    []Pod
}

func newHandler(t testing.TB) (http.Handler, *heard) {
	t.Helper()
	h := &heard{}
	return Handler(Config{
		Injector: newInjector(t), Namespace: "outrider", Log: slog.New(slog.DiscardHandler),
		Count: func(r inject.Report) { h.counted = append(h.counted, r) },
		Tell:  func(_ inject.Report, p Pod) { h.told = append(h.told, p) },
	}), h
}

func post(h http.Handler, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, "/mutate", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json; charset=utf-8")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func reviewOf(namespace, object string, dryRun bool) string {
	return fmt.Sprintf(`{"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "future": 1, "request": {"uid": "u-1", "kind": {"group": "", "version": "v1", "kind": "Pod"},
		"operation": "CREATE", "namespace": %q, "dryRun": %v, "options": {"future": true}, "object": %s}}`, namespace, dryRun, object)
}

func answered(t testing.TB, w *httptest.ResponseRecorder) *response {
	t.Helper()
	var r review
	if err := json.Unmarshal(w.Body.Bytes(), &r); err != nil || w.Code != http.StatusOK || r.Response == nil {
		t.Fatalf("%d %s: %v", w.Code, w.Body, err)
	}
	if r.APIVersion != reviewVersion || r.Kind != reviewKind || r.Request != nil || r.Response.UID != "u-1" || !r.Response.Allowed {
		t.Fatalf("the answer is %s", w.Body)
	}
	return r.Response
}

const bot = `{"metadata": {"generateName": "bot-1-", "ownerReferences": [{"kind": "ReplicaSet", "name": "bot-1", "uid": "o", "controller": true}]},
	"spec": {"serviceAccountName": "bot", "containers": [{"name": "agent", "env": [{"name": "OPENAI_BASE_URL", "value": "https://api.openai.com"}]}]}}`

func TestReviewInjects(t *testing.T) {
	h, heard := newHandler(t)
	a := answered(t, post(h, reviewOf("prod", bot, false)))
	var ops []inject.Op
	if err := json.Unmarshal(a.Patch, &ops); err != nil || a.PatchType != "JSONPatch" || len(ops) < 4 {
		t.Fatalf("the patch is %q %s: %v", a.PatchType, a.Patch, err)
	}
	if len(a.Warnings) != 1 || !strings.Contains(a.Warnings[0], "OPENAI_BASE_URL leads to api.openai.com") {
		t.Errorf("warnings: %q", a.Warnings)
	}
	if len(heard.counted) != 1 || heard.counted[0].Outcome != inject.Injected || heard.counted[0].Namespace != "prod" {
		t.Errorf("counted %v", heard.counted)
	}
	if len(heard.told) != 1 || heard.told[0].Owner["name"] != "bot-1" || heard.told[0].Name != "bot-1-" {
		t.Errorf("told %v", heard.told)
	}
}

// TestDryRunLeavesNoTrace, and is answered alike.
func TestDryRunLeavesNoTrace(t *testing.T) {
	h, heard := newHandler(t)
	wet, dry := answered(t, post(h, reviewOf("prod", bot, false))), answered(t, post(h, reviewOf("prod", bot, true)))
	if !reflect.DeepEqual(wet, dry) {
		t.Errorf("a dry run answers %v, not %v", dry, wet)
	}
	if len(heard.counted) != 1 || len(heard.told) != 1 {
		t.Errorf("counted %d, told %d", len(heard.counted), len(heard.told))
	}
}

func TestReviewsThatChangeNothing(t *testing.T) {
	h, heard := newHandler(t)
	for name, tt := range map[string]struct {
		body    string
		reason  inject.Reason
		warning string
	}{
		"own namespace": {reviewOf("outrider", bot, false), inject.ExemptNamespace, ""},
		"kube-system":   {reviewOf("kube-system", bot, false), inject.ExemptNamespace, ""},
		"opted out":     {reviewOf("prod", `{"metadata": {"annotations": {"outrider.dev/inject": "false"}}, "spec": {"containers": [{"name": "a"}]}}`, false), inject.OptedOut, ""},
		"host network":  {reviewOf("prod", `{"spec": {"hostNetwork": true, "containers": [{"name": "a"}]}}`, false), inject.HostNetwork, "not injected (host_network)"},
		"no pod":        {reviewOf("prod", `{}`, false), inject.InvalidPod, "not injected (invalid_pod)"},
	} {
		heard.counted = nil
		a := answered(t, post(h, tt.body))
		if len(a.Patch) > 0 || a.PatchType != "" {
			t.Errorf("%s: patched with %s", name, a.Patch)
		}
		if len(heard.counted) != 1 || heard.counted[0].Reason != tt.reason {
			t.Errorf("%s: counted %v", name, heard.counted)
		}
		if strings.Join(a.Warnings, "") == "" != (tt.warning == "") || !strings.Contains(strings.Join(a.Warnings, ""), tt.warning) {
			t.Errorf("%s: warned %q", name, a.Warnings)
		}
	}
	heard.counted = nil
	for name, change := range map[string][2]string{"update": {`"CREATE"`, `"UPDATE"`}, "deployment": {`"kind": "Pod"`, `"kind": "Deployment"`}, "group": {`"group": ""`, `"group": "x"`}} {
		if a := answered(t, post(h, strings.Replace(reviewOf("prod", bot, false), change[0], change[1], 1))); len(a.Patch) > 0 || len(heard.counted) > 0 {
			t.Errorf("%s: %v, counted %v", name, a, heard.counted)
		}
	}
}

func TestReviewsThatAreRefused(t *testing.T) {
	h, _ := newHandler(t)
	good := reviewOf("prod", bot, false)
	for name, tt := range map[string]struct {
		body string
		code int
	}{
		"empty":       {"", http.StatusBadRequest},
		"half":        {good[:len(good)/2], http.StatusBadRequest},
		"trailing":    {good + "{}", http.StatusBadRequest},
		"old version": {strings.Replace(good, "/v1\"", "/v1beta1\"", 1), http.StatusBadRequest},
		"no uid":      {strings.Replace(good, `"u-1"`, `""`, 1), http.StatusBadRequest},
		"no request":  {`{"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview"}`, http.StatusBadRequest},
		"no object":   {reviewOf("prod", "null", false), http.StatusBadRequest},
		"list":        {reviewOf("prod", "[]", false), http.StatusBadRequest},
		"large":       {strings.Replace(good, `"future": 1`, `"future": "`+strings.Repeat("x", MaxBody)+`"`, 1), http.StatusRequestEntityTooLarge},
	} {
		if w := post(h, tt.body); w.Code != tt.code {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
	get := httptest.NewRecorder()
	h.ServeHTTP(get, httptest.NewRequest(http.MethodGet, "/mutate", nil))
	plain := httptest.NewRecorder()
	h.ServeHTTP(plain, httptest.NewRequest(http.MethodPost, "/mutate", strings.NewReader(good)))
	if get.Code != http.StatusMethodNotAllowed || plain.Code != http.StatusUnsupportedMediaType {
		t.Errorf("GET: %d, without a type: %d", get.Code, plain.Code)
	}
}

// templateIn returns the pod that the first workload of a manifest describes.
func templateIn(t *testing.T, raw []byte) map[string]any {
	t.Helper()
	dec := yaml.NewDecoder(bytes.NewReader(raw))
	for {
		var doc map[string]any
		if err := dec.Decode(&doc); err != nil {
			if err == io.EOF { //nolint:errorlint // as the decoder says it
				return nil
			}
			t.Fatal(err)
		}
		spec, _ := doc["spec"].(map[string]any)
		if pod, ok := spec["template"].(map[string]any); ok {
			return pod
		}
	}
}

// TestSameAsOffline: a pod that the webhook sees becomes what `outrider inject`
// makes of the manifest that it comes from.
func TestSameAsOffline(t *testing.T) {
	names, err := filepath.Glob("../manifest/testdata/*/in.yaml")
	if err != nil {
		t.Fatal(err)
	}
	h, _ := newHandler(t)
	compared := 0
	for _, name := range names {
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		pod := templateIn(t, raw)
		if pod == nil {
			continue
		}
		out, reports, err := manifest.Inject(raw, newInjector(t))
		if err != nil {
			t.Fatal(err)
		}
		created := map[string]any{"kind": "Pod", "apiVersion": "v1"}
		for key, v := range pod {
			created[key] = v
		}
		created["metadata"] = map[string]any{"generateName": "x-", "ownerReferences": []any{map[string]any{"kind": "StatefulSet", "name": reports[0].Name, "controller": true}}}
		if meta, ok := pod["metadata"].(map[string]any); ok {
			for key, v := range meta {
				created["metadata"].(map[string]any)[key] = v
			}
		}
		object, err := json.Marshal(created)
		if err != nil {
			t.Fatal(err)
		}
		a := answered(t, post(h, reviewOf("prod", string(object), true)))
		var ops []inject.Op
		if len(a.Patch) > 0 {
			if err := json.Unmarshal(a.Patch, &ops); err != nil {
				t.Fatal(err)
			}
		}
		var tree any
		if err := json.Unmarshal(object, &tree); err != nil {
			t.Fatal(err)
		}
		patched, err := inject.Apply(tree, ops)
		if err != nil {
			t.Fatal(err)
		}
		online, offline := patched.(map[string]any), templateIn(t, out)
		if got, want := asJSON(t, online["spec"]), asJSON(t, offline["spec"]); got != want {
			t.Errorf("%s: the webhook makes\n%s\nand outrider inject\n%s", name, got, want)
		}
		for _, key := range []string{"labels", "annotations"} {
			if got, want := asJSON(t, online["metadata"].(map[string]any)[key]), asJSON(t, metaOf(offline, key)); got != want {
				t.Errorf("%s: %s: the webhook makes\n%s\nand outrider inject\n%s", name, key, got, want)
			}
		}
		compared++
	}
	if compared < 6 {
		t.Errorf("only %d manifests were compared", compared)
	}
}

func metaOf(pod map[string]any, key string) any {
	meta, _ := pod["metadata"].(map[string]any)
	return meta[key]
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	raw, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func FuzzReview(f *testing.F) {
	h, _ := newHandler(f)
	for _, seed := range []string{reviewOf("prod", bot, true), reviewOf("", `{}`, false), reviewOf("x", `{"metadata": {"ownerReferences": [1, {"controller": true}]}, "spec": {"containers": [{}]}}`, false), `{}`, `[]`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		w := post(h, body)
		if w.Code != http.StatusOK && w.Code != http.StatusBadRequest {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		if w.Code != http.StatusOK {
			return
		}
		var r review
		if err := json.Unmarshal(w.Body.Bytes(), &r); err != nil || r.Response == nil || !r.Response.Allowed {
			t.Fatalf("%s: %v", w.Body, err)
		}
		var ops []inject.Op
		if len(r.Response.Patch) > 0 && json.Unmarshal(r.Response.Patch, &ops) != nil {
			t.Fatalf("the patch is %s", r.Response.Patch)
		}
	})
}
