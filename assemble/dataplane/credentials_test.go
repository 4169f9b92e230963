package dataplane

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	configv1 "outrider.dev/outrider/proto/outrider/config/v1"
)

// selfSigned makes a certificate for 127.0.0.1 that is its own authority.
func selfSigned(t *testing.T) (tls.Certificate, []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: serial, NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"localhost"},
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// shown answers health checks and keeps the last token that it was shown.
type shown struct {
	healthv1.UnimplementedHealthServer
	token chan string
}

func (s *shown) Check(ctx context.Context, _ *healthv1.HealthCheckRequest) (*healthv1.HealthCheckResponse, error) {
	md, _ := metadata.FromIncomingContext(ctx)
	s.token <- strings.Join(md.Get("authorization"), "|")
	return &healthv1.HealthCheckResponse{Status: healthv1.HealthCheckResponse_SERVING}, nil
}

// serveTLS serves with the certificate, without asking clients for one.
func serveTLS(t *testing.T, addr string, cert tls.Certificate) (string, *shown, func()) {
	t.Helper()
	l, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	srv := grpc.NewServer(grpc.Creds(credentials.NewTLS(&tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{cert}})))
	s := &shown{token: make(chan string, 1)}
	healthv1.RegisterHealthServer(srv, s)
	done := make(chan error, 1)
	go func() { done <- srv.Serve(l) }()
	return l.Addr().String(), s, func() {
		srv.Stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func write(t *testing.T, file, content string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestWorkloadTokenAndAuthorityAreReadAgain: both files are replaced while the
// data plane runs, and the next question and the next connection heed that.
func TestWorkloadTokenAndAuthorityAreReadAgain(t *testing.T) {
	dir := t.TempDir()
	ca, token := filepath.Join(dir, "ca.crt"), filepath.Join(dir, "token")
	cert, authority := selfSigned(t)
	write(t, ca, string(authority))
	write(t, token, "first\n")
	addr, server, stop := serveTLS(t, "127.0.0.1:0", cert)

	creds, err := dialCredentials(&configv1.Decision{Target: []string{addr}, Tls: &configv1.ClientTLS{Ca: ca}})
	if err != nil {
		t.Fatal(err)
	}
	clock := time.Now()
	shows := &workloadToken{file: token, now: func() time.Time { return clock }}
	conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(creds), grpc.WithPerRPCCredentials(shows))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	ask := func(want string) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		for {
			_, err := healthv1.NewHealthClient(conn).Check(ctx, &healthv1.HealthCheckRequest{}, grpc.WaitForReady(true))
			if err == nil {
				break
			}
			if ctx.Err() != nil || status.Code(err) != codes.Unavailable { // the connection that ended is not known to have
				t.Fatal(err)
			}
		}
		if got := <-server.token; got != "Bearer "+want {
			t.Errorf("the service was shown %q, want %q", got, want)
		}
	}
	ask("first")
	write(t, token, "second")
	ask("first") // it is kept for some seconds
	clock = clock.Add(tokenKept)
	ask("second")
	if err := os.Remove(token); err != nil {
		t.Fatal(err)
	}
	clock = clock.Add(tokenKept)
	ask("second") // a file that is missing for a moment costs no call
	stop()

	cert, authority = selfSigned(t)
	write(t, ca, string(authority))
	_, server, stop = serveTLS(t, addr, cert)
	defer stop()
	ask("second")
}

func TestWorkloadTokenNeedsAFile(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{
		"empty": " \n", "lines": "a\nb", "long": strings.Repeat("a", maxToken+1), "binary": "a\x00b", "header": "a\r\nx: y",
	} {
		file := filepath.Join(dir, name)
		write(t, file, content)
		w := &workloadToken{file: file, now: time.Now}
		if got, err := w.GetRequestMetadata(t.Context()); err == nil || strings.Contains(err.Error(), content) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	if _, err := (&workloadToken{file: filepath.Join(dir, "none"), now: time.Now}).GetRequestMetadata(t.Context()); err == nil {
		t.Error("a file that is not there is a token")
	}
	if !(&workloadToken{}).RequireTransportSecurity() {
		t.Error("tokens may travel in the clear")
	}
}

// TestHalfAPairIsNoPair: a certificate without its key is told at the start.
func TestHalfAPairIsNoPair(t *testing.T) {
	dir := t.TempDir()
	_, authority := selfSigned(t)
	ca := filepath.Join(dir, "ca.crt")
	write(t, ca, string(authority))
	_, err := dialCredentials(&configv1.Decision{Tls: &configv1.ClientTLS{Ca: ca, Cert: ca, Key: filepath.Join(dir, "none")}})
	if err == nil || !strings.Contains(err.Error(), "decision.tls:") {
		t.Errorf("got %v", err)
	}
	creds := &freshTLS{files: &configv1.ClientTLS{Ca: ca}}
	if _, _, err := creds.ServerHandshake(nil); err == nil {
		t.Error("a client's credentials serve")
	}
}
