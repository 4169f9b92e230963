package sidecar

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/listen"
	configv1 "outrider.dev/outrider/proto/outrider/config/v1"
)

// TestCaller: on loopback the data plane speaks for its own agent whatever
// comes; as a gateway for whom a verified certificate names.
func TestCaller(t *testing.T) {
	own := decision.Caller{Agent: "gateway", Namespace: "gw", ServiceAccount: "gw", Labels: map[string]string{"app": "gateway"}}
	shown := func(verified bool, uris ...string) *http.Request {
		leaf := &x509.Certificate{}
		for _, s := range uris {
			u, err := url.Parse(s)
			if err != nil {
				t.Fatal(err)
			}
			leaf.URIs = append(leaf.URIs, u)
		}
		state := &tls.ConnectionState{PeerCertificates: []*x509.Certificate{leaf}}
		if verified {
			state.VerifiedChains = [][]*x509.Certificate{{leaf}}
		}
		return &http.Request{TLS: state}
	}
	const bot = "spiffe://corp/ns/prod/sa/bot"
	for name, tt := range map[string]struct {
		r                          *http.Request
		agent, namespace, identity string
		labels                     int
	}{
		"no TLS":           {&http.Request{}, "gateway", "gw", "", 1},
		"no certificate":   {&http.Request{TLS: &tls.ConnectionState{}}, "gateway", "gw", "", 1},
		"a workload":       {shown(true, bot), "bot", "prod", bot, 0},
		"another id":       {shown(true, "spiffe://corp/node/1"), "gateway", "gw", "spiffe://corp/node/1", 1},
		"never verified":   {shown(false, bot), "gateway", "gw", "", 1},
		"nameless":         {shown(true), "gateway", "gw", "", 1},
		"two names":        {shown(true, bot, "spiffe://corp/ns/prod/sa/admin"), "gateway", "gw", "", 1},
		"a web page's URI": {shown(true, "https://corp/ns/prod/sa/bot"), "gateway", "gw", "", 1},
	} {
		for _, gateway := range []bool{false, true} {
			s := &Sidecar{cfg: Config{Agent: own}}
			if gateway {
				s.certs = &listen.Certificates{}
			}
			c := s.caller(tt.r)
			if !gateway {
				if c.Shared || c.Identity != "" || c.Agent != own.Agent {
					t.Errorf("%s, on loopback: %+v", name, c)
				}
				continue
			}
			if !c.Shared || c.Agent != tt.agent || c.Namespace != tt.namespace || c.ServiceAccount == "" || c.Identity != tt.identity || len(c.Labels) != tt.labels {
				t.Errorf("%s: %+v", name, c)
			}
		}
	}
}

func TestGatewayRefused(t *testing.T) {
	absent := filepath.Join(t.TempDir(), "absent")
	cfg := config(t, &pdp{}, "127.0.0.1:0", "127.0.0.1:0")
	cfg.Listen.Tls = &configv1.TLS{Cert: absent, Key: absent}
	if _, err := New(cfg); err == nil || !strings.HasPrefix(err.Error(), "listen.tls: ") || !strings.Contains(err.Error(), absent) {
		t.Errorf("got %v", err)
	}
}

// TestAdminBeyondLoopback: others may see health and metrics, and no details.
func TestAdminBeyondLoopback(t *testing.T) {
	for address, public := range map[string]bool{"127.0.0.1:0": false, "0.0.0.0:0": true} {
		cfg := config(t, &pdp{}, "127.0.0.1:0", address)
		asked := make(chan bool, 1)
		cfg.Admin = func(public bool) http.Handler {
			asked <- public
			return http.NotFoundHandler()
		}
		s, err := New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		_ = s.agent.Close() // its loss ends Run
		if err := s.Run(t.Context()); err == nil {
			t.Error("it runs without its listener")
		}
		if got := <-asked; got != public {
			t.Errorf("%s: for strangers is %v", address, got)
		}
	}
}
