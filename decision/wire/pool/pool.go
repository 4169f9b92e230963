package pool

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"google.golang.org/grpc"
	"google.golang.org/grpc/connectivity"

	"outrider.dev/outrider/decision"
)

// Address is one service to connect to.
type Address struct {
	Name string // for people, and to tell services apart
	Dial string // as grpc takes it
	Host string // that the certificate is for; empty: as grpc finds it in Dial
}

// Event is something to be counted.
type Event uint8

// Events. Every attempt ends in one of the first three.
const (
	Answered  Event = iota // a service answered a question
	Silent                 // it did not in time
	Failed                 // it could not be asked, or answered with an error
	Retried                // a question went to another service
	Ejected                // a service is left alone for a while
	Settled                // an outcome was reported after its exchange was lost, or never was
	Late                   // the same, and the service had settled it as a disconnect
	Unsettled              // an outcome was lost
)

// Config is what a Pool is made of.
type Config struct {
	// Targets are unix:///path, host:port or dns:///host:port: every address
	// of the latter's name is a service by itself.
	Targets []string
	// Dial makes a connection in the background, without waiting for it.
	Dial func(Address) (*grpc.ClientConn, error)
	// Lookup finds the addresses of a name.
	Lookup func(ctx context.Context, host string) ([]string, error)
	Log    *slog.Logger
	Count  func(Event)
	// Trace returns the trace context of a call, for exchanges; nil: there is none.
	Trace func(context.Context) (parent, state string)
}

// Pool is a decision.Decider. It answers from New on; Run keeps it connected.
type Pool struct {
	cfg     Config
	turn    atomic.Uint32 // where the search for a service begins
	answers atomic.Uint64 // that came from any service

	settling sync.WaitGroup        // outcomes on their way
	unjudged chan decision.Outcome // of calls that passed without a verdict

	mu       sync.Mutex
	services []*service // copied when it changes
	changed  chan struct{}
	running  func(*service) // starts to tend one; nil before Run and after it
}

var _ decision.Decider = (*Pool)(nil)

// New connects to the services that need no lookup.
func New(cfg Config) (*Pool, error) {
	if len(cfg.Targets) == 0 || cfg.Dial == nil || cfg.Lookup == nil || cfg.Log == nil || cfg.Count == nil {
		return nil, errors.New("pool: targets, dial, lookup, log and counter are needed")
	}
	p := &Pool{cfg: cfg, changed: make(chan struct{}), unjudged: make(chan decision.Outcome, maxUnjudged)}
	for _, target := range cfg.Targets {
		if _, ok := nameOf(target); ok {
			continue
		}
		if _, err := p.add(Address{Name: target, Dial: target}); err != nil {
			p.Close()
			return nil, err
		}
	}
	return p, nil
}

// Close ends every connection, and with them what is open.
func (p *Pool) Close() {
	defer p.settling.Wait()
	for _, s := range p.list() {
		_ = s.conn.Close()
	}
}

// Run keeps the services connected, looks names up again and again, and probes
// services that were ejected, until the context ends and what is to be settled and reported then
// has been. Calls must have ended before.
func (p *Pool) Run(until context.Context) error {
	ctx, end := context.WithCancel(context.WithoutCancel(until))
	defer end()
	var work sync.WaitGroup
	tend := func(s *service) {
		own, stop := context.WithCancel(ctx)
		s.stop = stop
		work.Go(func() { s.keep(own) })
		work.Go(func() { s.probe(own) })
		work.Go(func() { s.repay(own) })
	}
	p.mu.Lock()
	p.running = tend
	for _, s := range p.services {
		tend(s)
	}
	p.mu.Unlock()
	for _, target := range p.cfg.Targets {
		if host, ok := nameOf(target); ok {
			work.Go(func() { p.follow(ctx, host) })
		}
	}
	var reporting sync.WaitGroup
	reporting.Go(func() { p.report(until) })
	<-until.Done()
	p.settling.Wait()
	reporting.Wait()
	p.mu.Lock()
	p.running = nil
	p.mu.Unlock()
	end()
	work.Wait()
	return nil
}

func (p *Pool) list() []*service {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.services
}

func (p *Pool) add(a Address) (*service, error) {
	conn, err := p.cfg.Dial(a)
	if err != nil {
		return nil, err
	}
	s := newService(p, a, conn)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.services = append(slices.Clip(p.services), s)
	if p.running != nil {
		p.running(s)
	}
	return s, nil
}

// remove takes a service out of the choice. Its exchanges go on to their end.
func (p *Pool) remove(s *service) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.services = slices.DeleteFunc(slices.Clone(p.services), func(of *service) bool { return of == s })
	s.retire()
	if s.stop != nil {
		s.stop()
	}
}

// pick returns the service to ask: of those that are connected and not ejected
// the one with the fewest questions out, in turns; failing that, any other. It
// also returns how many more may be asked if this one does not answer.
func (p *Pool) pick(tried []*service) (best *service, others int) {
	list := p.list()
	first := int(p.turn.Add(1) % uint32(max(len(list), 1))) //nolint:gosec // a few services
	var ranks [3 * maxAddresses]int
	left, least := ranks[:0], 0
	for i := range list {
		s := list[(first+i)%len(list)]
		if slices.Contains(tried, s) {
			continue
		}
		rank := s.rank()
		left = append(left, rank)
		if best == nil || rank < least {
			best, least = s, rank
		}
	}
	for _, rank := range left {
		if rank < rankEjected || least >= rankEjected { // nobody waits for those that are worse
			others++
		}
	}
	return best, max(others-1, 0)
}

// Ready is the readiness check: some service is connected. It waits for
// connections that are being made.
func (p *Pool) Ready(ctx context.Context) error {
	for {
		p.mu.Lock()
		list, changed := p.services, p.changed
		p.mu.Unlock()
		waiting := len(list) == 0
		for _, s := range list {
			switch s.conn.GetState() {
			case connectivity.Ready:
				return nil
			case connectivity.Idle:
				s.conn.Connect()
				waiting = true
			case connectivity.Connecting:
				waiting = true
			default:
			}
		}
		if !waiting {
			return p.notConnected()
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return p.notConnected()
		}
	}
}

func (p *Pool) notConnected() error {
	return fmt.Errorf("the decision service at %s is not connected: check that it runs", strings.Join(p.cfg.Targets, ", "))
}

// Services tells which service is in which state, for people.
func (p *Pool) Services() string {
	list := p.list()
	said := make([]string, len(list))
	for i, s := range list {
		said[i] = s.address.Name + " " + s.state()
	}
	return strings.Join(said, ", ")
}

// wake lets those look again who wait for a connection.
func (p *Pool) wake() {
	p.mu.Lock()
	defer p.mu.Unlock()
	close(p.changed)
	p.changed = make(chan struct{})
}
