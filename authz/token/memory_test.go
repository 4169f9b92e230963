package token

import (
	"bytes"
	"fmt"
	"testing"
)

func TestMemoryIsBounded(t *testing.T) {
	v := newVerifier(t, inlineProvider(allKeys()))
	for i := range 3 * maxRemembered {
		v.seen.Set(v.seen.place(fmt.Append(nil, i)), &remembered{token: &Token{}, issuer: testIssuer, weight: minWeight})
	}
	v.seen.CleanUp()
	if n := v.seen.EstimatedSize(); n > maxRemembered {
		t.Errorf("%d tokens are remembered, more than %d", n, maxRemembered)
	}
	large := uint32(maxToken)
	for i := range maxRemembered {
		v.seen.Set(v.seen.place(fmt.Append(nil, "large", i)), &remembered{token: &Token{}, issuer: testIssuer, weight: large})
	}
	v.seen.CleanUp()
	if w := v.seen.WeightedSize(); w > maxRemembered*minWeight {
		t.Errorf("remembered tokens weigh %d bytes, more than %d", w, maxRemembered*minWeight)
	}
}

// TestPlaces: what differs in any bit, in its length or in whom to ask about it
// has another place, and another one in each process.
func TestPlaces(t *testing.T) {
	m, other := must(newMemory()), must(newMemory())
	token := bytes.Repeat([]byte("0123456789abcdef"), 50)
	who, neighbour := fingerprint{1}, fingerprint{2}
	seen := map[place]string{}
	add := func(what string, p place) {
		t.Helper()
		if first, twice := seen[p]; twice {
			t.Errorf("%s and %s have one place", first, what)
		}
		seen[p] = what
	}
	for i := range token {
		for bit := range 8 {
			token[i] ^= 1 << bit
			add(fmt.Sprintf("bit %d of byte %d", bit, i), m.place(token))
			token[i] ^= 1 << bit
		}
		add(fmt.Sprintf("%d bytes", i), m.place(token[:i]))
		add(fmt.Sprintf("%d bytes and a zero", i), m.place(append(bytes.Clone(token[:i]), 0)))
	}
	add("the token", m.place(token))
	add("asked", m.placeAsked(token, &who))
	add("asked elsewhere", m.placeAsked(token, &neighbour))
	add("another process", other.place(token))
	if m.place(token) != m.place(bytes.Clone(token)) || m.placeAsked(token, &who) != m.placeAsked(token, &fingerprint{1}) {
		t.Error("a token does not keep its place")
	}
}

// TestPlaceCopiesNoToken: all that is taken is the place itself.
func TestPlaceCopiesNoToken(t *testing.T) {
	m := must(newMemory())
	token := make([]byte, maxToken)
	if n := testing.AllocsPerRun(100, func() { m.place(token) }); n > 1 {
		t.Errorf("%v allocations", n)
	}
}
