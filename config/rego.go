package config

import (
	"errors"
	"fmt"
	"hash"
	"os"
	"path/filepath"
	"strings"
	"time"

	configv1 "outrider.dev/outrider/proto/outrider/config/v1"
)

// Bounds of the files of one policy's Rego.
const (
	maxRegoFiles = 256
	maxRegoBytes = 8 << 20 // of all files together, and of a bundle
	maxKeyBytes  = 64 << 10
)

// Rego is what the files said that a policy's regoModules names. It is not
// compiled.
type Rego struct {
	Modules []File
	Data    []File
	Bundle  []byte // of regoModules.bundle.file
	Key     []byte // that the bundle must be signed with, PEM; nil: none, or a secret
}

// File is a file that a policy names.
type File struct {
	Name string // from the folder of the policy
	Raw  []byte
}

// addTo adds names and contents to a hash, each with its length.
func (r *Rego) addTo(sum hash.Hash) {
	for _, f := range append(r.Modules[:len(r.Modules):len(r.Modules)], r.Data...) {
		fmt.Fprintf(sum, "%q %d ", f.Name, len(f.Raw))
		_, _ = sum.Write(f.Raw)
	}
	for _, raw := range [][]byte{r.Bundle, r.Key} {
		fmt.Fprintf(sum, "%d ", len(raw))
		_, _ = sum.Write(raw)
	}
}

// rego reads what regoModules names. Paths are not resolved yet.
func (l *loader) rego(d *document, m *configv1.RegoModules) Rego {
	var out Rego
	total, seen := 0, map[string]bool{}
	for i, written := range m.GetFiles() {
		field := fmt.Sprintf("spec.regoModules.files[%d]", i)
		for _, name := range l.regoFiles(d, field, written) {
			if seen[name] {
				continue // its folder is named, too
			}
			seen[name] = true
			raw, ok := l.named(d, field, name, maxRegoBytes-total)
			if !ok {
				return out
			}
			total += len(raw)
			if filepath.Ext(name) == ".rego" {
				out.Modules = append(out.Modules, File{name, raw})
			} else {
				out.Data = append(out.Data, File{name, raw})
			}
		}
	}
	if n := len(out.Modules) + len(out.Data); n > maxRegoFiles {
		d.fail("spec.regoModules.files", fmt.Sprintf("spec.regoModules.files: brings %d files, more than %d", n, maxRegoFiles), "split the policy")
	}
	if b := m.GetBundle(); b.GetFile() != "" {
		out.Bundle, _ = l.named(d, "spec.regoModules.bundle.file", b.GetFile(), maxRegoBytes)
	}
	switch s := m.GetBundle().GetSignature(); {
	case s.GetPublicKey() != "":
		out.Key = []byte(s.GetPublicKey())
	case s.GetFile() != "":
		out.Key, _ = l.named(d, "spec.regoModules.bundle.signature.file", s.GetFile(), maxKeyBytes)
	}
	return out
}

// regoFiles lists what an entry of files stands for, each file once.
func (l *loader) regoFiles(d *document, field, written string) []string {
	path := inFolder(d.file, written)
	l.look(path)
	info, err := os.Stat(path)
	if err != nil {
		d.fail(field, fmt.Sprintf("%s: %s cannot be read: %s", field, quoted(written), cause(err)), "name a file, or a folder with *.rego and *.json files in it")
		return nil
	}
	if !info.IsDir() {
		if extension := filepath.Ext(written); extension != ".rego" && extension != ".json" {
			d.fail(field, fmt.Sprintf("%s: %s is neither a module nor data", field, quoted(written)), "name *.rego and *.json files, or a folder")
			return nil
		}
		return []string{filepath.Clean(written)}
	}
	names, err := filesOf(path, func(name string) bool {
		return strings.HasSuffix(name, ".rego") && !strings.HasSuffix(name, "_test.rego") || strings.HasSuffix(name, ".json")
	})
	switch {
	case err != nil:
		d.fail(field, fmt.Sprintf("%s: %s cannot be read: %s", field, quoted(written), cause(err)), "check the path and its permissions")
	case len(names) == 0:
		d.fail(field, fmt.Sprintf("%s: %s holds no *.rego or *.json file", field, quoted(written)), "put one there, or name another folder")
	}
	for i, name := range names {
		names[i] = filepath.Join(written, name)
	}
	return names
}

// named reads a file that the document names, up to a size.
func (l *loader) named(d *document, field, name string, most int) ([]byte, bool) {
	path := inFolder(d.file, name)
	l.look(path)
	raw, err := readBounded(path, most)
	if err == nil && len(raw) > most {
		err = errors.New("it is too large, by itself or with the files before it")
	}
	if err != nil {
		d.fail(field, fmt.Sprintf("%s: %s cannot be read: %s", field, quoted(name), cause(err)), "check the path, its permissions and its size")
		return nil, false
	}
	return raw, true
}

// checkRego refuses what cannot be meant.
func (d *document) checkRego(m *configv1.RegoModules) {
	const path = "spec.regoModules"
	if m == nil {
		return
	}
	if len(m.GetFiles()) == 0 && m.GetBundle() == nil {
		d.fail(path, path+" names neither files nor a bundle", "name one, or remove the key")
	}
	seen := map[string]string{}
	for i, name := range m.GetFiles() {
		d.unique(seen, fmt.Sprintf("%s.files[%d]", path, i), filepath.Clean(name))
	}
	if m.GetBundle() != nil {
		d.checkBundle(path+".bundle", m.GetBundle())
	}
}

func (d *document) checkBundle(path string, b *configv1.RegoBundle) {
	if b.GetUrl() != "" {
		d.checkURL(path+".url", b.GetUrl())
		d.checkDuration(path+".pollInterval", b.GetPollInterval(), 5*time.Second, 24*time.Hour)
	}
	for _, field := range []string{".pollInterval", ".bearer"} {
		if b.GetFile() != "" && d.has(path+field) {
			d.fail(path+field, path+field+" is for bundles of a server", "remove it, or give url instead of file")
		}
	}
	d.checkVariable(path+".bearer.env", b.GetBearer().GetEnv())
	s := b.GetSignature()
	if s == nil {
		return
	}
	d.checkVariable(path+".signature.secret.env", s.GetSecret().GetEnv())
	shared := strings.HasPrefix(s.GetAlgorithm(), "HS")
	switch at := path + ".signature.algorithm"; {
	case shared && s.GetSecret() == nil && d.sound(path+".signature"):
		d.fail(at, fmt.Sprintf("%s: %s signs with a shared secret", at, s.GetAlgorithm()), "give secret, or another algorithm")
	case !shared && s.GetSecret() != nil && d.sound(path+".signature"):
		d.fail(at, fmt.Sprintf("%s: %s signs with a private key, not with a secret", at, s.GetAlgorithm()), "give publicKey or file, or one of HS256, HS384 and HS512")
	}
}
