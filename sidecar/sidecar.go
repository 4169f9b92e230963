package sidecar

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/dialect/inbound"
	"outrider.dev/outrider/listen"
	configv1 "outrider.dev/outrider/proto/outrider/config/v1"
	"outrider.dev/outrider/sidecar/gate"
	"outrider.dev/outrider/sidecar/llm"
	"outrider.dev/outrider/sidecar/mcp"
	"outrider.dev/outrider/sidecar/upstream"
	"outrider.dev/outrider/strictjson"
)

const (
	// callTime bounds one call, from its first byte to its last.
	callTime = 10 * time.Minute
	// answerTime bounds the wait for the first byte of an answer.
	answerTime = 5 * time.Minute
	// drainTime bounds how long open calls may go on after a stop.
	drainTime = 10 * time.Second
	// endTime bounds how long calls that were ended then may take to say so and
	// to be settled.
	endTime = 6 * time.Second
	// idleTime is how long an idle connection of an agent is kept.
	idleTime = 2 * time.Minute
)

// Config is what a Sidecar is made of.
type Config struct {
	Agent   decision.Caller // who the data plane speaks for
	Listen  *configv1.Listen
	Decider decision.Decider
	Timeout time.Duration // of one question to the decision service
	Body    strictjson.Limits
	Header  int                            // largest header block, bytes
	Admin   func(public bool) http.Handler // health, readiness and metrics; for strangers: nothing in detail
	Log     *slog.Logger
	Failed  func() // called for every question that nobody answered
	// CertificatesRead is called when those of the agents' listener changed.
	CertificatesRead func(taken bool)
	Routes           []gate.Route // what becomes of calls that nobody decides about
	// FailMode is called for every call that nobody decided about.
	FailMode func(gate.Mode)
	Trace    func(http.Handler) http.Handler // opens a span around each call
	Version  string
}

// Sidecar listens from New on, so that an address in use is told at once, and
// answers from Run on.
type Sidecar struct {
	cfg    Config
	sender *upstream.Sender
	certs  *listen.Certificates // nil: agents are on this machine
	agent  net.Listener
	admin  net.Listener
	calls  http.Handler
	drain  time.Duration
}

// New opens the listeners.
func New(cfg Config) (*Sidecar, error) {
	g, err := gate.New(gate.Config{
		Decider: cfg.Decider, Timeout: cfg.Timeout, Log: cfg.Log, Failed: cfg.Failed, Routes: cfg.Routes, FailMode: cfg.FailMode,
	})
	if err != nil {
		return nil, err
	}
	s := &Sidecar{cfg: cfg, sender: upstream.NewSender(answerTime), drain: drainTime}
	s.calls = cfg.Trace(s.routes(g))
	if err := s.listenAgents(); err != nil {
		return nil, err
	}
	if s.admin, err = listen.Listen("listen.admin", cfg.Listen.GetAdmin()); err != nil {
		_ = s.agent.Close()
		return nil, err
	}
	return s, nil
}

// routes is the whole of what agents can reach. A path is taken as it came: one
// in another spelling is refused as by every face, not redirected.
func (s *Sidecar) routes(g *gate.Gate) http.Handler {
	models := llm.New(llm.Config{
		Gate:     g,
		Sender:   s.sender,
		Agent:    s.caller,
		Limits:   s.cfg.Body,
		Deadline: callTime,
		Log:      s.cfg.Log,
	})
	tools := mcp.New(mcp.Config{
		Gate:     g,
		Sender:   s.sender,
		Agent:    s.caller,
		Limits:   s.cfg.Body,
		Deadline: callTime,
		Log:      s.cfg.Log,
		Version:  s.cfg.Version,
	})
	return gate.Bounded(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if inbound.SurfaceOf(r.URL.EscapedPath()) == decision.MCP {
			tools.ServeHTTP(w, r)
		} else {
			models.ServeHTTP(w, r)
		}
	}))
}

// Agent returns where agents connect, as a base URL.
func (s *Sidecar) Agent() string {
	if s.certs != nil {
		return "https://" + s.agent.Addr().String()
	}
	return "http://" + s.agent.Addr().String()
}

// Admin returns where health and metrics are, as a base URL.
func (s *Sidecar) Admin() string { return "http://" + s.admin.Addr().String() }

// Run serves until ctx ends, then drains: no new connection is taken, open
// calls go on for a while.
func (s *Sidecar) Run(ctx context.Context) error {
	defer s.sender.Close()
	work, running := errgroup.WithContext(ctx)
	work.Go(func() error { return s.serve(running, s.agent, s.calls) })
	work.Go(func() error {
		return s.serve(running, s.admin, s.cfg.Admin(!decision.LoopbackHost(s.cfg.Listen.GetAdmin())))
	})
	if s.certs != nil {
		work.Go(func() error { return s.certs.Watch(running, s.cfg.Log, s.cfg.CertificatesRead) })
	}
	return work.Wait()
}

func (s *Sidecar) serve(ctx context.Context, l net.Listener, h http.Handler) error {
	calls, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	srv := &http.Server{
		Handler:           h,
		BaseContext:       func(net.Listener) context.Context { return calls },
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       idleTime,
		MaxHeaderBytes:    s.cfg.Header,
		ErrorLog:          slog.NewLogLogger(s.cfg.Log.Handler(), slog.LevelWarn),

		DisableGeneralOptionsHandler: true, // OPTIONS * is a path that nothing serves
	}
	stopped := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() { stopped <- s.stop(srv, end) })
	if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		stop()
		return fmt.Errorf("serve %s: %w", l.Addr(), err)
	}
	return <-stopped
}

// stop waits for open calls, then ends those that go on, so that each is
// settled before the process ends.
func (s *Sidecar) stop(srv *http.Server, endCalls func()) error {
	if shutdown(srv, s.drain) == nil {
		return nil
	}
	endCalls()
	if shutdown(srv, endTime) == nil {
		return nil
	}
	return srv.Close()
}

func shutdown(srv *http.Server, wait time.Duration) error {
	limit, cancel := context.WithTimeout(context.Background(), wait)
	defer cancel()
	return srv.Shutdown(limit)
}
