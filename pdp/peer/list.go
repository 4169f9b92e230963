package peer

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"os"

	"outrider.dev/outrider/decision"
	configv1 "outrider.dev/outrider/proto/outrider/config/v1"
)

// FromIdentity stands in an entry's agents for the one that the peer's SPIFFE
// id names.
const FromIdentity = "from-identity"

// minKey is the shortest key that may open a listener, in bytes.
const minKey = 32

// KeyReader makes what reads a key of where the configuration says it is. The
// reader is called with each question, so that a key may change.
type KeyReader func(owner string, source *configv1.KeySource) (func() (decision.Secret, error), error)

// List is the peers of a configuration. It is immutable and safe for
// concurrent use.
type List struct{ entries []entry }

type entry struct {
	*configv1.Peer
	key func() (decision.Secret, error) // nil: not by key
}

// NewList takes the configured peers. Without any, the decision service's own
// user may speak for every agent on the unix socket: it could read the keys
// anyway.
func NewList(peers []*configv1.Peer, read KeyReader) (*List, error) {
	if len(peers) == 0 {
		uid := uint32(os.Getuid()) //nolint:gosec // user ids fit
		peers = []*configv1.Peer{{Uid: &uid, Agents: []string{"*"}, Namespaces: []string{"*"}}}
	}
	l := &List{}
	for i, p := range peers {
		e := entry{Peer: p}
		if p.GetKey() != nil {
			owner := fmt.Sprintf("pdp.peers[%d].key", i)
			var err error
			if e.key, err = read(owner, p.GetKey()); err != nil {
				return nil, err
			}
			if raw, err := e.key(); err != nil || len(raw) < minKey {
				return nil, fmt.Errorf("%s: it cannot be read, or is shorter than %d bytes: make one with openssl rand -hex 32", owner, minKey)
			}
		}
		l.entries = append(l.entries, e)
	}
	return l, nil
}

// HasKeys reports whether any peer is known by a key.
func (l *List) HasKeys() bool {
	for _, e := range l.entries {
		if e.key != nil {
			return true
		}
	}
	return false
}

// ByKey returns the peer that has the key. It takes the same time whichever
// peer that is, and whether there is one.
func (l *List) ByKey(shown decision.Secret) (Identity, bool) {
	given := sha256.Sum256(shown)
	found := -1
	for i, e := range l.entries {
		if e.key == nil {
			continue
		}
		raw, err := e.key()
		if err != nil || len(raw) < minKey {
			continue
		}
		own := sha256.Sum256(raw)
		found = subtle.ConstantTimeSelect(subtle.ConstantTimeCompare(given[:], own[:]), i, found)
	}
	if found < 0 {
		return Identity{}, false
	}
	name := fmt.Sprintf("the key of pdp.peers[%d]", found)
	return Identity{kind: byKey, entry: found, name: name, about: name}, true
}

// has reports whether the entry with the index lists the peer.
func (e *entry) has(i int, who Identity) bool {
	switch who.kind {
	case byUser:
		return e.Uid != nil && e.GetUid() == who.uid
	case byCertificate:
		return e.GetSpiffe() != "" && decision.Glob(e.GetSpiffe(), who.id.String())
	case byKey:
		return i == who.entry
	case byToken:
		return e.GetServiceAccount() != "" && decision.Glob(e.GetServiceAccount(), who.namespace+"/"+who.account)
	default:
		return false
	}
}

// Is reports whether the peer is the one that a user id or a pattern of SPIFFE
// ids names.
func Is(who Identity, uid *uint32, pattern string) bool {
	e := entry{Peer: &configv1.Peer{Uid: uid, Spiffe: pattern}}
	return e.has(0, who)
}
