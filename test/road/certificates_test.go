package road

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"time"
)

// certificate is a certificate with its key.
type certificate struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// writeCertificates writes a CA, a server and clients into the folder. A folder
// that cannot be written shows when the configuration is loaded.
func writeCertificates(dir string) {
	ca, foreign := issue(nil, authority()), issue(nil, authority())
	ca.write(dir, "ca")
	issue(ca, leaf(time.Hour)).write(dir, "server")
	issue(ca, leaf(time.Hour, "spiffe://corp/ns/prod/agents")).write(dir, "client")
	issue(ca, leaf(time.Hour, "spiffe://corp/ns/test/agents")).write(dir, "other")
	issue(ca, leaf(time.Hour)).write(dir, "nameless")
	issue(ca, leaf(time.Hour, "spiffe://corp/ns/prod/sa/road")).write(dir, "agent")
	issue(ca, leaf(time.Hour, "spiffe://corp/ns/prod/sa/stranger")).write(dir, "stranger")
	issue(ca, leaf(time.Hour, "spiffe://corp/ns/prod/sa/road", "spiffe://corp/ns/prod/sa/admin")).write(dir, "double")
	issue(ca, leaf(-time.Minute, "spiffe://corp/ns/prod/agents")).write(dir, "expired")
	issue(foreign, leaf(time.Hour, "spiffe://corp/ns/prod/agents")).write(dir, "foreign")
}

func authority() *x509.Certificate {
	c := leaf(time.Hour)
	c.IsCA, c.BasicConstraintsValid, c.KeyUsage = true, true, x509.KeyUsageCertSign
	return c
}

// leaf is a certificate for loopback that ends after life.
func leaf(life time.Duration, identities ...string) *x509.Certificate {
	c := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()),
		Subject:      pkix.Name{CommonName: "road"},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(life),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	for _, id := range identities {
		u, err := url.Parse(id)
		if err != nil {
			panic(err) // a constant of a test
		}
		c.URIs = append(c.URIs, u)
	}
	return c
}

// issue signs a certificate, itself where there is no issuer.
func issue(by *certificate, cert *x509.Certificate) *certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err) // without random numbers there is no test
	}
	if by == nil {
		by = &certificate{cert, key}
	}
	der, err := x509.CreateCertificate(rand.Reader, cert, by.cert, &key.PublicKey, by.key)
	if err != nil {
		panic(err) // a template of a test
	}
	signed, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err) // made above
	}
	return &certificate{signed, key}
}

func (c *certificate) write(dir, name string) {
	der, err := x509.MarshalPKCS8PrivateKey(c.key)
	if err != nil {
		panic(err) // made by issue
	}
	_ = os.WriteFile(filepath.Join(dir, name+".crt"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.cert.Raw}), 0o600)
	_ = os.WriteFile(filepath.Join(dir, name+".key"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600)
}
