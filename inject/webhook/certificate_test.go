package webhook

import (
	"crypto/x509"
	"strings"
	"testing"
	"time"
)

func TestCertificate(t *testing.T) {
	now := time.Now()
	names := []string{"hook.ns.svc", "localhost"}
	m, err := newMaterial(names, material{}, now)
	if err != nil {
		t.Fatal(err)
	}
	pair, err := m.pair(names, now)
	if err != nil {
		t.Fatal(err)
	}
	leaf := pair.Leaf
	if leaf.IsCA || len(leaf.ExtKeyUsage) != 1 || leaf.ExtKeyUsage[0] != x509.ExtKeyUsageServerAuth || leaf.NotAfter.Sub(now) > lifetime+time.Second {
		t.Errorf("the certificate is for %v until %s, an authority: %v", leaf.ExtKeyUsage, leaf.NotAfter, leaf.IsCA)
	}
	if cas := authorities(m.bundle); len(cas) != 1 || !cas[0].IsCA || !cas[0].MaxPathLenZero || cas[0].KeyUsage != x509.KeyUsageCertSign {
		t.Errorf("the authorities are %v", cas)
	}
	if strings.Count(string(m.key), "PRIVATE KEY") != 2 || strings.Contains(string(m.bundle)+string(m.cert), "PRIVATE") {
		t.Error("a key stands where it does not belong")
	}
}

// TestWhenACertificateWillNotDo: for each reason, another one is made.
func TestWhenACertificateWillNotDo(t *testing.T) {
	now := time.Now()
	names := []string{"hook.ns.svc"}
	m, err := newMaterial(names, material{}, now)
	if err != nil {
		t.Fatal(err)
	}
	other, err := newMaterial(names, material{}, now)
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		m     material
		names []string
		at    time.Duration
	}{
		"nothing":        {material{}, names, 0},
		"another name":   {m, []string{"other.ns.svc"}, 0},
		"one more name":  {m, append([]string{"other.ns.svc"}, names...), 0},
		"another's key":  {material{m.bundle, m.cert, other.key}, names, 0},
		"another bundle": {material{other.bundle, m.cert, m.key}, names, 0},
		"no bundle":      {material{nil, m.cert, m.key}, names, 0},
		"garbage behind": {material{[]byte("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), m.cert, m.key}, names, 0},
		"old":            {m, names, renewAfter + clockSlack},
		"ended":          {m, names, lifetime + time.Second},
		"not begun":      {m, names, -2 * clockSlack},
	} {
		if _, err := tt.m.pair(tt.names, now.Add(tt.at)); err == nil {
			t.Errorf("%s: it will do", name)
		}
	}
	if _, err := m.pair(names, now.Add(renewAfter-clockSlack)); err != nil {
		t.Errorf("too soon: %v", err)
	}
}

// TestAuthoritiesOfOldStay while they count, but no more than a few.
func TestAuthoritiesOfOldStay(t *testing.T) {
	now := time.Now()
	m := material{}
	for n := range 5 {
		fresh, err := newMaterial([]string{"a"}, m, now)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := len(authorities(fresh.bundle)), min(n+1, maxBundle); got != want {
			t.Errorf("after %d: %d authorities, want %d", n, got, want)
		}
		m = fresh
	}
	late, err := newMaterial([]string{"a"}, m, now.Add(lifetime+time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if got := len(authorities(late.bundle)); got != 1 {
		t.Errorf("%d authorities, though the others have ended", got)
	}
}
