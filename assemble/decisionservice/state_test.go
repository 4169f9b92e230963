package decisionservice

import (
	"path/filepath"
	"strings"
	"testing"

	"outrider.dev/outrider/config"
	"outrider.dev/outrider/telemetry"
)

// TestStateNeedsAFolderOfOnesOwn: without a home folder records and keys would
// lie where every user of the machine may plant theirs.
func TestStateNeedsAFolderOfOnesOwn(t *testing.T) {
	t.Setenv("HOME", "")
	t.Setenv("XDG_CACHE_HOME", "")
	for pdp, want := range map[string]string{"": "pdp.state is missing", "pdp: {state: state}\n": ""} {
		r := &reloading{dir: t.TempDir()}
		text := strings.NewReplacer("pdp: {state: state}\n", pdp, "[policies]", "[models.yaml]").Replace(reloadConfig)
		r.write(t, "outrider.yaml", text)
		r.write(t, "models.yaml", reloadPolicy("a-*"))
		loaded, err := config.Load(filepath.Join(r.dir, "outrider.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		tel, err := telemetry.New(telemetry.Options{Service: "test"})
		if err != nil {
			t.Fatal(err)
		}
		defer tel.Close(t.Context())
		_, err = New(loaded, Options{Telemetry: tel})
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("with %q: %v", pdp, err)
		}
	}
}
