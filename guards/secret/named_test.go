package secret

import (
	"hash/crc32"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"outrider.dev/outrider/guards/catalogue"
	"outrider.dev/outrider/guards/window"
)

// TestEveryProvider holds that a value is known by the provider's name, under
// each of its names, and is nothing without it.
func TestEveryProvider(t *testing.T) {
	rnd := rand.New(rand.NewPCG(31, 31))
	d := New()
	for k, s := range namedKinds(rnd, d) {
		p := d.provided[k]
		for !isMixed([]byte(s.value)) || !digitSoon([]byte(s.value)) || changes([]byte(s.value)) < 3 || placeholder([]byte(s.value)) || counted([]byte(s.value)) {
			s = namedKinds(rnd, d)[k]
		}
		for word := range strings.FieldsSeq(p.words) {
			for _, text := range []string{"my " + word + " token is " + s.value, strings.ToUpper(word) + "_API_KEY=" + s.value, `{"` + word + `_secret": "` + s.value + `"}`} {
				kinds := first(d, text)
				if len(kinds) != 1 || !strings.HasPrefix(kinds[0], typeOf(p.id)+" ") || !strings.HasSuffix(kinds[0], strings.TrimSuffix(s.value, "=")) && !strings.HasSuffix(kinds[0], s.value) {
					t.Errorf("%s: %q: %q", p.id, text, kinds)
				}
			}
		}
		if p.id == "mailchimp-key" { // known without its name
			continue
		}
		none(t, d, "see "+s.value+" there")
		none(t, d, "the "+strings.Fields(p.words)[0]+" build id is "+s.value)
	}
}

func TestRulesAreMany(t *testing.T) {
	all, types := Rules(), map[string]bool{}
	for _, r := range all {
		types[r.Type] = true
	}
	if len(all) < 400 || len(types) < 180 {
		t.Errorf("%d rules, %d types", len(all), len(types))
	}
	if !slices.ContainsFunc(all, func(r catalogue.Rule) bool {
		return r.ID == "github-token" && r.Type == "secret.github" && r.Form == "`ghp_` and 30 or more letters, digits; .99 where the checksum is right"
	}) {
		t.Error("the rule of GitHub's tokens is not told")
	}
}

// summed returns a body of 30 with its checksum.
func summed(body string) string {
	const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	sum, end := crc32.ChecksumIEEE([]byte(body)), ""
	for range 6 {
		end = string(digits[sum%62]) + end
		sum /= 62
	}
	return body + end
}

func TestChecksumsTellHowSure(t *testing.T) {
	rnd := rand.New(rand.NewPCG(32, 32))
	d := New()
	for _, prefix := range []string{"ghp_", "gho_", "npm_"} {
		body := summed(invent(rnd, alnums, 30))
		for text, sure := range map[string]float32{prefix + body: .99, prefix + body[:35] + "~": .95, prefix + body + "x": .95, prefix + invent(rnd, alnums, 30) + body[30:]: .95} {
			all, _ := find(d, []byte(text+" "), window.Mark{}, true, nil)
			if len(all) != 1 || all[0].Confidence != sure {
				t.Errorf("%s: %v, want %v", text, all, sure)
			}
		}
	}
}

func TestPasswords(t *testing.T) {
	d := New()
	for text, want := range map[string]string{
		"password: hunter2!x": "hunter2!x", "the password is hunter2!x.": "hunter2!x", "the password (s5sSM^1f3J0Q*CLp) came by mail": "s5sSM^1f3J0Q*CLp", "pwd=Tr0ub4dor&3 ": "Tr0ub4dor&3", "DB_PASSWORD=Tr0ub4dor&3\nX=1": "Tr0ub4dor&3",
		"Server=x;Password=Tr0ub4dor;Database=y": "Tr0ub4dor", "?user=x&password=Tr0ub4dor&ssl=true": "Tr0ub4dor", `"dbPassword": "(a1[b2]c3)"`: "a1[b2]c3",
		"<password>h2!xK9</password>": "h2!xK9", "Das Passwort lautet k4tze!Haus": "k4tze!Haus", "mot de passe : ch4t!Noir": "ch4t!Noir", "machine h login bob password Zx81!spec": "Zx81!spec",
		"--password=Zx81!spec -v": "Zx81!spec", "pass: QwpjHZIZzGWLm": "QwpjHZIZzGWLm", "password: !Abc$xYz": "!Abc$xYz", "password:\n  hunter2!x\n": "hunter2!x", "(password: hunter2!x)": "hunter2!x",
	} {
		one(t, d, text, "password "+want)
	}
	for _, text := range []string{
		"password: hunter", "password: correct horse", "the password is long enough", "password: $DB_PASS1", "password: ${DB_PASS1}", "password = cfg.Pass1", "password=get_pass1()", "password: {{ .pw1 }}",
		"password: DB_PASS_1", "password: 12345678", "password: 2024-01-15", "password: /run/secrets/db1", "password: bob1@example.com", "password: base64", "password policy: min8chars", "the password (min8chars) is old", "the password (see T1cket42 there)", "password (optional2)", "passage 42b1!x", "password: abc123def456",
		"password: %(db1)s", "password expires 30days", "passport: X1234567", "pass the salt1!x", "password: " + strings.Repeat("aB3!", 25),
	} {
		none(t, d, text)
	}
}

