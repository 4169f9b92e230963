package config

import (
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// setDefault reads the schema's default as if it were written in the file. A
// test proves that every default of the schema can be read.
func setDefault(m protoreflect.Message, fd protoreflect.FieldDescriptor) bool {
	file, err := parser.Parse(lexer.Tokenize(rulesOf(fd).GetDefault()), 0)
	if err != nil || len(file.Docs) != 1 {
		return false
	}
	d := document{problems: &problems{}, lines: map[string]Position{}}
	d.field(m, fd, file.Docs[0].Body, fd.JSONName())
	return len(d.list) == 0
}

// setDefaults fills a message that is absent as a whole.
func setDefaults(m protoreflect.Message) {
	for fd := range all(m.Descriptor()) {
		if rulesOf(fd).GetDefault() != "" {
			setDefault(m, fd)
		}
	}
}
