package server

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"os"

	"google.golang.org/grpc/credentials"

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
		return plain(), nil
	}
	if files.GetClientCa() == "" && !decision.LoopbackHost(addr) {
		return nil, fmt.Errorf("pdp.listen.grpc: %s is beyond loopback: give pdp.listen.tls.clientCA", addr)
	}
	cfg := &tls.Config{
		MinVersion: tls.VersionTLS13,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			return loadPair(files)
		},
	}
	if _, err := loadPair(files); err != nil {
		return nil, err
	}
	if ca := files.GetClientCa(); ca != "" {
		pool, err := loadPool(ca)
		if err != nil {
			return nil, err
		}
		cfg.ClientCAs, cfg.ClientAuth = pool, tls.RequireAndVerifyClientCert
	}
	return credentials.NewTLS(cfg), nil
}

// loadPair reads the files at every handshake: handshakes are rare, and a
// rotated certificate is in use from the next one on.
func loadPair(files *configv1.TLS) (*tls.Certificate, error) {
	pair, err := tls.LoadX509KeyPair(files.GetCert(), files.GetKey())
	if err != nil {
		return nil, fmt.Errorf("pdp.listen.tls: %w", err)
	}
	return &pair, nil
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
