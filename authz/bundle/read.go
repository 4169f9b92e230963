package bundle

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/bundle"

	"outrider.dev/outrider/authz/rego"
)

// Bundle is what an archive holds, verified where that is asked. It never
// changes.
type Bundle struct {
	Modules  []rego.File
	Data     map[string]any
	Revision string    // as its author calls it; may be empty
	Digest   string    // of the archive
	Signed   time.Time // iat of the signature; zero: it does not say, or there is none
}

// maxAhead is by how much the signer's clock may be ahead of ours.
const maxAhead = 5 * time.Minute

// Follows refuses a bundle that was signed before the one in use, which may be
// nil: whoever serves bundles could bring back one that had been replaced. Only
// signatures that tell their time can be compared.
func (b *Bundle) Follows(used *Bundle, now time.Time) error {
	switch {
	case b.Signed.After(now.Add(maxAhead)):
		return fmt.Errorf("the bundle's signature is of %s, which is to come: compare the clocks", b.Signed.UTC().Format(time.RFC3339))
	case used == nil || !b.Signed.Before(used.Signed):
		return nil
	case b.Signed.IsZero():
		return errors.New("the bundle's signature does not tell its time (iat), as that of the bundle in use does: sign it with iat")
	default:
		return fmt.Errorf("the bundle was signed at %s, before the one in use (%s): to go back to what it holds, sign it anew",
			b.Signed.UTC().Format(time.RFC3339), used.Signed.UTC().Format(time.RFC3339))
	}
}

// Read reads an archive. With a signature it must be signed so; without one it
// must not be signed: whoever signs expects that somebody verifies.
func Read(raw []byte, by *Signature) (*Bundle, error) {
	if err := scan(raw); err != nil {
		return nil, err
	}
	reader := bundle.NewCustomReader(bundle.NewTarballLoaderWithBaseURL(bytes.NewReader(raw), "")).
		WithRegoVersion(ast.RegoV1).
		WithSizeLimitBytes(maxUnpacked).
		WithLazyLoadingMode(false)
	if by != nil {
		keys, err := by.verification()
		if err != nil {
			return nil, err
		}
		reader = reader.WithBundleVerificationConfig(keys)
	}
	read, err := reader.Read()
	if err != nil {
		return nil, problem(err)
	}
	if read.Type() != bundle.SnapshotBundleType {
		return nil, errors.New("the bundle is a patch of another one: publish whole bundles")
	}
	if len(read.WasmModules)+len(read.PlanModules) > 0 {
		return nil, errors.New("the bundle holds compiled policies: build it for the target rego")
	}
	sum := sha256.Sum256(raw)
	out := &Bundle{Data: read.Data, Revision: shown(read.Manifest.Revision), Digest: hex.EncodeToString(sum[:])}
	if by != nil {
		out.Signed = signed(read.Signatures.Signatures)
	}
	for _, m := range read.Modules {
		out.Modules = append(out.Modules, rego.File{Name: "bundle:" + strings.TrimPrefix(m.Path, "/"), Text: string(m.Raw), Bundled: true})
	}
	return out, nil
}

// problem puts an error of the library into the words of this package.
func problem(err error) error {
	text := strings.Join(strings.Fields(err.Error()), " ")
	switch {
	case strings.Contains(text, "missing .signatures.json"):
		return errors.New("the bundle is not signed, and the policy asks for a signature")
	case strings.Contains(text, "verification key not provided"):
		return errors.New("the bundle is signed, and the policy does not say by whom: give signature")
	default:
		return fmt.Errorf("the bundle cannot be used: %s", text)
	}
}

// shown makes a name of the bundle's author fit for logs.
func shown(name string) string {
	const longest = 80
	if len(name) > longest {
		name = strings.ToValidUTF8(name[:longest], "") + "…"
	}
	return name
}
