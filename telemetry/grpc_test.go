package telemetry

import (
	"context"
	"encoding/hex"
	"net"
	"net/http"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
)

// answers is a service with one call of each form. It keeps the metadata.
type answers struct {
	healthv1.UnimplementedHealthServer
	seen []metadata.MD
}

func (a *answers) Check(ctx context.Context, r *healthv1.HealthCheckRequest) (*healthv1.HealthCheckResponse, error) {
	md, _ := metadata.FromIncomingContext(ctx)
	a.seen = append(a.seen, md)
	if r.GetService() != "" {
		return nil, status.Error(codes.NotFound, "not-to-be-shown")
	}
	return &healthv1.HealthCheckResponse{}, nil
}

func (a *answers) Watch(_ *healthv1.HealthCheckRequest, stream grpc.ServerStreamingServer[healthv1.HealthCheckResponse]) error {
	md, _ := metadata.FromIncomingContext(stream.Context())
	a.seen = append(a.seen, md)
	return stream.Send(&healthv1.HealthCheckResponse{})
}

// connect returns a client of the service, each side with its telemetry.
func connect(t *testing.T, service healthv1.HealthServer, client, server *Telemetry, own ...string) healthv1.HealthClient {
	t.Helper()
	const buffer = 1 << 16
	listener := bufconn.Listen(buffer)
	srv := grpc.NewServer(server.GRPCServer(own...)...)
	healthv1.RegisterHealthServer(srv, service)
	done := make(chan error, 1)
	go func() { done <- srv.Serve(listener) }()
	conn, err := grpc.NewClient("passthrough:///test", append(client.GRPCClient(),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = conn.Close()
		srv.Stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return healthv1.NewHealthClient(conn)
}

// TestSpansOverTheWire: agent, data plane, decision service: one trace, each
// hop below the one before.
func TestSpansOverTheWire(t *testing.T) {
	b := newBackend(t)
	plane, _ := tracing(t, b.URL)
	service, _ := tracing(t, b.URL)
	client := connect(t, &answers{}, plane, service)
	call(t, plane, "/mcp", traceparent, func(_ http.ResponseWriter, r *http.Request) {
		if _, err := client.Check(r.Context(), &healthv1.HealthCheckRequest{Service: "x"}); status.Code(err) != codes.NotFound {
			t.Error(err)
		}
		stream, err := client.Watch(r.Context(), &healthv1.HealthCheckRequest{})
		if err != nil {
			t.Fatal(err)
		}
		for err == nil {
			_, err = stream.Recv()
		}
	})
	plane.Close(t.Context())
	service.Close(t.Context())
	parent := hex.EncodeToString(b.named(t, "mcp call").GetSpanId())
	for name, code := range map[string]string{"Check": "NotFound", "Watch": "OK"} {
		span := b.named(t, name)
		if hex.EncodeToString(span.GetTraceId()) != agentTrace || hex.EncodeToString(span.GetParentSpanId()) != parent {
			t.Errorf("%s is not below the call: %v", name, span)
		}
		if got := attributes(span)["rpc.response.status_code"]; got != code || span.GetStatus().GetMessage() == "not-to-be-shown" {
			t.Errorf("%s ended with %s, %v", name, got, span.GetStatus())
		}
	}
}

// TestContextOverTheWireWithoutSpans: a data plane that exports nothing still
// hands the agent's context to a decision service that does.
func TestContextOverTheWireWithoutSpans(t *testing.T) {
	plane, _ := build(t)
	service := &answers{}
	client := connect(t, service, plane, plane)
	for _, parent := range []string{traceparent, ""} {
		call(t, plane, "/mcp", parent, func(_ http.ResponseWriter, r *http.Request) {
			if _, err := client.Check(r.Context(), &healthv1.HealthCheckRequest{}); err != nil {
				t.Error(err)
			}
		})
	}
	if got := service.seen[0].Get("traceparent"); len(got) != 1 || got[0] != traceparent {
		t.Errorf("with a context: %v", service.seen[0])
	}
	if got := service.seen[1].Get("traceparent"); len(got) != 0 {
		t.Errorf("without one: %v", got)
	}
	if got := service.seen[0].Get("baggage"); len(got) != 0 {
		t.Errorf("baggage travels on: %v", got)
	}
}

// TestSpansOfAStream: each question of a stream has a span below the call that it
// is about, else below that of the stream, which has none itself.
func TestSpansOfAStream(t *testing.T) {
	b := newBackend(t)
	plane, _ := tracing(t, b.URL)
	service, _ := tracing(t, b.URL)
	question := service.Question()
	metadataOf := metadata.NewIncomingContext(t.Context(), metadata.Pairs("traceparent", traceparent))
	call(t, plane, "/v1/chat/completions", "", func(_ http.ResponseWriter, r *http.Request) {
		parent, state := plane.TraceContext(r.Context())
		_, end := question(metadataOf, "/service/Question", parent, state)
		end(status.Error(codes.Unavailable, "not-to-be-shown"))
	})
	_, end := question(metadataOf, "/service/First", "", "")
	end(nil)
	client := connect(t, &answers{}, plane, service, healthv1.Health_Watch_FullMethodName)
	stream, err := client.Watch(t.Context(), &healthv1.HealthCheckRequest{})
	if err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = stream.Recv()
	}
	plane.Close(t.Context())
	service.Close(t.Context())
	span, parent := b.named(t, "Question"), b.named(t, "llm call")
	if hex.EncodeToString(span.GetParentSpanId()) != hex.EncodeToString(parent.GetSpanId()) || attributes(span)["rpc.response.status_code"] != "Unavailable" {
		t.Errorf("the question is not below its call: %v", span)
	}
	if first := b.named(t, "First"); hex.EncodeToString(first.GetTraceId()) != agentTrace || hex.EncodeToString(first.GetParentSpanId()) != agentSpan {
		t.Errorf("what says nothing is not below its stream: %v", first)
	}
	for _, s := range b.spans {
		if s.GetName() == "Watch" {
			t.Error("the stream has a span too")
		}
	}
}

// TestNoTraceContext: without a call there is none to tell, and without a collector
// nothing opens a span.
func TestNoTraceContext(t *testing.T) {
	tel, _ := build(t)
	if parent, state := tel.TraceContext(t.Context()); parent != "" || state != "" {
		t.Errorf("got %q, %q", parent, state)
	}
	call(t, tel, "/mcp", traceparent, func(_ http.ResponseWriter, r *http.Request) {
		if parent, _ := tel.TraceContext(r.Context()); parent != traceparent {
			t.Errorf("got %q", parent)
		}
	})
	if tel.Question() != nil {
		t.Error("spans are opened that go nowhere")
	}
}
