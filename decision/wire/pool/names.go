package pool

import (
	"context"
	"log/slog"
	"net"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc/connectivity"
)

const (
	// lookAgain is how often a name is looked up, give or take a fifth, and
	// lookSoon how often while one of its services is not connected, which may
	// have moved.
	lookAgain = 10 * time.Second
	lookSoon  = time.Second
	// lookupTime bounds one look.
	lookupTime = 5 * time.Second
	// maxAddresses bounds the services of one name.
	maxAddresses = 32
)

// nameOf returns the host and port of a target of which every address is a
// service.
func nameOf(target string) (hostPort string, ok bool) {
	return strings.CutPrefix(target, "dns:///")
}

// follow keeps to the addresses of a name. Those that it cannot find stay.
func (p *Pool) follow(ctx context.Context, hostPort string) {
	known, failed := map[string]*service{}, false
	for {
		err := p.look(ctx, hostPort, known)
		if err != nil && !failed && ctx.Err() == nil {
			p.cfg.Log.Warn("a decision service's name cannot be looked up", slog.String("name", hostPort), slog.String("error", err.Error()))
		}
		failed = err != nil
		if !p.rest(ctx, known) {
			return
		}
	}
}

// rest waits until it is time to look again, and reports whether it ever is.
func (p *Pool) rest(ctx context.Context, known map[string]*service) bool {
	begun, often, seldom := time.Now(), jittered(lookSoon), jittered(lookAgain)
	for {
		p.mu.Lock()
		changed := p.changed
		p.mu.Unlock()
		wait := seldom
		if !complete(known) {
			wait = often
		}
		if wait -= time.Since(begun); wait <= 0 {
			return ctx.Err() == nil
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-changed:
		case <-ctx.Done():
		}
		timer.Stop()
		if ctx.Err() != nil {
			return false
		}
	}
}

// complete reports whether there are services, and all are connected.
func complete(known map[string]*service) bool {
	for _, s := range known {
		if s.conn.GetState() != connectivity.Ready {
			return false
		}
	}
	return len(known) > 0
}

func (p *Pool) look(ctx context.Context, hostPort string, known map[string]*service) error {
	host, port, err := net.SplitHostPort(hostPort)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, lookupTime)
	defer cancel()
	found, err := p.cfg.Lookup(ctx, host)
	if err != nil || len(found) == 0 {
		return err
	}
	slices.Sort(found)
	found = slices.Compact(found)
	found = found[:min(len(found), maxAddresses)]
	for at, s := range known {
		if !slices.Contains(found, at) {
			delete(known, at)
			p.remove(s)
		}
	}
	for _, at := range found {
		if known[at] != nil {
			continue
		}
		address := net.JoinHostPort(at, port)
		s, err := p.add(Address{Name: hostPort + " (" + at + ")", Dial: "passthrough:///" + address, Host: host})
		if err != nil {
			return err
		}
		known[at] = s
	}
	p.wake()
	return nil
}
