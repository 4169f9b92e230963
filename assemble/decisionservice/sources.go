package decisionservice

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path/filepath"

	"outrider.dev/outrider/authz"
	"outrider.dev/outrider/authz/bundle"
	"outrider.dev/outrider/authz/rego"
	"outrider.dev/outrider/config"
	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/pdp/route"
	configv1 "outrider.dev/outrider/proto/outrider/config/v1"
)

// Compile compiles the policies' rules. A policy whose bundle a server has is
// not complete here, and refuses every call.
func Compile(list []config.Policy) (*authz.Set, error) {
	return compileWith(list, nil, "its bundle comes from a server, which the decision service alone asks; to look at it, name it as a file")
}

// compileWith compiles the policies' rules with the bundles that servers had,
// by policy. A policy whose bundle is not among them is unready for this reason.
func compileWith(list []config.Policy, have map[string]*bundle.Bundle, unready string) (*authz.Set, error) {
	sources := make([]authz.Source, 0, len(list))
	for i := range list {
		p := &list[i]
		src := source(p)
		b := have[p.Doc.GetMetadata().GetName()]
		switch spec := p.Doc.GetSpec().GetRegoModules().GetBundle(); {
		case spec.GetFile() != "":
			var err error
			if b, err = bundleFile(p); err != nil {
				return nil, err
			}
		case spec != nil && b == nil:
			if _, err := signatureOf(p, unread); err != nil {
				return nil, err
			}
			src.Unready = unready
		case spec != nil:
			src.Version = versionWith(src.Version, b)
		}
		if b != nil {
			src.Rego.Files, src.Rego.Bundle = append(src.Rego.Files, b.Modules...), b.Data
		}
		sources = append(sources, src)
	}
	return authz.NewSet(sources)
}

// source is a policy with its places, without a bundle.
func source(p *config.Policy) authz.Source {
	return authz.Source{
		Doc:     p.Doc,
		Version: p.Version,
		Rego:    regoOf(p),
		At:      func(path string) string { return placeOf(p, path) },
		In: func(path, text string, line, column int) string {
			at, ok := p.Inside(path, text, line, column)
			if !ok {
				return ""
			}
			at.File = filepath.Base(at.File)
			return at.String()
		},
	}
}

// placeOf names the place of a field. Refusals name it, too, and callers need
// not know the folder.
func placeOf(p *config.Policy, path string) string {
	at, _ := p.Position(path)
	at.File = filepath.Base(at.File)
	return at.String()
}

// regoOf is what the files of a policy's regoModules hold.
func regoOf(p *config.Policy) rego.Sources {
	var src rego.Sources
	if p.Doc.GetSpec().GetRegoModules() == nil {
		return src
	}
	for _, f := range p.Rego.Modules {
		src.Files = append(src.Files, rego.File{Name: f.Name, Text: string(f.Raw)})
	}
	for _, f := range p.Rego.Data {
		src.Data = append(src.Data, rego.File{Name: f.Name, Text: string(f.Raw)})
	}
	return src
}

// bundleFile reads the bundle that lies beside the policy.
func bundleFile(p *config.Policy) (*bundle.Bundle, error) {
	by, err := signatureOf(p, route.Key)
	if err != nil {
		return nil, err
	}
	b, err := bundle.Read(p.Rego.Bundle, by)
	if err != nil {
		return nil, refuseBundle(p, "file", err)
	}
	return b, nil
}

// signatureOf is what a policy's bundle must be signed with, nil where it
// must not be signed.
func signatureOf(p *config.Policy, key keyReader) (*bundle.Signature, error) {
	spec := p.Doc.GetSpec().GetRegoModules().GetBundle().GetSignature()
	if spec == nil {
		return nil, nil
	}
	by := &bundle.Signature{Algorithm: spec.GetAlgorithm(), KeyID: spec.GetKeyId(), Scope: spec.GetScope()}
	var read func() (decision.Secret, error)
	var err error
	if spec.GetSecret() != nil {
		read, err = key(ownerOf(p, "signature.secret"), spec.GetSecret())
	} else {
		read, err = bundle.PublicKey(p.Rego.Key, spec.GetAlgorithm())
	}
	if err != nil {
		return nil, refuseBundle(p, "signature", err)
	}
	by.Key = read
	return by, nil
}

// ownerOf names a field of the bundle for people.
func ownerOf(p *config.Policy, field string) string {
	return "policy " + p.Doc.GetMetadata().GetName() + ", regoModules.bundle." + field
}

func refuseBundle(p *config.Policy, field string, err error) error {
	path := "spec.regoModules.bundle." + field
	return &authz.LoadError{Policy: p.Doc.GetMetadata().GetName(), At: placeOf(p, path), Path: path, Problem: err.Error()}
}

// versionWith is the version of a policy together with a bundle that came by
// itself.
func versionWith(version string, b *bundle.Bundle) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %s", version, b.Digest))
	return hex.EncodeToString(sum[:])[:len(version)]
}

// bundleName is the file in the state folder that keeps a policy's bundle.
func bundleName(policy string, spec *configv1.RegoBundle) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q", policy, spec.GetUrl()))
	return hex.EncodeToString(sum[:16]) + ".tar.gz"
}
