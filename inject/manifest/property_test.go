package manifest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"outrider.dev/outrider/inject"
)

// trees reads a manifest as injection reads it.
func trees(t testing.TB, raw []byte) []any {
	t.Helper()
	documents, err := read(raw, json.Valid(raw))
	if err != nil {
		t.Fatal(err)
	}
	var out []any
	for _, d := range documents {
		if err := expand(d); err != nil {
			t.Fatal(err)
		}
		if len(d.Content) == 0 {
			continue
		}
		v, err := value(d.Content[0], 0)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, v)
	}
	return out
}

// within says where something that was there before is not there after: what
// is left has to be there, with entries of lists in their order.
func within(path string, before, after any) string {
	switch b := before.(type) {
	case map[string]any:
		a, ok := after.(map[string]any)
		if !ok {
			return path
		}
		for key, v := range b {
			if lost := within(path+"/"+key, v, a[key]); lost != "" {
				return lost
			}
		}
		return ""
	case []any:
		a, ok := after.([]any)
		if !ok {
			return path
		}
		at := 0
		for n, v := range b {
			for at < len(a) && within("", v, a[at]) != "" {
				at++
			}
			if at == len(a) {
				return fmt.Sprintf("%s/%d", path, n)
			}
			at++
		}
		return ""
	case nil:
		return "" // what was null may be something now
	default:
		if before != after {
			return path
		}
		return ""
	}
}

// holds checks what is true of every injection: nothing is lost, and a second
// one changes nothing.
func holds(t testing.TB, i *inject.Injector, raw []byte) {
	t.Helper()
	out, reports, err := Inject(raw, i)
	if err != nil {
		return
	}
	before, after := trees(t, raw), trees(t, out)
	if len(before) != len(after) {
		t.Fatalf("%d documents became %d", len(before), len(after))
	}
	for n := range before {
		if lost := within("", before[n], after[n]); lost != "" {
			t.Fatalf("document %d lost %s:\n%s\nbecame\n%s", n, lost, raw, out)
		}
	}
	again, twice, err := Inject(out, i)
	if err != nil {
		t.Fatalf("the result cannot be read: %v\n%s", err, out)
	}
	if !bytes.Equal(out, again) {
		t.Fatalf("a second injection changes\n%s\nto\n%s", out, again)
	}
	for n, r := range reports {
		if r.Outcome == inject.Injected && twice[n].Outcome != inject.Unchanged {
			t.Fatalf("%s was injected, then %s: %s", r.Name, twice[n].Outcome, twice[n].Detail)
		}
		if r.Outcome == inject.Skipped && twice[n].Outcome != inject.Skipped {
			t.Fatalf("%s was skipped, then %s", r.Name, twice[n].Outcome)
		}
	}
}

func TestCasesHold(t *testing.T) {
	i := newInjector(t)
	for dir, raw := range cases(t) {
		t.Run(dir, func(t *testing.T) { holds(t, i, raw) })
	}
}

// TestRandomPodsHold: pods of random shape, with fields that nobody has heard of.
func TestRandomPodsHold(t *testing.T) {
	i := newInjector(t)
	injected := 0
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 1))
		raw, err := yaml.Marshal(randomWorkload(r))
		if err != nil {
			t.Fatal(err)
		}
		holds(t, i, raw)
		if _, reports, err := Inject(raw, i); err == nil && len(reports) == 1 && reports[0].Outcome == inject.Injected {
			injected++
		}
	}
	if injected < 75 {
		t.Errorf("only %d of the pods were injected: the property says little", injected)
	}
}

func randomWorkload(r *rand.Rand) any {
	spec := strange(r, 2)
	spec["containers"] = containers(r, 1+r.IntN(3))
	if r.IntN(2) == 0 {
		spec["initContainers"] = containers(r, r.IntN(3))
	}
	if r.IntN(3) == 0 {
		spec["volumes"] = []any{map[string]any{"name": "v", "future": strange(r, 2)}}
	}
	if r.IntN(8) == 0 {
		spec["hostNetwork"] = true
	}
	if r.IntN(3) == 0 {
		spec["serviceAccountName"] = "bot"
	}
	pod := map[string]any{"spec": spec}
	if r.IntN(2) == 0 {
		meta := strange(r, 1)
		if r.IntN(2) == 0 {
			meta["labels"] = map[string]any{"app": "x"}
		}
		if r.IntN(3) == 0 {
			meta["annotations"] = map[string]any{inject.AnnotationPlacement: []string{"Native", "Container", "Other"}[r.IntN(3)]}
		}
		pod["metadata"] = meta
	}
	if r.IntN(3) == 0 {
		return map[string]any{"items": []any{workload(pod), strange(r, 2)}, "kind": "List"}
	}
	return workload(pod)
}

func workload(pod map[string]any) map[string]any {
	return map[string]any{"kind": "Deployment", "metadata": map[string]any{"name": "w"}, "spec": map[string]any{"template": pod}}
}

func containers(r *rand.Rand, n int) []any {
	names := []string{"agent", "istio-proxy", "linkerd-proxy", "other", "outrider"}
	out := []any{}
	for range n {
		c := strange(r, 2)
		c["name"] = names[r.IntN(len(names)-r.IntN(2))]
		switch r.IntN(4) {
		case 0:
			c["env"] = nil
		case 1:
			c["env"] = []any{map[string]any{"name": "OPENAI_BASE_URL", "value": "https://elsewhere", "strange": strange(r, 1)}}
		case 2:
			c["env"] = []any{}
		}
		if r.IntN(8) == 0 {
			c["ports"] = []any{map[string]any{"containerPort": 14000 + r.IntN(4)}}
		}
		out = append(out, c)
	}
	return out
}

// strange is a mapping with keys of no version yet.
func strange(r *rand.Rand, depth int) map[string]any {
	out := map[string]any{}
	for range r.IntN(3) {
		key := "x" + strings.Repeat("~/.", r.IntN(2)) + fmt.Sprint(r.IntN(9))
		switch r.IntN(5) {
		case 0:
			out[key] = r.Float64() * 1e30
		case 1:
			out[key] = "a: b\n# c\t\"quoted\"\n"
		case 2:
			out[key] = []any{r.Uint64(), nil, true, "yes"}
		default:
			if depth > 0 {
				out[key] = strange(r, depth-1)
			}
		}
	}
	return out
}

func FuzzInject(f *testing.F) {
	i := newInjector(f)
	for _, raw := range cases(f) {
		f.Add(raw)
	}
	for _, seed := range []string{
		"", "---\n---\n", "a: *b", "a: &a [*a]", "? {a: b}\n: c", "kind: Pod\nspec: {containers: [{name: a, env: null}]}", "\t", "kind: Pod\nspec: {containers: [{name: a}]}\nmetadata: null",
		"a: &a {<<: *a}", "kind: Pod\nmetadata: {labels: {}, annotations: {}}\nspec: {containers: [{}]}", "%YAML 1.1\n---\nkind: Pod\n...\n", "!!binary x: y",
		"kind: Pod\nspec: !x {containers: [{name: &n a}, {name: *n}]}", "[1, 2]", "kind: Pod # c\nspec: # d\n  containers: # e\n  - # f\n    name: a # g\n",
		"a:  b\r\n---\r\n# c\r\nkind: Pod\r\nspec: {containers: [{name: a}]}\r\n--- # d\r\n",
		"---\nkind: Pod\nspec: {containers: [{name: a, args: [\"\n--- \"]}]}\n--- |\n ---\n...\n---\n\u2028---\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) { holds(t, i, raw) })
}
