package route

import (
	"strings"
	"testing"
	"time"

	configv1 "outrider.dev/outrider/proto/outrider/config/v1"
)

func TestURLsRefused(t *testing.T) {
	for name, url := range map[string]string{
		"nothing":                          "",
		"no scheme":                        "api.example.com/v1",
		"a path":                           "/v1",
		"no host":                          "https:///v1",
		"a port only":                      "https://:443/v1",
		"opaque":                           "https:api.example.com",
		"another scheme":                   "ftp://api.example.com",
		"a socket":                         "unix:///run/llm.sock",
		"plain http":                       "http://api.example.com/v1",
		"plain http on all addresses":      "http://0.0.0.0:8080",
		"plain http on the network":        "http://192.168.1.10:11434",
		"plain http to metadata":           "http://169.254.169.254/latest",
		"a name that begins like loopback": "http://127.evil.example",
		"loopback in front of a name":      "http://127.0.0.1.evil.example",
		"localhost of somebody":            "http://localhost.evil.example",
		"localhost with a final dot":       "http://localhost./",
		"loopback written short":           "http://127.1/",
		"loopback as one number":           "http://2130706433/",
		"loopback as a user":               "http://127.0.0.1:80@evil.example/",
		"credentials":                      "https://user:s3cr3t@api.example.com",
		"credentials without a host":       "https://user:s3cr3t@",
		"credentials that do not parse":    "https://user:s3cr3t%@api.example.com",
		"a key in the query":               "https://api.example.com/v1?key=s3cr3t",
		"a key in the query of nobody":     "https://?key=s3cr3t",
		"a key in the fragment":            "https://api.example.com/v1#s3cr3t",
		"a key in the path of plain http":  "http://api.example.com/s3cr3t",
		"a space":                          "https://api example.com",
		"a line break":                     "https://api.example.com\r\nX: y",
		"an endless port":                  "https://api.example.com:port",
	} {
		t.Run(name, func(t *testing.T) {
			_, asProvider := New(&configv1.LLM{Providers: []*configv1.LLMProvider{provider("acme", url)}}, nil)
			_, asServer := New(nil, &configv1.MCP{Servers: []*configv1.MCPServer{{Name: "acme", Url: url}}})
			if asProvider == nil || asServer == nil {
				t.Fatalf("%q loads: %v, %v", url, asProvider, asServer)
			}
			for _, err := range []error{asProvider, asServer} {
				if strings.Contains(err.Error(), "s3cr3t") {
					t.Errorf("the error tells the secret: %v", err)
				}
				if !strings.Contains(err.Error(), "acme") || !strings.Contains(err.Error(), "url") {
					t.Errorf("the error does not say where: %v", err)
				}
			}
		})
	}
}

func TestGrant(t *testing.T) {
	now := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct{ url, path, origin, full string }{
		{"https://api.example.com/v1", "/chat/completions", "https://api.example.com", "/v1/chat/completions"},
		{"https://api.example.com/v1/", "/chat/completions", "https://api.example.com", "/v1/chat/completions"},
		{"https://api.example.com", "/models", "https://api.example.com", "/models"},
		{"https://api.example.com:8443/a%2Fb", "/models", "https://api.example.com:8443", "/a%2Fb/models"},
		{"http://127.0.0.1:11434/v1", "/models", "http://127.0.0.1:11434", "/v1/models"},
		{"http://localhost:1", "/models", "http://localhost:1", "/models"},
		{"http://[::1]:1/v1", "/models", "http://[::1]:1", "/v1/models"},
		{"https://mcp.example.com/mcp", "", "https://mcp.example.com", "/mcp"},
		{"https://mcp.example.com/mcp/", "", "https://mcp.example.com", "/mcp/"}, // a server may know only this one
		{"https://mcp.example.com", "", "https://mcp.example.com", ""},
	} {
		table := newTable(t, &configv1.LLM{Providers: []*configv1.LLMProvider{provider("acme", c.url)}}, nil)
		target := table.Providers()[0]
		target.Model = "m"
		g, err := target.Grant("openai.chat", c.path, now)
		if err != nil {
			t.Errorf("%s: %v", c.url, err)
			continue
		}
		to := g.Target
		if to.Origin != c.origin || to.Path != c.full || to.Provider != "acme" || to.Dialect != "openai.chat" || to.Model != "m" {
			t.Errorf("%s and %q are called as %+v", c.url, c.path, to)
		}
		if !g.Expires.Equal(now.Add(grantLife)) || g.Credential.Header.Name != "" {
			t.Errorf("%s: granted until %v with %q", c.url, g.Expires, g.Credential.Header.Name)
		}
	}
}
