// Package injector turns an Injection document into the running webhook: the
// handler of package inject/webhook behind TLS, what keeps its certificate, and
// health and metrics beside it.
//
// cmd/outrider-injector imports it. It links nothing of the road.
package injector

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"outrider.dev/outrider/config"
	"outrider.dev/outrider/inject"
	"outrider.dev/outrider/inject/cluster"
	"outrider.dev/outrider/inject/webhook"
	"outrider.dev/outrider/listen"
	configv1 "outrider.dev/outrider/proto/outrider/config/v1"
	"outrider.dev/outrider/telemetry"
)

// Path is where reviews are posted to.
const Path = "/mutate"

// Times of a connection. The API server waits at most 30 s for an answer.
const (
	readTime  = 10 * time.Second
	writeTime = 10 * time.Second
	idleTime  = 2 * time.Minute
	drainTime = 5 * time.Second
	askAgain  = 2 * time.Second
)

// nativeSince is the minor version from which on init containers may go on
// running without a feature gate.
const nativeSince = 29

// program is the parts of a running webhook.
type program struct {
	cfg   *configv1.Injection
	tel   *telemetry.Telemetry
	api   *cluster.Client
	hook  net.Listener
	admin net.Listener

	serves atomic.Bool // reviews
}

// Run serves until ctx ends. The file may be empty: then everything has its
// default.
func Run(ctx context.Context, file, version string) error {
	cfg, err := config.LoadInjection(file)
	if err != nil {
		return err
	}
	tel, err := telemetry.New(telemetry.Options{Service: "outrider-injector", Version: version, Log: os.Stderr})
	if err != nil {
		return err
	}
	defer tel.Close(ctx)
	p := &program{cfg: cfg, tel: tel}
	if p.api, err = newClient(cfg.GetWebhook().GetApi()); err != nil {
		return err
	}
	defer p.api.Close()
	if err := p.listen(); err != nil {
		return err
	}
	tel.Log.Info("the webhook listens", "webhook", p.hook.Addr().String(), "admin", p.admin.Addr().String())
	return p.run(ctx)
}

func newClient(a *configv1.APIServer) (*cluster.Client, error) {
	if a != nil {
		return cluster.New(cluster.Config{URL: a.GetUrl(), CA: a.GetCa(), Token: a.GetToken()})
	}
	cfg, err := cluster.InCluster()
	if err != nil {
		return nil, err
	}
	return cluster.New(cfg)
}

func (p *program) listen() (err error) {
	w := p.cfg.GetWebhook()
	if p.hook, err = listen.Listen("webhook.listen", w.GetListen()); err != nil {
		return err
	}
	if p.admin, err = listen.Listen("webhook.admin", w.GetAdmin()); err != nil {
		_ = p.hook.Close()
	}
	return err
}

func (p *program) run(ctx context.Context) error {
	p.tel.Health.Add("cluster", func(context.Context) error {
		if !p.serves.Load() {
			return errors.New("the API server has not said its version yet")
		}
		return nil
	})
	events := webhook.NewEvents(p.api.CreateEvent, p.tel.Metrics.EventsLost.Inc, p.tel.Log)
	work, running := errgroup.WithContext(ctx)
	secured, err := p.certificates(running, work)
	if err != nil {
		_ = p.hook.Close()
		_ = p.admin.Close()
		return err
	}
	work.Go(func() error { return p.serve(running, p.admin, p.pages()) })
	work.Go(func() error { return events.Run(running) })
	work.Go(func() error { return p.mutate(running, secured, events) })
	return work.Wait()
}

// certificates returns how the webhook shakes hands: with what somebody else
// keeps in files, or with what it keeps itself.
func (p *program) certificates(ctx context.Context, work *errgroup.Group) (*tls.Config, error) {
	w := p.cfg.GetWebhook()
	if files := w.GetTls(); files != nil {
		kept, err := listen.NewCertificates(listen.Files{Field: "webhook.tls", Cert: files.GetCert(), Key: files.GetKey()})
		if err != nil {
			return nil, err
		}
		work.Go(func() error { return kept.Watch(ctx, p.tel.Log, nil) })
		return kept.Config(tls.NoClientCert), nil
	}
	keeper := webhook.NewKeeper(webhook.Names{
		Namespace: w.GetNamespace(), Service: w.GetService(), Secret: w.GetSecret(), Configuration: w.GetConfiguration(),
	}, p.api, p.tel.Log)
	p.tel.Health.Add("certificate", keeper.Ready)
	work.Go(func() error { return keeper.Run(ctx) })
	return &tls.Config{MinVersion: tls.VersionTLS13, GetCertificate: keeper.GetCertificate, NextProtos: []string{"h2", "http/1.1"}}, nil
}

// mutate serves reviews once it is known what kind of container the cluster runs.
func (p *program) mutate(ctx context.Context, secured *tls.Config, events *webhook.Events) error {
	defer func() { _ = p.hook.Close() }()
	placement, err := p.placement(ctx)
	if err != nil {
		return nil // the end came first
	}
	injector, err := inject.New(inject.SettingsOf(p.cfg, placement))
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle(Path, webhook.Handler(webhook.Config{
		Injector: injector, Namespace: p.cfg.GetWebhook().GetNamespace(), Count: p.count, Tell: events.Tell, Log: p.tel.Log,
	}))
	p.serves.Store(true)
	return p.serve(ctx, tls.NewListener(p.hook, secured), mux)
}

// placement asks the API server what it can run, unless the document says it.
func (p *program) placement(ctx context.Context) (inject.Placement, error) {
	if said := p.cfg.GetSidecar().GetPlacement(); said != "" {
		return inject.Placement(said), nil
	}
	for {
		minor, err := p.api.Minor(ctx)
		if err == nil && minor < nativeSince {
			return inject.Container, nil
		}
		if err == nil {
			return inject.Native, nil
		}
		p.tel.Log.Warn("the version of the API server is not known yet; trying again", "error", err)
		timer := time.NewTimer(askAgain)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return "", ctx.Err()
		}
	}
}

// count counts and logs what became of a pod.
func (p *program) count(r inject.Report) {
	p.tel.Metrics.Injections.WithLabelValues(string(r.Outcome), string(r.Reason)).Inc()
	attrs := []any{"namespace", r.Namespace, "pod", r.Name}
	warned := 0
	for _, n := range r.Notes {
		if n.Warning {
			warned++
		}
	}
	if r.Outcome == inject.Skipped {
		p.tel.Log.Info("a pod was not injected", append(attrs, "reason", r.Reason, "detail", r.Detail)...)
		return
	}
	p.tel.Log.Info("a pod was "+string(r.Outcome), append(attrs, "agent", r.Agent, "warnings", warned)...)
}

func (p *program) pages() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/healthz", p.tel.Health.Live())
	mux.Handle("/readyz", p.tel.Health.Ready())
	mux.Handle("/metrics", p.tel.Handler())
	return mux
}

// serve serves until ctx ends, then lets open requests end.
func (p *program) serve(ctx context.Context, l net.Listener, h http.Handler) error {
	srv := &http.Server{
		Handler: h, ReadTimeout: readTime, WriteTimeout: writeTime, IdleTimeout: idleTime, MaxHeaderBytes: 64 << 10,
		ErrorLog: slog.NewLogLogger(p.tel.Log.Handler(), slog.LevelDebug),
	}
	stopped := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() {
		limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
		defer cancel()
		if srv.Shutdown(limit) != nil {
			_ = srv.Close()
		}
		stopped <- nil
	})
	if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		stop()
		return fmt.Errorf("serve %s: %w", l.Addr(), err)
	}
	return <-stopped
}
