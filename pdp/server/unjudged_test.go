package server

import (
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/decision/wire"
	configv1 "outrider.dev/outrider/proto/outrider/config/v1"
)

// TestUnjudgedCalls: only a peer that may forward the calls of an agent may tell of
// such that passed, and the agent is the one that it proves.
func TestUnjudgedCalls(t *testing.T) {
	e := &engine{}
	_, conn := onSocket(t, e, &configv1.Peer{Uid: ownUID(), Agents: []string{"a"}})
	tcp := start(t, config(t, e, &configv1.PDPListen{Grpc: "127.0.0.1:0"}))
	loopback := dial(t, tcp.Addresses()[0], insecure.NewCredentials())
	for name, c := range map[string]struct {
		conn      *grpc.ClientConn
		id, agent string
		code      codes.Code
	}{
		"its agent":               {conn, "exchange-1", "a", codes.OK},
		"its agent, unnamed":      {conn, "exchange-1", "", codes.OK},
		"another agent":           {conn, "exchange-1", "b", codes.PermissionDenied},
		"no id":                   {conn, "", "a", codes.InvalidArgument},
		"an id that is none":      {conn, "Robert'); --", "a", codes.InvalidArgument},
		"nothing proves who asks": {loopback, "exchange-1", "a", codes.PermissionDenied},
	} {
		t.Run(name, func(t *testing.T) {
			before := len(e.unjudged)
			late, err := wire.NewClient(c.conn).Settle(t.Context(), decision.Outcome{ExchangeID: c.id, Unjudged: &decision.Unjudged{FailMode: "Open", Agent: c.agent}})
			wantStatus(t, err, c.code)
			if recorded := len(e.unjudged) - before; late || (recorded == 1) != (c.code == codes.OK) {
				t.Fatalf("%d are recorded, late: %v", recorded, late)
			}
			if c.code == codes.OK && e.unjudged[before].Agent != "a" {
				t.Errorf("recorded %+v", e.unjudged[before])
			}
		})
	}
}
