package road

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/dialect/openai"
)

// Programs send bodies to be judged as well, by REST and by AuthZEN.

// program asks at the HTTP address of the decision service.
func program(question func(c call) (path string, body any)) func(*testing.T, *Road) func(*testing.T, call) decision.Code {
	return func(_ *testing.T, r *Road) func(*testing.T, call) decision.Code {
		base := r.admins[len(r.admins)-1]
		return func(t *testing.T, c call) decision.Code {
			t.Helper()
			path, body := question(c)
			raw, err := json.Marshal(body)
			if err != nil {
				t.Fatal(err)
			}
			text := strings.Replace(string(raw), `"`+asItIs+`"`, quoted(c.body), 1)
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, base+path, strings.NewReader(text))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Content-Type", "application/json")
			a := r.do(t, req)
			var got struct {
				Reason   decision.Code // of a problem
				Decision any           // AuthZEN's, or the id of a problem
				Context  struct{ Reason decision.Code }
				Verdict  struct {
					Effect string
					Reason struct {
						Code   decision.Code
						Hidden bool
					}
				}
			}
			if err := json.Unmarshal(a.body, &got); err != nil {
				t.Fatalf("%d %s: %v", a.status, a.body, err)
			}
			if got.Verdict.Reason.Hidden { // as the road tells it
				return decision.CodeToolUnknown
			}
			for _, code := range []decision.Code{got.Reason, got.Context.Reason, got.Verdict.Reason.Code} {
				if code != "" {
					return code
				}
			}
			if got.Decision != true && got.Verdict.Effect != "EFFECT_ALLOW" {
				t.Errorf("neither a reason nor a permission: %s", a.body)
			}
			return ""
		}
	}
}

type members map[string]any

// asItIs holds the place of a body that stands in a question as a text: the
// JSON of Go would mend it.
const asItIs = "the body as it is"

func quoted(body string) string {
	var out strings.Builder
	out.WriteByte('"')
	for i := range len(body) {
		switch c := body[i]; {
		case c == '"' || c == '\\':
			out.WriteByte('\\')
			out.WriteByte(c)
		case c < ' ':
			fmt.Fprintf(&out, `\u%04x`, c)
		default:
			out.WriteByte(c)
		}
	}
	out.WriteByte('"')
	return out.String()
}

// byREST asks by Check, with the body and what the path says.
func byREST(c call) (path string, body any) {
	surface, dialect := "mcp", "mcp"
	for _, o := range openai.Operations() {
		if "/v1"+o.Path == c.path {
			surface, dialect = "llm", o.Dialect
		}
	}
	server, _ := strings.CutPrefix(c.path, pathMCP+"/")
	if server == c.path {
		server = ""
	}
	caller := members{"agent": agentName, "labels": members{"app": "road"}}
	if token, ok := strings.CutPrefix(c.value("Authorization"), "Bearer "); ok {
		caller["bearer"] = []byte(token)
	}
	return "/v1/check", members{"request": members{
		"surface": surface, "server": server, "caller": caller, "body": members{"dialect": dialect, "raw": []byte(c.body)},
	}}
}

// byAuthZEN asks about what a careless reader takes the body for, and shows it.
func byAuthZEN(c call) (path string, body any) {
	action, kind, id, properties := careless(c)
	return "/access/v1/evaluation", members{
		"subject":  members{"type": "agent", "id": agentName, "properties": members{"labels": members{"app": "road"}}},
		"action":   members{"name": action},
		"resource": members{"type": kind, "id": id, "properties": properties},
		"context":  members{"headers": members{"authorization": c.value("Authorization")}, "body": asItIs},
	}
}

func careless(c call) (action, kind, id string, properties members) {
	var said struct {
		Model, Method string
		Params        struct{ Name string }
	}
	if json.Unmarshal([]byte(c.body), &said) != nil || said.Model == "" && said.Method == "" {
		_ = json.Unmarshal([]byte(goodBody(c.path)), &said)
	}
	switch {
	case c.path == pathChat:
		return "chat", "model", said.Model, nil
	case c.path == pathEmbeddings:
		return "embeddings", "model", said.Model, nil
	case said.Method == "tools/call":
		if server, ok := strings.CutPrefix(c.path, pathMCP+"/"); ok {
			properties = members{"server": server}
		}
		return said.Method, "tool", said.Params.Name, properties
	default:
		return said.Method, "mcp_server", "github", nil
	}
}
