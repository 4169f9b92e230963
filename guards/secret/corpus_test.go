package secret

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"strings"

	"outrider.dev/outrider/guards/window"
)

// The corpus by which recall and false positives are measured: values that are
// made when the test runs, in sentences, settings, code, commands and logs.

// sampleOf is one value of a kind and the ways to call it.
type sampleOf struct {
	kind  string
	name  string // as people write it: "Datadog API key"
	value string
}

// spoken are carriers for any credential: {N} is how people call it, {V} it.
var spoken = []string{
	"the key is {V}", "The {N} is {V}.", "here is my {N}: {V}", "Here's the {N} you asked for: {V}, please keep it safe.", "my {N} is {V}, can you check it?",
	"{N}: {V}", "**{N}**: `{V}`", "I set the {N} to {V} yesterday and it works", "{N} -> {V}",
	"We rotated the {N}, the new value is {V}", "use this {N} {V} for staging", "Can you debug this? {N}={V}", "- {N}: \"{V}\"", "The {N} (\"{V}\") leaked into the log.",
	"Use the following {N}:\n{V}\nand restart.", "Here is the {N}:\n```\n{V}\n```", "| {N} | {V} |", "Mein {N} lautet {V}", "Der {N} ist {V}, bitte nicht weitergeben.",
	"le {N} est {V}", "El {N} es {V}", "{N} \u662f {V}", "\u043c\u043e\u0439 {N}: {V}", "{N}\uff1a{V}", "> {N}: {V}", "hey, quick one: {N} should be {V} right?",
}

// written are carriers with a name in code or settings: {E} in capitals, {S} in
// small letters, {K} with capitals within, {D} with dashes.
var written = []string{
	"{E}={V}", "export {E}={V}\n", "{E}=\"{V}\"", "{E}: {V}\n", "ENV {E} {V}", "docker run -e {E}={V} app:latest", "{E} = '{V}'  # prod\nDEBUG=1\n", "set {E}={V}",
	`{"{S}": "{V}"}`, `{"user":"bob","{K}":"{V}","retries":3}`, "{S}: {V}\nregion: eu-west-1\n", "  {S}: '{V}'", "{S} = \"{V}\"", "const {K} = \"{V}\";", "let {K}: string = '{V}'",
	"{K} := \"{V}\"", "os.environ[\"{E}\"] = \"{V}\"", "os.Setenv(\"{E}\", \"{V}\")", "{S}=\"{V}\",\n    timeout=30,", "client = Client({S}=\"{V}\")", "config.{S} = '{V}'",
	":{S} => '{V}',", "'{S}' => \"{V}\",", "define('{E}', '{V}');", "<{K}>{V}</{K}>", "<add key=\"{K}\" value=\"{V}\" />", "--{D} {V}", "--{D}={V} --verbose", "-D{S}={V}",
	"curl -H \"X-{D}: {V}\" https://api.example.com/v1/items", "curl https://api.example.com/v1?{S}={V}&limit=5", "https://api.example.com/v1/items?limit=5&{S}={V}",
	"2024-05-01T10:00:00Z DEBUG config loaded {S}={V} region=eu", "2024-05-01 10:00:00 [info] using {S}: {V}", "- name: {E}\n  value: {V}\n", `{"name":"{E}","value":"{V}"}`,
	`{\"{S}\":\"{V}\"}`, "A=1\\n{E}={V}\\nB=2", "private static final String {E} = \"{V}\";", "{K}={V};Region=eu;", "process.env.{E} = process.env.{E} || '{V}';", "variable \"{S}\" {\n  default = \"{V}\"\n}",
	"@pytest.fixture\ndef c():\n    return make({S}='{V}')", "{S},{V}", "kubectl create secret generic app --from-literal={S}={V}", "[default]\n{S} = {V}\n",
}

func fill(carrier string, s sampleOf) string {
	words := strings.Fields(strings.NewReplacer("&", "", ".", "", "-", " ").Replace(s.name))
	small := strings.ToLower(strings.Join(words, "_"))
	camel := strings.ToLower(words[0])
	for _, word := range words[1:] {
		camel += strings.ToUpper(word[:1]) + strings.ToLower(word[1:])
	}
	return strings.NewReplacer("{N}", s.name, "{V}", s.value, "{E}", strings.ToUpper(small), "{S}", small, "{K}", camel, "{D}", strings.ReplaceAll(small, "_", "-")).Replace(carrier)
}

