package bundle

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/bundle"

	"outrider.dev/outrider/authz/rego"
)

// Bundle is what an archive holds, verified where that is asked. It never
// changes.
type Bundle struct {
	Modules  []rego.File
	Data     map[string]any
	Revision string // as its author calls it; may be empty
	Digest   string // of the archive
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