func TestCommandsAndSchemes(t *testing.T) {
	d := New()
	for text, want := range map[string]string{
		"curl -u bob:s3cr3tX https://h.example.com": "bob:s3cr3tX", `curl --user "bob:s3cr3tX" https://h.example.com`: "bob:s3cr3tX", "curl -X POST https://h.example.com -u 'b:p4ss!w'": "b:p4ss!w",
		"Authorization: Basic " + "Ym9iOmh1bnRlcjJ4": "Ym9iOmh1bnRlcjJ4", "Basic " + "Ym9iOmh1bnRlcjJ4eHh5eQ==": "Ym9iOmh1bnRlcjJ4eHh5eQ==",
	} {
		one(t, d, text, "basic "+want)
	}
	for _, text := range []string{
		"curl -u bob https://h.example.com", "docker run -u 1000:1000 app", "curl -u $USER:$PASS https://h", "curl -u user:password https://h", "sort -u a:b1c2d3", "Basic authentication of users", "Basic c3VwZXJjYWxpZnJhZ2lsaXN0aWM=",
	} {
		none(t, d, text)
	}
}

func TestPuTTYKeys(t *testing.T) {
	rnd := rand.New(rand.NewPCG(33, 33))
	d := New()
	for _, eol := range []string{"\n", "\r\n", `\n`} {
		lines := eol + invent(rnd, alnums+"+/", 64) + eol + invent(rnd, alnums+"+/", 40) + eol + "Private-MAC: " + invent(rnd, hexes, 40)
		one(t, d, "Comment: x"+eol+"Private-Lines: 2"+lines+eol+"the end.", "private_key Private-Lines: 2"+lines)
		none(t, d, "Public-Lines: 2"+lines)
	}
	none(t, d, "Private-Lines: 2 are in the file")
	none(t, d, "Private-Lines: ")
}

func TestNamesDecide(t *testing.T) {
	rnd := rand.New(rand.NewPCG(34, 34))
	d := New()
	value := invent(rnd, alnums, 20) + "7aA" + invent(rnd, alnums, 9)
	hex := invent(rnd, hexes, 30) + "7a"
	for _, text := range []string{"api key: % ok", "token=%", "secret => '%'", "the key is %", "my API key (the new one): %", "API_KEY\t=\t%", "key for staging: use %", "token:\n%", "- name: X_TOKEN\n  value: %", `{"name":"X_SECRET","value":"%"}`} {
		one(t, d, strings.ReplaceAll(text, "%", value), "generic "+value)
	}
	for _, text := range []string{"api key: %", "auth_token=%", "secret is %", "the key is %"} {
		one(t, d, strings.ReplaceAll(text, "%", hex), "generic "+hex)
	}
	for _, text := range []string{
		"public key: %", "page_token=%", "nextPageToken: %", "commit %", "key id: %", "sha of the token: %", "cache_key=%", "name: %", "token. %", `{"token":"x","sha":"%"}`, "token=x; ref=%", "secret:%/x(", "token\nid %",
		"arn:aws:secret:%",
	} {
		none(t, d, strings.ReplaceAll(text, "%", hex))
	}
	for _, text := range []string{"secret_key = b'%'", "token = f\"%\"", "client.SetToken(\"%\")"} {
		one(t, d, strings.ReplaceAll(text, "%", value), "generic "+value)
	}
	one(t, d, "SECRET_KEY = 'dj-k4$m_q8!x@w2z^p7n#v'", "generic dj-k4$m_q8!x@w2z^p7n#v")
	one(t, d, "https://"+hex+"@github.com/x/y.git", "url "+hex)
	none(t, d, "https://some.long.user.name.of.2024@github.com/x/y.git")
	none(t, d, "secret_key = 'arn:aws:s3:::some-bucket!2/key@x'")
	none(t, d, "token: ("+value+"(")
	none(t, d, "token: "+value[:9]+"...")
	none(t, d, "token: "+value+"\u2026")
}

