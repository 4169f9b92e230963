package issuer

import (
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"net/http"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"

	"outrider.dev/outrider/demo/standin"
)

// Audience stands in every good token.
const Audience = "api://default"

const (
	keyID    = "demo-1"
	keyBits  = 2048
	lifetime = time.Hour
)

// Client is a program that may ask for tokens.
type Client struct {
	ID     string
	Secret string
	Scopes []string // what it may ask for
}

// Issuer is an OpenID provider. It answers discovery, /keys and /token, and
// nothing else.
type Issuer struct {
	*standin.Recorder
	URL string

	key    *rsa.PrivateKey
	server *standin.Server
}

// New returns an issuer that calls itself url.
func New(url string, clients ...Client) (*Issuer, error) {
	key, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		return nil, fmt.Errorf("generate the issuer's key: %w", err)
	}
	provider, err := op.NewProvider(
		&op.Config{AuthMethodPost: true, SupportedScopes: scopesOf(clients)},
		newStorage(key, clients),
		op.StaticIssuer(url),
		op.WithAllowInsecure(), // loopback only
		op.WithCustomTokenEndpoint(op.NewEndpoint("token")),
		op.WithCustomKeysEndpoint(op.NewEndpoint("keys")),
	)
	if err != nil {
		return nil, fmt.Errorf("build the issuer %s: %w", url, err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET "+oidc.DiscoveryEndpoint, provider)
	mux.Handle("GET /keys", provider)
	mux.Handle("POST /token", provider)
	return &Issuer{Recorder: standin.NewRecorder(mux), URL: url, key: key}, nil
}

// Start serves an issuer on a free loopback port, until Close.
func Start(clients ...Client) (*Issuer, error) {
	l, url, err := standin.Listen()
	if err != nil {
		return nil, err
	}
	i, err := New(url, clients...)
	if err != nil {
		_ = l.Close() // nothing was served on it
		return nil, err
	}
	i.server = standin.Serve(l, i)
	return i, nil
}

// Close stops what Start started.
func (i *Issuer) Close() error { return i.server.Close() }

// JWKS returns the address of the key set.
func (i *Issuer) JWKS() string { return i.URL + "/keys" }

// TokenURL returns the address of the token endpoint.
func (i *Issuer) TokenURL() string { return i.URL + "/token" }

func scopesOf(clients []Client) []string {
	var all []string
	for _, c := range clients {
		all = append(all, c.Scopes...)
	}
	return all
}
