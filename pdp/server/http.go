package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/listen"
)

// httpListener is a listener with what it serves.
type httpListener struct {
	net.Listener
	field   string
	tls     bool
	handler http.Handler
	paths   []string // that it serves
}

// listenHTTP opens the listener of REST and the one of health and metrics
// alone.
func (s *Server) listenHTTP() error {
	if addr := s.cfg.Listen.GetHttp(); addr != "" {
		if err := s.listenREST(addr); err != nil {
			return err
		}
	}
	addr := s.cfg.Listen.GetAdmin()
	if addr == "" {
		return nil
	}
	public := !decision.LoopbackHost(addr)
	table := adminRoutes(s.cfg.Admin(public))
	handler := answered(s.cfg.Log, table)
	if !public {
		handler = localOnly(handler)
	}
	l, err := listen.Listen("pdp.listen.admin", addr)
	if err != nil {
		return err
	}
	s.http = append(s.http, &httpListener{Listener: l, field: "pdp.listen.admin", handler: handler, paths: table.paths()})
	return nil
}

// listenREST lets REST stand beyond loopback where callers can prove who they
// are and what travels cannot be read on the way.
func (s *Server) listenREST(addr string) error {
	const field = "pdp.listen.http"
	public := !decision.LoopbackHost(addr)
	proof := s.cfg.Listen.GetTls().GetClientCa() != "" || s.service.peers.HasKeys()
	if public && (s.certs == nil || !proof) {
		return fmt.Errorf("%s: %s is beyond loopback: give pdp.listen.tls, and a clientCA there or peers with keys, or listen on 127.0.0.1", field, addr)
	}
	handler, paths, err := s.rest(public)
	if err != nil {
		return err
	}
	l, err := listen.Listen(field, addr)
	if err != nil {
		return err
	}
	if public {
		// Health is for everybody, so that certificates are asked for and not demanded here.
		l = tls.NewListener(l, s.certs.Config(tls.VerifyClientCertIfGiven))
	}
	s.http = append(s.http, &httpListener{Listener: l, field: field, tls: public, handler: handler, paths: paths})
	return nil
}

func (h *httpListener) url() string {
	if h.tls {
		return "https://" + h.Addr().String()
	}
	return "http://" + h.Addr().String()
}

func (h *httpListener) run(ctx context.Context, log *slog.Logger) error {
	srv := &http.Server{
		Handler:           h.handler,
		ReadHeaderTimeout: shakeTime,
		ReadTimeout:       readTime,
		IdleTimeout:       idleTime,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),

		DisableGeneralOptionsHandler: true, // OPTIONS * is a path that nothing serves
	}
	stopped := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() { stopped <- drainHTTP(ctx, srv) })
	if err := srv.Serve(h.Listener); !errors.Is(err, http.ErrServerClosed) {
		stop()
		return fmt.Errorf("%s: %w", h.field, err)
	}
	return <-stopped
}

// drainHTTP waits for open requests, then ends those that go on.
func drainHTTP(ctx context.Context, srv *http.Server) error {
	limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
	defer cancel()
	if err := srv.Shutdown(limit); err != nil {
		return srv.Close()
	}
	return nil
}
