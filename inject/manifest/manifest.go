// Package manifest injects into manifests as people keep them: YAML or JSON,
// one document or many, with comments, order and all fields kept as they are
// written. It reads nothing from a cluster; `outrider inject` imports it.
package manifest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

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
	isJSON := json.Valid(raw)
	documents, err := read(raw, isJSON)
	if err != nil {
		return nil, nil, err
	}
	wide := slices.ContainsFunc(documents, func(d *yaml.Node) bool { return indented(d, 0) })
	var reports []inject.Report
	changed := false
	for n, doc := range documents {
		ops, told, err := injectDocument(doc, i)
		if err != nil {
			return nil, nil, fmt.Errorf("document %d: %w", n+1, err)
		}
		reports = append(reports, told...)
		changed = changed || len(ops) > 0
	}
	if !changed {
		return raw, reports, nil // byte for byte, where there is nothing to do
	}
	if isJSON {
		return writeJSON(documents[0]), reports, nil
	}
	out, err := write(documents, wide)
	return out, reports, err
}

func read(raw []byte, isJSON bool) ([]*yaml.Node, error) {
	if isJSON {
		doc, err := readJSON(raw)
		return []*yaml.Node{doc}, err
	}
	var documents []*yaml.Node
	dec := yaml.NewDecoder(bytes.NewReader(raw))
	for {
		doc := &yaml.Node{}
		err := dec.Decode(doc)
		if errors.Is(err, io.EOF) {
			return documents, nil
		}
		if err != nil {
			return nil, fmt.Errorf("document %d cannot be read: %w", len(documents)+1, err)
		}
		documents = append(documents, doc)
	}
}

// write writes the documents, with lists to the right of their keys or below them.
func write(documents []*yaml.Node, wide bool) ([]byte, error) {
	var out bytes.Buffer
	enc := yaml.NewEncoder(&out)
	enc.SetIndent(2)
	if !wide {
		enc.CompactSeqIndent()
	}
	for n, doc := range documents {
		if err := enc.Encode(doc); err != nil {
			return nil, fmt.Errorf("document %d cannot be written: %w", n+1, err)
		}
	}
	if err := enc.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// indented reports whether lists stand to the right of their keys.
func indented(n *yaml.Node, depth int) bool {
	if depth > maxDepth || n.Kind == yaml.AliasNode {
		return false
	}
	if n.Kind == yaml.MappingNode {
		for i := 0; i+1 < len(n.Content); i += 2 {
			key, value := n.Content[i], n.Content[i+1]
			if value.Kind != yaml.SequenceNode || value.Style&yaml.FlowStyle != 0 || len(value.Content) == 0 {
				continue
			}
			const dash = 2 // before an entry; that of the list itself may be its anchor's place
			if value.Content[0].Column-dash > key.Column {
				return true
			}
		}
	}
	return slices.ContainsFunc(n.Content, func(c *yaml.Node) bool { return indented(c, depth+1) })
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
