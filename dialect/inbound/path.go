package inbound

import (
	"net/http"
	"strings"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/dialect"
	"outrider.dev/outrider/dialect/mcp"
	"outrider.dev/outrider/dialect/openai"
	"outrider.dev/outrider/strictjson"
)

// row is one path that agents may call.
type row struct {
	method    string // empty: the path is not served
	surface   decision.Surface
	operation string // of an LLM; MCP says its own in the body
	dialect   string
	read      func(raw []byte, lim strictjson.Limits) (*dialect.Call, error) // of an LLM call's body
}

const (
	prefixLLM = "/v1"
	pathMCP   = "/mcp"
)

// find returns the row of a path, the zero row for one that nothing serves, and
// the MCP server that the path names. A path in another spelling, escaped or with a
// slash too many, is another path: whoever forwards it may go by it.
func find(path string) (r row, server string) {
	if rest, ok := strings.CutPrefix(path, pathMCP); ok {
		server, named := strings.CutPrefix(rest, "/")
		if rest == "" || named && server != "" && !strings.Contains(server, "/") {
			return row{method: http.MethodPost, surface: decision.MCP, dialect: mcp.Dialect}, server
		}
		return row{}, ""
	}
	below, ok := strings.CutPrefix(path, prefixLLM)
	if !ok {
		return row{}, ""
	}
	for _, o := range openai.Operations() {
		if o.Path != below {
			continue
		}
		r := row{method: http.MethodPost, surface: decision.LLM, operation: o.Name, dialect: o.Dialect}
		switch o.Name {
		case openai.OperationChat:
			r.read = openai.ReadChat
		case openai.OperationEmbeddings:
			r.read = openai.ReadEmbeddings
		default:
			r.method = http.MethodGet
		}
		return r, ""
	}
	return row{}, ""
}

// paths lists those of LLM calls.
func paths() string {
	var list []string
	for _, o := range openai.Operations() {
		list = append(list, prefixLLM+o.Path)
	}
	return strings.Join(list, ", ")
}

// SurfaceOf returns what kind of calls a path takes. Of one that nothing
// serves, agents are told as of an LLM's.
func SurfaceOf(path string) decision.Surface {
	row, _ := find(path)
	return row.kind()
}

func (r *row) kind() decision.Surface {
	if r.method == "" {
		return decision.LLM
	}
	return r.surface
}

// serverName accepts the names that a configuration can give, and none at all.
func serverName(name string) bool {
	for i := range len(name) {
		if c := name[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return len(name) <= 32
}
