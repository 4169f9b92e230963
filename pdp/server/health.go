package server

import (
	"context"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/health"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
)

const (
	// lookTime is how often health looks whether there is anything to decide by.
	lookTime = time.Second
	// noticeTime is what those who watch get to notice a stop: their streams would
	// go on for ever.
	noticeTime = 100 * time.Millisecond
)

// healthService is gRPC's, with watches that end.
type healthService struct {
	*health.Server
	watches atomic.Int64    // that are open
	ended   context.Context //nolint:containedctx // a lifetime, not that of a call
	end     context.CancelFunc
}

func newHealth() *healthService {
	ended, end := context.WithCancel(context.Background())
	return &healthService{Server: health.NewServer(), ended: ended, end: end}
}

// Watch implements the service.
func (h *healthService) Watch(r *healthv1.HealthCheckRequest, stream healthv1.Health_WatchServer) error {
	h.watches.Add(1)
	defer h.watches.Add(-1)
	ctx, cancel := context.WithCancel(stream.Context())
	defer cancel()
	defer context.AfterFunc(h.ended, cancel)()
	return h.Server.Watch(r, watch{stream, ctx})
}

// watch is a stream with an end of its own.
type watch struct {
	healthv1.Health_WatchServer
	ctx context.Context //nolint:containedctx // it is the stream's
}

// Context returns the stream's context.
func (w watch) Context() context.Context { return w.ctx }

// watchHealth keeps the health of every service at what is true: they serve
// while there is a policy to decide by and until the stop, from which on the
// open calls are finished and no new ones should come.
func (s *Server) watchHealth(ctx context.Context) error {
	ticks := time.NewTicker(lookTime)
	defer ticks.Stop()
	for ctx.Err() == nil {
		s.tellHealth()
		select {
		case <-ctx.Done():
		case <-ticks.C:
		}
	}
	s.health.Shutdown()
	if s.health.watches.Load() > 0 {
		time.Sleep(noticeTime)
	}
	s.health.end()
	return nil
}

// tellHealth sets the health of the whole server and of each of its services.
func (s *Server) tellHealth() {
	status := healthv1.HealthCheckResponse_NOT_SERVING
	if s.cfg.Engine.Loaded() {
		status = healthv1.HealthCheckResponse_SERVING
	}
	s.health.SetServingStatus("", status)
	for _, l := range s.grpc {
		for name := range l.server.GetServiceInfo() {
			s.health.SetServingStatus(name, status)
		}
	}
}
