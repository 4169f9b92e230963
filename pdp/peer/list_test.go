package peer

import (
	"errors"
	"os"
	"strings"
	"testing"

	"outrider.dev/outrider/decision"
	configv1 "outrider.dev/outrider/proto/outrider/config/v1"
)

const (
	keyA = "0123456789abcdef0123456789abcdef"
	keyB = "fedcba9876543210fedcba9876543210"
)

func keyed(key string, agents ...string) *configv1.Peer {
	return &configv1.Peer{Key: &configv1.KeySource{Env: key}, Agents: agents}
}

func TestByKey(t *testing.T) {
	l := list(t, keyed(keyA, "a"), &configv1.Peer{Uid: uid(7), Agents: []string{"*"}}, keyed(keyB, "b"))
	if !l.HasKeys() {
		t.Error("no keys")
	}
	for key, agent := range map[string]string{keyA: "a", keyB: "b"} {
		who, ok := l.ByKey(decision.Secret(key))
		if !ok || !who.Proven() || who.Grantable() || strings.Contains(who.String(), key) {
			t.Fatalf("got %s, %v", who, ok)
		}
		for _, asked := range []string{"a", "b", "c", ""} {
			c := decision.Caller{Agent: asked}
			if admitted := l.Admit(who, &c) == nil; admitted != (asked == agent || asked == "") {
				t.Errorf("the key of %s, asked for %q: %v", agent, asked, admitted)
			}
		}
	}
	for _, wrong := range []string{"", keyA[1:], keyA + "0", strings.ToUpper(keyA), " " + keyA} {
		if who, ok := l.ByKey(decision.Secret(wrong)); ok || who.Proven() {
			t.Errorf("%q opens as %s", wrong, who)
		}
	}
	if l := list(t, &configv1.Peer{Uid: uid(7), Agents: []string{"*"}}); l.HasKeys() {
		t.Error("keys where there are none")
	} else if _, ok := l.ByKey(nil); ok {
		t.Error("no key opens")
	}
}

// TestKeysChange: a key is read with each question; one that cannot be read, or
// has become short, opens nothing.
func TestKeysChange(t *testing.T) {
	now, broken := keyA, error(nil)
	l, err := NewList([]*configv1.Peer{keyed("", "a")}, func(string, *configv1.KeySource) (func() (decision.Secret, error), error) {
		return func() (decision.Secret, error) { return decision.Secret(now), broken }, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	opens := func(key string) bool { _, ok := l.ByKey(decision.Secret(key)); return ok }
	if now = keyB; opens(keyA) || !opens(keyB) {
		t.Error("a changed key does not count")
	}
	if now = "short"; opens("short") {
		t.Error("a short key opens")
	}
	if now = ""; opens("") {
		t.Error("an empty key opens")
	}
	if now, broken = keyB, errors.New("gone"); opens(keyB) {
		t.Error("a key that cannot be read opens")
	}
}

func TestKeysRefused(t *testing.T) {
	for name, read := range map[string]KeyReader{
		"short": func(string, *configv1.KeySource) (func() (decision.Secret, error), error) {
			return func() (decision.Secret, error) { return decision.Secret(keyA[1:]), nil }, nil
		},
		"unreadable": func(string, *configv1.KeySource) (func() (decision.Secret, error), error) {
			return func() (decision.Secret, error) { return nil, errors.New("gone") }, nil
		},
		"absent": func(owner string, _ *configv1.KeySource) (func() (decision.Secret, error), error) {
			return nil, errors.New(owner + " is absent")
		},
	} {
		_, err := NewList([]*configv1.Peer{{Uid: uid(1)}, keyed("", "a")}, read)
		if err == nil || !strings.Contains(err.Error(), "pdp.peers[1].key") || strings.Contains(err.Error(), keyA[1:]) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestWithoutPeers: the own user may speak for all, and nobody else for any.
func TestWithoutPeers(t *testing.T) {
	l := list(t)
	own := uint32(os.Getuid())
	c := caller("a", "prod", "bot", "app", "x")
	if reason := l.Admit(User(own, 0, 0), &c); reason != nil {
		t.Error(reason)
	}
	for _, who := range []Identity{User(own+1, 0, 0), certified(t, bot), {}} {
		if l.Admit(who, &c) == nil {
			t.Errorf("%s is admitted", who)
		}
	}
}

func TestPeersAreNamed(t *testing.T) {
	if got := User(7, 8, 9).String(); got != "uid 7 (gid 8, pid 9)" {
		t.Error(got)
	}
	if got := certified(t, bot).String(); got != bot {
		t.Error(got)
	}
}

func TestIs(t *testing.T) {
	for name, tt := range map[string]struct {
		who     Identity
		uid     *uint32
		pattern string
		want    bool
	}{
		"user":               {User(7, 0, 0), uid(7), "", true},
		"another user":       {User(7, 0, 0), uid(8), "", false},
		"by certificate":     {certified(t, bot), nil, "spiffe://corp/*", true},
		"another id":         {certified(t, bot), nil, "spiffe://corp/ops/*", false},
		"user, certificate":  {User(7, 0, 0), nil, "*", false},
		"certificate, user":  {certified(t, bot), uid(0), "", false},
		"nothing to compare": {certified(t, bot), nil, "", false},
	} {
		if got := Is(tt.who, tt.uid, tt.pattern); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
