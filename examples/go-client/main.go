// Command go-client asks a decision service whether an agent may call a tool,
// as any Go program can. It needs the packages decision and decision/wire, and
// grpc; nothing is forwarded.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/decision/wire"
)

func main() {
	target := flag.String("target", "unix:///run/outrider/pdp.sock", "where the decision service listens")
	agent := flag.String("agent", "devops-copilot", "on whose behalf to ask")
	server := flag.String("server", "github", "the MCP server of the tool")
	tool := flag.String("tool", "list_issues", "the tool")
	args := flag.String("args", "{}", "its arguments, as JSON")
	flag.Parse()
	v, err := ask(*target, &decision.Request{
		Surface: decision.MCP,
		Method:  "tools/call",
		Caller:  decision.Caller{Agent: *agent, Bearer: decision.Secret(os.Getenv("OUTRIDER_TOKEN"))},
		Tool:    decision.Tool{Server: *server, Name: *tool, Args: []byte(*args)},
	})
	switch {
	case err != nil: // nobody decided, which is no permission
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	case !v.Allowed():
		fmt.Printf("deny %s: %s (%s)\n", v.Reason.Code, v.Reason.Message, v.ID)
		os.Exit(1)
	default:
		fmt.Printf("allow %s (%s)\n", v.Reason.Rule, v.ID)
	}
}

// ask asks one question. A connection is meant to be kept for many.
func ask(target string, r *decision.Request) (*decision.Verdict, error) {
	conn, err := grpc.NewClient(target, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	return wire.NewClient(conn).Check(ctx, r)
}
