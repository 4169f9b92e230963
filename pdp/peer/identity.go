package peer

import (
	"crypto/x509"
	"fmt"

	"outrider.dev/outrider/spiffe"
)

// Identity is who a connection, or a key, proves its peer to be. The zero
// Identity proves nothing.
type Identity struct {
	kind kind
	uid  uint32
	id   spiffe.ID

	namespace, account string // of a workload that showed a token

	entry int    // in the list, for keys
	name  string // tells peers apart
	about string // for people
}

type kind uint8

const (
	unproven kind = iota
	byUser
	byCertificate
	byKey
	byToken
)

// User is what the kernel says of the process at the other end of a unix
// socket. Group and process are for people alone.
func User(uid, gid uint32, pid int32) Identity {
	return Identity{kind: byUser, uid: uid, name: fmt.Sprintf("uid:%d", uid), about: fmt.Sprintf("uid %d (gid %d, pid %d)", uid, gid, pid)}
}

// Certificate is who a verified leaf certificate names.
func Certificate(leaf *x509.Certificate) (Identity, error) {
	id, err := spiffe.FromCertificate(leaf)
	if err != nil {
		return Identity{}, err
	}
	return Identity{kind: byCertificate, id: id, name: id.String(), about: id.String()}, nil
}

// ServiceAccount is who a verified token of a cluster's service account names.
// The pod is for people alone, and may be empty.
func ServiceAccount(namespace, account, pod string) Identity {
	name := namespace + "/" + account
	about := "service account " + name
	if pod != "" {
		about += " (pod " + pod + ")"
	}
	return Identity{kind: byToken, namespace: namespace, account: account, name: "serviceaccount:" + name, about: about}
}

// workload returns the Kubernetes workload that the identity proves.
func (i Identity) workload() (namespace, account string, ok bool) {
	if i.kind == byToken {
		return i.namespace, i.account, true
	}
	return i.id.Workload()
}

// proof names what names the workload, for people.
func (i Identity) proof() string {
	if i.kind == byToken {
		return "token"
	}
	return "SPIFFE id"
}

// Proven reports whether the identity proves anything.
func (i Identity) Proven() bool { return i.kind != unproven }

// Grantable reports whether grants may leave to the peer at all: keys travel
// with each question, and whoever reads one on the way could ask for more. So do
// the tokens of workloads, but over TLS alone, for this service alone and not for long.
func (i Identity) Grantable() bool {
	return i.kind == byUser || i.kind == byCertificate || i.kind == byToken
}

// Name tells peers apart; empty for one that proves nothing.
func (i Identity) Name() string { return i.name }

// String names the peer to people.
func (i Identity) String() string {
	if i.kind == unproven {
		return "unproven"
	}
	return i.about
}
