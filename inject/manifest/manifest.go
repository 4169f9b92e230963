// Package manifest injects into manifests as people keep them: YAML or JSON,
// one document or many, with comments, order and all fields kept as they are
// written. It reads nothing from a cluster; `outrider inject` imports it.
package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"go.yaml.in/yaml/v3"

	"outrider.dev/outrider/inject"
)

// MaxBytes bounds a manifest.
const MaxBytes = 32 << 20

// Inject returns the manifest with the sidecar in every pod, and what became of
// each. Documents that hold no pod stay as they are.
func Inject(raw []byte, i *inject.Injector) ([]byte, []inject.Report, error) {
	if len(raw) > MaxBytes {
		return nil, nil, fmt.Errorf("it has more than %d bytes: split it", MaxBytes)
	}
	var out bytes.Buffer
	enc := newEncoder(&out)
	var reports []inject.Report
	dec := yaml.NewDecoder(bytes.NewReader(raw))
	documents, changed := 0, false
	for {
		var doc yaml.Node
		err := dec.Decode(&doc)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, nil, fmt.Errorf("document %d cannot be read: %w", documents+1, err)
		}
		documents++
		ops, told, err := injectDocument(&doc, i)
		if err != nil {
			return nil, nil, fmt.Errorf("document %d: %w", documents, err)
		}
		reports = append(reports, told...)
		changed = changed || len(ops) > 0
		if err := enc.Encode(&doc); err != nil {
			return nil, nil, fmt.Errorf("document %d cannot be written: %w", documents, err)
		}
	}
	if err := enc.Close(); err != nil {
		return nil, nil, err
	}
	if !changed {
		return raw, reports, nil // byte for byte, where there is nothing to do
	}
	return out.Bytes(), reports, nil
}

func newEncoder(w io.Writer) *yaml.Encoder {
	enc := yaml.NewEncoder(w)
	enc.SetIndent(2)
	enc.CompactSeqIndent()
	return enc
}

func injectDocument(doc *yaml.Node, i *inject.Injector) ([]inject.Op, []inject.Report, error) {
	if len(doc.Content) == 0 {
		return nil, nil, nil
	}
	if err := expand(doc); err != nil {
		return nil, nil, err
	}
	root := doc.Content[0]
	tree, err := value(root, 0)
	if err != nil {
		return nil, nil, err
	}
	obj, ok := tree.(map[string]any)
	if !ok {
		return nil, nil, nil
	}
	ops, reports := i.Object(obj)
	for _, op := range ops {
		if err := apply(root, op); err != nil {
			return nil, nil, fmt.Errorf("%s: %w", op.Path, err)
		}
	}
	return ops, reports, nil
}
