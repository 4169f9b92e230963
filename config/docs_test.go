package config

import (
	"os"
	"regexp"
	"testing"
)

// TestPagesLoad: the configurations of the pages about listeners load as they
// stand there.
func TestPagesLoad(t *testing.T) {
	blocks := regexp.MustCompile("(?s)```yaml\n(.*?)```")
	for page, n := range map[string]int{"../docs/transport.md": 2, "../docs/gateway.md": 2} {
		raw, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		found := blocks.FindAllStringSubmatch(string(raw), -1)
		if len(found) != n {
			t.Errorf("%s has %d blocks, want %d", page, len(found), n)
		}
		for _, block := range found {
			text := "apiVersion: outrider.dev/v1\nkind: Config\n" + block[1]
			if _, err := Text(page, text); err != nil {
				t.Errorf("%s: %v\n%s", page, err, block[1])
			}
		}
	}
}
