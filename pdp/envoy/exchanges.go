package envoy

import (
	"context"
	"sync"
	"time"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/dialect/inbound"
)

const (
	// claimTime is how long an exchange waits for ext_proc, which stands right
	// behind ext_authz in the chain.
	claimTime = 15 * time.Second
	// maxWaiting and maxWaitingBytes bound the exchanges that wait, and the
	// bodies that they hold.
	maxWaiting      = 10_000
	maxWaitingBytes = 256 << 20
)

// Open is an exchange between its two faces. Whoever claims it has it alone,
// and settles it.
type Open struct {
	Peer     string        // identity of the Envoy that opened it
	Call     *inbound.Call // as it was judged; Call.Ask.Body.Raw are the judged bytes
	Verdict  *decision.Verdict
	Exchange decision.Exchange
}

// id names the exchange: it is the decision id.
func (o *Open) id() string { return o.Verdict.ID }

// Exchanges holds the exchanges that ext_authz opened and that ext_proc has not
// claimed yet. One that nobody claims in time is settled: its call may have
// gone on, so that its estimate stands.
type Exchanges struct {
	mu       sync.Mutex
	waiting  map[string]*waiting
	bytes    int
	closed   bool
	settling sync.WaitGroup // timers that are set, and what they do
}

type waiting struct {
	*Open
	timer *time.Timer
}

// NewExchanges returns an empty one. Close ends it.
func NewExchanges() *Exchanges { return &Exchanges{waiting: map[string]*waiting{}} }

// Add keeps an exchange until it is claimed. It reports false when too many
// wait, and then does not take it over.
func (e *Exchanges) Add(o *Open) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	size := len(o.Call.Ask.Body.Raw)
	if _, twice := e.waiting[o.id()]; twice || e.closed || len(e.waiting) >= maxWaiting || e.bytes+size > maxWaitingBytes {
		return false
	}
	e.bytes += size
	e.settling.Add(1)
	e.waiting[o.id()] = &waiting{Open: o, timer: time.AfterFunc(claimTime, func() {
		defer e.settling.Done()
		if o := e.take(o.id(), nil); o != nil {
			o.abandon()
		}
	})}
	return true
}

// Claim hands an exchange over to the peer that opened it, once. It is nil for
// every other peer, for an id that nobody knows, and after claimTime.
func (e *Exchanges) Claim(id, peer string) *Open {
	w := e.take(id, &peer)
	if w == nil {
		return nil
	}
	if w.timer.Stop() {
		e.settling.Done()
	}
	return w.Open
}

// take removes an exchange; with a peer, only one of that peer.
func (e *Exchanges) take(id string, peer *string) *waiting {
	e.mu.Lock()
	defer e.mu.Unlock()
	w := e.waiting[id]
	if w == nil || peer != nil && (w.Peer != *peer || w.Peer == "") {
		return nil
	}
	delete(e.waiting, id)
	e.bytes -= len(w.Call.Ask.Body.Raw)
	return w
}

// Close settles what still waits, and returns when everything is settled.
func (e *Exchanges) Close() {
	e.mu.Lock()
	e.closed = true
	left := e.waiting
	e.waiting, e.bytes = map[string]*waiting{}, 0
	e.mu.Unlock()
	for _, w := range left {
		if w.timer.Stop() {
			e.settling.Done()
		}
		w.abandon()
	}
	e.settling.Wait()
}

// abandon settles an exchange of which nobody will ever see the answer.
func (o *Open) abandon() {
	_ = o.Exchange.Settle(context.Background(), decision.Outcome{ExchangeID: o.id(), End: decision.EndUnseen})
}
