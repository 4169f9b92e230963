package dataplane

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc/credentials"

	configv1 "outrider.dev/outrider/proto/outrider/config/v1"
)

// freshTLS shakes hands with what the files hold at the time: certificates and
// authorities are replaced while data planes run.
type freshTLS struct {
	files *configv1.ClientTLS
}

// config reads the files.
func (f *freshTLS) config() (*tls.Config, error) {
	pem, err := os.ReadFile(f.files.GetCa())
	if err != nil {
		return nil, fmt.Errorf("decision.tls.ca: %w", err)
	}
	authorities := x509.NewCertPool()
	if !authorities.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("decision.tls.ca: %s holds no certificate", f.files.GetCa())
	}
	cfg := &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: authorities, ServerName: f.files.GetServerName()}
	if f.files.GetCert() == "" {
		return cfg, nil
	}
	pair, err := tls.LoadX509KeyPair(f.files.GetCert(), f.files.GetKey())
	if err != nil {
		return nil, fmt.Errorf("decision.tls: %w", err)
	}
	cfg.Certificates = []tls.Certificate{pair}
	return cfg, nil
}

// ClientHandshake implements credentials.TransportCredentials.
func (f *freshTLS) ClientHandshake(ctx context.Context, authority string, raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
	cfg, err := f.config()
	if err != nil {
		return nil, nil, err
	}
	return credentials.NewTLS(cfg).ClientHandshake(ctx, authority, raw)
}

var errClientOnly = errors.New("these credentials are for clients")

// ServerHandshake implements credentials.TransportCredentials.
func (f *freshTLS) ServerHandshake(net.Conn) (net.Conn, credentials.AuthInfo, error) {
	return nil, nil, errClientOnly
}

// Info implements credentials.TransportCredentials.
func (f *freshTLS) Info() credentials.ProtocolInfo {
	return credentials.ProtocolInfo{SecurityProtocol: "tls", ServerName: f.files.GetServerName()} //nolint:staticcheck // gRPC reads the name from here
}

// Clone implements credentials.TransportCredentials.
func (f *freshTLS) Clone() credentials.TransportCredentials { return &freshTLS{files: f.files} }

// OverrideServerName implements credentials.TransportCredentials, which still asks for it.
func (f *freshTLS) OverrideServerName(string) error {
	return errors.New("give decision.tls.serverName")
}

// Times and size of a workload's token. The kubelet replaces it when a fifth
// of its life is left.
const (
	tokenKept = 5 * time.Second
	maxToken  = 16 << 10
)

// workloadToken shows the workload's token with every question.
type workloadToken struct {
	file string
	now  func() time.Time

	mu   sync.Mutex
	read time.Time
	last string
}

// GetRequestMetadata implements credentials.PerRPCCredentials.
func (w *workloadToken) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if now := w.now(); w.last == "" || now.Sub(w.read) >= tokenKept {
		switch fresh, err := readToken(w.file); {
		case err == nil:
			w.last, w.read = fresh, now
		case w.last == "":
			return nil, err
		}
	}
	return map[string]string{"authorization": "Bearer " + w.last}, nil
}

// RequireTransportSecurity implements credentials.PerRPCCredentials.
func (w *workloadToken) RequireTransportSecurity() bool { return true }

func readToken(file string) (string, error) {
	f, err := os.Open(file) //nolint:gosec // the operator's own configuration names it
	if err != nil {
		return "", fmt.Errorf("decision.token: %w", err)
	}
	defer func() { _ = f.Close() }()
	raw, err := io.ReadAll(io.LimitReader(f, maxToken+1))
	if err != nil {
		return "", fmt.Errorf("decision.token: %w", err)
	}
	token := strings.TrimSpace(string(raw))
	if token == "" || len(raw) > maxToken || strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "", fmt.Errorf("decision.token: %s holds no token", file)
	}
	return token, nil
}
