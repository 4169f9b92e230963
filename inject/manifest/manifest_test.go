package manifest

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"outrider.dev/outrider/inject"
)

func TestManifestsThatCannotBeRead(t *testing.T) {
	i := newInjector(t)
	deep := strings.Repeat("[", maxDepth+2) + strings.Repeat("]", maxDepth+2)
	for name, tt := range map[string]struct{ raw, want string }{
		"no YAML":           {"a: b: c", "document 1 cannot be read"},
		"the second":        {"a: b\n---\nc: *d", "document 2 cannot be read"},
		"a key twice":       {"a:\n  b: 1\n  b: 2", `document 1: line 3: the key "b" stands twice`},
		"a key twice, JSON": {`{"a": {"b": 1, "b": 2}}`, `document 1: the key "b" stands twice`},
		"deep JSON":         {`{"a": ` + deep + `}`, "nests deeper than"},
		"a mapping key":     {"? {a: b}\n: c", "a key is no text"},
		"deep":              {"a: " + deep, "nests deeper than"},
		"a cycle":           {"a: &a [*a]", "grow beyond bounds"},
		"a merged text":     {"a: &a b\nc: {<<: *a}", "<< takes a mapping"},
		"a merged list":     {"a: &a [b]\nc: {<<: *a}", "<< takes a mapping"},
		"no such anchor":    {"a: *b", "document 1 cannot be read"},
		"large":             {strings.Repeat("#", MaxBytes+1), "split it"},
	} {
		out, reports, err := Inject([]byte(tt.raw), i)
		if err == nil || !strings.Contains(err.Error(), tt.want) || out != nil || reports != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestAliasesDoNotGrowWithoutBounds: a few lines that stand for billions of nodes.
func TestAliasesDoNotGrowWithoutBounds(t *testing.T) {
	var b strings.Builder
	b.WriteString("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n")
	for n := range 12 {
		before := "*a" + string(rune('a'+n-1))
		if n == 0 {
			before = "*a0"
		}
		b.WriteString("a" + string(rune('a'+n)) + ": &a" + string(rune('a'+n)) + " [" + strings.TrimSuffix(strings.Repeat(before+", ", 10), ", ") + "]\n")
	}
	if _, _, err := Inject([]byte(b.String()), newInjector(t)); err == nil || !strings.Contains(err.Error(), "beyond bounds") {
		t.Errorf("got %v", err)
	}
}

// TestNothingToDoIsByteForByte: what holds no pod, or only pods that are left
// alone, comes back as it was written, however that is.
func TestNothingToDoIsByteForByte(t *testing.T) {
	for _, raw := range []string{
		"", "\n\n", "# a comment\n", "---\n", "kind:   Service\n\n\n# end", "[1, 2]", "just text", "null", "a: 'b'   # c\r\n",
		"kind: Pod\nmetadata: {annotations: {outrider.dev/inject: 'false'}}\nspec:   {containers: [{name: a}]}",
		`{"kind":"ConfigMap","data":{"a":"b"}}`, "kind: List\nitems:   []\n", "kind: CustomThing\nspec: {template: {spec: {}}}",
	} {
		out, _, err := Inject([]byte(raw), newInjector(t))
		if err != nil || string(out) != raw {
			t.Errorf("%q became %q: %v", raw, out, err)
		}
	}
}

// TestJSONStaysJSON, with numbers as they are written.
func TestJSONStaysJSON(t *testing.T) {
	raw := `{"kind": "Pod", "x": 12345678901234567890.5, "spec": {"containers": [{"name": "a", "env": []}, {"name": "b", "env": [{"name": "A", "value": "a \"b\"\n\u00e9 \u2028 \ud83d\ude00 \/"}]}], "volumes": [], "initContainers": null}, "metadata": {}}`
	out, reports, err := Inject([]byte(raw), newInjector(t))
	if err != nil || len(reports) != 1 || reports[0].Outcome != inject.Injected {
		t.Fatalf("%v, %v", reports, err)
	}
	var tree map[string]any
	if err := json.Unmarshal(out, &tree); err != nil {
		t.Fatalf("%v in\n%s", err, out)
	}
	if !strings.Contains(string(out), "12345678901234567890.5") {
		t.Error("a number changed")
	}
	spec := tree["spec"].(map[string]any)
	value := spec["containers"].([]any)[1].(map[string]any)["env"].([]any)[0].(map[string]any)["value"]
	if value != "a \"b\"\né \u2028 😀 /" {
		t.Errorf("a text became %q", value)
	}
	if len(spec["initContainers"].([]any)) != 1 || len(spec["volumes"].([]any)) != 1 {
		t.Errorf("the pod is %v", spec)
	}
}

// TestWordsOfYAML11: clients of Kubernetes take yes and on for true.
func TestWordsOfYAML11(t *testing.T) {
	for written, want := range map[string]any{
		"yes": true, "On": true, "TRUE": true, "no": false, "off": false, "False": false, `"yes"`: "yes", "'on'": "on", "yess": "yess",
		"12": int64(12), "0x10": int64(16), "0o17": int64(15), "1.5": "1.5", "~": nil, "null": nil, "": nil, "2001-01-01": "2001-01-01", "!!str yes": "yes",
	} {
		var doc yaml.Node
		if err := yaml.Unmarshal([]byte("a: "+written), &doc); err != nil {
			t.Fatal(err)
		}
		got, err := value(doc.Content[0], 0)
		if err != nil || got.(map[string]any)["a"] != want {
			t.Errorf("%s is %#v, want %#v: %v", written, got, want, err)
		}
	}
}

// TestIndentationStays: lists stand where the author puts them.
func TestIndentationStays(t *testing.T) {
	for name, raw := range map[string]string{
		"below": "kind: Pod\nspec:\n  containers:\n  - name: a\n    command:\n    - x\n",
		"right": "kind: Pod\nspec:\n  containers:\n    - name: a\n      command:\n        - x\n",
	} {
		out, _, err := Inject([]byte(raw), newInjector(t))
		if err != nil || !strings.HasPrefix(string(out), raw) {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}

// TestCommentsStay, wherever they stand.
func TestCommentsStay(t *testing.T) {
	raw := "# head\nkind: Pod # kind\n# before spec\nspec: # spec\n  containers: # list\n  # before a\n  - name: a # a\n    # before env\n    env: # env\n    # before A\n    - name: A # A\n      value: \"1\" # one\n    # after A\n# foot\n"
	out, _, err := Inject([]byte(raw), newInjector(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, comment := range []string{"# head", "# kind", "# before spec", "# spec", "# list", "# before a", "# a\n", "# before env", "# env", "# before A", "# A\n", "# one", "# after A", "# foot"} {
		if strings.Count(string(out), comment) != strings.Count(raw, comment) {
			t.Errorf("%q is not what it was in\n%s", comment, out)
		}
	}
}

// TestAnchorsOfOthersStay: a document without a pod keeps its anchors, and one
// with a pod loses none of what they stand for.
func TestAnchorsOfOthersStay(t *testing.T) {
	raw := "a: &x {b: 1}\nc: *x\n---\nkind: Pod\nspec:\n  containers:\n  - &c {name: one, image: i}\n  - {<<: [*c, {stdin: true}], name: two}\n"
	out, reports, err := Inject([]byte(raw), newInjector(t))
	if err != nil || len(reports) != 1 {
		t.Fatalf("%v, %v", reports, err)
	}
	after := trees(t, out)[1].(map[string]any)["spec"].(map[string]any)["containers"].([]any)
	two := after[1].(map[string]any)
	if two["name"] != "two" || two["image"] != "i" || two["stdin"] != true || after[0].(map[string]any)["stdin"] != nil {
		t.Errorf("the containers are %v", after)
	}
}

// TestDocumentsBesideAPodStay as they are written, whatever the pod becomes.
func TestDocumentsBesideAPodStay(t *testing.T) {
	const pod = "kind: Pod\nmetadata:\n  name: a\nspec:\n  containers:\n  - name: a\n"
	for name, tt := range map[string]struct{ raw, want string }{
		"before it":      {"kind:   Service\nspec:   {a:   b}\n\n\n# end\n---\n# next\n@", "kind:   Service\nspec:   {a:   b}\n\n\n# end\n---\n# next\n@"},
		"behind it":      {"@---\nkind:   Service\nlong:   'it''s'", "@---\nkind:   Service\nlong:   'it''s'"},
		"around it":      {"--- # one\nkind:  A\n...\n---\n@--- # three\n\n\nkind:  C\n", "--- # one\nkind:  A\n...\n---\n@--- # three\n\n\nkind:  C\n"},
		"comments alone": {"---\n# Source: chart/a.yaml\n---\n# Source: chart/b.yaml\n@---\n# Source: chart/c.yaml\n", "---\n# Source: chart/a.yaml\n---\n# Source: chart/b.yaml\n@---\n# Source: chart/c.yaml\n"},
		"empty":          {"---\n---\n@---\n---\n", "---\n---\n@---\n---\n"},
		"a first marker": {"---\n@", "---\n@"},
		"directives":     {"a:  b\n...\n%YAML 1.1\n---\n@", "a: b\n---\n@"},
		"a directive":    {"%YAML 1.1\n---\na:  b\n---\n@", "%YAML 1.1\n---\na:  b\n---\n@"},
		"other breaks":   {"a:  \"\u2028---\"\n---\n@", "a: \"\\L---\"\n---\n@"},
		"dashes":         {"a:  b\n---\n---a:  b\n---\n@", "a:  b\n---\n---a:  b\n---\n@"},
	} {
		alone, _, err := Inject([]byte(pod), newInjector(t))
		if err != nil {
			t.Fatal(err)
		}
		for _, ends := range []string{"\n", "\r\n"} {
			raw := strings.ReplaceAll(strings.Replace(tt.raw, "@", pod, 1), "\n", ends)
			want := strings.ReplaceAll(strings.Replace(tt.want, "@", string(alone), 1), "\n", ends)
			out, reports, err := Inject([]byte(raw), newInjector(t))
			if err != nil || len(reports) != 1 || string(out) != want {
				t.Errorf("%s: %v, %d reports (-want +got):\n%s", name, err, len(reports), cmp.Diff(want, string(out)))
			}
			if again, _, err := Inject(out, newInjector(t)); err != nil || string(again) != string(out) {
				t.Errorf("%s: a second injection: %v\n%q", name, err, again)
			}
		}
	}
}
