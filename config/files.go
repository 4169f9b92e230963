package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// maxFiles bounds the files of one load.
const maxFiles = 1024

// config reads the one Config document of a file, and the policies it names.
func (l *loader) config(path string) {
	l.look(path)
	documents := l.documents(path)
	if alone(documents) {
		for _, d := range documents {
			l.read(d, kindConfig)
		}
	}
}

// alone reports whether a Config has its file for itself, and adds a problem
// where it has not.
func alone(documents []*document) bool {
	if len(documents) < 2 {
		return true
	}
	d := documents[1]
	d.add(d.at(d.root), "", "is a second document where one is expected", "keep the Config alone in its file, and name policies under policies")
	return false
}

// any reads the documents of files or folders, of any kind.
func (l *loader) any(path string) {
	l.each(path, func(problem, fix string) {
		p := l.open(path)
		p.add(Position{File: path}, "", problem, fix)
	}, func(file string) {
		documents, before := l.documents(file), l.loaded.Config
		for _, d := range documents {
			l.read(d, kindConfig, kindPolicy, kindTest, kindInject)
		}
		if l.loaded.Config != before && len(documents[0].list) == 0 {
			alone(documents) // as a start demands
		}
	})
}

// policies reads the files and folders that a Config names.
func (l *loader) policies(d *document, paths []string) {
	for i, path := range paths {
		field := fmt.Sprintf("policies[%d]", i)
		l.each(inFolder(d.file, path), func(problem, fix string) {
			d.fail(field, fmt.Sprintf("%s: %s %s", field, quoted(path), problem), fix)
		}, func(file string) {
			for _, one := range l.documents(file) {
				l.read(one, kindPolicy, kindTest)
			}
		})
	}
}

// each calls read for the file at path or, where it is a folder, for every
// *.yaml and *.yml in it, sorted, without hidden ones.
func (l *loader) each(path string, fail func(problem, fix string), read func(file string)) {
	l.look(path)
	info, err := os.Stat(path)
	if err != nil {
		fail("cannot be read: "+cause(err), "name a file, or a folder for all *.yaml files in it")
		return
	}
	files := []string{path}
	if info.IsDir() {
		if files, err = yamlFiles(path); err != nil {
			fail("cannot be read: "+cause(err), "check the path and its permissions")
			return
		}
		if len(files) == 0 {
			fail("holds no *.yaml or *.yml file", "put one there, or name another folder")
		}
	}
	for _, file := range files {
		if file = filepath.Clean(file); !l.once(file) {
			continue
		}
		if len(l.files) > maxFiles {
			fail(fmt.Sprintf("brings more than %d files", maxFiles), "put several documents into one file")
			return
		}
		read(file)
	}
}

// yamlFiles lists the documents of a folder.
func yamlFiles(folder string) ([]string, error) {
	names, err := filesOf(folder, func(name string) bool {
		extension := filepath.Ext(name)
		return extension == ".yaml" || extension == ".yml"
	})
	for i, name := range names {
		names[i] = filepath.Join(folder, name)
	}
	return names, err
}

// filesOf lists the names in a folder that are wanted, which os.ReadDir sorts.
// Hidden files are left out: editors and mounted volumes keep their own there.
func filesOf(folder string, wanted func(name string) bool) ([]string, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if !e.IsDir() && !strings.HasPrefix(e.Name(), ".") && wanted(e.Name()) {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// open begins the list of problems of one file.
func (l *loader) open(path string) *problems {
	p := &problems{file: path}
	l.problems = append(l.problems, p)
	return p
}

// documents parses a file; on a problem it returns none.
func (l *loader) documents(path string) []*document {
	p := l.open(path)
	l.once(filepath.Clean(path))
	src, ok := p.readSource()
	if !ok {
		return nil
	}
	return p.documents(src)
}

func (p *problems) documents(src string) []*document {
	lines := strings.Split(src, "\n")
	var out []*document
	for _, root := range p.parse(src) {
		out = append(out, &document{problems: p, root: root, source: lines, lines: map[string]Position{}})
	}
	return out
}

// inFolder resolves a relative path against the folder of the document.
func inFolder(document, path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(filepath.Dir(document), path)
}
