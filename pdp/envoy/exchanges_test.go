package envoy

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/dialect/inbound"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const envoyPeer = "uid:1337"

// settled counts how an exchange ended.
type settled struct {
	mu   sync.Mutex
	ends []decision.End
}

func (s *settled) Attempt(context.Context, decision.Attempt) (*decision.Grant, error) {
	return nil, nil
}

func (s *settled) Judge(context.Context, decision.Part) (*decision.Ruling, error) {
	return &decision.Ruling{Effect: decision.Allow}, nil
}

func (s *settled) Settle(ctx context.Context, o decision.Outcome) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ends = append(s.ends, o.End)
	return ctx.Err()
}

// how tells how the exchange ended, each time that it was told.
func (s *settled) how() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return fmt.Sprint(s.ends)
}

func opened(id string, bytes int) (*Open, *settled) {
	call := inbound.New(&inbound.Request{Method: "POST", Path: "/mcp"}, decision.Caller{}, decision.FullFace())
	call.Ask.ExchangeID, call.Ask.Body.Raw = id, make([]byte, bytes)
	x := &settled{}
	return &Open{Peer: envoyPeer, Call: call, Verdict: &decision.Verdict{ID: id, Effect: decision.Allow}, Exchange: x}, x
}

func TestClaimedOnceByTheSamePeer(t *testing.T) {
	e := NewExchanges()
	o, x := opened("exchange-1", 10)
	if !e.Add(o) || e.Add(o) {
		t.Fatal("an exchange is kept once")
	}
	for _, other := range []string{"", "uid:1", "spiffe://a/b"} {
		if e.Claim("exchange-1", other) != nil {
			t.Errorf("%q claimed what another peer opened", other)
		}
	}
	if e.Claim("exchange-2", envoyPeer) != nil {
		t.Error("claimed what nobody opened")
	}
	if e.Claim("exchange-1", envoyPeer) != o {
		t.Fatal("not handed over")
	}
	if e.Claim("exchange-1", envoyPeer) != nil {
		t.Error("handed over twice")
	}
	e.Close()
	if len(x.ends) != 0 || e.bytes != 0 {
		t.Errorf("what was claimed was settled as %v; %d bytes are counted", x.ends, e.bytes)
	}
}

// TestUnauthenticatedPeersClaimNothing: whoever proves nothing cannot be told
// from another.
func TestUnauthenticatedPeersClaimNothing(t *testing.T) {
	e := NewExchanges()
	defer e.Close()
	o, _ := opened("exchange-1", 0)
	o.Peer = ""
	if e.Add(o); e.Claim("exchange-1", "") != nil {
		t.Error("claimed")
	}
}

func TestUnclaimed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := NewExchanges()
		o, late := opened("exchange-1", 10)
		e.Add(o)
		time.Sleep(claimTime - 1)
		if late.how() != "[]" {
			t.Error("settled too early")
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		if late.how() != "[unseen]" || e.Claim("exchange-1", envoyPeer) != nil || e.bytes != 0 {
			t.Errorf("settled as %v, %d bytes", late.how(), e.bytes)
		}
		o, closed := opened("exchange-2", 10)
		e.Add(o)
		e.Close()
		if closed.how() != "[unseen]" || e.Add(o) {
			t.Errorf("settled as %v", closed.how())
		}
		e.Close()
	})
}

func TestBounds(t *testing.T) {
	e := NewExchanges()
	defer e.Close()
	large, _ := opened("large", maxWaitingBytes+1)
	if e.Add(large) {
		t.Error("kept more bytes than it may")
	}
	for i := range maxWaiting {
		o, _ := opened(fmt.Sprint("exchange-", i), 1)
		if !e.Add(o) {
			t.Fatalf("refused the %dth", i)
		}
	}
	if o, _ := opened("one-more", 1); e.Add(o) {
		t.Error("kept one more")
	}
	e.Claim("exchange-7", envoyPeer)
	if o, _ := opened("one-more", 1); !e.Add(o) {
		t.Error("room that a claim left is not used")
	}
}

// TestClaimRace: of many claims beside the expiry one wins at most, and the
// exchange is settled by the others only where none did.
func TestClaimRace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for range 50 {
			e := NewExchanges()
			o, x := opened("exchange-1", 1)
			e.Add(o)
			time.Sleep(claimTime - 1)
			var all sync.WaitGroup
			var mu sync.Mutex
			won := 0
			for range 4 {
				all.Go(func() {
					time.Sleep(time.Nanosecond)
					if e.Claim("exchange-1", envoyPeer) != nil {
						mu.Lock()
						won++
						mu.Unlock()
					}
				})
			}
			all.Wait()
			e.Close()
			if won+len(x.ends) != 1 {
				t.Fatalf("claimed %d times and settled as %v", won, x.ends)
			}
		}
	})
}
