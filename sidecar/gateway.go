package sidecar

import (
	"crypto/tls"
	"fmt"
	"net/http"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/listen"
	"outrider.dev/outrider/spiffe"
)

// listenAgents opens the listener of agents. With certificates the data plane
// is a gateway, which agents share; beyond loopback it must be one.
func (s *Sidecar) listenAgents() error {
	const field = "listen.agent"
	addr, files := s.cfg.Listen.GetAgent(), s.cfg.Listen.GetTls()
	if files == nil && !decision.LoopbackHost(addr) {
		return fmt.Errorf("%s: %s is beyond loopback, where agents must prove who they are: give listen.tls, or listen on 127.0.0.1", field, addr)
	}
	var err error
	if files != nil {
		s.certs, err = listen.NewCertificates(listen.Files{
			Field: "listen.tls", Cert: files.GetCert(), Key: files.GetKey(), ClientCA: files.GetClientCa(),
		})
		if err != nil {
			return err
		}
	}
	if s.agent, err = listen.Listen(field, addr); err != nil {
		return err
	}
	if s.certs != nil {
		s.agent = tls.NewListener(s.agent, s.certs.Config(tls.RequireAndVerifyClientCert))
	}
	return nil
}

// caller returns whom a call is for. A gateway speaks for whoever a client
// certificate names; its own name stands for all others, who must show a token.
func (s *Sidecar) caller(r *http.Request) decision.Caller {
	c := s.cfg.Agent
	if s.certs == nil {
		return c
	}
	c.Shared = true
	if r.TLS == nil || len(r.TLS.VerifiedChains) == 0 {
		return c
	}
	id, err := spiffe.FromCertificate(r.TLS.PeerCertificates[0])
	if err != nil {
		return c // it proves that somebody is known, and not who
	}
	c.Identity = id.String()
	if namespace, account, ok := id.Workload(); ok {
		c.Agent, c.Namespace, c.ServiceAccount, c.Labels = account, namespace, account, nil
	}
	return c
}
