package bench

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/decision/wire"
	decisionv1 "outrider.dev/outrider/proto/outrider/decision/v1"
)

// dial starts a decision service behind a unix socket and connects to it.
func dial(b *testing.B, keys *signer) *grpc.ClientConn {
	b.Helper()
	dir, err := os.MkdirTemp("", "bench") // b.TempDir is too long for a socket
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = os.RemoveAll(dir) })
	path, s := filepath.Join(dir, "s"), inside(b, keys)
	s.pdp = fmt.Sprintf("{listen: {socket: %q}, peers: [{uid: %d, agents: [bench]}], state: %q}", path, os.Getuid(), dir)
	startService(b, s)
	conn, err := grpc.NewClient("unix://"+path, append(wire.ClientOptions(), grpc.WithTransportCredentials(insecure.NewCredentials()))...)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = conn.Close() })
	return conn
}

// BenchmarkExchange opens exchanges over a unix socket and settles them. The
// figure of the design is the median of opening alone.
func BenchmarkExchange(b *testing.B) {
	keys := newSigner(b)
	client := wire.NewClient(dial(b, keys))
	r := toolCall(b, keys.token(b, "ann"))
	var took []time.Duration
	b.ReportAllocs()
	for b.Loop() {
		r.ExchangeID = decision.NewID()
		begun := time.Now()
		v, exchange, err := client.Open(b.Context(), r)
		took = append(took, time.Since(begun))
		if err != nil || !v.Allowed() {
			b.Fatal(v, err)
		}
		if err := exchange.Settle(b.Context(), decision.Outcome{ExchangeID: v.ID, End: decision.EndCompleted}); err != nil {
			b.Fatal(err)
		}
	}
	reportMedian(b, took, "open")
}

// BenchmarkDecide asks one question after the other on one stream.
func BenchmarkDecide(b *testing.B) {
	keys := newSigner(b)
	stream, err := decisionv1.NewDecisionServiceClient(dial(b, keys)).Decide(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	r := toolCall(b, keys.token(b, "ann"))
	r.Tool.Server, r.Tool.Name = "tools", r.Tool.Exposed
	question := wire.RequestProto(r)
	var took []time.Duration
	b.ReportAllocs()
	for b.Loop() {
		begun := time.Now()
		if err := stream.Send(&decisionv1.DecideRequest{Id: 1, Request: question}); err != nil {
			b.Fatal(err)
		}
		answer, err := stream.Recv()
		took = append(took, time.Since(begun))
		if err != nil || answer.GetVerdict().GetEffect() != decisionv1.Effect_EFFECT_ALLOW {
			b.Fatal(answer, err)
		}
	}
	_ = stream.CloseSend()
	reportMedian(b, took, "decide")
}

func reportMedian(b *testing.B, took []time.Duration, of string) {
	b.Helper()
	p50 := median(len(took), func(i int) time.Duration { return took[i] })
	b.ReportMetric(float64(p50)/float64(time.Microsecond), "p50-µs/"+of)
}
