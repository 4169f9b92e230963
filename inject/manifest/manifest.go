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

	"go.yaml.in/yaml/v3"

	"outrider.dev/outrider/inject"
)

// MaxBytes bounds a manifest.
const MaxBytes = 32 << 20

// Inject returns the manifest with the sidecar in every pod, and what became of
// each. Documents in which nothing is added stay byte for byte.
func Inject(raw []byte, i *inject.Injector) ([]byte, []inject.Report, error) {
	if len(raw) > MaxBytes {
		return nil, nil, fmt.Errorf("it has more than %d bytes: split it", MaxBytes)
	}
	lines := bytes.Count(raw, []byte("\n"))
	if lines == 0 || bytes.Count(raw, []byte("\r\n")) < lines {
		return injectLines(raw, i)
	}
	// The reader loses comments before such line ends, which mean the same as others.
	out, reports, err := injectLines(bytes.ReplaceAll(raw, []byte("\r\n"), []byte("\n")), i)
	return bytes.ReplaceAll(out, []byte("\n"), []byte("\r\n")), reports, err
}

func injectLines(raw []byte, i *inject.Injector) ([]byte, []inject.Report, error) {
	isJSON := json.Valid(raw)
	documents, err := read(raw, isJSON)
	if err != nil {
		return nil, nil, err
	}
	var reports []inject.Report
	ops := make([][]inject.Op, len(documents))
	changed := false
	for n, doc := range documents {
		var told []inject.Report
		if ops[n], told, err = injectDocument(doc, i); err != nil {
			return nil, nil, fmt.Errorf("document %d: %w", n+1, err)
		}
		reports = append(reports, told...)
		changed = changed || len(ops[n]) > 0
	}
	if !changed {
		return raw, reports, nil // byte for byte, where there is nothing to do
	}
	out, err := write(raw, isJSON, documents, ops)
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

// injectDocument says what is to be added to a document, and changes nothing of what it means.
func injectDocument(doc *yaml.Node, i *inject.Injector) ([]inject.Op, []inject.Report, error) {
	if len(doc.Content) == 0 {
		return nil, nil, nil
	}
	if err := expand(doc); err != nil {
		return nil, nil, err
	}
	tree, err := value(doc.Content[0], 0)
	if err != nil {
		return nil, nil, err
	}
	obj, ok := tree.(map[string]any)
	if !ok {
		return nil, nil, nil
	}
	ops, reports := i.Object(obj)
	return ops, reports, nil
}
