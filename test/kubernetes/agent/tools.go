package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// tokenFile is where the agent's team mounts what it may show to tools.
const tokenFile = "/var/run/secrets/okta/token" //nolint:gosec // a file, not what is in it

// useTools lists and calls tools with the SDK, first without the token and then with it.
func useTools(ctx context.Context) []line {
	token, err := os.ReadFile(tokenFile)
	if err != nil {
		return []line{{"tools", 0, err.Error()}}
	}
	stranger := line{Step: "stranger", Text: "let in"}
	if s, err := connect(ctx, ""); err == nil {
		_ = s.Close()
	} else {
		stranger.Text = err.Error()
	}
	session, err := connect(ctx, string(token))
	if err != nil {
		return []line{stranger, {"tools", 0, err.Error()}}
	}
	defer func() { _ = session.Close() }()
	return []line{
		stranger, list(ctx, session),
		call(ctx, session, "tool", "list_issues"), call(ctx, session, "forbidden tool", "delete_repo"),
	}
}

func connect(ctx context.Context, token string) (*mcp.ClientSession, error) {
	client := mcp.NewClient(&mcp.Implementation{Name: "agent", Version: "1"}, nil)
	return client.Connect(ctx, &mcp.StreamableClientTransport{
		Endpoint: os.Getenv("OUTRIDER_MCP_URL"), MaxRetries: -1, DisableStandaloneSSE: true,
		HTTPClient: &http.Client{Transport: bearer(token)},
	}, nil)
}

// bearer shows a token with every request, if there is one.
type bearer string

func (b bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	if b != "" {
		r = r.Clone(r.Context())
		r.Header.Set("Authorization", "Bearer "+string(b))
	}
	return http.DefaultTransport.RoundTrip(r)
}

func list(ctx context.Context, s *mcp.ClientSession) line {
	found, err := s.ListTools(ctx, nil)
	if err != nil {
		return line{"tools", 0, err.Error()}
	}
	names := make([]string, 0, len(found.Tools))
	for _, t := range found.Tools {
		names = append(names, t.Name)
	}
	return line{"tools", len(names), strings.Join(names, " ")}
}

func call(ctx context.Context, s *mcp.ClientSession, step, tool string) line {
	result, err := s.CallTool(ctx, &mcp.CallToolParams{Name: tool, Arguments: map[string]any{"repo": "acme/web"}})
	if err != nil {
		return line{step, 0, err.Error()}
	}
	var text strings.Builder
	for _, c := range result.Content {
		if t, ok := c.(*mcp.TextContent); ok {
			text.WriteString(t.Text)
		}
	}
	return line{step, http.StatusOK, fmt.Sprintf("%t %s", result.IsError, &text)}
}
