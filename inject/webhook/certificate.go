package webhook

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"time"
)

// Times of a certificate. It is made anew when a third of its life is left, so
// that a cluster may stand still for a month.
const (
	lifetime   = 90 * 24 * time.Hour
	renewAfter = lifetime / 3 * 2
	clockSlack = time.Hour // by which clocks of the cluster may differ
	maxBundle  = 3         // authorities that are believed at once
)

// material is what the Secret holds. The key of the authority is in none: each
// authority signs one certificate and its key is forgotten, so that there is
// nothing by which another could be made.
type material struct {
	bundle []byte // PEM of the authorities, the newest first
	cert   []byte // PEM
	key    []byte // PEM
}

// newMaterial makes an authority and a certificate for the names. Authorities
// of old that still count stay in the bundle: not everybody changes at once.
func newMaterial(names []string, old material, now time.Time) (material, error) {
	authority, sign, err := newAuthority(now)
	if err != nil {
		return material{}, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return material{}, err
	}
	leaf := template(names[0], now)
	leaf.DNSNames = names
	leaf.KeyUsage = x509.KeyUsageDigitalSignature
	leaf.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	der, err := x509.CreateCertificate(rand.Reader, leaf, authority, &key.PublicKey, sign)
	if err != nil {
		return material{}, err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return material{}, err
	}
	m := material{bundle: encode(authority.Raw), cert: encode(der), key: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})}
	for n, c := range authorities(old.bundle) {
		if n < maxBundle-1 && now.Before(c.NotAfter) {
			m.bundle = append(m.bundle, encode(c.Raw)...)
		}
	}
	return m, nil
}

func newAuthority(now time.Time) (*x509.Certificate, *ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	t := template("outrider-injector authority", now)
	t.IsCA, t.BasicConstraintsValid, t.MaxPathLenZero = true, true, true
	t.KeyUsage = x509.KeyUsageCertSign
	der, err := x509.CreateCertificate(rand.Reader, t, t, &key.PublicKey, key)
	if err != nil {
		return nil, nil, err
	}
	c, err := x509.ParseCertificate(der)
	return c, key, err
}

func template(name string, now time.Time) *x509.Certificate {
	const serialBits = 120
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), serialBits))
	if err != nil { // crypto/rand ends the process before it fails
		serial = big.NewInt(now.UnixNano())
	}
	return &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    now.Add(-clockSlack),
		NotAfter:     now.Add(lifetime),
	}
}

func encode(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// authorities reads a bundle; what cannot be read ends it.
func authorities(bundle []byte) []*x509.Certificate {
	var out []*x509.Certificate
	for {
		var block *pem.Block
		if block, bundle = pem.Decode(bundle); block == nil {
			return out
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return out
		}
		out = append(out, c)
	}
}

var errStale = errors.New("it is due to be made anew")

// pair returns the certificate to serve with, or why another one is needed.
func (m material) pair(names []string, now time.Time) (*tls.Certificate, error) {
	pair, err := tls.X509KeyPair(m.cert, m.key)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if _, err := pair.Leaf.Verify(x509.VerifyOptions{DNSName: name, Roots: m.roots(), CurrentTime: now}); err != nil {
			return nil, fmt.Errorf("it does not fit: %w", err)
		}
	}
	if now.After(pair.Leaf.NotBefore.Add(clockSlack + renewAfter)) {
		return &pair, errStale
	}
	return &pair, nil
}

func (m material) roots() *x509.CertPool {
	roots := x509.NewCertPool()
	for _, c := range authorities(m.bundle) {
		roots.AddCert(c)
	}
	return roots
}

// covers reports whether who believes the bundle believes the certificate, which may be nil.
func (m material) covers(c *tls.Certificate, now time.Time) bool {
	if c == nil {
		return false
	}
	_, err := c.Leaf.Verify(x509.VerifyOptions{Roots: m.roots(), CurrentTime: now})
	return err == nil
}
