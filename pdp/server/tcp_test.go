package server

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"outrider.dev/outrider/decision/wire"
	configv1 "outrider.dev/outrider/proto/outrider/config/v1"
)

// onTCP starts a server on a free port and returns its target.
func onTCP(t *testing.T, files *configv1.TLS, peers ...*configv1.Peer) (r *running, target string) {
	t.Helper()
	r = start(t, config(t, &engine{}, &configv1.PDPListen{Grpc: "127.0.0.1:0", Tls: files}, peers...))
	return r, r.Addresses()[0]
}

// TestPlainTCPIsNeverGranted: whoever may reach a loopback port is nobody.
func TestPlainTCPIsNeverGranted(t *testing.T) {
	for name, peers := range map[string][]*configv1.Peer{
		"no peers":        nil,
		"the own user":    {{Uid: ownUID(), Agents: []string{"*"}}},
		"any certificate": {{Spiffe: "*", Agents: []string{"*"}}},
		"nameless":        {{Agents: []string{"*"}}},
	} {
		t.Run(name, func(t *testing.T) {
			r, target := onTCP(t, nil, peers...)
			conn := dial(t, target, insecure.NewCredentials())
			wantRefused(t, r, conn, "a")
			wantAnswered(t, conn, "a")
		})
	}
}

func TestAddressesRefused(t *testing.T) {
	ca := newAuthority(t)
	good := ca.files(t, ca)
	noCA := ca.files(t, nil)
	absent, empty := filepath.Join(t.TempDir(), "absent"), filepath.Join(t.TempDir(), "empty")
	write(t, empty, nil)
	for name, c := range map[string]struct {
		listen *configv1.PDPListen
		says   []string
	}{
		"plain beyond loopback":       {&configv1.PDPListen{Grpc: "0.0.0.0:0"}, []string{"pdp.listen.grpc", "pdp.listen.tls"}},
		"plain on every address":      {&configv1.PDPListen{Grpc: ":0"}, []string{"pdp.listen.grpc", "beyond loopback"}},
		"plain on a name":             {&configv1.PDPListen{Grpc: "pdp.example:0"}, []string{"pdp.listen.grpc", "beyond loopback"}},
		"a name that looks like it":   {&configv1.PDPListen{Grpc: "127.evil.example:0"}, []string{"pdp.listen.grpc", "beyond loopback"}},
		"no clientCA beyond loopback": {&configv1.PDPListen{Grpc: "0.0.0.0:0", Tls: noCA}, []string{"pdp.listen.tls.clientCA"}},
		"REST beyond loopback":        {&configv1.PDPListen{Http: "0.0.0.0:0"}, []string{"pdp.listen.http", "beyond loopback"}},
		"REST that asks nobody":       {&configv1.PDPListen{Http: ":0", Tls: noCA}, []string{"pdp.listen.http", "beyond loopback", "peers with keys"}},
		"no certificate":              {&configv1.PDPListen{Grpc: "127.0.0.1:0", Tls: &configv1.TLS{Cert: absent, Key: good.GetKey()}}, []string{"pdp.listen.tls", absent}},
		"another's key":               {&configv1.PDPListen{Grpc: "127.0.0.1:0", Tls: &configv1.TLS{Cert: good.GetCert(), Key: noCA.GetKey()}}, []string{"pdp.listen.tls"}},
		"no authority":                {&configv1.PDPListen{Grpc: "127.0.0.1:0", Tls: &configv1.TLS{Cert: good.GetCert(), Key: good.GetKey(), ClientCa: absent}}, []string{"pdp.listen.tls.clientCA", absent}},
		"an empty authority":          {&configv1.PDPListen{Grpc: "127.0.0.1:0", Tls: &configv1.TLS{Cert: good.GetCert(), Key: good.GetKey(), ClientCa: empty}}, []string{"pdp.listen.tls.clientCA", empty}},
		"no address":                  {&configv1.PDPListen{Grpc: "localhost:no-port"}, []string{"pdp.listen.grpc"}},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := New(config(t, &engine{}, c.listen))
			if err == nil {
				s.close()
				t.Fatal("it listens")
			}
			for _, part := range c.says {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%q does not say %q", err, part)
				}
			}
		})
	}
}

