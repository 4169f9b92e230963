package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	configv1 "outrider.dev/outrider/proto/outrider/config/v1"
)

const head = "apiVersion: outrider.dev/v1\nkind: AgentPolicy\n"

// policyText is a whole policy of the given name.
func policyText(name string) string {
	return head + "metadata: {name: " + name + "}\nspec: {}\n"
}

// put writes files below a new folder and returns it.
func put(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func names(l *Loaded) []string {
	var out []string
	for _, p := range l.Policies {
		out = append(out, p.Doc.GetMetadata().GetName())
	}
	return out
}

// TestFragment reads the policy of the design page to the last field.
func TestFragment(t *testing.T) {
	loaded, err := Files("testdata/good/policies/fragment.yaml")
	if err != nil {
		t.Fatal(err)
	}
	spec := loaded.Policies[0].Doc.GetSpec()
	jwt := spec.GetTraffic().GetJwtAuthentication()
	rate := spec.GetTraffic().GetRateLimiting()[0]
	mcp := spec.GetBackend().GetMcp()
	checks := []struct {
		what      string
		got, want any
	}{
		{"labels", spec.GetAgents().GetMatchLabels()["app"], "devops-copilot"},
		{"surfaces", strings.Join(jwt.GetSurfaces(), " "), "MCP"},
		{"issuer", jwt.GetProviders()[0].GetIssuer(), "https://your-okta.okta.com/oauth2/your-auth-server"},
		{"cache", jwt.GetProviders()[0].GetJwks().GetRemote().GetCacheDuration().AsDuration(), time.Hour},
		{"provider", rate.GetMatch().GetProvider(), "xai"},
		{"requests", rate.GetLimits()[0].GetRequestsPerMinute(), uint64(10)},
		{"tokens", rate.GetLimits()[1].GetTokensPerMinute(), uint64(5000)},
		{
			"first expression", mcp.GetAuthorization().GetPolicy().GetMatchExpressions()[0],
			"claims.scp.exists(s, s == 'mcp:read') && ( tool.name.startsWith('list_') || tool.name.startsWith('get_') )",
		},
		{"deny", mcp.GetDenyPolicy().GetMatchExpressions()[0], "tool.name.contains('delete') || tool.name.contains('merge_pull_request')"},
		{"models", strings.Join(spec.GetBackend().GetLlm().GetModels().GetAllow(), " "), "claude-* gpt-*"},
		{"guards", len(spec.GetBackend().GetLlm().GetGuards().GetRequest()), 2},
		{"rule", spec.GetRules()[1].GetMessage(), "Ask the platform team."},
		{"rego", spec.GetRego(), "package outrider\ndeny contains \"no merge from this agent\" if startswith(input.tool.name, \"merge_\")\n"},
	}
	for _, c := range checks {
		if c.got != c.want {
			t.Errorf("%s: got %v, want %v", c.what, c.got, c.want)
		}
	}
}

// TestPosition: every value is found where an editor shows it.
func TestPosition(t *testing.T) {
	const file = "testdata/good/policies/fragment.yaml"
	loaded, err := Files(file)
	if err != nil {
		t.Fatal(err)
	}
	src, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(src), "\n")
	p := loaded.Policies[0]
	for path, begins := range map[string]string{
		"metadata.name":                    "devops-copilot}",
		"spec.rules[1].when":               `"has(tool.args.repo)`,
		"spec.rules[0].allow":              `{tools: ["admin_*"]}`,
		"spec.rego":                        "package outrider",
		"spec.traffic":                     "jwtAuthentication:",
		"spec.agents":                      "{matchLabels",
		"spec.backend.llm":                 "models:",
		"spec.backend.mcp":                 "authorization:",
		"spec.rules":                       "- {name: admins",
		"spec.agents.matchLabels[\"app\"]": "app:",
		"spec.traffic.rateLimiting[0].limits[1].tokensPerMinute":                "5000}",
		"spec.backend.mcp.authorization.policy.matchExpressions[1]":             "claims.scp.exists(s, s == 'mcp:write')",
		"spec.backend.mcp.denyPolicy.matchExpressions[0]":                       `"tool.name.contains('delete')`,
		"spec.traffic.jwtAuthentication.providers[0].jwks.remote.url":           `"https://your-okta`,
		"spec.traffic.jwtAuthentication.providers[0].audiences[0]":              `"api://default"`,
		"spec.traffic.jwtAuthentication.providers[0].jwks.remote.cacheDuration": "3600s",
	} {
		at, ok := p.Position(path)
		if !ok || at.File != file || at.Line < 1 || !strings.HasPrefix(lines[at.Line-1][at.Column-1:], begins) {
			t.Errorf("%s: %v %v", path, at, ok)
		}
	}
	around, ok := p.Position("spec.rules[0].message")
	if want := p.Lines["spec.rules[0]"]; ok || around != want {
		t.Errorf("an absent field is at %v, %v; want its rule's place %v", around, ok, want)
	}
	if at, ok := (&Policy{File: "a.yaml"}).Position("spec"); ok || at.String() != "a.yaml" {
		t.Errorf("a policy without lines: %v, %v", at, ok)
	}
}

