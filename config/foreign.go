package config

import (
	"github.com/goccy/go-yaml/ast"
	"google.golang.org/protobuf/types/known/structpb"
)

// Foreign is a document of another program, whose schema is not known here.
// Whoever knows it reads Root and reports what is wrong by the path of a value,
// such as static_resources.listeners[0].name.
type Foreign struct {
	Root *structpb.Struct
	doc  *document
}

// LoadForeign reads the one document of a file, as strictly as this program's
// own: nothing twice, no aliases, nothing that another parser might read in
// another way. The error is of type [Errors].
func LoadForeign(path string) (*Foreign, error) {
	l := newLoader()
	documents := l.documents(path)
	if len(documents) > 0 {
		d := documents[0]
		f := &Foreign{doc: d}
		root, ok := d.root.(*ast.MappingNode)
		switch {
		case len(documents) > 1:
			d.add(d.at(documents[1].root), "", "is a second document where one is expected", "keep one in the file")
		case !ok:
			d.wrongType(d.root, "", "a mapping")
		default:
			if f.Root, ok = d.freeMapping(root, ""); ok {
				return f, nil
			}
		}
	}
	_, err := l.result()
	return nil, err
}

// Fail reports a problem of the value at path, or of the nearest around it.
func (f *Foreign) Fail(path, problem, fix string) { f.doc.fail(path, problem, fix) }

// Err is everything that was reported, of type [Errors], nil where nothing was.
func (f *Foreign) Err() error {
	if len(f.doc.list) == 0 {
		return nil
	}
	return f.doc.sorted()
}
