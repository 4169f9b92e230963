package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"google.golang.org/protobuf/reflect/protoreflect"

	"outrider.dev/outrider/suggest"
)

// given remembers which fields of one message are written, or were meant by a
// misspelt key: the latter are not reported as missing on top.
type given map[protoreflect.FieldNumber]writtenKey

type writtenKey struct {
	key     string
	misread bool // the key is not this one, only near
}

// message reads the mapping n into m, which stands at path.
func (d *document) message(m protoreflect.Message, n ast.Node, path string) {
	mapping, ok := n.(*ast.MappingNode)
	if !ok {
		d.wrongType(n, path, "a mapping")
		return
	}
	fields := given{}
	for _, entry := range mapping.Values {
		d.entry(m, entry, path, fields)
	}
	d.checkGroups(m.Descriptor(), mapping, path, fields)
	d.fillAbsent(m, mapping, path, fields)
}

// entry reads one key and its value.
func (d *document) entry(m protoreflect.Message, entry *ast.MappingValueNode, path string, fields given) {
	key := entry.Key.GetToken().Value
	at := d.position(entry.Key.GetToken())
	fd := fieldByKey(m.Descriptor(), key)
	if fd == nil {
		d.unknownKey(m.Descriptor(), key, at, path, fields)
		return
	}
	fieldPath := join(path, fd.JSONName())
	if earlier, twice := fields[fd.Number()]; twice && !earlier.misread {
		problem := fmt.Sprintf("%s is given twice %s", key, place(path))
		if earlier.key != key {
			problem = fmt.Sprintf("%s and %s are two spellings of one key %s", earlier.key, key, place(path))
		}
		d.add(at, fieldPath, problem, "keep one")
		return
	}
	fields[fd.Number()] = writtenKey{key: key}
	d.lines[fieldPath] = at
	if reason := rulesOf(fd).GetUnenforced(); reason != "" {
		why, fix, _ := strings.Cut(reason, "; ")
		d.add(at, fieldPath, fmt.Sprintf("%s is refused: %s", fieldPath, why), fix)
		return
	}
	d.field(m, fd, entry.Value, fieldPath)
}

func (d *document) unknownKey(md protoreflect.MessageDescriptor, key string, at Position, path string, fields given) {
	if d.full() {
		return // looking for what was meant takes its time
	}
	problem := fmt.Sprintf("unknown key %s %s", quoted(key), place(path))
	keys := keysOf(md)
	meant := suggest.Nearest(key, keys)
	if meant == "" {
		d.add(at, path, problem, "valid keys: "+strings.Join(keys, ", "))
		return
	}
	d.add(at, path, problem, fmt.Sprintf("did you mean %q?", meant))
	fd := md.Fields().ByJSONName(meant)
	if _, ok := fields[fd.Number()]; !ok {
		fields[fd.Number()] = writtenKey{key: key, misread: true}
	}
}

// field reads a value, whatever its cardinality.
func (d *document) field(m protoreflect.Message, fd protoreflect.FieldDescriptor, n ast.Node, path string) {
	if _, ok := n.(*ast.NullNode); ok {
		d.fail(path, path+" is empty", "give a value or remove the key")
		return
	}
	d.lines[path] = d.at(n)
	switch {
	case fd.IsMap():
		d.mapField(m.Mutable(fd).Map(), fd, n, path)
	case fd.IsList():
		d.listField(m.Mutable(fd).List(), fd, n, path)
	case isMessage(fd):
		d.message(m.Mutable(fd).Message(), n, path)
	default:
		if v, ok := d.scalar(fd, n, path); ok {
			m.Set(fd, v)
		}
	}
}

