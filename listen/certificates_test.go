package listen

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"log/slog"
	"math/big"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// signer signs certificates for loopback.
type signer struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pem  []byte
}

func newSigner(t testing.TB) *signer {
	t.Helper()
	s := &signer{}
	s.pem, _ = s.sign(t, func(c *x509.Certificate) {
		c.IsCA, c.BasicConstraintsValid, c.KeyUsage = true, true, x509.KeyUsageCertSign
	})
	return s
}

// sign makes a certificate, of the signer itself where it has none yet.
func (s *signer) sign(t testing.TB, change func(*x509.Certificate)) (cert, key []byte) {
	t.Helper()
	own, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	if change != nil {
		change(c)
	}
	parent, signs := s.cert, s.key
	if parent == nil {
		parent, signs = c, own
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, own.Public(), signs)
	if err != nil {
		t.Fatal(err)
	}
	pkcs, err := x509.MarshalPKCS8PrivateKey(own)
	if err != nil {
		t.Fatal(err)
	}
	if s.cert == nil {
		if s.cert, err = x509.ParseCertificate(der); err != nil {
			t.Fatal(err)
		}
		s.key = own
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs})
}

func (s *signer) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(s.cert)
	return pool
}

func put(t testing.TB, file string, raw []byte) {
	t.Helper()
	if err := os.WriteFile(file, raw, 0o600); err != nil {
		t.Fatal(err)
	}
}

// files writes a server's files.
func (s *signer) files(t testing.TB, clients *signer) Files {
	t.Helper()
	dir := t.TempDir()
	f := Files{Field: "listen.tls", Cert: filepath.Join(dir, "cert"), Key: filepath.Join(dir, "key")}
	cert, key := s.sign(t, nil)
	put(t, f.Cert, cert)
	put(t, f.Key, key)
	if clients != nil {
		f.ClientCA = filepath.Join(dir, "ca")
		put(t, f.ClientCA, clients.pem)
	}
	return f
}

func (c *Certificates) serial() string { return c.now.Load().pair.Leaf.SerialNumber.String() }

// TestLook: what is good is taken, what is not changes nothing and is told
// once.
func TestLook(t *testing.T) {
	ca := newSigner(t)
	files := ca.files(t, ca)
	c, err := NewCertificates(files)
	if err != nil {
		t.Fatal(err)
	}
	first := c.serial()
	goodCert, goodKey := ca.sign(t, nil)
	_, otherKey := ca.sign(t, nil)
	oldCert, oldKey := ca.sign(t, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) })
	read := func(name string) []byte {
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	cert0, key0, ca0 := read(files.Cert), read(files.Key), read(files.ClientCA)
	for name, change := range map[string]func(){
		"a certificate without its key": func() { put(t, files.Cert, goodCert) },
		"a key without its certificate": func() { put(t, files.Key, otherKey) },
		"half a certificate":            func() { put(t, files.Cert, goodCert[:len(goodCert)/2]) },
		"an empty key":                  func() { put(t, files.Key, nil) },
		"no certificate":                func() { _ = os.Remove(files.Cert) },
		"no authority":                  func() { put(t, files.ClientCA, []byte("nothing")) },
		"an expired certificate":        func() { put(t, files.Cert, oldCert); put(t, files.Key, oldKey) },
	} {
		change()
		if m, err := c.look(); err == nil || m != nil || !strings.Contains(err.Error(), "listen.tls") || c.serial() != first {
			t.Errorf("%s: %v", name, err)
		}
		if m, err := c.look(); err != nil || m != nil {
			t.Errorf("%s is told twice: %v", name, err)
		}
		put(t, files.Cert, cert0)
		put(t, files.Key, key0)
		put(t, files.ClientCA, ca0)
		if _, err := c.look(); err != nil {
			t.Errorf("%s, mended: %v", name, err)
		}
	}
	put(t, files.Cert, goodCert)
	put(t, files.Key, goodKey)
	if m, err := c.look(); err != nil || m == nil || c.serial() == first {
		t.Errorf("a good pair is not taken: %v", err)
	}
}

