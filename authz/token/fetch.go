package token

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
)

// maxJWKS bounds one answer to a fetch.
const maxJWKS = 1 << 20

func fromURL(c *http.Client, url string) func(context.Context) ([]byte, error) {
	return func(ctx context.Context) ([]byte, error) {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
		if err != nil {
			return nil, err
		}
		req.Header.Set("Accept", "application/jwk-set+json, application/json")
		res, err := c.Do(req)
		if err != nil {
			return nil, err
		}
		defer func() { _ = res.Body.Close() }() // only read
		if res.StatusCode != http.StatusOK {
			return nil, fmt.Errorf("%s answered status %d", url, res.StatusCode)
		}
		return readBounded(res.Body, url)
	}
}

// fetcher returns what fetches the key set of a provider.
func fetcher(c *http.Client, p Provider) func(context.Context) ([]byte, error) {
	switch k := p.JWKS; {
	case k.File != "":
		return fromFile(k.File)
	case k.Metadata != "":
		return fromMetadata(c, k.Metadata, p.Issuer)
	default:
		return fromURL(c, k.URL)
	}
}

// fromFile reads a mounted file again and again: orchestrators replace it.
func fromFile(path string) func(context.Context) ([]byte, error) {
	return func(context.Context) ([]byte, error) {
		f, err := os.Open(path) //nolint:gosec // the operator's own configuration names it
		if err != nil {
			return nil, err
		}
		defer func() { _ = f.Close() }() // only read
		return readBounded(f, path)
	}
}

func readBounded(r io.Reader, where string) ([]byte, error) {
	raw, err := io.ReadAll(io.LimitReader(r, maxJWKS+1))
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", where, err)
	}
	if len(raw) > maxJWKS {
		return nil, fmt.Errorf("%s is larger than %d bytes", where, maxJWKS)
	}
	return raw, nil
}
