package server

import (
	"context"
	"errors"
	"io"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	reflectionv1 "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"

	configv1 "outrider.dev/outrider/proto/outrider/config/v1"
	decisionv1 "outrider.dev/outrider/proto/outrider/decision/v1"
)

const decisionService = "outrider.decision.v1.DecisionService"

// onEveryListener starts a server on a unix socket, in plain TCP and over mutual
// TLS, and returns a connection to each.
func onEveryListener(t *testing.T, e *engine) (map[string]*grpc.ClientConn, []*running) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "pdp.sock")
	ca := newAuthority(t)
	plain := start(t, config(t, e, &configv1.PDPListen{Socket: path, Grpc: "127.0.0.1:0"}))
	secure := start(t, config(t, e, &configv1.PDPListen{Grpc: "127.0.0.1:0", Tls: ca.files(t, ca)}))
	return map[string]*grpc.ClientConn{
		"unix socket": dial(t, "unix://"+path, insecure.NewCredentials()),
		"TCP":         dial(t, plain.Addresses()[1], insecure.NewCredentials()),
		"mutual TLS":  dial(t, secure.Addresses()[0], ca.client(t, ca, "spiffe://corp/a")),
	}, []*running{plain, secure}
}

// TestReflection: a client that knows nothing of the contract learns all of it
// from every listener.
func TestReflection(t *testing.T) {
	conns, _ := onEveryListener(t, &engine{})
	for name, conn := range conns {
		t.Run(name, func(t *testing.T) {
			stream, err := reflectionv1.NewServerReflectionClient(conn).ServerReflectionInfo(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			listed := reflect(t, stream, &reflectionv1.ServerReflectionRequest{MessageRequest: &reflectionv1.ServerReflectionRequest_ListServices{}})
			var names []string
			for _, s := range listed.GetListServicesResponse().GetService() {
				names = append(names, s.GetName())
			}
			for _, want := range []string{decisionService, "grpc.health.v1.Health"} {
				if !slices.Contains(names, want) {
					t.Errorf("%s is not among %v", want, names)
				}
			}
			got := reflect(t, stream, &reflectionv1.ServerReflectionRequest{
				MessageRequest: &reflectionv1.ServerReflectionRequest_FileContainingSymbol{FileContainingSymbol: decisionService},
			})
			if methods := methodsOf(t, got.GetFileDescriptorResponse().GetFileDescriptorProto()); !slices.Contains(methods, "Check") || !slices.Contains(methods, "Exchange") {
				t.Errorf("the service is described with %v", methods)
			}
			if err := stream.CloseSend(); err != nil {
				t.Fatal(err)
			}
			if _, err := stream.Recv(); !errors.Is(err, io.EOF) {
				t.Errorf("the stream ends with %v", err)
			}
		})
	}
}

func reflect(t *testing.T, stream reflectionv1.ServerReflection_ServerReflectionInfoClient, m *reflectionv1.ServerReflectionRequest) *reflectionv1.ServerReflectionResponse {
	t.Helper()
	if err := stream.Send(m); err != nil {
		t.Fatal(err)
	}
	got, err := stream.Recv()
	if err != nil || got.GetErrorResponse() != nil {
		t.Fatalf("%v, %v", got, err)
	}
	return got
}

func methodsOf(t *testing.T, files [][]byte) (names []string) {
	t.Helper()
	for _, raw := range files {
		var f descriptorpb.FileDescriptorProto
		if err := proto.Unmarshal(raw, &f); err != nil {
			t.Fatal(err)
		}
		for _, s := range f.GetService() {
			for _, m := range s.GetMethod() {
				names = append(names, m.GetName())
			}
		}
	}
	return names
}

// TestHealth: every listener tells the health of the whole and of each service,
// which serves while there is a policy and until the stop.
func TestHealth(t *testing.T) {
	e := &engine{}
	e.bare.Store(true)
	conns, servers := onEveryListener(t, e)
	watches := map[string]healthv1.Health_WatchClient{}
	for name, conn := range conns {
		for _, service := range []string{"", decisionService, "grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection"} {
			if got := healthOf(t, conn, service); got != healthv1.HealthCheckResponse_NOT_SERVING {
				t.Errorf("%s: %q without a policy: %s", name, service, got)
			}
		}
		watch, err := healthv1.NewHealthClient(conn).Watch(context.Background(), &healthv1.HealthCheckRequest{Service: decisionService})
		if err != nil {
			t.Fatal(err)
		}
		watches[name] = watch
		wantNext(t, watch, healthv1.HealthCheckResponse_NOT_SERVING)
	}
	e.bare.Store(false)
	for _, watch := range watches {
		wantNext(t, watch, healthv1.HealthCheckResponse_SERVING)
	}
	if got := healthOf(t, conns["TCP"], decisionService); got != healthv1.HealthCheckResponse_SERVING {
		t.Errorf("with a policy: %s", got)
	}
	began := time.Now()
	for _, s := range servers {
		s.stop()
	}
	for name, watch := range watches {
		wantNext(t, watch, healthv1.HealthCheckResponse_NOT_SERVING)
		if _, err := watch.Recv(); err == nil {
			t.Errorf("%s: the watch goes on", name)
		}
	}
	for _, s := range servers {
		<-s.done
	}
	if took := time.Since(began); took > drainTime/2 {
		t.Errorf("watches held the stop up for %v", took)
	}
}

// TestHealthWhileDraining: a service that finishes its open calls takes no more.
func TestHealthWhileDraining(t *testing.T) {
	r, conn := onSocket(t, &engine{})
	watch, err := healthv1.NewHealthClient(conn).Watch(context.Background(), &healthv1.HealthCheckRequest{})
	if err != nil {
		t.Fatal(err)
	}
	wantNext(t, watch, healthv1.HealthCheckResponse_SERVING)
	stream, err := decisionv1.NewDecisionServiceClient(conn).Decide(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	ask(t, stream, 1, "a")
	if _, err := stream.Recv(); err != nil {
		t.Fatal(err)
	}
	r.stop()
	wantNext(t, watch, healthv1.HealthCheckResponse_NOT_SERVING)
	_ = stream.CloseSend()
}

func healthOf(t *testing.T, conn *grpc.ClientConn, service string) healthv1.HealthCheckResponse_ServingStatus {
	t.Helper()
	got, err := healthv1.NewHealthClient(conn).Check(t.Context(), &healthv1.HealthCheckRequest{Service: service}, grpc.WaitForReady(true))
	if err != nil {
		t.Fatal(err)
	}
	return got.GetStatus()
}

func wantNext(t *testing.T, watch healthv1.Health_WatchClient, want healthv1.HealthCheckResponse_ServingStatus) {
	t.Helper()
	got, err := watch.Recv()
	if err != nil || got.GetStatus() != want {
		t.Fatalf("%v, %v, want %s", got, err, want)
	}
}
