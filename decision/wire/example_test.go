package wire_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"outrider.dev/outrider/assemble/decisionservice"
	"outrider.dev/outrider/config"
	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/decision/wire"
	"outrider.dev/outrider/telemetry"
)

// Ask whether an agent may call a tool. In this example the decision service
// runs in the same program; elsewhere the target is that of outrider-pdp, such
// as unix:///run/outrider/pdp.sock.
func ExampleNewClient() {
	target, stop := decisionService(`
apiVersion: outrider.dev/v1
kind: AgentPolicy
metadata: {name: shop}
spec:
  agents: {names: ["shop-*"]}
  rules:
    - {name: reads, allow: {tools: ["list_*"]}}
    - {name: small-refunds, allow: {tools: [refund]}, when: tool.args.amount <= 100}
`)
	defer stop()

	conn, err := grpc.NewClient(target, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer conn.Close()
	client := wire.NewClient(conn)

	for _, amount := range []int{20, 2000} {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		v, err := client.Check(ctx, &decision.Request{
			Surface: decision.MCP,
			Method:  "tools/call",
			Caller:  decision.Caller{Agent: "shop-assistant"},
			Tool:    decision.Tool{Server: "payments", Name: "refund", Args: fmt.Appendf(nil, `{"amount": %d}`, amount)},
		})
		cancel()
		if err != nil { // nobody decided, which is no permission
			fmt.Println("no answer:", err)
			return
		}
		if v.Allowed() {
			fmt.Println(amount, "may pass")
		} else {
			fmt.Println(amount, "may not:", v.Reason.Code)
		}
	}
	// Output:
	// 20 may pass
	// 2000 may not: not_allowed
}

// decisionService starts a decision service with a policy on a unix socket.
func decisionService(policy string) (target string, stop func()) {
	must := func(err error) {
		if err != nil {
			panic(err)
		}
	}
	dir, err := os.MkdirTemp("", "wire")
	must(err)
	socket := filepath.Join(dir, "pdp.sock")
	loaded, err := config.Text("example", "apiVersion: outrider.dev/v1\nkind: Config\npdp: {listen: {socket: "+socket+"}, state: "+dir+"}\n---"+policy)
	must(err)
	tel, err := telemetry.New(telemetry.Options{Service: "example", Log: io.Discard})
	must(err)
	service, err := decisionservice.New(loaded, decisionservice.Options{Telemetry: tel})
	must(err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- service.Run(ctx) }()
	return "unix://" + socket, func() {
		cancel()
		must(<-ended)
		tel.Close(context.Background())
		must(os.RemoveAll(dir))
	}
}
