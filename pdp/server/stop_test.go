package server

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/decision/wire"
	"outrider.dev/outrider/pdp/shed"
	configv1 "outrider.dev/outrider/proto/outrider/config/v1"
	decisionv1 "outrider.dev/outrider/proto/outrider/decision/v1"
)

// TestIdleStreamsEndWithAStop: streams that ask nothing do not hold up a stop.
func TestIdleStreamsEndWithAStop(t *testing.T) {
	r, conn := onSocket(t, &engine{})
	c := decisionv1.NewDecisionServiceClient(conn)
	unused, err := c.Decide(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	used, err := c.Decide(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := used.Send(&decisionv1.DecideRequest{Id: 1, Request: wire.RequestProto(question("a"))}); err != nil {
		t.Fatal(err)
	}
	if _, err := used.Recv(); err != nil {
		t.Fatal(err)
	}
	ahead, err := c.Exchange(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	wantAnswered(t, conn, "a") // by now the streams are open over there
	began := time.Now()
	r.stop()
	wait(t, r.done, "the end of Run")
	if took := time.Since(began); took > drainTime/2 {
		t.Errorf("the stop took %v", took)
	}
	for name, recv := range map[string]func() error{
		"unused":   func() error { _, err := unused.Recv(); return err },
		"used":     func() error { _, err := used.Recv(); return err },
		"exchange": func() error { _, err := ahead.Recv(); return err },
	} {
		if err := recv(); err == nil || errors.Is(err, io.EOF) {
			t.Errorf("%s: %v", name, err)
		} else {
			wantStatus(t, err, codes.Unavailable)
		}
	}
}

// TestBusyStreamsAreFinished: what was asked before the stop is answered, and
// an open exchange goes on to its outcome.
func TestBusyStreamsAreFinished(t *testing.T) {
	release := make(chan struct{})
	var asked atomic.Int32
	e := &engine{check: func(_ context.Context, r *decision.Request) (*decision.Verdict, error) {
		asked.Add(1)
		<-release
		return allowed(r.ExchangeID), nil
	}}
	e.judge = func(context.Context, decision.Part) (*decision.Ruling, error) {
		return &decision.Ruling{Effect: decision.Allow}, nil
	}
	r, conn := onSocket(t, e)
	deciding, err := decisionv1.NewDecisionServiceClient(conn).Decide(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for id := range uint64(3) {
		if err := deciding.Send(&decisionv1.DecideRequest{Id: id, Request: wire.RequestProto(question("a"))}); err != nil {
			t.Fatal(err)
		}
	}
	v, ex, err := wire.NewClient(conn).Open(t.Context(), question("a"))
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the questions are asked", func() bool { return asked.Load() == 3 })
	r.stop()
	<-r.service.stopping
	if ruling, err := ex.Judge(t.Context(), decision.Part{Whole: &decision.Body{Raw: []byte("{}")}}); err != nil || ruling.Effect != decision.Allow {
		t.Errorf("an open exchange is not judged while the service stops: %+v, %v", ruling, err)
	}
	close(release)
	for range 3 {
		if _, err := deciding.Recv(); err != nil {
			t.Fatalf("a question that was asked before the stop: %v", err)
		}
	}
	_, err = deciding.Recv()
	wantStatus(t, err, codes.Unavailable)
	if err := ex.Settle(t.Context(), decision.Outcome{ExchangeID: v.ID, End: decision.EndCompleted}); err != nil {
		t.Fatal(err)
	}
	e.wantOutcome(t, decision.EndCompleted)
	wait(t, r.done, "the end of Run")
}

// TestOverloadOnTheWire: with every turn taken a question that cannot be
// answered in time is refused at once, on every way to ask, health is not, and
// open exchanges hold no turns.
func TestOverloadOnTheWire(t *testing.T) {
	release := make(chan struct{})
	var asked atomic.Int32
	e := &engine{check: func(_ context.Context, r *decision.Request) (*decision.Verdict, error) {
		asked.Add(1)
		<-release
		return allowed(r.ExchangeID), nil
	}}
	r := start(t, config(t, e, &configv1.PDPListen{Socket: t.TempDir() + "/s", Http: "127.0.0.1:0", Admin: "127.0.0.1:0"}))
	conn := dial(t, "unix://"+r.Addresses()[0], insecure.NewCredentials())
	client := wire.NewClient(conn)
	t.Cleanup(http.DefaultClient.CloseIdleConnections)
	for range shed.Turns() + 10 { // open exchanges take no turns
		v, ex, err := client.Open(t.Context(), question("a"))
		if err != nil || ex == nil {
			t.Fatalf("%+v, %v", v, err)
		}
		defer func() { _ = ex.Settle(context.Background(), decision.Outcome{ExchangeID: v.ID}) }()
	}
	deciding, err := decisionv1.NewDecisionServiceClient(conn).Decide(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for id := range uint64(shed.Turns()) {
		if err := deciding.Send(&decisionv1.DecideRequest{Id: id, Request: wire.RequestProto(question("a"))}); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "every turn is taken", func() bool { return int(asked.Load()) == shed.Turns() })

	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err = client.Check(ctx, question("a"))
	if code := status.Code(err); code != codes.ResourceExhausted && code != codes.DeadlineExceeded {
		t.Errorf("Check: %v", err)
	}
	q := wire.RequestProto(question("a"))
	q.Timeout = durationpb.New(20 * time.Millisecond)
	if err := deciding.Send(&decisionv1.DecideRequest{Id: 999, Request: q}); err != nil {
		t.Fatal(err)
	}
	m, err := deciding.Recv()
	if err != nil || m.GetId() != 999 || m.GetVerdict().GetReason().GetCode() != string(decision.CodeOverloaded) || m.GetVerdict().GetReason().GetRetryAfter() == nil {
		t.Errorf("Decide: %v, %v", m, err)
	}
	body := `{"request": {"surface": "llm", "timeout": "0.02s", "caller": {"agent": "a"}}}`
	rest := answerTo(t, http.DefaultClient, http.MethodPost, r.Addresses()[1]+"/v1/check", body, nil)
	if rest.code != 503 || rest.header.Get("Retry-After") == "" {
		t.Errorf("REST: %+v", rest)
	}
	for _, base := range r.Addresses()[1:] {
		if health := answerTo(t, http.DefaultClient, http.MethodGet, base+"/readyz", "", nil); health.code != 200 {
			t.Errorf("%s: %+v", base, health)
		}
	}
	if r.Waiting() != 0 || e.events.shed.Load() < 2 {
		t.Errorf("%d wait, %d are counted", r.Waiting(), e.events.shed.Load())
	}
	close(release)
	for range shed.Turns() {
		if _, err := deciding.Recv(); err != nil {
			t.Fatal(err)
		}
	}
	_ = deciding.CloseSend()
}