// TestLoadResolvesFiles: relative paths lead from the document's folder.
func TestLoadResolvesFiles(t *testing.T) {
	t.Chdir("testdata")
	loaded, err := Load("good/central.yaml")
	if err != nil {
		t.Fatal(err)
	}
	pdp, keys := loaded.Config.GetPdp(), loaded.Config.GetLlm().GetProviders()[0].GetKey()
	got := []string{
		pdp.GetListen().GetSocket(), pdp.GetListen().GetTls().GetCert(), pdp.GetListen().GetTls().GetKey(),
		pdp.GetListen().GetTls().GetClientCa(), pdp.GetState(), keys.GetFile(),
		loaded.Config.GetMcp().GetServers()[0].GetAuth().GetBearer().GetFile(),
	}
	want := []string{
		"good/pdp.sock", "good/tls/pdp.crt", "good/tls/pdp.key", "good/tls/ca.crt", "good/state", "good/keys/xai", "/run/secrets/docs",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("paths (-want +got):\n%s", diff)
	}
	sidecar, err := LoadSidecar("good/sidecar.yaml")
	if err != nil {
		t.Fatal(err)
	}
	want2 := &configv1.ClientTLS{Cert: "good/tls/sidecar.crt", Key: "good/tls/sidecar.key", Ca: "/etc/outrider/ca.crt", ServerName: "pdp"}
	if diff := cmp.Diff(want2, sidecar.GetDecision().GetTls(), protocmp.Transform()); diff != "" {
		t.Errorf("sidecar (-want +got):\n%s", diff)
	}
	several, err := Files("good/several.yml")
	if err != nil {
		t.Fatal(err)
	}
	jwks := several.Policies[1].Doc.GetSpec().GetTraffic().GetJwtAuthentication().GetProviders()[0].GetJwks()
	if jwks.GetFile() != "good/keys/jwks.json" {
		t.Errorf("jwks.file is %q", jwks.GetFile())
	}
}

