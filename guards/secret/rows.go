package secret

import (
	"fmt"
	"strings"

	"outrider.dev/outrider/guards/catalogue"
	"outrider.dev/outrider/guards/window"
)

// Rules tells what the detector looks for, in the order of its tables.
func Rules() []catalogue.Rule {
	var out []catalogue.Rule
	for _, r := range rules() {
		form := "`" + r.prefix + "` and " + amount(r.min, r.max) + " " + alphabet(r.body)
		if r.check&crc != 0 {
			form += "; .99 where the checksum is right"
		}
		out = append(out, catalogue.Rule{ID: r.id, Type: typeOf(r.id), Description: r.title, Form: form, Confidence: .95})
	}
	out = append(out, shapedRows()...)
	for _, p := range providers() {
		form := amount(p.min, p.max) + " " + alphabet(p.body) + " behind " + orList(strings.Fields(p.words)) + " and a word such as key, token or secret"
		out = append(out, catalogue.Rule{ID: p.id + "-by-name", Type: typeOf(p.id), Description: p.title, Form: form, Confidence: .85})
	}
	return out
}

// shapedRows are the credentials that are more than a prefix and a body.
func shapedRows() []catalogue.Rule {
	row := func(id, kind, title, form string, sure float32) catalogue.Rule {
		return catalogue.Rule{ID: id, Type: "secret." + kind, Description: title, Form: form, Confidence: sure}
	}
	return []catalogue.Rule{
		row("private-key", "private_key", "Private key in PEM or PGP armour", "`-----BEGIN … PRIVATE KEY-----`, or `… BLOCK-----`, and base64 behind it, to the `END` line", .99),
		row("putty-key", "private_key", "PuTTY private key", "`Private-Lines:` and base64 behind it, to the MAC", .99),
		row("jwt", "jwt", "JSON Web Token", "`eyJ…` and `.eyJ` behind it", .95),
		row("telegram-bot", "telegram", "Telegram bot token", "8 to 10 digits, `:AA` and 33 letters, digits, - or _", .95),
		row("discord-bot", "discord", "Discord bot token", "23 to 28, 6 and 27 to 45 letters, digits, - or _ with dots between them, beginning with M, N or O", .9),
		row("asana-token", "asana", "Asana personal token", "15 to 17 digits behind a digit and `/`, `:` and 32 small letters a to f, digits; the span begins with the digits", .9),
		row("mailchimp-key", "mailchimp", "Mailchimp key", "32 small letters a to f, digits, and a data centre as in `-us12`", .95),
		row("newrelic-license-key", "newrelic", "New Relic licence key", "36 small letters a to f, digits, or `eu01xx` and 30 of them, and `NRAL`", .95),
		row("azure-client-secret", "azure", "Client secret of an application in Entra", "3 letters or digits, a digit, `Q~` and 31 to 34 letters, digits, - _ . or ~", .95),
		row("url-user", "url", "User and password in a URL", "`scheme://user:password@`", .9),
		row("bearer", "bearer", "Value of the Bearer scheme", "`Bearer` and 16 or more random characters", .85),
		row("basic", "basic", "Value of the Basic scheme", "`Basic` and base64 of user:password", .9),
		row("curl-user", "basic", "User and password of curl", "`-u user:password`, `--user user:password`", .85),
		row("password", "password", "Password, passphrase or code",
			"6 to 80 characters, digits or signs among letters, behind a word such as password, passwd, pwd or pass and a sign or word that assigns; "+
				"letters alone where no language puts them side by side, or words are glued together", .7),
		row("command-password", "password", "Password in an option of a command",
			"`mysql -pX`, `sshpass -p X`, `redis-cli -a X`, `… login … -p X`, `sqlcmd -P X`, `zip -P X`, `ldapsearch -w X`, `ssh-keygen -N X`, `openssl enc -k X`, mongosh and others", .85),
		row("oracle-url", "url", "User and password in a URL of Oracle's driver", "`jdbc:oracle:thin:user/password@`", .9),
		row("named", "generic", "Anything that a name or sentence calls a key, token or secret",
			"16 or more random characters, also hexadecimal ones, behind a word such as api_key, access token, client secret or credentials", .6),
	}
}

func amount(least, most int) string {
	switch most {
	case least:
		return fmt.Sprint(least)
	case 0:
		return fmt.Sprintf("%d or more", least)
	}
	return fmt.Sprintf("%d to %d", least, most)
}

func orList(words []string) string {
	for k, word := range words {
		words[k] = "`" + word + "`"
	}
	return strings.Join(words, " or ")
}

// alphabet words a class of bytes.
func alphabet(class window.Class) string {
	var out []string
	for _, part := range [...]struct {
		class window.Class
		name  string
	}{
		{window.Letters, "letters"},
		{window.HexLower | window.Lower, "small letters"},
		{window.HexUpper | window.Upper, "capital letters"},
		{window.HexLower | window.HexUpper, "letters a to f"},
		{window.HexLower, "small letters a to f"},
		{window.Digit, "digits"},
	} {
		if class&part.class == part.class {
			out = append(out, part.name)
			class &^= part.class
		}
	}
	for c := range byte(128) {
		if window.ClassOf(c)&class != 0 {
			out = append(out, "`"+string(c)+"`")
		}
	}
	return strings.Join(out, ", ")
}
