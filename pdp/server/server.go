package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/reflection"

	"outrider.dev/outrider/decision/wire"
	"outrider.dev/outrider/listen"
	"outrider.dev/outrider/pdp/envoy"
	"outrider.dev/outrider/pdp/peer"
	"outrider.dev/outrider/pdp/shed"
	configv1 "outrider.dev/outrider/proto/outrider/config/v1"
	decisionv1 "outrider.dev/outrider/proto/outrider/decision/v1"
)

const (
	// drainTime bounds how long open exchanges may go on after a stop, and endTime
	// how long those that were ended then may take to hear of it.
	drainTime = 10 * time.Second
	endTime   = time.Second
	// messageSlack is added to the largest body for the rest of a message.
	messageSlack = 4 << 20
	// maxStreams bounds the calls of one connection that are open at once.
	maxStreams = 4096
	// streamWorkers are the goroutines that answer calls one after the other, so
	// that not each call grows a stack of its own: a question by ext_authz takes
	// a tenth less of the processor, one with a new token a fifth. Calls that find
	// them all at work have a goroutine for themselves.
	streamWorkers = 32
	// readTime bounds how long a REST request may take to arrive, and idleTime
	// how long its connection is kept for another one.
	readTime = 30 * time.Second
	idleTime = 2 * time.Minute
	// aliveTime is the silence after which a peer is asked whether it is still
	// there; one that does not say so in aliveTimeout is gone, and what it had
	// opened is settled.
	aliveTime    = 30 * time.Second
	aliveTimeout = 10 * time.Second
)

// Config is what a Server is made of. Absent addresses do not listen.
type Config struct {
	Engine Engine
	Listen *configv1.PDPListen
	Peers  []*configv1.Peer
	Keys   peer.KeyReader // reads the keys of peers
	// Workloads prove who they are by tokens; nil: none does.
	Workloads Workloads
	// Operators may ask for explanations.
	Operators []*configv1.Operator
	MaxBody   int                            // bytes
	Depth     int                            // of bodies
	Admin     func(public bool) http.Handler // health, readiness and metrics; for strangers: nothing in detail
	Log       *slog.Logger
	Events    Events
	Options   []grpc.ServerOption // interceptors of the telemetry
	// Trace opens a span around an exchange, below the trace context that came
	// with its question; nil: none.
	Trace Trace
}

// Trace opens a span around a question of the method and returns what ends it.
type Trace func(ctx context.Context, method, parent, state string) (context.Context, func(error))

// Events counts what happens at the listeners. Its methods must not block.
type Events interface {
	PeerRefused()
	Shed(why string)             // a question was refused because there are too many
	CertificatesRead(taken bool) // they changed
}

// Server serves the decision API. It listens from New on, so that an address
// in use is told at once, and answers from Run on.
type Server struct {
	cfg     Config
	service *service
	envoy   *envoy.Exchanges
	shed    *shed.Shedder
	certs   *listen.Certificates // nil: no TLS
	health  *healthService
	grpc    []*grpcListener
	http    []*httpListener
}

type grpcListener struct {
	net.Listener
	field  string
	server *grpc.Server
}

// New opens the listeners.
func New(cfg Config) (*Server, error) {
	listed, err := peer.NewList(cfg.Peers, cfg.Keys)
	if err != nil {
		return nil, err
	}
	certs, err := certificates(cfg.Listen.GetTls())
	if err != nil {
		return nil, err
	}
	engine := shed.New(cfg.Engine, cfg.Events.Shed)
	s := &Server{
		cfg: cfg, envoy: envoy.NewExchanges(), shed: engine, certs: certs, health: newHealth(),
		service: &service{
			engine: engine, peers: listed, operators: newOperators(cfg.Operators), log: cfg.Log, events: cfg.Events, trace: cfg.Trace,
			stopping: make(chan struct{}),
		},
	}
	if err := s.listen(); err != nil {
		s.close()
		return nil, err
	}
	s.tellHealth()
	return s, nil
}

