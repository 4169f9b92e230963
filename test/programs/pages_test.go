package programs

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestPages runs what the pages show: each curl command gets the answer that
// stands below it. Members that a page leaves out are not compared, and … in a
// text stands for anything.
func TestPages(t *testing.T) {
	for page, least := range map[string]int{"programs.md": 6, "authzen.md": 4} {
		t.Run(page, func(t *testing.T) {
			text, err := os.ReadFile(filepath.Join("..", "..", "docs", page))
			if err != nil {
				t.Fatal(err)
			}
			blocks := regexp.MustCompile("(?s)```(\\w*)\n(.*?)```").FindAllStringSubmatch(string(text), -1)
			var documents string
			for _, b := range blocks {
				if b[1] == "yaml" {
					documents += "---\n" + b[2]
				}
			}
			s, ran := start(t, documents), 0
			for i, b := range blocks {
				if b[1] != "sh" || !strings.HasPrefix(b[2], "curl ") {
					continue
				}
				if i+1 == len(blocks) || blocks[i+1][1] != "json" {
					t.Errorf("no answer stands below %s", b[2])
					continue
				}
				ran++
				s.run(t, b[2], blocks[i+1][2])
			}
			if ran < least {
				t.Errorf("%d commands ran, want %d", ran, least)
			}
		})
	}
}

// run sends what a curl command sends.
func (s *service) run(t *testing.T, command, want string) {
	t.Helper()
	var url, body string
	var headers []string
	words := wordsOf(command)
	for i := 1; i < len(words); i++ {
		switch word := words[i]; word {
		case "-s":
		case "-H":
			i++
			name, value, _ := strings.Cut(words[i], ": ")
			headers = append(headers, name, value)
		case "-d":
			i++
			body = words[i]
		default:
			url = word
		}
	}
	path, ok := strings.CutPrefix(url, "http://127.0.0.1:9192")
	if !ok {
		t.Fatalf("not an address of the decision service: %s", url)
	}
	a := s.ask(t, "POST", path, body, headers...)
	var expected, got any
	if err := json.Unmarshal([]byte(want), &expected); err != nil {
		t.Fatalf("%v in %s", err, want)
	}
	if err := json.Unmarshal([]byte(a.text), &got); err != nil {
		t.Fatalf("%v in %s", err, a.text)
	}
	if at := differs(expected, got, ""); at != "" {
		t.Errorf("%s\nanswers %s\nwhich differs at %s", command, a.text, at)
	}
}

// wordsOf splits a command as a shell does, for single quotes alone.
func wordsOf(command string) (words []string) {
	for i, part := range strings.Split(command, "'") {
		if i%2 == 1 {
			words = append(words, part)
		} else {
			words = append(words, strings.Fields(part)...)
		}
	}
	return words
}

// differs returns where got is not what is wanted, empty where it is.
func differs(want, got any, at string) string {
	switch want := want.(type) {
	case map[string]any:
		have, ok := got.(map[string]any)
		if !ok {
			return at
		}
		for name, value := range want {
			if where := differs(value, have[name], at+"/"+name); where != "" {
				return where
			}
		}
	case []any:
		have, ok := got.([]any)
		if !ok || len(have) != len(want) {
			return at
		}
		for i := range want {
			if where := differs(want[i], have[i], fmt.Sprintf("%s/%d", at, i)); where != "" {
				return where
			}
		}
	case string:
		have, ok := got.(string)
		pattern := strings.ReplaceAll(regexp.QuoteMeta(want), "…", ".+")
		if !ok || !regexp.MustCompile("^"+pattern+"$").MatchString(have) {
			return at
		}
	default:
		if want != got {
			return at
		}
	}
	return ""
}
