package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/reflection"

	"outrider.dev/outrider/decision/wire"
	"outrider.dev/outrider/listen"
	"outrider.dev/outrider/pdp/envoy"
	configv1 "outrider.dev/outrider/proto/outrider/config/v1"
	decisionv1 "outrider.dev/outrider/proto/outrider/decision/v1"
)

const (
	// drainTime bounds how long open exchanges may go on after a stop.
	drainTime = 10 * time.Second
	// messageSlack is added to the largest body for the rest of a message.
	messageSlack = 4 << 20
	// maxStreams bounds the calls of one connection that are open at once.
	maxStreams = 4096
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
	// Operators may ask for explanations.
	Operators []*configv1.Operator
	MaxBody   int          // bytes
	Depth     int          // of bodies
	Admin     http.Handler // health, readiness and metrics, beside REST
	Log       *slog.Logger
	Options   []grpc.ServerOption // interceptors of the telemetry
}

// Server serves the decision API. It listens from New on, so that an address
// in use is told at once, and answers from Run on.
type Server struct {
	cfg     Config
	service *service
	envoy   *envoy.Exchanges
	health  *healthService
	grpc    []*grpcListener
	http    net.Listener
}

type grpcListener struct {
	net.Listener
	server *grpc.Server
}

// New opens the listeners.
func New(cfg Config) (*Server, error) {
	s := &Server{
		cfg:     cfg,
		service: &service{engine: cfg.Engine, peers: newPeers(cfg.Peers), operators: newOperators(cfg.Operators), log: cfg.Log},
		envoy:   envoy.NewExchanges(),
		health:  newHealth(),
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
		s.serveGRPC(sock, unixCredentials{})
	}
	if addr := l.GetGrpc(); addr != "" {
		creds, err := tcpCredentials(addr, l.GetTls())
		if err != nil {
			return err
		}
		tcp, err := listen.Listen("pdp.listen.grpc", addr)
		if err != nil {
			return err
		}
		s.serveGRPC(tcp, creds)
	}
	if addr := l.GetHttp(); addr != "" {
		tcp, err := listenLoopback(addr)
		if err != nil {
			return err
		}
		s.http = tcp
	}
	return nil
}

func (s *Server) serveGRPC(l net.Listener, creds credentials.TransportCredentials) {
	options := append([]grpc.ServerOption{
		grpc.Creds(creds),
		grpc.MaxRecvMsgSize(s.cfg.MaxBody + messageSlack),
		grpc.MaxConcurrentStreams(maxStreams),
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: aliveTime, Timeout: aliveTimeout}),
		grpc.ForceServerCodecV2(wire.NewCodec()),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 10 * time.Second, PermitWithoutStream: true}),
	}, append(recovered(s.cfg.Log), s.cfg.Options...)...)
	srv := grpc.NewServer(options...)
	decisionv1.RegisterDecisionServiceServer(srv, s.service)
	healthv1.RegisterHealthServer(srv, s.health)
	s.registerEnvoy(srv)
	reflection.Register(srv)
	s.grpc = append(s.grpc, &grpcListener{Listener: l, server: srv})
}

// Addresses returns where the server listens, for people.
func (s *Server) Addresses() []string {
	var out []string
	for _, g := range s.grpc {
		out = append(out, g.Addr().String())
	}
	if s.http != nil {
		out = append(out, "http://"+s.http.Addr().String())
	}
	return out
}

// Run serves until ctx ends, then drains: new calls are refused, open ones go
// on for a while.
func (s *Server) Run(ctx context.Context) error {
	defer s.close()
	work, running := errgroup.WithContext(ctx)
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
	if s.http != nil {
		work.Go(func() error { return s.runHTTP(running) })
	}
	return work.Wait()
}

func drain(srv *grpc.Server) {
	force := time.AfterFunc(drainTime, srv.Stop)
	defer force.Stop()
	srv.GracefulStop()
}

func (s *Server) runHTTP(ctx context.Context) error {
	handler, err := rest(ctx, s.service, s.cfg.MaxBody, s.cfg.Admin)
	if err != nil {
		return err
	}
	srv := &http.Server{
		Handler:        handler,
		ReadTimeout:    readTime,
		IdleTimeout:    idleTime,
		MaxHeaderBytes: 64 << 10,
		ErrorLog:       slog.NewLogLogger(s.cfg.Log.Handler(), slog.LevelWarn),
	}
	stopped := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() { stopped <- drainHTTP(ctx, srv) })
	if err := srv.Serve(s.http); !errors.Is(err, http.ErrServerClosed) {
		stop()
		return fmt.Errorf("pdp.listen.http: %w", err)
	}
	return <-stopped
}

// drainHTTP waits for open requests, then ends those that go on.
func drainHTTP(ctx context.Context, srv *http.Server) error {
	limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
	defer cancel()
	if err := srv.Shutdown(limit); err != nil {
		return srv.Close()
	}
	return nil
}

func (s *Server) close() {
	for _, g := range s.grpc {
		g.server.Stop()
		_ = g.Close()
	}
	if s.http != nil {
		_ = s.http.Close()
	}
	s.envoy.Close()
}
