package decisionservice

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"outrider.dev/outrider/authz/token"
	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/pdp/peer"
	configv1 "outrider.dev/outrider/proto/outrider/config/v1"
)

// workloads verifies the tokens of a cluster's service accounts, by which data
// planes prove for whom they speak.
type workloads struct {
	tokens *token.Verifier
	http   *http.Client
}

// newWorkloads returns nil where the configuration names no cluster.
func newWorkloads(c *configv1.Workloads, log *slog.Logger, now func() time.Time) (*workloads, error) {
	if c == nil {
		return nil, nil
	}
	client, err := clusterClient(c.GetJwks())
	if err != nil {
		return nil, err
	}
	tokens, err := token.New(token.Config{
		Providers: []token.Provider{{
			Issuer: c.GetIssuer(), Audiences: []string{c.GetAudience()},
			JWKS: token.Keys{URL: c.GetJwks().GetUrl(), File: c.GetJwks().GetFile()},
		}},
		HTTP: client, Log: log, Now: now,
	})
	if err != nil {
		return nil, fmt.Errorf("pdp.workloads: %w", err)
	}
	return &workloads{tokens: tokens, http: client}, nil
}

// clusterClient fetches the keys as a cluster's API server wants to be asked.
func clusterClient(k *configv1.WorkloadKeys) (*http.Client, error) {
	cfg := &tls.Config{MinVersion: tls.VersionTLS12}
	if k.GetCa() != "" {
		pem, err := os.ReadFile(k.GetCa())
		if err != nil {
			return nil, fmt.Errorf("pdp.workloads.jwks.ca: %w", err)
		}
		cfg.RootCAs = x509.NewCertPool()
		if !cfg.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("pdp.workloads.jwks.ca: %s holds no certificate", k.GetCa())
		}
	}
	transport := &http.Transport{TLSClientConfig: cfg, ForceAttemptHTTP2: true, Proxy: http.ProxyFromEnvironment, IdleConnTimeout: time.Minute}
	if k.GetToken() == "" {
		return &http.Client{Transport: transport}, nil
	}
	at, err := url.Parse(k.GetUrl())
	if err != nil {
		return nil, errors.New("pdp.workloads.jwks.url cannot be read")
	}
	return &http.Client{Transport: &bearing{next: transport, host: at.Host, file: k.GetToken()}}, nil
}

// bearing shows a token to one host. The file is read each time, since the
// kubelet replaces it.
type bearing struct {
	next *http.Transport
	host string
	file string
}

// RoundTrip implements http.RoundTripper.
func (b *bearing) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Host != b.host || r.URL.Scheme != "https" {
		return b.next.RoundTrip(r)
	}
	f, err := os.Open(b.file)
	if err != nil {
		return nil, fmt.Errorf("pdp.workloads.jwks.token: %w", err)
	}
	defer func() { _ = f.Close() }()
	const longest = 64 << 10
	raw, err := io.ReadAll(io.LimitReader(f, longest))
	if err != nil {
		return nil, fmt.Errorf("pdp.workloads.jwks.token: %w", err)
	}
	own := r.Clone(r.Context())
	own.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(raw)))
	return b.next.RoundTrip(own)
}

// CloseIdleConnections is what http.Client asks for.
func (b *bearing) CloseIdleConnections() { b.next.CloseIdleConnections() }

// run keeps the keys fresh until ctx ends.
func (w *workloads) run(ctx context.Context) error {
	defer w.http.CloseIdleConnections()
	return w.tokens.Run(ctx)
}

var errNoAccount = decision.Refuse(decision.CodeTokenMalformed, "the token names no service account of a cluster: show one that Kubernetes projects into the pod")

// ServiceAccount implements server.Workloads.
func (w *workloads) ServiceAccount(bearer decision.Secret) (peer.Identity, error) {
	t, err := w.tokens.Verify(bearer)
	if err != nil {
		return peer.Identity{}, err
	}
	cluster, _ := t.Claims["kubernetes.io"].(map[string]any)
	account, _ := cluster["serviceaccount"].(map[string]any)
	pod, _ := cluster["pod"].(map[string]any)
	namespace, _ := cluster["namespace"].(string)
	name, _ := account["name"].(string)
	podName, _ := pod["name"].(string)
	// Both tell the same in every token of a cluster. One that differs is somebody else's.
	if !clusterName(namespace) || !clusterName(name) || t.Subject != "system:serviceaccount:"+namespace+":"+name {
		return peer.Identity{}, errNoAccount
	}
	if !clusterName(podName) {
		podName = ""
	}
	return peer.ServiceAccount(namespace, name, podName), nil
}

// clusterName tells names as Kubernetes forms them: pdp.peers puts a slash
// between two.
func clusterName(s string) bool {
	const longest = 253
	return s != "" && len(s) <= longest && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-.") == ""
}