// listField refuses an empty list: of names or models it would mean all of
// them, which is the opposite of what it looks like.
func (d *document) listField(list protoreflect.List, fd protoreflect.FieldDescriptor, n ast.Node, path string) {
	sequence, ok := n.(*ast.SequenceNode)
	if !ok && rulesOf(fd).GetSingle() {
		if v, ok := d.scalar(fd, n, path); ok {
			list.Append(v)
		}
		return
	}
	if !ok {
		d.wrongType(n, path, "a list")
		return
	}
	if len(sequence.Values) == 0 {
		d.fail(path, path+" is an empty list", "give it an entry or remove the key")
	}
	for i, item := range sequence.Values {
		itemPath := fmt.Sprintf("%s[%d]", path, i)
		d.lines[itemPath] = d.at(item)
		if isMessage(fd) {
			d.message(list.AppendMutable().Message(), item, itemPath)
		} else if v, ok := d.scalar(fd, item, itemPath); ok {
			list.Append(v)
		}
	}
}

// mapField reads what stands under names: texts or messages.
func (d *document) mapField(m protoreflect.Map, fd protoreflect.FieldDescriptor, n ast.Node, path string) {
	mapping, ok := n.(*ast.MappingNode)
	if !ok {
		d.wrongType(n, path, "a mapping")
		return
	}
	for _, entry := range mapping.Values {
		key, ok := entry.Key.(*ast.StringNode)
		itemPath := fmt.Sprintf("%s[%q]", path, entry.Key.GetToken().Value)
		at := d.position(entry.Key.GetToken())
		switch {
		case !ok || key.Value == "":
			d.add(at, path, fmt.Sprintf("a key of %s is not a string", path), "put it in quotes")
			continue
		case d.has(itemPath):
			d.add(at, itemPath, fmt.Sprintf("%s is given twice %s", quoted(key.Value), place(path)), "keep one")
			continue
		}
		d.lines[itemPath] = at
		name := protoreflect.ValueOfString(key.Value).MapKey()
		if fd.MapValue().Message() != nil {
			d.message(m.Mutable(name).Message(), entry.Value, itemPath)
		} else if v, ok := d.text(entry.Value, itemPath); ok {
			m.Set(name, protoreflect.ValueOfString(v))
		}
	}
}

// checkGroups holds each group of alternatives to exactly one.
func (d *document) checkGroups(md protoreflect.MessageDescriptor, n ast.Node, path string, fields given) {
	var order []string
	may, is := map[string][]string{}, map[string][]string{}
	for fd := range all(md) {
		group := rulesOf(fd).GetOneOf()
		if group == "" {
			continue
		}
		if !slices.Contains(order, group) {
			order = append(order, group)
		}
		may[group] = append(may[group], fd.JSONName())
		if _, ok := fields[fd.Number()]; ok {
			is[group] = append(is[group], fd.JSONName())
		}
	}
	for _, group := range order {
		switch len(is[group]) {
		case 0:
			d.add(d.at(n), path, fmt.Sprintf("none of %s is given %s", or(may[group]), place(path)), "give exactly one")
		case 1:
		default:
			problem := fmt.Sprintf("%s are given together %s", strings.Join(is[group], " and "), place(path))
			d.add(d.at(n), path, problem, "give exactly one of "+or(may[group]))
		}
	}
}

// fillAbsent reports required fields that are missing and sets defaults.
func (d *document) fillAbsent(m protoreflect.Message, n ast.Node, path string, fields given) {
	for fd := range all(m.Descriptor()) {
		if _, ok := fields[fd.Number()]; ok {
			continue
		}
		rules := rulesOf(fd)
		switch {
		case rules.GetRequired():
			hint := "add " + fd.JSONName()
			if len(rules.GetValues()) > 0 {
				hint += ": " + or(rules.GetValues())
			}
			d.add(d.at(n), path, fmt.Sprintf("%s is missing %s", fd.JSONName(), place(path)), hint)
		case rules.GetDefault() != "":
			setDefault(m, fd)
		case standsAbsent(fd):
			setDefaults(m.Mutable(fd).Message())
		}
	}
}
