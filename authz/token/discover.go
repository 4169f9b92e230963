package token

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"outrider.dev/outrider/authz/fetch"
)

// maxURL bounds an address that metadata names.
const maxURL = 2 << 10

// MetadataURL is where OpenID Connect Discovery 1.0 §4 looks for an issuer's
// metadata.
func MetadataURL(issuer string) string {
	return strings.TrimSuffix(issuer, "/") + "/.well-known/openid-configuration"
}

// fromMetadata fetches the key set that an issuer's metadata names. It asks
// for the metadata each time: the address may move.
func fromMetadata(c *http.Client, metadata, issuer string) func(context.Context) ([]byte, error) {
	read := fromURL(c, metadata)
	return func(ctx context.Context) ([]byte, error) {
		raw, err := read(ctx)
		if err != nil {
			return nil, err
		}
		keys, err := keysURL(raw, metadata, issuer)
		if err != nil {
			return nil, fmt.Errorf("metadata at %s: %w", metadata, err)
		}
		return fromURL(c, keys)(ctx)
	}
}

// keysURL reads jwks_uri from metadata. Metadata that names another issuer
// belongs to somebody else, whatever the address it came from (RFC 8414 §3.3).
func keysURL(raw []byte, metadata, issuer string) (string, error) {
	doc, err := readObject(raw)
	if err != nil {
		return "", fmt.Errorf("it %w", err)
	}
	named, err := text(doc, "issuer")
	if err != nil {
		return "", err
	}
	if named != issuer {
		return "", fmt.Errorf("it names the issuer %q: set issuer to what the tokens say, and discovery.url to that issuer's metadata", cut(named))
	}
	keys, err := text(doc, "jwks_uri")
	if err != nil {
		return "", err
	}
	if len(keys) > maxURL {
		return "", fmt.Errorf("jwks_uri has more than %d bytes", maxURL)
	}
	u, err := url.Parse(keys)
	if err != nil || u.Host == "" || u.User != nil {
		return "", errors.New("jwks_uri is not an absolute URL without a password")
	}
	if !fetch.Safe(u) || u.Scheme != "https" && strings.HasPrefix(metadata, "https:") {
		return "", errors.New("jwks_uri leads to an address without TLS")
	}
	return keys, nil
}

// cut keeps what an issuer said fit for a message.
func cut(s string) string {
	const most = 200
	if len(s) > most {
		return strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}