// TestAddressInUse: the error names who holds the port, and what had been
// opened before it is closed again.
func TestAddressInUse(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	socket := filepath.Join(t.TempDir(), "pdp.sock")
	for field, listen := range map[string]*configv1.PDPListen{
		"pdp.listen.grpc": {Socket: socket, Grpc: l.Addr().String()},
		"pdp.listen.http": {Socket: socket, Grpc: "127.0.0.1:0", Http: l.Addr().String()},
	} {
		_, err := New(config(t, &engine{}, listen))
		if !errors.Is(err, syscall.EADDRINUSE) || !strings.HasPrefix(err.Error(), field+": "+l.Addr().String()+" is in use by ") ||
			!strings.Contains(err.Error(), "(pid "+strconv.Itoa(os.Getpid())+")") {
			t.Errorf("got %v", err)
		}
		if _, err := os.Lstat(socket); !os.IsNotExist(err) {
			t.Errorf("the socket stays behind: %v", err)
		}
	}
}

func TestPeersByCertificate(t *testing.T) {
	ca := newAuthority(t)
	peers := []*configv1.Peer{
		{Spiffe: "spiffe://corp/ns/prod/*", Agents: []string{"prod-*"}},
		{Spiffe: "spiffe://corp/ns/dev/sa/bot", Agents: []string{"*"}},
		{Uid: ownUID(), Agents: []string{"*"}},
	}
	r, target := onTCP(t, ca.files(t, ca), peers...)
	for _, c := range []struct {
		name, uri, agent string
		granted          bool
	}{
		{"by glob", "spiffe://corp/ns/prod/sa/copilot", "prod-copilot", true},
		{"by glob, another's agent", "spiffe://corp/ns/prod/sa/copilot", "dev-copilot", false},
		{"exactly", "spiffe://corp/ns/dev/sa/bot", "anything", true},
		{"a longer name", "spiffe://corp/ns/dev/sa/bot2", "anything", false},
		{"another namespace", "spiffe://corp/ns/stage/sa/copilot", "prod-copilot", false},
		{"another trust domain", "spiffe://evil/ns/prod/sa/copilot", "prod-copilot", false},
		{"the name somewhere inside", "spiffe://evil/spiffe://corp/ns/prod/sa/copilot", "prod-copilot", false},
		{"another scheme", "https://corp/ns/prod/sa/copilot", "prod-copilot", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			conn := dial(t, target, ca.client(t, ca, c.uri))
			if c.granted {
				wantGranted(t, conn, c.agent)
			} else {
				wantRefused(t, r, conn, c.agent)
			}
		})
	}
	t.Run("no name", func(t *testing.T) { wantRefused(t, r, dial(t, target, ca.client(t, ca)), "a") })
	t.Run("one of two names", func(t *testing.T) {
		wantRefused(t, r, dial(t, target, ca.client(t, ca, "spiffe://corp/other", "spiffe://corp/ns/dev/sa/bot")), "a")
	})
	t.Run("a second URI", func(t *testing.T) {
		wantRefused(t, r, dial(t, target, ca.client(t, ca, "spiffe://corp/ns/dev/sa/bot", "https://corp/bot")), "a")
	})
}

// TestConfiguredForNobody: without peers, a certificate is not enough.
func TestConfiguredForNobody(t *testing.T) {
	ca := newAuthority(t)
	r, target := onTCP(t, ca.files(t, ca))
	wantRefused(t, r, dial(t, target, ca.client(t, ca, "spiffe://corp/ns/prod/sa/copilot")), "a")
}

// TestTLSWithoutClientCA: encryption proves nothing of the peer, also where it
// shows a certificate.
func TestTLSWithoutClientCA(t *testing.T) {
	ca := newAuthority(t)
	r, target := onTCP(t, ca.files(t, nil), &configv1.Peer{Spiffe: "*", Agents: []string{"*"}})
	for _, creds := range []credentials.TransportCredentials{ca.client(t, nil), ca.client(t, ca, "spiffe://corp/a")} {
		conn := dial(t, target, creds)
		wantRefused(t, r, conn, "a")
		wantAnswered(t, conn, "a")
	}
}

