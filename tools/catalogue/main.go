// Command catalogue writes the page of all that the guards look for, from the
// tables that decide.
//
// Only `make generate` runs it: go run ./tools/catalogue FILE.
package main

import (
	"fmt"
	"os"
	"strings"

	"outrider.dev/outrider/guards/catalogue"
	"outrider.dev/outrider/guards/injection"
	"outrider.dev/outrider/guards/pii"
	"outrider.dev/outrider/guards/secret"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: go run ./tools/catalogue FILE")
		os.Exit(2)
	}
	if err := os.WriteFile(os.Args[1], []byte(page()), 0o644); err != nil { //nolint:gosec // a page for everybody
		fmt.Fprintln(os.Stderr, "catalogue:", err)
		os.Exit(1)
	}
}

// section is the rules of one detector.
type section struct {
	title, before, missed string
	rules                 []catalogue.Rule
}

func sections() []section {
	return []section{
		{
			title: "Secret",
			before: "A credential is known by its own shape or by the words before or behind it, in code, settings, commands, logs and sentences. " +
				"The span is the credential, without the name, scheme or host around it. As soon as its first bytes prove it, all that follows in its alphabet " +
				"belongs to it, however long it is: in a stream nothing of it leaves. A checksum raises the confidence and is never asked for. " +
				"Placeholders, examples, templates, masks, digests, UUIDs and the ids of calls, commits and messages stay clean.",
			missed: "Not found: passwords of letters only and passphrases of several words; short values that only a word *behind* them names; " +
				"values that no word near them names and that have no shape; mnemonic phrases; credentials that were split, encoded, encrypted or written backwards on purpose; " +
				"one glued to a letter or digit before it. No credential is tried against its provider, so revoked ones are found too.",
			rules: secret.Rules(),
		},
		{
			title: "PII",
			before: "Personal data is known by its shape, its checksum or the words around it, in several languages: up to 64 bytes before it, or right behind it in the same clause. " +
				"Where a type has a checksum, a number counts only if it holds, whatever the words say. What could be anything counts only near a word that says what it is; " +
				"the nearest word decides, and one such as order or ticket keeps it clean. Versions, timestamps, UUIDs, digests, prices, coordinates, loopback and mask addresses, " +
				"users of URLs and of remotes stay clean; private IP addresses are found.",
			missed: "Not found: names and street addresses; numbers written as words or with digits of other scripts; e-mail addresses with a quoted local part; " +
				"mistyped numbers; wallets without a checksum other than Ethereum's; data that was taken apart on purpose.",
			rules: pii.Rules(),
		},
		{
			title: "Injection",
			before: "Acts are read in every text, but in the agent's own system prompts and definitions of tools only where a guard names the origin System, word by word and through disguises: case, accents, characters that show nothing, look-alike letters, digits for letters. " +
				"Prompts, results and descriptions of tools are besides judged by a linear model, as a whole up to 256 bytes and else where words of attacks meet, and behind encodings, each origin of text by a threshold of its own; " +
				"`guards/injection/model/evaluation.md` tells what it finds of kinds that it has not learned from. Talk about attacks, quoted or reported, stays mostly clean.",
			missed: "Not found: tasks without any trigger word, which nothing in the text tells from honest requests; many jailbreaks told as stories; " +
				"ciphers other than ROT13, and several disguises at once; in what a model wrote, all but acts. Limit what tool output may make an agent do by the rules on tools.",
			rules: injection.Rules(),
		},
	}
}

func page() string {
	var b strings.Builder
	b.WriteString("<!-- Written by `make generate` from the tables below guards/. DO NOT EDIT. -->\n# What the guards look for\n\n" +
		"Guards read text. What a text means they do not know: an injected task without any trigger word, or a secret told in riddles, is for the rules on tools " +
		"and for provenance to stop.\n")
	for _, s := range sections() {
		types := map[string]bool{}
		for _, r := range s.rules {
			types[r.Type] = true
		}
		fmt.Fprintf(&b, "\n## %s\n\n%d rules, %d types.\n%s\n\n%s\n\n", s.title, len(s.rules), len(types), s.before, s.missed)
		b.WriteString("| type | rule | what | how it is known | confidence |\n|---|---|---|---|---|\n")
		for _, r := range s.rules {
			fmt.Fprintf(&b, "| `%s` | `%s` | %s | %s | %.2f |\n", r.Type, r.ID, cell(r.Description), cell(known(r)), r.Confidence)
		}
	}
	return b.String()
}

// known adds the examples of a rule to its form.
func known(r catalogue.Rule) string {
	form := r.Form
	if len(r.Examples) > 0 {
		form += "; as in `" + strings.Join(r.Examples, "`, `") + "`"
	}
	return strings.TrimPrefix(form, "; ")
}

// cell puts text on one line of a table.
func cell(text string) string {
	return strings.ReplaceAll(strings.Join(strings.Fields(text), " "), "|", "\\|")
}