// TestNamesOfTheWorld holds names, values and stand-ins as services write them.
func TestNamesOfTheWorld(t *testing.T) {
	d := New()
	const hex, b64 = "512e20d8269201c3dd230c171d66a220", "p3vjiv8yHnKV7Yhyo/1NuSIgx+u5sbdxjzD0qNkwRnbiJmtpYPefmT+DGZ7lp1iaGEhmNuCbPe1W3zV9BEtGlg=="
	const signed = "django-insecure-6w+s%@h6z4_d4-qw!b4ex_j8+@i#3za-v^3^o5gvr8qw-2+83-"
	for text, want := range map[string]string{
		"const algoliaAdminKey = '" + hex + "';":                          "algolia " + hex,
		"NewRelicLicenseKey: \"" + hex + "\",":                            "newrelic " + hex,
		"secretKeyBase: \"" + hex + hex + "\"":                            "generic " + hex + hex,
		"azureStorageKey: \"" + b64 + "\"":                                "azure " + b64,
		"azure_storage_key=" + b64 + " status=401":                        "azure " + b64,
		"APP_KEY=base64:zcqjI9KKeXTD3XleMo2ZGBk6P0Ymuxl=":                 "generic zcqjI9KKeXTD3XleMo2ZGBk6P0Ymuxl=",
		"cargo_registry_token = " + "cioyZ5ScX8MJce7biQLe7yC4wM0tjO4rl09": "crates cioyZ5ScX8MJce7biQLe7yC4wM0tjO4rl09",
		"SECRET_KEY=" + signed + "\n":                                     "generic " + signed,
		"SECRET_KEY = '" + signed + "'":                                   "generic " + signed,
	} {
		one(t, d, text, want)
	}
	for _, text := range []string{
		"const publicServerKey = '" + hex + "';", `"etag_token":"W/426a17ba017b9e7f57ad"`, "site key: 6L9PvV9NwzFuezuAC920TEpSpwavCgqiAuNS9x0P", "integrity: base64:" + b64,
		"postgres://app:TODO@db:5432/x", "postgres://app:my-secret-token@db:5432/x", "postgres://app:\u2022\u2022\u2022\u2022@db:5432/x", "postgres://app:App@db/x", "postgres://app:undefined@db/x", "postgres://app:process.env.DB_PASS@db/x", "Sec-WebSocket-Key: dA99+Gkr+OAaS4/UqBaNaQ==", "postgres://app:sk-xxxxxxxxxxxx@db/x",
	} {
		none(t, d, text)
	}
}

// TestWordsBehindAValue holds which words behind a value make it a credential.
func TestWordsBehindAValue(t *testing.T) {
	d := New()
	const hex, mix, id = "512e20d8269201c3dd230c171d66a220", "x7Rk2Lq9VbT4mZp8Wd3Ns6Hy", "6f1c2a34-9b7d-4e58-8a21-0c3d5e7f9b10"
	for text, want := range map[string]string{
		mix + " is our deploy token, rotate it":                                 "generic " + mix,
		"Please use " + mix + " as the API key when asked":                      "generic " + mix,
		"`" + mix + "` is the signing secret":                                   "generic " + mix,
		"use " + hex + " as the Datadog API key":                                "datadog " + hex,
		hex + " is our client secret.":                                          "generic " + hex,
		id + " is the Heroku API key for production":                            "heroku " + id,
		"so: (" + mix + ") as the access token":                                 "generic " + mix,
		mix + " is the Acme key secret":                                         "generic " + mix,
		mix + " is the database password.":                                      "password " + mix,
		"2e99f7da4f3d900914f85736191ef4a70083NRAL is our New Relic license key": "newrelic 2e99f7da4f3d900914f85736191ef4a70083NRAL",
	} {
		one(t, d, text, want)
	}
	for _, text := range []string{
		mix + " is our build", mix + " is the token refresh", mix + " is the id of the token", mix + " is the primary key", mix + " is the key", mix + " is not known. The token is old",
		"commit " + hex + " is for the API token", "trace " + hex + " is the auth token", id + " is the session token", hex[:16] + " is the access token", "chatcmpl-" + mix + " is the token",
		"call_" + mix + " is for the API key", mix + ", is the token", mix + " is the very best that we have got for our token", "https://h.example/" + mix + " is the API key",
		"AbcdefghijkLmnop1234 is the API key", mix + " is the public key", mix + " is the token-id", mix + "... is the API key", mix + " is the API key name",
	} {
		none(t, d, text)
	}
}
