package spiffe

import (
	"crypto/x509"
	"net/url"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	for _, good := range []string{
		"spiffe://corp", "spiffe://corp/a", "spiffe://corp.example/ns/prod/sa/bot", "spiffe://a_b-1.c/A.b-C_9",
		"spiffe://corp/...", "spiffe://" + strings.Repeat("d", 255) + "/a", "spiffe://corp/" + strings.Repeat("p", 2034),
	} {
		id, err := Parse(good)
		if err != nil || id.String() != good {
			t.Errorf("%.80s: %q, %v", good, id, err)
		}
	}
	for _, bad := range []string{
		"", "corp/a", "http://corp/a", "SPIFFE://corp/a", "spiffe:/corp", "spiffe://", "spiffe:///a", "spiffe://Corp/a",
		"spiffe://corp:1/a", "spiffe://u@corp/a", "spiffe://corp/", "spiffe://corp/a/", "spiffe://corp//a", "spiffe://corp/.",
		"spiffe://corp/a/../b", "spiffe://corp/a?b", "spiffe://corp/a#b", "spiffe://corp/a%2Fb", "spiffe://corp/ä", "spiffe://corp/a b",
		"spiffe://corp/*", "spiffe://corp/a\x00", "spiffe://" + strings.Repeat("d", 256), "spiffe://corp/" + strings.Repeat("p", 2035),
	} {
		if id, err := Parse(bad); err == nil || id != (ID{}) {
			t.Errorf("%.80q was read as %q", bad, id)
		}
	}
}

func TestWorkload(t *testing.T) {
	for id, want := range map[string]string{
		"spiffe://corp/ns/prod/sa/bot": "prod bot",
		"spiffe://corp":                "", "spiffe://corp/bot": "", "spiffe://corp/ns/prod": "", "spiffe://corp/ns/prod/sa/bot/more": "",
		"spiffe://corp/sa/bot/ns/prod": "", "spiffe://corp/ns/prod/pod/bot": "", "spiffe://ns/prod/sa/bot": "", "spiffe://corp/x/ns/prod/sa/bot": "",
	} {
		parsed, err := Parse(id)
		if err != nil {
			t.Fatal(err)
		}
		namespace, account, ok := parsed.Workload()
		if strings.TrimSpace(namespace+" "+account) != want || ok != (want != "") {
			t.Errorf("%s: %q %q %v", id, namespace, account, ok)
		}
	}
	if _, _, ok := (ID{}).Workload(); ok {
		t.Error("nobody is a workload")
	}
}

func TestFromCertificate(t *testing.T) {
	with := func(change func(*x509.Certificate), uris ...string) *x509.Certificate {
		c := &x509.Certificate{KeyUsage: x509.KeyUsageDigitalSignature}
		for _, s := range uris {
			u, err := url.Parse(s)
			if err != nil {
				t.Fatal(err)
			}
			c.URIs = append(c.URIs, u)
		}
		if change != nil {
			change(c)
		}
		return c
	}
	const id = "spiffe://corp/ns/prod/sa/bot"
	if got, err := FromCertificate(with(nil, id)); err != nil || got.String() != id {
		t.Errorf("got %q, %v", got, err)
	}
	for name, c := range map[string]*x509.Certificate{
		"no URI":           with(nil),
		"two ids":          with(nil, id, "spiffe://corp/other"),
		"the same twice":   with(nil, id, id),
		"another URI too":  with(nil, id, "https://corp/bot"),
		"another scheme":   with(nil, "https://corp/ns/prod/sa/bot"),
		"an opaque URI":    with(nil, "spiffe:corp/ns/prod/sa/bot"),
		"a query":          with(nil, id+"?x=y"),
		"escaped":          with(nil, "spiffe://corp/ns/prod/sa/%62ot"),
		"an authority":     with(func(c *x509.Certificate) { c.IsCA = true }, id),
		"signs":            with(func(c *x509.Certificate) { c.KeyUsage |= x509.KeyUsageCertSign }, id),
		"signs lists":      with(func(c *x509.Certificate) { c.KeyUsage |= x509.KeyUsageCRLSign }, id),
		"a name elsewhere": with(func(c *x509.Certificate) { c.DNSNames = []string{id} }),
	} {
		if got, err := FromCertificate(c); err == nil || got != (ID{}) {
			t.Errorf("%s: read as %q", name, got)
		}
	}
}

// FuzzParse: an id that is read is written the same, survives a URL parser and
// has no way out of its path.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"spiffe://corp/ns/prod/sa/bot", "spiffe://corp", "spiffe://corp/../x", "spiffe://a/%2e", "spiffe://@/"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		id, err := Parse(s)
		if err != nil {
			return
		}
		u, err := url.Parse(s)
		if id.String() != s || err != nil || u.String() != s || u.Scheme != "spiffe" || u.User != nil || u.Port() != "" ||
			u.RawQuery != "" || u.Fragment != "" || strings.Contains(u.Path, "//") || strings.Contains(u.Path+"/", "/../") {
			t.Fatalf("%q was read", s)
		}
	})
}
