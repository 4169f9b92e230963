package server

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"os"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/listen"
	configv1 "outrider.dev/outrider/proto/outrider/config/v1"
)

// tcpCredentials returns what a TCP listener demands. Without TLS it may only
// stand on loopback, and its peers are not authenticated: they receive no
// grants.
func tcpCredentials(addr string, files *configv1.TLS) (credentials.TransportCredentials, error) {
	if files == nil {
		if !decision.LoopbackHost(addr) {
			return nil, fmt.Errorf("pdp.listen.grpc: %s is beyond loopback: give pdp.listen.tls with cert, key and clientCA", addr)
		}
		return insecure.NewCredentials(), nil
	}
	if files.GetClientCa() == "" && !decision.LoopbackHost(addr) {
		return nil, fmt.Errorf("pdp.listen.grpc: %s is beyond loopback: give pdp.listen.tls.clientCA", addr)
	}
	if _, err := loadTLS(files); err != nil {
		return nil, err
	}
	return credentials.NewTLS(&tls.Config{
		MinVersion:         tls.VersionTLS13,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return loadTLS(files) },
	}), nil
}

// loadTLS reads the files at every handshake: handshakes are rare, and a
// rotated certificate or authority is in use from the next one on.
func loadTLS(files *configv1.TLS) (*tls.Config, error) {
	pair, err := tls.LoadX509KeyPair(files.GetCert(), files.GetKey())
	if err != nil {
		return nil, fmt.Errorf("pdp.listen.tls: %w", err)
	}
	cfg := &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{pair}}
	if ca := files.GetClientCa(); ca != "" {
		if cfg.ClientCAs, err = loadPool(ca); err != nil {
			return nil, err
		}
		cfg.ClientAuth = tls.RequireAndVerifyClientCert
	}
	return cfg, nil
}

func loadPool(file string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(file) //nolint:gosec // a path of the operator's configuration
	if err != nil {
		return nil, fmt.Errorf("pdp.listen.tls.clientCA: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("pdp.listen.tls.clientCA: %s holds no certificate", file)
	}
	return pool, nil
}

func listenLoopback(addr string) (net.Listener, error) {
	if !decision.LoopbackHost(addr) {
		return nil, fmt.Errorf("pdp.listen.http: %s is beyond loopback, and REST asks nobody who they are: listen on 127.0.0.1", addr)
	}
	return listen.Listen("pdp.listen.http", addr)
}
