package pool

import (
	"context"
	"log/slog"
	"net"
	"slices"
	"strings"
	"time"
)

const (
	// lookAgain is how often a name is looked up, give or take a fifth.
	lookAgain = 10 * time.Second
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
		wait := lookAgain
		if len(known) == 0 {
			wait = time.Second
		}
		if !pause(ctx, jittered(wait)) {
			return
		}
	}
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