// TestLookFollowsLinks: Kubernetes swaps a link to a folder.
func TestLookFollowsLinks(t *testing.T) {
	ca := newSigner(t)
	root := t.TempDir()
	for _, name := range []string{"one", "two"} {
		dir := filepath.Join(root, name)
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		cert, key := ca.sign(t, nil)
		put(t, filepath.Join(dir, "cert"), cert)
		put(t, filepath.Join(dir, "key"), key)
	}
	data := filepath.Join(root, "data")
	if err := os.Symlink("one", data); err != nil {
		t.Fatal(err)
	}
	c, err := NewCertificates(Files{Field: "f", Cert: filepath.Join(data, "cert"), Key: filepath.Join(data, "key")})
	if err != nil {
		t.Fatal(err)
	}
	first := c.serial()
	if err := os.Symlink("two", data+".new"); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(data+".new", data); err != nil {
		t.Fatal(err)
	}
	if _, err := c.look(); err != nil || c.serial() == first {
		t.Errorf("a swapped link is not seen: %v", err)
	}
}

func TestCertificatesRefused(t *testing.T) {
	ca := newSigner(t)
	good, other := ca.files(t, ca), ca.files(t, nil)
	absent := filepath.Join(t.TempDir(), "absent")
	for says, f := range map[string]Files{
		absent:                       {Field: "listen.tls", Cert: absent, Key: good.Key},
		"private key does not match": {Field: "listen.tls", Cert: good.Cert, Key: other.Key},
		"listen.tls.clientCA: ":      {Field: "listen.tls", Cert: good.Cert, Key: good.Key, ClientCA: absent},
		"holds no certificate":       {Field: "listen.tls", Cert: good.Cert, Key: good.Key, ClientCA: good.Key},
	} {
		if _, err := NewCertificates(f); err == nil || !strings.HasPrefix(err.Error(), "listen.tls") || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want %q", err, says)
		}
	}
}

// serve shakes hands with whoever comes, and says one byte.
func serve(t *testing.T, c *Certificates, demand tls.ClientAuthType) string {
	t.Helper()
	plain, err := Listen("listen.agent", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := tls.NewListener(plain, c.Config(demand))
	var open sync.WaitGroup
	open.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			open.Go(func() {
				_, _ = conn.Write([]byte("!"))
				_ = conn.Close()
			})
		}
	})
	t.Cleanup(func() { _ = l.Close(); open.Wait() })
	return l.Addr().String()
}

// shake connects, and returns what the server showed.
func shake(addr string, cfg *tls.Config) (*x509.Certificate, error) {
	conn, err := tls.Dial("tcp", addr, cfg)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }()
	if _, err := conn.Read(make([]byte, 1)); err != nil { // TLS 1.3 refuses clients after their handshake
		return nil, err
	}
	return conn.ConnectionState().PeerCertificates[0], nil
}

func TestConfig(t *testing.T) {
	ca, foreign := newSigner(t), newSigner(t)
	c, err := NewCertificates(ca.files(t, ca))
	if err != nil {
		t.Fatal(err)
	}
	demanding, lenient := serve(t, c, tls.RequireAndVerifyClientCert), serve(t, c, tls.VerifyClientCertIfGiven)
	showing := func(by *signer, change func(*x509.Certificate)) *tls.Config {
		pair, err := tls.X509KeyPair(by.sign(t, change))
		if err != nil {
			t.Fatal(err)
		}
		return &tls.Config{RootCAs: ca.pool(), GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil }}
	}
	for name, tt := range map[string]struct {
		client            *tls.Config
		demanded, lenient bool
	}{
		"good":        {showing(ca, nil), true, true},
		"none":        {&tls.Config{RootCAs: ca.pool()}, false, true},
		"foreign":     {showing(foreign, nil), false, false},
		"expired":     {showing(ca, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }), false, false},
		"of a server": {showing(ca, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} }), false, false},
		"TLS 1.2":     {&tls.Config{RootCAs: ca.pool(), MaxVersion: tls.VersionTLS12}, false, false},
	} {
		if _, err := shake(demanding, tt.client); (err == nil) != tt.demanded {
			t.Errorf("%s, demanded: %v", name, err)
		}
		if _, err := shake(lenient, tt.client); (err == nil) != tt.lenient {
			t.Errorf("%s, if given: %v", name, err)
		}
	}
}

