package policytest

import (
	"regexp"
	"strings"
)

// placeholders finds what Tokenize puts in the place of a value: a name, a
// number and, before the bracket, what sets the exchange apart from others.
func placeholders() *regexp.Regexp { return regexp.MustCompile(`(\[[A-Z][A-Z_]*_\d+)(_[a-z2-7]{6})\]`) }

// unmarked writes the placeholders of a text as cases do, [EMAIL_1]: what sets
// exchanges apart is drawn anew each time, and no case could expect it.
func unmarked(text string) string { return placeholders().ReplaceAllString(text, "$1]") }

// echo writes the placeholders of a case's answer as those of the request that
// was sent on: a model repeats what it was given.
func echo(answer, sent string) string {
	for _, found := range placeholders().FindAllStringSubmatch(sent, -1) {
		answer = strings.ReplaceAll(answer, found[1]+"]", found[0])
	}
	return answer
}
