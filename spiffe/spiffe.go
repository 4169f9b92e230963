// Package spiffe reads who a certificate names, by the rules of the X.509-SVID
// specification: a certificate with no URI, with several or with one of another
// scheme names nobody.
//
// The decision service reads its peers' certificates with it, and a gateway its
// agents'. Both import it; it imports the standard library only, and verifies
// nothing: that the certificate is good is the handshake's business.
package spiffe

import (
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
)

// ID is a SPIFFE id that was read strictly. The zero ID names nobody.
type ID struct{ text string }

// Bounds of the specification, in bytes.
const (
	maxID     = 2048
	maxDomain = 255
)

const scheme = "spiffe://"

// FromCertificate returns who a leaf certificate names.
func FromCertificate(leaf *x509.Certificate) (ID, error) {
	switch {
	case leaf.IsCA, leaf.KeyUsage&(x509.KeyUsageCertSign|x509.KeyUsageCRLSign) != 0:
		return ID{}, errors.New("the certificate is one of an authority, which names no workload")
	case len(leaf.URIs) == 0:
		return ID{}, errors.New("the certificate names no SPIFFE id: give it one URI, spiffe://trust-domain/path")
	case len(leaf.URIs) > 1:
		return ID{}, fmt.Errorf("the certificate names %d URIs: an X.509-SVID has exactly one", len(leaf.URIs))
	}
	return Parse(leaf.URIs[0].String())
}

// Parse reads an id as it is written.
func Parse(s string) (ID, error) {
	rest, ok := strings.CutPrefix(s, scheme)
	if !ok || len(s) > maxID {
		return ID{}, errors.New("this is no SPIFFE id: write spiffe://trust-domain/path")
	}
	domain, path, _ := strings.Cut(rest, "/")
	if domain == "" || len(domain) > maxDomain || strings.ContainsFunc(domain, notIn("abcdefghijklmnopqrstuvwxyz0123456789.-_")) {
		return ID{}, errors.New("the trust domain of a SPIFFE id has lower-case letters, digits, dots, dashes and underscores only")
	}
	if len(rest) > len(domain) {
		for segment := range strings.SplitSeq(path, "/") {
			if segment == "" || segment == "." || segment == ".." || strings.ContainsFunc(segment, notIn(segmentCharacters)) {
				return ID{}, errors.New("the path of a SPIFFE id has segments of letters, digits, dots, dashes and underscores only")
			}
		}
	}
	return ID{s}, nil
}

const segmentCharacters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_"

func notIn(characters string) func(rune) bool {
	return func(r rune) bool { return !strings.ContainsRune(characters, r) }
}

// String returns the id as it was written.
func (i ID) String() string { return i.text }

// Workload returns the Kubernetes namespace and service account of an id whose
// path is /ns/NAMESPACE/sa/ACCOUNT.
func (i ID) Workload() (namespace, account string, ok bool) {
	parts := strings.Split(strings.TrimPrefix(i.text, scheme), "/")
	if len(parts) != 5 || parts[1] != "ns" || parts[3] != "sa" {
		return "", "", false
	}
	return parts[2], parts[4], true
}
