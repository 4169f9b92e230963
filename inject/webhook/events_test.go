package webhook

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"outrider.dev/outrider/inject"
)

var skippedReport = inject.Report{Outcome: inject.Skipped, Reason: inject.HostNetwork, Detail: "it shares the node's network"}

func TestEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var made []map[string]any
		lost := atomic.Int64{}
		fails := false
		e := NewEvents(func(_ context.Context, namespace string, event map[string]any) error {
			if made = append(made, event); namespace != "prod" {
				t.Errorf("in namespace %q", namespace)
			}
			if fails {
				return errors.New("forbidden")
			}
			return nil
		}, func() { lost.Add(1) }, slog.New(slog.DiscardHandler))
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- e.Run(ctx) }()

		owned := Pod{Namespace: "prod", Name: "bot-", Owner: map[string]any{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "bot-1", "uid": "o"}}
		e.Tell(skippedReport, owned)
		e.Tell(inject.Report{Outcome: inject.Skipped, Reason: inject.OptedOut}, Pod{Namespace: "prod", Name: "p"})
		e.Tell(inject.Report{Outcome: inject.Injected, Notes: []inject.Note{{Warning: true, Container: "a", Text: "x"}, {Text: "y"}}}, owned)
		e.Tell(inject.Report{Outcome: inject.Skipped, Reason: inject.ExemptNamespace}, owned)
		e.Tell(inject.Report{Outcome: inject.Injected, Notes: []inject.Note{{Text: "y"}}}, owned)
		synctest.Wait()
		if len(made) != 3 {
			t.Fatalf("%d events: %v", len(made), made)
		}
		about := made[0]["involvedObject"].(map[string]any)
		if made[0]["reason"] != "OutriderNotInjected" || made[0]["type"] != "Warning" || about["uid"] != "o" || about["kind"] != "ReplicaSet" ||
			made[0]["message"] != "host_network: it shares the node's network" {
			t.Errorf("skipped: %v", made[0])
		}
		if about = made[1]["involvedObject"].(map[string]any); made[1]["type"] != "Normal" || about["kind"] != "Pod" || about["name"] != "p" {
			t.Errorf("opted out: %v", made[1])
		}
		if made[2]["reason"] != "OutriderWarning" || made[2]["message"] != "container a: x" {
			t.Errorf("warned: %v", made[2])
		}

		for range eventBurst + 10 {
			e.Tell(skippedReport, owned)
			synctest.Wait()
		}
		if len(made) != eventBurst || lost.Load() != 13 {
			t.Errorf("%d events at once, %d lost", len(made), lost.Load())
		}
		time.Sleep(3 * eventEvery)
		fails = true
		for range 4 {
			e.Tell(skippedReport, owned)
			synctest.Wait()
		}
		if len(made) != eventBurst+3 || lost.Load() != 17 {
			t.Errorf("%d events three seconds later, %d lost", len(made), lost.Load())
		}
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
		for range waitingEvents + 5 {
			e.Tell(skippedReport, owned) // nobody listens any more, and nobody waits
		}
		if lost.Load() != 22 {
			t.Errorf("%d lost", lost.Load())
		}
	})
}

func TestEventMessagesAreBounded(t *testing.T) {
	one := event{message: strings.Repeat("é", 2000), at: time.Now()}.object()
	if m := one["message"].(string); len(m) > 1024 || !utf8.ValidString(m) {
		t.Errorf("%d bytes", len(m))
	}
}
