package policytest

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Poll is how often [Watch] looks at the files. A change counts once two looks
// in a row see the same, so that an editor has finished writing.
const Poll = 250 * time.Millisecond

// Watch calls run at once, and again whenever a policy, a test or a file of Rego changes at or below
// one of the paths that the last call returned. It returns when ctx ends.
func Watch(ctx context.Context, run func() (paths []string)) {
	paths := run()
	ran := stamp(paths)
	tick := time.NewTicker(Poll)
	defer tick.Stop()
	before := ran
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now := stamp(paths)
		if now != ran && now == before {
			before := paths
			if paths = run(); !slices.Equal(paths, before) {
				now = stamp(paths)
			}
			ran = now // as it was before the run, so that a change during it counts
		}
		before = now
	}
}

// Watched lists what the suite is made of.
func (s *Suite) Watched() []string {
	return append([]string{s.test.File}, s.paths...)
}

// stamp is different whenever one of the files was written.
func stamp(paths []string) string {
	var b strings.Builder
	for _, path := range paths {
		_ = filepath.WalkDir(path, func(name string, entry fs.DirEntry, err error) error {
			switch extension := filepath.Ext(name); {
			case err != nil:
				fmt.Fprintln(&b, name, "is away")
				return nil
			case entry.IsDir() && name != path && strings.HasPrefix(entry.Name(), "."):
				return fs.SkipDir
			case entry.IsDir() || name != path && strings.HasPrefix(entry.Name(), "."):
				return nil
			case name != path && !slices.Contains([]string{".yaml", ".yml", ".rego", ".json"}, extension):
				return nil
			}
			if info, err := os.Stat(name); err == nil {
				fmt.Fprintln(&b, name, info.Size(), info.ModTime().UnixNano())
			}
			return nil
		})
	}
	return b.String()
}