// TestHandshakesRefused: a peer that does not prove itself cannot even ask.
func TestHandshakesRefused(t *testing.T) {
	ca, wrong := newAuthority(t), newAuthority(t)
	r, target := onTCP(t, ca.files(t, ca), &configv1.Peer{Spiffe: "*", Agents: []string{"*"}})
	with := func(issuer *authority, change func(*x509.Certificate)) credentials.TransportCredentials {
		pair, err := tls.X509KeyPair(issuer.issue(t, change))
		if err != nil {
			t.Fatal(err)
		}
		return credentials.NewTLS(&tls.Config{RootCAs: ca.pool(), GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			return &pair, nil
		}})
	}
	for name, creds := range map[string]credentials.TransportCredentials{
		"no TLS":                 insecure.NewCredentials(),
		"no certificate":         ca.client(t, nil),
		"of another authority":   ca.client(t, wrong, "spiffe://corp/a"),
		"expired":                with(ca, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }),
		"not yet valid":          with(ca, func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Minute) }),
		"a server's certificate": with(ca, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} }),
		"TLS 1.2":                credentials.NewTLS(&tls.Config{RootCAs: ca.pool(), MinVersion: tls.VersionTLS12, MaxVersion: tls.VersionTLS12}),
	} {
		t.Run(name, func(t *testing.T) {
			wantNoConnection(t, dial(t, target, creds))
		})
	}
	t.Run("a server of another authority", func(t *testing.T) { wantNoConnection(t, dial(t, target, wrong.client(t, ca))) })
	if r.engine.asked() > 0 {
		t.Error("the engine was asked")
	}
	wantGranted(t, dial(t, target, ca.client(t, ca, "spiffe://corp/a")), "a")
}

func wantNoConnection(t *testing.T, conn *grpc.ClientConn) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	v, ex, err := wire.NewClient(conn).Open(ctx, question("a"))
	if v != nil || ex != nil || status.Code(err) != codes.Unavailable {
		t.Fatalf("got %v, %v, %v", v, ex, err)
	}
}

// TestRotation: new certificates and authorities count from the next
// connection on, without a restart.
func TestRotation(t *testing.T) {
	ca, next := newAuthority(t), newAuthority(t)
	files := ca.files(t, ca)
	r, target := onTCP(t, files, &configv1.Peer{Spiffe: "*", Agents: []string{"*"}})
	before := serial(t, target, ca)
	old := dial(t, target, ca.client(t, ca, "spiffe://corp/a"))
	wantGranted(t, old, "a")

	ca.rotate(t, files)
	eventually(t, "a rotated certificate is in use", func() bool { return serial(t, target, ca) != before })
	write(t, files.GetClientCa(), next.pem)
	eventually(t, "a rotated authority is believed", func() bool { return r.engine.events.taken.Load() == 2 })
	wantNoConnection(t, dial(t, target, ca.client(t, ca, "spiffe://corp/a")))
	wantGranted(t, dial(t, target, ca.client(t, next, "spiffe://corp/a")), "a")
	wantGranted(t, old, "a") // a connection that was proven goes on

	write(t, files.GetClientCa(), []byte("half a file"))
	eventually(t, "half a file is told of", func() bool { return r.engine.events.bad.Load() == 1 })
	wantGranted(t, dial(t, target, ca.client(t, next, "spiffe://corp/a")), "a") // by what was good
}

func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	for began := time.Now(); !done(); time.Sleep(10 * time.Millisecond) {
		if time.Since(began) > patience {
			t.Fatalf("it did not happen that %s", what)
		}
	}
}

// serial is the number of the certificate that the server shows now.
func serial(t *testing.T, target string, ca *authority) string {
	t.Helper()
	conn, err := tls.Dial("tcp", target, &tls.Config{RootCAs: ca.pool(), NextProtos: []string{"h2"}})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0].SerialNumber.String()
}
