package rego

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

const page = "../../docs/rego.md"

// TestThePage: the modules and the data of the page compile together, and what
// it says does not exist is refused.
func TestThePage(t *testing.T) {
	raw, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	var src Sources
	blocks := strings.Split(string(raw), "```")
	for i := 1; i < len(blocks); i += 2 {
		language, text, _ := strings.Cut(blocks[i], "\n")
		switch file := (File{Name: fmt.Sprintf("block%d", i), Text: text}); language {
		case "rego":
			src.Files = append(src.Files, file)
		case "json":
			src.Data = append(src.Data, file)
		}
	}
	if m, err := Compile(src, nil); err != nil || !m.HasAllow() || !m.HasDeny() || !m.HasVisible() {
		t.Errorf("%d modules, %d data files: %v", len(src.Files), len(src.Data), err)
	}
	for _, name := range []string{"http.send({})", `net.lookup_ip_addr("")`, "opa.runtime()", "time.now_ns()", `rand.intn("", 2)`, `uuid.rfc4122("")`} {
		function, _, _ := strings.Cut(name, "(")
		_, err := Compile(Sources{Inline: head + "allow if " + name}, nil)
		if err == nil || !strings.Contains(err.Error(), function+" is not available") || !strings.Contains(string(raw), "`"+function+"`") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
