package webhook

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"outrider.dev/outrider/inject"
)

// Bounds of events. Whoever reaches the webhook can have it make events, so
// that they are few: a burst, then one in a second.
const (
	waitingEvents = 64
	eventEvery    = time.Second
	eventBurst    = 20
)

// Events makes events of what became of pods. Tell never waits; Run makes them.
type Events struct {
	create func(ctx context.Context, namespace string, event map[string]any) error
	log    *slog.Logger
	lost   func()
	queue  chan event
}

type event struct {
	pod     Pod
	kind    string // Normal or Warning
	reason  string
	message string
	at      time.Time
}

// NewEvents returns events that are made by create; lost is called for each
// that is not.
func NewEvents(create func(ctx context.Context, namespace string, event map[string]any) error, lost func(), log *slog.Logger) *Events {
	return &Events{create: create, log: log, lost: lost, queue: make(chan event, waitingEvents)}
}

// Tell takes what became of a pod, where it is worth an event.
func (e *Events) Tell(r inject.Report, p Pod) {
	one := event{pod: p, kind: "Warning", at: time.Now()}
	switch {
	case r.Outcome == inject.Skipped && (r.Reason == inject.ExemptNamespace || r.Reason == inject.MirrorPod):
		return
	case r.Outcome == inject.Skipped:
		if one.reason, one.message = "OutriderNotInjected", string(r.Reason)+": "+r.Detail; r.Reason.Wanted() {
			one.kind = "Normal"
		}
	default:
		var said []string
		for _, n := range r.Notes {
			if n.Warning {
				said = append(said, sentence(n))
			}
		}
		if len(said) == 0 {
			return
		}
		one.reason, one.message = "OutriderWarning", strings.Join(said, "; ")
	}
	select {
	case e.queue <- one:
	default:
		e.lost()
	}
}

// Run makes events until ctx ends.
func (e *Events) Run(ctx context.Context) error {
	left, filled := eventBurst, time.Now()
	for {
		select {
		case <-ctx.Done():
			return nil
		case one := <-e.queue:
			if grown := int(time.Since(filled) / eventEvery); grown > 0 {
				left, filled = min(eventBurst, left+grown), filled.Add(time.Duration(grown)*eventEvery)
			}
			if left == 0 {
				e.lost()
				continue
			}
			left--
			if err := e.create(ctx, one.pod.Namespace, one.object()); err != nil && ctx.Err() == nil {
				e.lost()
				e.log.Warn("an event cannot be made", "namespace", one.pod.Namespace, "error", err)
			}
		}
	}
}

// object is the event as the API server takes it: about the pod's controller,
// since the pod is not stored yet and may never be.
func (e event) object() map[string]any {
	const longest = 1024
	about := map[string]any{"apiVersion": "v1", "kind": "Pod", "name": e.pod.Name, "namespace": e.pod.Namespace}
	if o := e.pod.Owner; o != nil {
		about = map[string]any{"apiVersion": o["apiVersion"], "kind": o["kind"], "name": o["name"], "uid": o["uid"], "namespace": e.pod.Namespace}
	}
	if len(e.message) > longest {
		e.message = fmt.Sprintf("%.*s…", longest-3, strings.ToValidUTF8(e.message[:longest-3], ""))
	}
	at := e.at.UTC().Format(time.RFC3339)
	return map[string]any{
		"apiVersion": "v1", "kind": "Event",
		"metadata":       map[string]any{"generateName": "outrider-", "namespace": e.pod.Namespace},
		"involvedObject": about,
		"type":           e.kind, "reason": e.reason, "message": e.message,
		"source":         map[string]any{"component": "outrider-injector"},
		"firstTimestamp": at, "lastTimestamp": at, "count": 1,
	}
}
