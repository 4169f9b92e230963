package decisionservice

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"outrider.dev/outrider/guards"
	"outrider.dev/outrider/pdp/route"
	configv1 "outrider.dev/outrider/proto/outrider/config/v1"
)

// guardKeyFile is where a key that nobody gave is kept, in the state folder.
const guardKeyFile = "guards.key"

// GuardKey returns the key of the hashes that guards make: the configured one,
// else one of its own in the state folder, which is made where there is none.
func GuardKey(cfg *configv1.Config) (guards.Key, error) {
	src := cfg.GetGuards().GetKey()
	if src == nil {
		return ownKey(StateDir(cfg))
	}
	read, err := route.Key("guards", src)
	if err != nil {
		return nil, err
	}
	text, err := read()
	if err != nil {
		return nil, err
	}
	if len(text) < guards.KeySize {
		return nil, fmt.Errorf("guards.key: the key has %d bytes: give at least %d that nobody guesses, as openssl rand -hex 32 prints them", len(text), guards.KeySize)
	}
	sum := sha256.Sum256(text)
	return sum[:], nil
}

func ownKey(dir string) (guards.Key, error) {
	path := filepath.Join(dir, guardKeyFile)
	raw, err := os.ReadFile(path) //nolint:gosec // a path of the operator's configuration
	if errors.Is(err, fs.ErrNotExist) {
		raw, err = makeKey(dir, path)
	}
	if err != nil {
		return nil, fmt.Errorf("guards.key: %w", err)
	}
	key, err := hex.DecodeString(string(raw))
	if err != nil || len(key) != guards.KeySize {
		return nil, fmt.Errorf("guards.key: %s holds no key: bring it back, or remove it, and every hash in policies with it", path)
	}
	return key, nil
}

// makeKey writes a new key. Of two that do so at once, the first one's counts.
func makeKey(dir, path string) ([]byte, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	key := make([]byte, guards.KeySize)
	_, _ = rand.Read(key) // never fails
	raw := []byte(hex.EncodeToString(key))
	own, err := os.CreateTemp(dir, guardKeyFile+".*") // mode 0600
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.Remove(own.Name()) }()
	_, err = own.Write(raw)
	if err = errors.Join(err, own.Sync(), own.Close()); err != nil {
		return nil, err
	}
	err = os.Link(own.Name(), path)
	if errors.Is(err, fs.ErrExist) {
		return os.ReadFile(path) //nolint:gosec // a path of the operator's configuration
	}
	return raw, err
}
