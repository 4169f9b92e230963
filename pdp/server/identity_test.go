package server

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/decision/wire"
	configv1 "outrider.dev/outrider/proto/outrider/config/v1"
)

// TestPeersFromIdentity: what the certificate names is what the engine hears,
// by every way of asking.
func TestPeersFromIdentity(t *testing.T) {
	var heard sync.Map
	note := func(r *decision.Request) { heard.Store(r.ExchangeID, r.Caller) }
	e := &engine{
		check: func(_ context.Context, r *decision.Request) (*decision.Verdict, error) {
			note(r)
			return allowed(r.ExchangeID), nil
		},
		filter: func(r *decision.Request, _ []decision.Tool) (*decision.Visibility, error) {
			note(r)
			return &decision.Visibility{Bitmap: []byte{}}, nil
		},
	}
	e.open = func(_ context.Context, r *decision.Request) (*decision.Verdict, decision.Exchange, error) {
		note(r)
		return allowed(r.ExchangeID), &exchange{engine: e}, nil
	}
	ca := newAuthority(t)
	r := start(t, config(t, e, &configv1.PDPListen{Grpc: "127.0.0.1:0", Tls: ca.files(t, ca)},
		&configv1.Peer{Spiffe: "spiffe://corp/*", Agents: []string{"from-identity"}, Labels: map[string]string{"tier": "prod"}}))
	conn := dial(t, r.Addresses()[0], ca.client(t, ca, "spiffe://corp/ns/prod/sa/bot"))
	c := wire.NewClient(conn)
	for i, ask := range []func(q *decision.Request) error{
		func(q *decision.Request) error { _, err := c.Check(t.Context(), q); return err },
		func(q *decision.Request) error { _, err := c.FilterTools(t.Context(), q, nil); return err },
		func(q *decision.Request) error {
			_, ex, err := c.Open(t.Context(), q)
			if err == nil {
				err = ex.Settle(t.Context(), decision.Outcome{ExchangeID: q.ExchangeID})
			}
			return err
		},
	} {
		q := question("")
		q.ExchangeID = "exchange-" + strconv.Itoa(i)
		if err := ask(q); err != nil {
			t.Fatal(err)
		}
		got, _ := heard.Load(q.ExchangeID)
		who, _ := got.(decision.Caller)
		if who.Agent != "bot" || who.Namespace != "prod" || who.ServiceAccount != "bot" || len(who.Labels) != 1 || who.Labels["tier"] != "prod" {
			t.Errorf("%d: the engine hears of %+v", i, who)
		}
	}
	wantUnanswered(t, conn, "admin")
	q := question("bot")
	q.Caller.Labels = map[string]string{"tier": "prod", "role": "admin"}
	if v, ex, err := c.Open(t.Context(), q); err != nil || ex != nil || !strings.Contains(v.Reason.Message, `label "role"`) {
		t.Errorf("a claimed label: %+v, %v", v, err)
	}
	if r.engine.events.refused.Load() != 4 {
		t.Errorf("%d refusals are counted", r.engine.events.refused.Load())
	}
}

// TestRotationUnderLoad: certificates change while connections come and go, and
// no call fails.
func TestRotationUnderLoad(t *testing.T) {
	ca := newAuthority(t)
	files := ca.files(t, ca)
	r, target := onTCP(t, files, &configv1.Peer{Spiffe: "*", Agents: []string{"*"}})
	creds := ca.client(t, ca, "spiffe://corp/a")
	ctx, stop := context.WithCancel(t.Context())
	var calls sync.WaitGroup
	for range 3 {
		calls.Go(func() {
			for ctx.Err() == nil {
				conn := dial(t, target, creds.Clone())
				v, ex, err := wire.NewClient(conn).Open(t.Context(), question("a"))
				if err != nil || ex == nil {
					t.Errorf("a call failed: %+v, %v", v, err)
					return
				}
				_ = ex.Settle(t.Context(), decision.Outcome{ExchangeID: v.ID})
				_ = conn.Close()
			}
		})
	}
	for n := range int32(2) {
		cert, key := ca.issue(t, nil)
		write(t, files.GetCert(), cert)
		time.Sleep(time.Millisecond) // whoever reads now finds a pair that does not fit
		write(t, files.GetKey(), key)
		eventually(t, "a rotated certificate is taken", func() bool { return r.engine.events.taken.Load() > n })
	}
	stop()
	calls.Wait()
}
