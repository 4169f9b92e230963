package pool

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/decision/wire"
)

const (
	// ejectAfter is how many attempts in a row must fail before a service is
	// ejected: one may be a question that takes long.
	ejectAfter = 3
	// step is what sets the ranks of services in different states apart.
	step = 1 << 20
	// Probes of an ejected service come after firstProbe, then ever more
	// seldom up to lastProbe, each give or take a fifth.
	firstProbe = 100 * time.Millisecond
	lastProbe  = 2 * time.Second
	// probeTime bounds one probe.
	probeTime = 250 * time.Millisecond
)

// service is one decision service of the pool.
type service struct {
	pool    *Pool
	address Address
	conn    *grpc.ClientConn
	client  *wire.Client
	health  healthv1.HealthClient
	owed    chan decision.Outcome // of lost exchanges
	eject   chan struct{}         // holds one signal for probe
	stop    func()                // ends what tends the service; nil before it began

	mu      sync.Mutex
	asking  int           // questions out
	open    int           // exchanges
	misses  int           // attempts that failed, in a row
	ejected bool          // until a probe or a question is answered
	wait    time.Duration // before the next probe
	retired bool          // the connection ends with the last exchange
}

func newService(p *Pool, a Address, conn *grpc.ClientConn) *service {
	conn.Connect()
	client := wire.NewClient(conn)
	client.Trace = p.cfg.Trace
	return &service{
		pool: p, address: a, conn: conn,
		client: client,
		health: healthv1.NewHealthClient(conn),
		owed:   make(chan decision.Outcome, maxOwed),
		eject:  make(chan struct{}, 1),
		wait:   firstProbe,
	}
}

// Ranks from which on services are asked only for want of better ones.
const (
	rankConnecting = step * (iota + 1)
	rankEjected
	rankAway
)

// rank orders services: the lowest is asked.
func (s *service) rank() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch state := s.conn.GetState(); {
	case state == connectivity.TransientFailure, state == connectivity.Shutdown:
		return rankAway + s.asking
	case s.ejected:
		return rankEjected + s.asking
	case state != connectivity.Ready:
		return rankConnecting + s.asking
	default:
		return s.asking
	}
}

func (s *service) state() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.conn.GetState() != connectivity.Ready:
		return "is not connected"
	case s.ejected:
		return "is connected and does not answer"
	default:
		return "is connected"
	}
}

// ask asks one question and notes what came of it. What the asker gave up says
// nothing of the service.
func (s *service) ask(ctx context.Context, question func(context.Context) error) error {
	s.mu.Lock()
	s.asking++
	s.mu.Unlock()
	err := question(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asking--
	defer s.closeUnused()
	switch {
	case err == nil || busy(err) || status.Code(err) == codes.InvalidArgument:
		s.pool.cfg.Count(Answered)
		s.pool.answers.Add(1)
		s.misses, s.wait = 0, firstProbe
		s.restore("it answers again")
	case errors.Is(ctx.Err(), context.Canceled):
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		s.pool.cfg.Count(Silent)
		s.miss("it is silent")
	default:
		if !lost(err) {
			s.pool.answers.Add(1)
		}
		s.pool.cfg.Count(Failed)
		if s.conn.GetState() == connectivity.Ready { // else nobody asks it anyway
			s.miss(err.Error())
		}
	}
	return err
}

// miss expects the mutex held.
func (s *service) miss(why string) {
	s.misses++
	if s.misses < ejectAfter || s.ejected {
		return
	}
	s.ejected = true
	s.pool.cfg.Count(Ejected)
	s.pool.cfg.Log.Warn("a decision service is left alone for a while", slog.String("service", s.address.Name), slog.String("error", why))
	select {
	case s.eject <- struct{}{}:
	default:
	}
}

// restore expects the mutex held.
func (s *service) restore(why string) {
	if s.ejected {
		s.ejected, s.misses = false, 0
		s.pool.cfg.Log.Info("a decision service is asked again", slog.String("service", s.address.Name), slog.String("because", why))
	}
}

// keep connects the service again whenever it is not, and tells of it.
func (s *service) keep(ctx context.Context) {
	log, connected, told := s.pool.cfg.Log, false, false
	for {
		state := s.conn.GetState()
		s.pool.wake() // behind the look, so that nobody waits for a change that was seen only here
		switch {
		case state == connectivity.Idle:
			s.conn.Connect()
		case state == connectivity.Ready && !connected:
			connected, told = true, true
			log.Info("a decision service is connected", slog.String("service", s.address.Name))
			s.mu.Lock()
			s.misses, s.ejected = 0, false // whatever was there before
			s.mu.Unlock()
		case state == connectivity.TransientFailure && (connected || !told):
			connected, told = false, true
			log.Warn("a decision service is not connected", slog.String("service", s.address.Name))
		}
		if !s.conn.WaitForStateChange(ctx, state) {
			return
		}
	}
}

// probe asks an ejected service for its health until it answers. One that
// answers probes and nothing else is probed ever more seldom.
func (s *service) probe(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.eject:
		}
		for {
			wait, ejected := s.nextProbe()
			if !ejected || !pause(ctx, wait) {
				break
			}
			if s.answers(ctx) {
				s.mu.Lock()
				s.restore("it answers a probe")
				s.mu.Unlock()
			}
		}
	}
}

// nextProbe returns how long to wait before it, and whether it is needed.
func (s *service) nextProbe() (time.Duration, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	wait := s.wait
	if s.ejected {
		s.wait = min(2*wait, lastProbe)
	}
	return jittered(wait), s.ejected
}

// answers reports whether the service answers anything at all.
func (s *service) answers(ctx context.Context) bool {
	if s.conn.GetState() != connectivity.Ready {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	_, err := s.health.Check(ctx, &healthv1.HealthCheckRequest{})
	return err == nil || ctx.Err() == nil && !lost(err)
}

// hold and release count the exchanges that stay at the service.
func (s *service) hold() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open++
}

func (s *service) release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open--
	s.closeUnused()
}

func (s *service) retire() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.retired = true
	s.closeUnused()
}

func (s *service) closeUnused() {
	if s.retired && s.open == 0 && s.asking == 0 {
		_ = s.conn.Close()
	}
}

// busy reports whether a service refused a question for want of room: it is
// well, and another one may have more.
func busy(err error) bool {
	return errors.As(err, new(*overloaded)) || status.Code(err) == codes.ResourceExhausted
}

// lost reports whether an error says that nobody answered.
func lost(err error) bool {
	switch status.Code(err) {
	case codes.Unavailable, codes.DeadlineExceeded, codes.Canceled:
		return true
	default:
		return false
	}
}

// jittered keeps many data planes from asking at the same moment.
func jittered(d time.Duration) time.Duration {
	return time.Duration(float64(d) * (0.8 + 0.4*rand.Float64())) //nolint:gosec // no secret
}

// pause reports whether the time passed before ctx ended.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