// TestLoadReadsFolders: sorted, without hidden and other files, each file once.
func TestLoadReadsFolders(t *testing.T) {
	dir := put(t, map[string]string{
		"outrider.yaml":          "apiVersion: outrider.dev/v1\nkind: Config\npolicies: [p, p/b.yml, q.yaml]\n",
		"p/b.yml":                policyText("b"),
		"p/a.yaml":               policyText("a") + "---\n" + policyText("a2"),
		"p/.hidden.yaml":         "broken: [",
		"p/readme.txt":           "broken: [",
		"p/deeper.yaml/x.yaml":   "broken: [",
		"q.yaml":                 policyText("q"),
		"elsewhere/nothing.text": "",
	})
	loaded, err := Load(filepath.Join(dir, "outrider.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if got := names(loaded); !slices.Equal(got, []string{"a", "a2", "b", "q"}) {
		t.Errorf("policies %v", got)
	}
	loaded, err = Files(dir, filepath.Join(dir, "p"), filepath.Join(dir, "outrider.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if got := names(loaded); loaded.Config == nil || !slices.Equal(got, []string{"a", "a2", "b", "q"}) {
		t.Errorf("policies %v, config %v", got, loaded.Config)
	}
	for _, path := range []string{"elsewhere", "nowhere.yaml"} {
		var all Errors
		if _, err := Files(filepath.Join(dir, path)); !errors.As(err, &all) || len(all) != 1 || all[0].Fix == "" {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// TestVersion: it follows the content and nothing else.
func TestVersion(t *testing.T) {
	text := head + "metadata: {name: p}\nspec: {traffic: {jwtAuthentication: {providers: [{issuer: i, audiences: [a], jwks: {file: k}}]}}}\n"
	dir := put(t, map[string]string{
		"a.yaml":   text,
		"b/b.yaml": "# A comment.\n" + strings.Replace(text, "spec: {", "spec: {enforcement: Enforce, ", 1),
		"c.yaml":   strings.Replace(text, "issuer: i", "issuer: j", 1),
	})
	versions := map[string]string{}
	for _, name := range []string{"a.yaml", "b/b.yaml", "c.yaml"} {
		loaded, err := Files(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		versions[name] = loaded.Policies[0].Version
	}
	if v := versions["a.yaml"]; len(v) != 12 || v != versions["b/b.yaml"] || v == versions["c.yaml"] {
		t.Errorf("versions %v", versions)
	}
}

// TestBytes: what no text file of the corpus can hold.
func TestBytes(t *testing.T) {
	text := policyText("p")
	cases := []struct{ name, src, problem string }{
		{"byte order mark", "\uFEFF" + text, ""},
		{"line ends of another system", strings.ReplaceAll(text, "\n", "\r\n"), ""},
		{"empty", "", "x.yaml: is empty;"},
		{"white space", " \n\n", "x.yaml: is empty;"},
		{"not UTF-8", text + "# \xff", "x.yaml:5:3: is not UTF-8;"},
		{"another encoding", "a\x00p\x00i\x00", "x.yaml:1:2: holds the control character U+0000;"},
		{"second byte order mark", "# ä\uFEFF", "x.yaml:1:4: holds the control character U+FEFF;"},
		{"lone return", text + "\r", "x.yaml:5:1: holds the control character U+000D;"},
		{"escaped control", strings.Replace(text, "{}", `{rego: "\x01"}`, 1), "x.yaml:4:14: spec.rego holds a control character;"},
		{"too large", text + strings.Repeat("#", maxFileBytes), "x.yaml: is larger than 1 MiB;"},
		{"as large as may be", text + strings.Repeat("#", maxFileBytes-len(text)), ""},
		{"too many words", text + strings.Repeat("- a\n", maxTokens), "x.yaml: is too long:"},
		{"too many documents", strings.Repeat(text+"---\n", maxDocuments+1), "x.yaml: holds more than 256 documents;"},
		{"many empty documents", text + strings.Repeat("---\n", 4*maxDocuments), ""},
		{"brackets", text + strings.Repeat("[", 50_000), "x.yaml:5:32: is nested deeper than 32 levels;"},
		{"dashes", strings.Repeat("- ", 30_000), "x.yaml:1:65: is nested deeper than 32 levels;"},
		{"too many keys", strings.Repeat("a:\n", 30_000), "x.yaml:1001:2: has more than 1000 keys in one mapping;"},
		{"many entries of a list", text[:len(text)-len("{}\n")] + "\n  rules:\n" + strings.Repeat("  - deny: {}\n    name: r\n", 3000), "x.yaml:9:11: spec.rules[1].name:"},
		{"many unknown keys", "{" + strings.Repeat("a: b,", 13_000) + "}", "x.yaml:1:2: unknown key"},
		{"null document", "null", "x.yaml:1:1: the document: expected a mapping, found nothing;"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := Text("x.yaml", c.src)
			if got := fmt.Sprint(err); c.problem == "" && err != nil || !strings.HasPrefix(got, c.problem) {
				t.Errorf("got %.200s, want %s", got, c.problem)
			}
		})
	}
}

// TestNothingIsLost: documents behind empty ones are read. A reader that
// stopped there would leave policies out in silence.
func TestNothingIsLost(t *testing.T) {
	for _, between := range []string{"---\n", "---\n---\n", "...\n---\n", "...\n", "---\n# nothing\n---\n", "--- \n...\n...\n---\n"} {
		loaded, err := Text("x.yaml", policyText("a")+between+policyText("b"))
		if err != nil {
			t.Errorf("%q: %v", between, err)
			continue
		}
		if got := names(loaded); !slices.Equal(got, []string{"a", "b"}) {
			t.Errorf("%q: read %v", between, got)
		}
	}
}

// TestTooManyFiles: a folder cannot keep a start waiting for ever.
func TestTooManyFiles(t *testing.T) {
	files := map[string]string{}
	for i := range maxFiles + 1 {
		files[fmt.Sprintf("p%04d.yaml", i)] = policyText(fmt.Sprintf("p%d", i))
	}
	_, err := Files(put(t, files))
	if want := "brings more than 1024 files"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %s", err, want)
	}
}

// TestUnreadable: the message names the file once and never hangs on a device.
func TestUnreadable(t *testing.T) {
	for path, want := range map[string]string{
		"testdata":     "testdata: cannot be read: is a directory; check the path and its permissions",
		"nowhere.yaml": "nowhere.yaml: cannot be read: no such file or directory; check the path and its permissions",
		"/dev/zero":    "/dev/zero: cannot be read: it is a device; check the path and its permissions",
	} {
		if _, err := Load(path); err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
		if _, err := LoadSidecar(path); err == nil || err.Error() != want {
			t.Errorf("sidecar: got  %v\nwant %s", err, want)
		}
	}
}

// TestErrorsUnwrap: callers find one problem with errors.As.
func TestErrorsUnwrap(t *testing.T) {
	_, err := Load("testdata/bad/several.yaml")
	var one *Error
	if !errors.As(err, &one) || one.Path != "kind" || one.Line == 0 {
		t.Errorf("got %+v of %v", one, err)
	}
}