func (s *Server) listen() error {
	l := s.cfg.Listen
	if path := l.GetSocket(); path != "" {
		sock, err := listenSocket(path)
		if err != nil {
			return err
		}
		s.serveGRPC("pdp.listen.socket", sock, grpc.Creds(unixCredentials{}), alive(0))
	}
	if addr := l.GetGrpc(); addr != "" {
		options, err := s.overTCP(addr)
		if err != nil {
			return err
		}
		tcp, err := listen.Listen("pdp.listen.grpc", addr)
		if err != nil {
			return err
		}
		s.serveGRPC("pdp.listen.grpc", tcp, options...)
	}
	return s.listenHTTP()
}

// Waiting returns how many questions wait for their turn.
func (s *Server) Waiting() int { return s.shed.Waiting() }

func (s *Server) serveGRPC(field string, l net.Listener, own ...grpc.ServerOption) {
	options := append(append(slices.Clone(own), wire.ServerOptions()...),
		grpc.MaxRecvMsgSize(s.cfg.MaxBody+messageSlack),
		grpc.MaxConcurrentStreams(maxStreams),
		grpc.NumStreamWorkers(streamWorkers),
		grpc.ForceServerCodecV2(envoy.NewCodec(wire.NewCodec())),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 10 * time.Second, PermitWithoutStream: true}),
		grpc.WaitForHandlers(true))
	options = append(append(options, recovered(s.cfg.Log)...), s.cfg.Options...)
	srv := grpc.NewServer(options...)
	decisionv1.RegisterDecisionServiceServer(srv, s.service)
	healthv1.RegisterHealthServer(srv, s.health)
	s.registerEnvoy(srv)
	reflection.Register(srv)
	s.grpc = append(s.grpc, &grpcListener{Listener: l, field: field, server: srv})
}

// Addresses returns where the server listens, for people.
func (s *Server) Addresses() []string {
	var out []string
	for _, g := range s.grpc {
		out = append(out, g.Addr().String())
	}
	for _, h := range s.http {
		out = append(out, h.url())
	}
	return out
}

// Served lists what is served at each listener, by its field of the
// configuration: methods of gRPC and paths of HTTP.
func (s *Server) Served() map[string][]string {
	out := map[string][]string{}
	for _, g := range s.grpc {
		for name, info := range g.server.GetServiceInfo() {
			for _, m := range info.Methods {
				out[g.field] = append(out[g.field], "/"+name+"/"+m.Name)
			}
		}
	}
	for _, h := range s.http {
		out[h.field] = append(out[h.field], h.paths...)
	}
	return out
}

// Run serves until ctx ends, then drains: new calls are refused, streams that
// ask nothing end at once, and open calls go on for a while.
func (s *Server) Run(ctx context.Context) error {
	defer s.close()
	work, running := errgroup.WithContext(ctx)
	work.Go(func() error {
		<-running.Done()
		close(s.service.stopping)
		return nil
	})
	for _, g := range s.grpc {
		work.Go(func() error {
			err := g.server.Serve(g.Listener)
			if err != nil && !errors.Is(err, grpc.ErrServerStopped) { // stopped before it began
				return fmt.Errorf("grpc: %w", err)
			}
			return nil
		})
		work.Go(func() error {
			<-running.Done()
			drain(g.server)
			return nil
		})
	}
	work.Go(func() error { return s.watchHealth(running) })
	for _, h := range s.http {
		work.Go(func() error { return h.run(running, s.cfg.Log) })
	}
	if s.certs != nil {
		work.Go(func() error { return s.certs.Watch(running, s.cfg.Log, s.cfg.Events.CertificatesRead) })
	}
	err := work.Wait()
	s.service.reading.Wait()
	return err
}

func drain(srv *grpc.Server) {
	force := time.AfterFunc(drainTime+endTime, srv.Stop)
	defer force.Stop()
	srv.GracefulStop()
}

func (s *Server) close() {
	for _, g := range s.grpc {
		g.server.Stop()
		_ = g.Close()
	}
	for _, h := range s.http {
		_ = h.Close()
	}
	s.envoy.Close()
}