// plainKinds are random values of every shape.
func plainKinds(r *rand.Rand, d *Detector) (out []sampleOf) {
	for _, rule := range d.rules {
		n := max(rule.min, 24)
		if rule.max > 0 {
			n = rule.min + r.IntN(rule.max-rule.min+1)
		}
		signs := window.Dot | window.Slash | window.Equals | window.Plus | window.Dollar | window.Percent | window.Colon | window.At | window.Dash | window.Underscore
		if rule.min > 36 || rule.max == 0 {
			signs &^= window.Dash | window.Underscore
		}
		alphabet := alphabetOf(rule.body &^ signs)
		// A sign at the end would be read as the end of the sentence.
		value := rule.prefix + invent(r, alphabet, n)
		out = append(out, sampleOf{"plain " + rule.id, rule.title, value})
	}
	b := func(n int) string { return invent(r, alnums, n) }
	jwt := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"RS256","typ":"JWT"}`)) + "." +
		base64.RawURLEncoding.EncodeToString([]byte(`{"sub":"`+b(10)+`","exp":1700000000}`)) + "." + invent(r, alnums+"-_", 80) + "Q"
	return append(out,
		sampleOf{"plain jwt", "session token", jwt},
		sampleOf{"plain azure", "client secret", invent(r, alnums, 3) + invent(r, numbers, 1) + "Q~" + invent(r, alnums+"-_.~", 33) + "Z"},
		sampleOf{"plain telegram", "bot token", invent(r, "123456789", 10) + ":AA" + invent(r, alnums, 33)},
		sampleOf{"plain discord", "Discord bot token", "MT" + invent(r, alnums, 22) + "." + b(6) + "." + b(38)},
		sampleOf{"plain private key", "deploy key", pemKey(r, "EC PRIVATE KEY", "", 3, "\n")},
		sampleOf{"plain url", "database URL", "postgres" + "://app:" + invent(r, alnums+"!%*", 16) + "@db.example.com:5432/app"},
		sampleOf{"plain redis", "cache URL", "redis" + "://:" + b(20) + "@cache.example.com:6379/0"},
		sampleOf{"plain mongo", "Mongo URI", "mongodb+srv" + "://svc:" + b(12) + "@cluster0.ab1cd.mongodb.net/db"},
		sampleOf{"plain slack webhook", "webhook", "https://hooks." + "slack.com/services/T" + invent(r, base32s, 8) + "/B" + invent(r, base32s, 8) + "/" + b(24)},
		sampleOf{"plain discord webhook", "webhook", "https://discord." + "com/api/webhooks/" + invent(r, numbers, 18) + "/" + invent(r, alnums+"-_", 67) + "Q"},
		sampleOf{"plain teams webhook", "webhook", "https://acme.webhook." + "office.com/webhookb2/" + uuidOf(r) + "@" + uuidOf(r) + "/IncomingWebhook/" + invent(r, hexes, 32) + "/" + uuidOf(r)},
	)
}

const (
	hexes   = "0123456789abcdef"
	base32s = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
)

func uuidOf(r *rand.Rand) string {
	h := invent(r, hexes, 32)
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// namedKinds are random values of what only its name gives away.
func namedKinds(r *rand.Rand, d *Detector) (out []sampleOf) {
	for _, p := range d.provided {
		words := strings.Fields(p.words)
		nouns := []string{"API key", "token", "secret", "access token", "api_key", "client secret", "auth token"}
		word := words[0]
		n := p.min
		if p.max > 0 {
			n += r.IntN(p.max - p.min + 1)
		} else {
			n += r.IntN(30)
		}
		value := ""
		switch {
		case p.body == uuid && p.min == 36:
			value = uuidOf(r)
		case p.id == "mailchimp-key":
			value = invent(r, hexes, 32) + "-us" + invent(r, "123456789", 2)
		case p.id == "sidekiq-secret":
			value = invent(r, hexes, 8) + ":" + invent(r, hexes, 8)
		case p.body == hexAny|window.Dash:
			value = invent(r, hexes, n)
		default:
			signs := window.Dot | window.Slash | window.Equals | window.Plus | window.Colon | window.Tilde | window.Dash | window.Underscore | window.Percent
			value = invent(r, alphabetOf(p.body&^signs), 1) + invent(r, alphabetOf(p.body&^(window.Equals|window.Dot|window.Colon)), n-2) + invent(r, alphabetOf(p.body&^signs), 1)
		}
		out = append(out, sampleOf{"named " + p.id, strings.ToUpper(word[:1]) + word[1:] + " " + nouns[r.IntN(len(nouns))], value})
	}
	return out
}

// genericKinds are values that are called a key, token or secret and no more.
func genericKinds(r *rand.Rand) []sampleOf {
	nouns := []string{"API key", "access token", "client secret", "auth token", "secret key", "API token", "bearer token", "service token", "private key", "signing secret", "app secret", "encryption key", "admin token"}
	name := func() string { return nouns[r.IntN(len(nouns))] }
	passwordOf := func(alphabet string, n int) string {
		return invent(r, letters, 1) + invent(r, alphabet, n-2) + invent(r, alnums, 1)
	}
	passwords := []string{"password", "db password", "admin password", "root password", "passwd", "Password", "SMTP password"}
	pw := func() string { return passwords[r.IntN(len(passwords))] }
	return []sampleOf{
		{"generic letters and digits", name(), invent(r, alnums, 20+r.IntN(30))},
		{"generic hex", name(), invent(r, hexes, 32+8*r.IntN(5))},
		{"generic base64", name(), base64.StdEncoding.EncodeToString([]byte(invent(r, alnums+"!\x01\x99\xf0\xc3", 24+r.IntN(20))))},
		{"generic small letters", name(), invent(r, small+numbers, 24+r.IntN(20))},
		{"generic url-safe", name(), invent(r, alnums, 4) + invent(r, alnums+"-_", 30) + invent(r, alnums, 4)},
		{"password of letters, digits and signs", pw(), passwordOf(alnums+"!@#$%^*", 12+r.IntN(8))},
		{"password of letters and digits", pw(), passwordOf(alnums, 10+r.IntN(8))},
		{"password like hunter2!x", pw(), invent(r, small, 6) + invent(r, numbers, 2) + "!" + invent(r, small, 1)},
	}
}

// fixedKinds stand in carriers of their own.
func fixedKinds(r *rand.Rand) map[string]string {
	b := func(n int) string { return invent(r, alnums, n-3) + "7aA" }
	pw := invent(r, small, 5) + invent(r, numbers, 2) + invent(r, "!#%*", 1) + invent(r, letters, 3)
	basic := base64.StdEncoding.EncodeToString([]byte("bob:" + b(12)))
	out := map[string]string{}
	for kind, list := range map[string][]string{
		"bearer": {
			"Authorization: Bearer " + b(40), "curl -H 'Authorization: Bearer " + b(32) + "' https://api.example.com/me", `{"Authorization":"Bearer ` + b(48) + `"}`,
			"headers = {'authorization': 'bearer " + b(24) + "'}", "Bearer " + invent(r, hexes, 40), "authorization: Token " + invent(r, hexes, 40), "Authorization: ApiKey " + b(36),
		},
		"basic": {"Authorization: Basic " + basic, `"authorization": "Basic ` + basic + `"`, "curl -H 'Authorization: Basic " + basic + "' https://h.example.com"},
		"curl": {
			"curl -u admin:" + pw + " https://ci.example.com/api", "curl -s https://ci.example.com/api --user bob:" + pw, "curl -X POST -u 'svc:" + pw + "' https://h.example.com/",
			`curl -k -u "admin:` + pw + `" -d @body.json https://h.example.com`,
		},
		"connection": {
			"Server=tcp:db.example.com,1433;Database=app;User Id=sa;Password=" + pw + ";Encrypt=True;", "jdbc:postgresql://db/app?user=app&password=" + pw + "&ssl=true",
			"DefaultEndpointsProtocol=https;AccountName=acme;AccountKey=" + invent(r, alnums+"+/", 86) + "==;EndpointSuffix=core.windows.net",
			"Endpoint=sb://acme.servicebus.windows.net/;SharedAccessKeyName=Root;SharedAccessKey=" + invent(r, alnums+"+/", 43) + "=",
			"amqp" + "://guest1:" + pw + "@mq.example.com:5672/", "mysql" + "://root:" + pw + "@127.0.0.1/db", "host=db user=app password=" + pw + " dbname=app", "dsn: app:" + b(16) + "@tcp(db:3306)/app password=" + pw,
			"https" + "://ci:" + b(20) + "@github.com/acme/app.git", "ftp" + "://u1:" + pw + "@files.example.com/",
		},
		"password": {
			"the password is " + pw, "password: " + pw, "user: bob\npass: " + pw + "\n", "login with bob, password " + pw, "pwd=" + pw, "machine h.example.com login bob password " + pw, `"db_password": "` + pw + `"`,
			"PGPASSWORD=" + b(16) + " psql -h db", "Das Passwort ist " + pw, "le mot de passe est " + pw, "<password>" + pw + "</password>", "spring.datasource.password=" + pw, "wifi passphrase: " + pw,
			"credentials are bob / password is " + pw, "--password " + pw, "--password=" + pw, "Password => '" + pw + "'", "passwd: \"" + pw + "\"", "my pw: " + pw, "password=" + pw + "\\nuser=x",
		},
		"cookie": {"Cookie: session=" + b(40) + "; theme=dark", "Set-Cookie: sessionid=" + invent(r, small+numbers, 32) + "; HttpOnly", "PHPSESSID=" + invent(r, small+numbers, 26)},
		"signed": {"https://acme.blob.core.windows.net/c/f?sv=2022-11-02&sig=" + invent(r, alnums, 40) + "7aA%3D", "https://h.example.com/?access_token=" + b(40), "https://h.example.com/hook?x=1&api_key=" + b(32) + "&y=2"},
	} {
		for k, text := range list {
			out[fmt.Sprintf("%s %d", kind, k)] = text
		}
	}
	return out
}
