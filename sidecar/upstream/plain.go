package upstream

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"slices"
	"sync"
	"time"
)

// plain sends calls over HTTP/1.1 without TLS, which go to servers on this
// machine alone (see [Sender.check]). It writes a call and reads its answer in
// the caller's goroutine, where http.Transport wakes two others for each: most
// of what a call to a near server costs. Calls over TLS, and with it HTTP/2,
// are http.Transport's.
type plain struct {
	wait time.Duration // for the head of an answer
	dial func(ctx context.Context, network, address string) (net.Conn, error)

	mu     sync.Mutex
	idle   map[string][]*conn // by address; the one used last stands last
	expiry *time.Timer        // nil while no connection is idle
	closed bool
}

func newPlain(wait time.Duration, dialer *net.Dialer) *plain {
	return &plain{wait: wait, dial: dialer.DialContext, idle: make(map[string][]*conn)}
}

// roundTrip sends the request, which has no body of its own, with this one.
//
// A connection that turns out to be closed is no failure of the call as long as
// nobody can have read any of it: then it goes over another one. As in net/http
// that is the case when nothing was written, or when the call is a GET and
// nothing came back. Only kept connections are left for that, so it ends.
func (p *plain) roundTrip(req *http.Request, body []byte) (*http.Response, error) {
	if err := checkHeader(req.Header); err != nil {
		return nil, err
	}
	for {
		c, kept, err := p.take(req.Context(), address(req.URL))
		if err != nil {
			return nil, err
		}
		resp, err := c.call(req, body)
		if err == nil {
			return resp, nil
		}
		c.drop()
		if gone := req.Context().Err(); gone != nil {
			return nil, gone
		}
		if !kept || errors.Is(err, os.ErrDeadlineExceeded) || c.came > 0 || c.went > 0 && req.Method != http.MethodGet {
			return nil, err
		}
	}
}

// take returns a connection, and whether it was kept from an earlier call.
func (p *plain) take(ctx context.Context, address string) (c *conn, kept bool, err error) {
	for c := p.pop(address); c != nil; c = p.pop(address) {
		if c.silent() {
			return c, true, nil
		}
		_ = c.net.Close()
	}
	raw, err := p.dial(ctx, "tcp", address)
	if err != nil {
		return nil, false, err
	}
	return newConn(p, address, raw), false, nil
}

func (p *plain) pop(address string) *conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	list := p.idle[address]
	if len(list) == 0 {
		return nil
	}
	last := len(list) - 1
	c := list[last]
	list[last] = nil
	p.idle[address] = list[:last]
	return c
}

// keep makes a connection ready for another call.
func (p *plain) keep(c *conn) {
	c.since = time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	if list := p.idle[c.address]; !p.closed && len(list) < maxIdlePerHost {
		p.idle[c.address] = append(list, c)
		if p.expiry == nil {
			p.expiry = time.AfterFunc(idleTimeout, p.expire)
		}
		return
	}
	_ = c.net.Close()
}

// expire closes the connections that nobody used for a while.
func (p *plain) expire() {
	p.mu.Lock()
	defer p.mu.Unlock()
	var oldest time.Time
	for address, list := range p.idle {
		fresh := slices.IndexFunc(list, func(c *conn) bool { return time.Since(c.since) < idleTimeout })
		if fresh < 0 {
			fresh = len(list)
		}
		closeAll(list[:fresh])
		if list = slices.Delete(list, 0, fresh); len(list) == 0 {
			delete(p.idle, address)
			continue
		}
		p.idle[address] = list
		if oldest.IsZero() || list[0].since.Before(oldest) {
			oldest = list[0].since
		}
	}
	p.expiry = nil
	if !oldest.IsZero() && !p.closed {
		p.expiry = time.AfterFunc(time.Until(oldest.Add(idleTimeout)), p.expire)
	}
}

func closeAll(list []*conn) {
	for _, c := range list {
		_ = c.net.Close()
	}
}

// close ends idle connections, and others once their call is over.
func (p *plain) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	if p.expiry != nil {
		p.expiry.Stop()
	}
	for _, list := range p.idle {
		closeAll(list)
	}
	clear(p.idle)
}
