package listen

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// lookEvery is how often the files of certificates are looked at.
const lookEvery = 2 * time.Second

// Files names the PEM files of a TLS listener.
type Files struct {
	Field     string // of the configuration, for errors
	Cert, Key string
	ClientCA  string // empty: nobody is asked for a certificate
}

// Certificates are what the files of a TLS listener last held that was good.
// Handshakes read no files, so that strangers who open connections cost no
// more than the handshake. It is safe for concurrent use.
type Certificates struct {
	files Files
	now   atomic.Pointer[material]

	looking sync.Mutex
	seen    [sha256.Size]byte // what the files held when they were last looked at
}

// material is one state of the files.
type material struct {
	pair    tls.Certificate
	clients *x509.CertPool
}

// NewCertificates reads the files, which must be good to begin with.
func NewCertificates(files Files) (*Certificates, error) {
	c := &Certificates{files: files}
	raw := files.read()
	m, err := files.parse(raw)
	if err != nil {
		return nil, err
	}
	c.seen = raw.sum()
	c.now.Store(m)
	return c, nil
}

// Config returns how a listener shakes hands: by TLS 1.3, with what the files
// hold at the time, and with the demand on clients where there is a clientCA.
// Sessions are not resumed, so that each handshake is judged by the authority
// of its day.
func (c *Certificates) Config(demand tls.ClientAuthType) *tls.Config {
	current := func(*tls.ClientHelloInfo) (*tls.Config, error) {
		m := c.now.Load()
		cfg := base()
		cfg.Certificates = []tls.Certificate{m.pair}
		if m.clients != nil {
			cfg.ClientCAs, cfg.ClientAuth = m.clients, demand
		}
		return cfg, nil
	}
	cfg := base()
	cfg.GetConfigForClient = current
	return cfg
}

func base() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS13, NextProtos: []string{"h2", "http/1.1"}, SessionTicketsDisabled: true}
}

// Watch takes up files that change, until ctx ends: it looks every two seconds,
// and on SIGHUP. What is not good, such as a certificate whose key is still to
// come, is told once and changes nothing. Told may be nil; it is called for
// every change, whether it was taken or not.
func (c *Certificates) Watch(ctx context.Context, log *slog.Logger, told func(taken bool)) error {
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-hangup:
		case <-ticker.C:
		}
		m, err := c.look()
		switch {
		case err != nil:
			log.Warn("certificates that changed are not taken, and those before stay", "error", err.Error())
		case m != nil:
			log.Info("certificates are read anew", "field", c.files.Field, "cert", c.files.Cert, "expires", m.pair.Leaf.NotAfter)
		default:
			continue
		}
		if told != nil {
			told(err == nil)
		}
	}
}

// look takes what the files hold now. Both results are nil where they hold what
// they held when they were last looked at.
func (c *Certificates) look() (*material, error) {
	c.looking.Lock()
	defer c.looking.Unlock()
	raw := c.files.read()
	sum := raw.sum()
	if sum == c.seen {
		return nil, nil
	}
	c.seen = sum
	m, err := c.files.parse(raw)
	if err != nil {
		return nil, err
	}
	c.now.Store(m)
	return m, nil
}

// contents is what the files hold, or why they cannot be read.
type contents struct {
	cert, key, clients []byte
	err                error
}

func (f *Files) read() contents {
	var c contents
	var errs [3]error
	c.cert, errs[0] = readFile(f.Field, f.Cert)
	c.key, errs[1] = readFile(f.Field, f.Key)
	if f.ClientCA != "" {
		c.clients, errs[2] = readFile(f.Field+".clientCA", f.ClientCA)
	}
	c.err = errors.Join(errs[:]...)
	return c
}

func readFile(field, name string) ([]byte, error) {
	raw, err := os.ReadFile(name) //nolint:gosec // a path of the operator's configuration
	if err != nil {
		return nil, fmt.Errorf("%s: %w", field, err)
	}
	return raw, nil
}

// sum tells contents apart without keeping them.
func (c *contents) sum() [sha256.Size]byte {
	h := sha256.New()
	for _, raw := range [][]byte{c.cert, c.key, c.clients} {
		one := sha256.Sum256(raw)
		_, _ = h.Write(one[:])
	}
	if c.err != nil {
		_, _ = h.Write([]byte(c.err.Error()))
	}
	return [sha256.Size]byte(h.Sum(nil))
}

// parse holds the contents to be a certificate with its key, and authorities.
func (f *Files) parse(c contents) (*material, error) {
	if c.err != nil {
		return nil, c.err
	}
	pair, err := tls.X509KeyPair(c.cert, c.key)
	if err != nil {
		return nil, fmt.Errorf("%s: %s and %s: %w", f.Field, f.Cert, f.Key, err)
	}
	if end := pair.Leaf.NotAfter; time.Now().After(end) {
		return nil, fmt.Errorf("%s: %s has expired (%s)", f.Field, f.Cert, end.UTC().Format(time.RFC3339))
	}
	m := &material{pair: pair}
	if f.ClientCA == "" {
		return m, nil
	}
	m.clients = x509.NewCertPool()
	if !m.clients.AppendCertsFromPEM(c.clients) {
		return nil, fmt.Errorf("%s.clientCA: %s holds no certificate", f.Field, f.ClientCA)
	}
	return m, nil
}