// TestSessionsAreNotResumed: who was believed once is judged again.
func TestSessionsAreNotResumed(t *testing.T) {
	ca, next := newSigner(t), newSigner(t)
	files := ca.files(t, ca)
	c, err := NewCertificates(files)
	if err != nil {
		t.Fatal(err)
	}
	addr := serve(t, c, tls.RequireAndVerifyClientCert)
	pair, err := tls.X509KeyPair(ca.sign(t, nil))
	if err != nil {
		t.Fatal(err)
	}
	client := &tls.Config{RootCAs: ca.pool(), Certificates: []tls.Certificate{pair}, ClientSessionCache: tls.NewLRUClientSessionCache(4)}
	if _, err := shake(addr, client); err != nil {
		t.Fatal(err)
	}
	put(t, files.ClientCA, next.pem)
	if _, err := c.look(); err != nil {
		t.Fatal(err)
	}
	client.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil }
	if _, err := shake(addr, client); err == nil {
		t.Error("a client of an authority that is gone is believed")
	}
}

// TestWatch: files that change, by and by and on SIGHUP, are taken; handshakes
// go on meanwhile and none fails.
func TestWatch(t *testing.T) {
	ca := newSigner(t)
	files := ca.files(t, nil)
	c, err := NewCertificates(files)
	if err != nil {
		t.Fatal(err)
	}
	addr := serve(t, c, tls.NoClientCert)
	var log bytes.Buffer
	var taken, refused atomic.Int32
	ctx, stop := context.WithCancel(t.Context())
	watched := make(chan error, 1)
	go func() {
		watched <- c.Watch(ctx, slog.New(slog.NewTextHandler(&log, nil)), func(ok bool) {
			if ok {
				taken.Add(1)
			} else {
				refused.Add(1)
			}
		})
	}()
	failed := make(chan error, 1)
	shaking := sync.WaitGroup{}
	for range 2 {
		shaking.Go(func() {
			for ctx.Err() == nil {
				if _, err := shake(addr, &tls.Config{RootCAs: ca.pool()}); err != nil {
					select {
					case failed <- err:
					default:
					}
				}
			}
		})
	}
	rotated := func(n int32, signal bool) {
		t.Helper()
		cert, key := ca.sign(t, nil)
		put(t, files.Cert, cert) // the key is still the old one: whoever looks now finds a pair that does not fit
		if signal {
			hangup(t, func() bool { return refused.Load() > 0 })
		}
		put(t, files.Key, key)
		for began := time.Now(); taken.Load() < n; time.Sleep(time.Millisecond) {
			if time.Since(began) > 10*time.Second {
				t.Fatal("a rotated certificate is not taken")
			}
		}
		leaf, err := x509.ParseCertificate(c.now.Load().pair.Certificate[0])
		if err != nil {
			t.Fatal(err)
		}
		if shown, err := shake(addr, &tls.Config{RootCAs: ca.pool()}); err != nil || !shown.Equal(leaf) {
			t.Fatalf("the server shows another certificate: %v", err)
		}
	}
	rotated(1, true)
	rotated(2, false)
	stop()
	shaking.Wait()
	if err := errors.Join(<-watched, first(failed)); err != nil {
		t.Fatal(err)
	}
	if said := log.String(); !strings.Contains(said, "are not taken") || !strings.Contains(said, "read anew") || strings.Contains(said, "PRIVATE") {
		t.Errorf("the log says %s", said)
	}
}

// hangup sends this process SIGHUP until something has happened: the watch must
// have begun.
func hangup(t *testing.T, done func() bool) {
	t.Helper()
	own := make(chan os.Signal, 1)
	signal.Notify(own, syscall.SIGHUP) // it must not end this process, whoever else listens
	defer signal.Stop(own)
	for began := time.Now(); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Since(began) > 10*time.Second {
			t.Fatal("SIGHUP changes nothing")
		}
		if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
	}
}

func first(c <-chan error) error {
	select {
	case err := <-c:
		return err
	default:
		return nil
	}
}

// BenchmarkRead is what each handshake would pay that read the files itself.
func BenchmarkRead(b *testing.B) {
	ca := newSigner(b)
	files := ca.files(b, ca)
	for b.Loop() {
		if _, err := NewCertificates(files); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCurrent is what each handshake pays.
func BenchmarkCurrent(b *testing.B) {
	ca := newSigner(b)
	c, err := NewCertificates(ca.files(b, ca))
	if err != nil {
		b.Fatal(err)
	}
	cfg := c.Config(tls.RequireAndVerifyClientCert)
	for b.Loop() {
		if _, err := cfg.GetConfigForClient(nil); err != nil {
			b.Fatal(err)
		}
	}
}
