package config

import (
	"path/filepath"
	"slices"

	configv1 "outrider.dev/outrider/proto/outrider/config/v1"
)

// Loaded is what files said: sound by itself, not yet compiled.
type Loaded struct {
	Config   *configv1.Config // nil when only policies were read
	Policies []Policy         // in the order of the files and of the documents in them
	Tests    []Test           // that stand beside them
	Paths    []string         // of all files and folders that were named, there or not

	Injection *configv1.Injection // nil when none was read
}

// Policy is one AgentPolicy or ClusterAgentPolicy document and where it came from.
type Policy struct {
	Doc     *configv1.AgentPolicy
	File    string
	Version string              // of the content: equal documents have equal versions
	Lines   map[string]Position // by field path, such as spec.rules[2].when
	Rego    Rego                // of the files that regoModules names
	source  []string            // the lines of the file
}

// Position is the place of a field's value; for a block scalar, the first line
// of its text. A field that is not written gets the place of the nearest field
// around it, and false.
func (p *Policy) Position(path string) (Position, bool) {
	at, ok := lookup(p.Lines, path)
	if at.File == "" {
		at.File = p.File
	}
	return at, ok
}

// Load reads a Config file and the policies it names. The error is of type
// [Errors] and holds every problem that was found.
func Load(path string) (*Loaded, error) {
	loaded, err := Look(path)
	if err != nil {
		return nil, err
	}
	return loaded, nil
}

// Look is [Load] for a program that goes on looking at the files: with an error
// it still returns their Paths, and nothing else to be used.
func Look(path string) (*Loaded, error) {
	l := newLoader()
	l.config(path)
	_, err := l.result()
	return &l.loaded, err
}

// LoadSidecar reads the Config file of a sidecar, which holds no policy, route
// or provider key: sections of the decision service are refused.
func LoadSidecar(path string) (*configv1.Config, error) {
	l := newLoader()
	l.sidecar = true
	l.config(path)
	loaded, err := l.result()
	if err != nil {
		return nil, err
	}
	return loaded.Config, nil
}

// Files reads any mix of Config, AgentPolicy, PolicyTest and Injection documents from files
// and folders, and the policies that a Config among them names. At most one Config.
func Files(paths ...string) (*Loaded, error) {
	l := newLoader()
	for _, path := range paths {
		l.any(path)
	}
	return l.result()
}

// loader gathers documents over files.
type loader struct {
	sidecar  bool
	loaded   Loaded
	problems []*problems
	files    []string            // cleaned names of the files read so far
	names    map[string]Position // of policies
	configAt Position
}

func newLoader() *loader { return &loader{names: map[string]Position{}} }

// result is everything, or all problems.
func (l *loader) result() (*Loaded, error) {
	var errs Errors
	for _, p := range l.problems {
		errs = append(errs, p.sorted()...)
	}
	if len(errs) > 0 {
		return nil, errs
	}
	return &l.loaded, nil
}

// look notes a file or folder that was named.
func (l *loader) look(path string) {
	if path = filepath.Clean(path); !slices.Contains(l.loaded.Paths, path) {
		l.loaded.Paths = append(l.loaded.Paths, path)
	}
}

// once reports whether the file was not read before: naming a file and its
// folder is no duplicate.
func (l *loader) once(path string) bool {
	if slices.Contains(l.files, path) {
		return false
	}
	l.files = append(l.files, path)
	return true
}
