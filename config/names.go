package config

import (
	"fmt"
	"strings"
	"unicode"
)

// checkName holds the name of a policy, provider or rule to the characters
// that stand unquoted in logs, records and URLs.
func (d *document) checkName(path, name string) {
	const longest = 64
	if name != "" && (len(name) > longest || !only(name, nameCharacter)) {
		d.fail(path, fmt.Sprintf("%s: %s is not a name", path, quoted(name)), "use 1 to 64 of A-Z, a-z, 0-9, '.', '_' and '-'")
	}
}

// checkServerName is narrower: the name becomes part of tools' names.
func (d *document) checkServerName(path, name string) {
	const longest = 32
	if name != "" && (len(name) > longest || !only(name, serverCharacter)) {
		d.fail(path, fmt.Sprintf("%s: %s is not the name of a server", path, quoted(name)), "use 1 to 32 of a-z, 0-9 and '-'")
	}
}

// checkAgentName allows what identities are made of, but nothing that reads as
// a pattern or breaks a line.
func (d *document) checkAgentName(path, name string) {
	const longest = 253
	if len(name) > longest || !only(name, agentCharacter) {
		d.fail(path, fmt.Sprintf("%s: %s is not the name of an agent", path, quoted(name)), "use at most 253 characters, no white space and no *")
	}
}

// checkVariable keeps keys out of files: whoever writes one where the name of
// a variable belongs gets told, without the key in the message.
func (d *document) checkVariable(path, name string) {
	if name != "" && (digits(name[:1]) || !only(name, variableCharacter)) {
		d.fail(path, path+" is not the name of an environment variable", "give the variable's name, never the key itself")
	}
}

// unique reports a name that an earlier entry of the list has.
func (d *document) unique(seen map[string]string, path, name string) {
	if name == "" {
		return
	}
	if first, twice := seen[name]; twice {
		d.fail(path, fmt.Sprintf("%s: %s has the name already", path, first), "give each its own")
		return
	}
	seen[name] = path
}

func only(s string, allowed func(rune) bool) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return !allowed(r) })
}

func nameCharacter(r rune) bool { return variableCharacter(r) || r == '.' || r == '-' }

func variableCharacter(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_'
}

func serverCharacter(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-'
}

func agentCharacter(r rune) bool { return r != '*' && !unicode.IsSpace(r) && unicode.IsPrint(r) }
