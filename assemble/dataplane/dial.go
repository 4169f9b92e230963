package dataplane

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/decision/wire"
	configv1 "outrider.dev/outrider/proto/outrider/config/v1"
)

// maxMessage bounds one answer of the decision service: the splices of the
// largest body.
const maxMessage = 64 << 20

// Dial connects to the decision service that the configuration names. The
// connection is made in the background and made again when it is lost.
func Dial(cfg *configv1.Decision, options ...grpc.DialOption) (*grpc.ClientConn, error) {
	creds, err := dialCredentials(cfg)
	if err != nil {
		return nil, err
	}
	conn, err := grpc.NewClient(cfg.GetTarget(), append([]grpc.DialOption{
		grpc.WithTransportCredentials(creds),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessage), grpc.MaxCallSendMsgSize(maxMessage),
			grpc.ForceCodecV2(wire.NewCodec())),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 20 * time.Second, Timeout: 5 * time.Second}),
	}, options...)...)
	if err != nil {
		return nil, fmt.Errorf("decision.target %s: %w: give unix:///path or host:port", cfg.GetTarget(), err)
	}
	conn.Connect()
	return conn, nil
}

// dialCredentials demands mutual TLS of everything beyond this machine.
func dialCredentials(cfg *configv1.Decision) (credentials.TransportCredentials, error) {
	target, files := cfg.GetTarget(), cfg.GetTls()
	if files == nil {
		if strings.HasPrefix(target, "unix:") || decision.LoopbackHost(hostOf(target)) {
			return insecure.NewCredentials(), nil
		}
		return nil, fmt.Errorf("decision.target %s is beyond loopback: give decision.tls with cert, key and ca", target)
	}
	pem, err := os.ReadFile(files.GetCa())
	if err != nil {
		return nil, fmt.Errorf("decision.tls.ca: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("decision.tls.ca: %s holds no certificate", files.GetCa())
	}
	load := func() (*tls.Certificate, error) {
		pair, err := tls.LoadX509KeyPair(files.GetCert(), files.GetKey())
		if err != nil {
			return nil, fmt.Errorf("decision.tls: %w", err)
		}
		return &pair, nil
	}
	if _, err := load(); err != nil {
		return nil, err
	}
	return credentials.NewTLS(&tls.Config{
		MinVersion: tls.VersionTLS13,
		RootCAs:    pool,
		ServerName: files.GetServerName(),
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			return load()
		},
	}), nil
}

// hostOf returns the host of a target: host:port, or dns:///host:port.
func hostOf(target string) string {
	target = strings.TrimPrefix(target, "dns:///")
	if host, _, err := net.SplitHostPort(target); err == nil {
		return host
	}
	return target
}

// connected is the readiness check of the connection. One that was lost is
// idle until somebody asks, so that only connecting again tells.
func connected(conn *grpc.ClientConn) func(context.Context) error {
	return func(ctx context.Context) error {
		for {
			state := conn.GetState()
			switch state {
			case connectivity.Ready:
				return nil
			case connectivity.Idle:
				conn.Connect()
			case connectivity.TransientFailure, connectivity.Shutdown:
				return notConnected(conn)
			}
			if !conn.WaitForStateChange(ctx, state) {
				return notConnected(conn)
			}
		}
	}
}

func notConnected(conn *grpc.ClientConn) error {
	return fmt.Errorf("the decision service at %s is not connected: check that it runs", conn.Target())
}
