package config

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"

	"github.com/goccy/go-yaml/ast"
	"google.golang.org/protobuf/proto"

	configv1 "outrider.dev/outrider/proto/outrider/config/v1"
	"outrider.dev/outrider/suggest"
)

const (
	kindConfig  = "Config"
	kindPolicy  = "AgentPolicy"
	kindCluster = "ClusterAgentPolicy" // stands wherever an AgentPolicy may
	kindTest    = "PolicyTest"
	kindInject  = "Injection"
)

func knownKind(kind string) bool {
	return slices.Contains([]string{kindConfig, kindPolicy, kindCluster, kindTest, kindInject}, kind)
}

// read reads one document of the kinds that may stand here.
func (l *loader) read(d *document, kinds ...string) {
	d.lines[""] = d.at(d.root)
	kind, at := d.kind()
	expected := slices.Contains(kinds, kind) || kind == kindCluster && slices.Contains(kinds, kindPolicy)
	if known := knownKind(kind); known && !expected {
		d.add(at, "kind", fmt.Sprintf("kind: %s stands where %s is expected", kind, or(kinds)), "name the other file")
		return
	} else if !known {
		kind = d.guess(kind, kinds)
	}
	switch kind {
	case kindConfig:
		l.readConfig(d)
	case kindTest:
		l.readTest(d)
	case kindInject:
		l.readInjection(d)
	default:
		l.readPolicy(d)
	}
}

// kind peeks at the document's kind; empty when there is none to read.
func (d *document) kind() (string, Position) {
	mapping, ok := d.root.(*ast.MappingNode)
	if !ok {
		return "", Position{}
	}
	for _, entry := range mapping.Values {
		if value, ok := entry.Value.(*ast.StringNode); ok && entry.Key.GetToken().Value == "kind" {
			return value.Value, d.at(value)
		}
	}
	return "", Position{}
}

// guess picks the schema by which a document without a known kind is read, so
// that the report says what is wrong with it, its kind included.
func (d *document) guess(kind string, kinds []string) string {
	if near := suggest.Nearest(kind, kinds); near != "" {
		return near
	}
	if mapping, ok := d.root.(*ast.MappingNode); ok && len(kinds) > 1 {
		for _, entry := range mapping.Values {
			if key := entry.Key.GetToken().Value; key == "spec" || key == "metadata" {
				return kindPolicy
			}
		}
	}
	return kinds[0]
}

func (l *loader) readConfig(d *document) {
	c := &configv1.Config{}
	d.message(c.ProtoReflect(), d.root, "")
	d.checkConfig(c)
	if l.sidecar {
		d.checkSidecar(c)
	}
	if l.loaded.Config != nil {
		d.add(d.lines[""], "", "is a second Config; the first is at "+l.configAt.String(), "check one at a time")
		return
	}
	l.loaded.Config, l.configAt = c, d.lines[""]
	if !l.sidecar {
		l.policies(d, c.GetPolicies())
	}
	resolveConfig(c, d.file)
}

func (l *loader) readPolicy(d *document) {
	p := &configv1.AgentPolicy{}
	d.message(p.ProtoReflect(), d.root, "")
	d.checkPolicy(p)
	if name := p.GetMetadata().GetName(); name != "" {
		if first, twice := l.names[name]; twice {
			d.fail("metadata.name", fmt.Sprintf("metadata.name: a policy %s stands at %s already", quoted(name), first), "give it another name")
		} else {
			l.names[name], _ = d.where("metadata.name")
		}
	}
	rego := l.rego(d, p.GetSpec().GetRegoModules())
	v := version(p, &rego)
	resolvePolicy(p, d.file)
	l.loaded.Policies = append(l.loaded.Policies, Policy{Doc: p, File: d.file, Version: v, Lines: d.lines, Rego: rego, source: d.source})
}

// version names the content, before paths are resolved: the same policy has
// the same version on every machine.
func version(p *configv1.AgentPolicy, rego *Rego) string {
	const shown = 12
	raw, err := proto.MarshalOptions{Deterministic: true}.Marshal(p)
	if err != nil { // only invalid UTF-8 could, and that is refused before
		return ""
	}
	sum := sha256.New()
	_, _ = sum.Write(raw)
	if p.GetSpec().GetRegoModules() != nil {
		rego.addTo(sum)
	}
	return hex.EncodeToString(sum.Sum(nil))[:shown]
}
