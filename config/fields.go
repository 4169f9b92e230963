package config

import (
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	configv1 "outrider.dev/outrider/proto/outrider/config/v1"
)

// rulesOf returns the field rules of the schema; nil has no rules.
func rulesOf(fd protoreflect.FieldDescriptor) *configv1.FieldRules {
	rules, _ := proto.GetExtension(fd.Options(), configv1.E_FieldRules).(*configv1.FieldRules)
	return rules
}

// fieldByKey finds the field that is written as key: its JSON name or alias.
func fieldByKey(md protoreflect.MessageDescriptor, key string) protoreflect.FieldDescriptor {
	for fd := range all(md) {
		if fd.JSONName() == key || rulesOf(fd).GetAlias() == key && key != "" {
			return fd
		}
	}
	return nil
}

// keysOf lists the canonical keys of a message, in the order of the schema.
func keysOf(md protoreflect.MessageDescriptor) []string {
	var keys []string
	for fd := range all(md) {
		keys = append(keys, fd.JSONName())
	}
	return keys
}

func all(md protoreflect.MessageDescriptor) func(func(protoreflect.FieldDescriptor) bool) {
	return func(yield func(protoreflect.FieldDescriptor) bool) {
		for i := range md.Fields().Len() {
			if !yield(md.Fields().Get(i)) {
				return
			}
		}
	}
}

// isMessage reports whether the field holds messages that are mappings in
// YAML whose keys the schema knows; a duration is a scalar there.
func isMessage(fd protoreflect.FieldDescriptor) bool {
	return fd.Message() != nil && !fd.IsMap() && !isDuration(fd) && !isFree(fd)
}

func isDuration(fd protoreflect.FieldDescriptor) bool {
	return fd.Message() != nil && fd.Message().FullName() == "google.protobuf.Duration"
}

// standsAbsent reports whether an absent message means the same as an empty
// one: it has defaults and asks for nothing.
func standsAbsent(fd protoreflect.FieldDescriptor) bool {
	if !isMessage(fd) || fd.IsList() || rulesOf(fd).GetUnenforced() != "" || rulesOf(fd).GetOneOf() != "" {
		return false
	}
	defaults := false
	for child := range all(fd.Message()) {
		r := rulesOf(child)
		if r.GetRequired() || r.GetOneOf() != "" {
			return false
		}
		defaults = defaults || r.GetDefault() != ""
	}
	return defaults
}
