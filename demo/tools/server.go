package tools

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"net/http"
	"strings"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"outrider.dev/outrider/demo/standin"
)

// Path is where a server speaks MCP.
const Path = "/mcp"

// Server is one MCP server.
type Server struct {
	*standin.Recorder
	Name string
	URL  string // with the path; set by StartGitHub and StartSlack

	token  string
	server *standin.Server
}

// tool adds itself to a server.
type tool func(*mcp.Server)

// newServer returns a server of the tools. It answers by events (SSE), or as
// plain JSON: a client has to read both.
func newServer(name string, plainJSON bool, tools []tool) *Server {
	impl := mcp.NewServer(&mcp.Implementation{Name: name, Version: "1.0.0"}, nil)
	for _, add := range tools {
		add(impl)
	}
	handler := mcp.NewStreamableHTTPHandler(
		func(*http.Request) *mcp.Server { return impl },
		&mcp.StreamableHTTPOptions{Stateless: true, JSONResponse: plainJSON},
	)
	s := &Server{Name: name, token: "demo-" + name + "-" + rand.Text()}
	mux := http.NewServeMux()
	mux.Handle(Path, s.authenticate(handler))
	s.Recorder = standin.NewRecorder(mux)
	return s
}

func (s *Server) start() (*Server, error) {
	l, url, err := standin.Listen()
	if err != nil {
		return nil, err
	}
	s.URL = url + Path
	s.server = standin.Serve(l, s)
	return s, nil
}

// Close stops a started server.
func (s *Server) Close() error { return s.server.Close() }

// Token is the bearer token that the server requires.
func (s *Server) Token() string { return s.token }

func (s *Server) authenticate(next http.Handler) http.Handler {
	want := []byte("Bearer " + s.token)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if subtle.ConstantTimeCompare([]byte(r.Header.Get("Authorization")), want) != 1 {
			w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
			http.Error(w, "the server's own token is required", http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// text makes a tool that answers with text. Its arguments' schema comes from
// In, and the SDK refuses arguments that do not fit.
func text[In any](name, description string, answer func(In) string) tool {
	reads := strings.HasPrefix(name, "list_") || strings.HasPrefix(name, "get_") || strings.HasPrefix(name, "search_")
	destroys := strings.Contains(name, "delete") || strings.Contains(name, "ban")
	t := &mcp.Tool{
		Name:        name,
		Description: description,
		Annotations: &mcp.ToolAnnotations{ReadOnlyHint: reads, DestructiveHint: &destroys},
	}
	return func(s *mcp.Server) {
		mcp.AddTool(s, t, func(_ context.Context, _ *mcp.CallToolRequest, in In) (*mcp.CallToolResult, any, error) {
			return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: answer(in)}}}, nil, nil
		})
	}
}
