package secret

import (
	"math/rand/v2"
	"os"
	"strings"
	"testing"
)

// carriers returns the lines of a file of the tests; \n in one is the end of a line.
func carriers(t *testing.T, name string) []string {
	t.Helper()
	raw, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for line := range strings.Lines(string(raw)) {
		out = append(out, strings.ReplaceAll(strings.TrimSuffix(line, "\n"), `\n`, "\n"))
	}
	return out
}

// common are words of which people make passwords.
var common = strings.Fields(`correct horse battery staple purple dish washer summer winter dragon sunshine pirate rocket orange falcon silver thunder coffee banana
	bicycle guitar window yellow garden tiger shadow marble velvet cactus walnut harbor mustang copper lantern biscuit pebble mitten anchor`)

// chosen returns a password as people choose them, by manner.
func chosen(r *rand.Rand, manner string) string {
	word := func() string { return common[r.IntN(len(common))] }
	capital := func() string { w := word(); return strings.ToUpper(w[:1]) + w[1:] }
	switch manner {
	case "digits and a sign":
		return capital() + invent(r, "23456789", 3) + invent(r, "!$@*?", 1)
	case "two words":
		return word() + invent(r, "!@_-", 1) + capital() + invent(r, "23456789", 2)
	case "leet":
		return strings.NewReplacer("o", "0", "e", "3", "a", "@").Replace(word()) + invent(r, "23456789", 3) + "X"
	case "random":
		return invent(r, alnums, 11) + "7aA"
	case "dotted":
		return capital() + "." + word() + "." + invent(r, numbers, 3)
	case "letters":
		for {
			if s := invent(r, small, 14); unspeakable([]byte(s)) {
				return s
			}
		}
	case "glued":
		return word() + word() + word() + word()
	}
	return word() + "-" + word() + "-" + word() + "-" + word()
}

// TestChosenPasswords measures passwords as people choose them in settings,
// code, URLs, SQL and sentences, and as options of commands.
func TestChosenPasswords(t *testing.T) {
	rnd := rand.New(rand.NewPCG(41, 41))
	d := New()
	for _, file := range []string{"passwords.txt", "commands.txt"} {
		counts := map[string]*tally{}
		for _, carrier := range carriers(t, file) {
			for _, manner := range []string{"digits and a sign", "two words", "leet", "random", "dotted", "letters", "glued", "dashed"} {
				for range 4 {
					value := chosen(rnd, manner)
					measure(d, counts, manner, strings.ReplaceAll(carrier, "{V}", value), value)
				}
			}
		}
		floors := map[string]float64{"digits": .97, "two": .97, "leet": .97, "random": .97, "dotted": .97, "letters": .93, "glued": .9, "dashed": .9}
		for manner, floor := range floors {
			t.Run(file, func(t *testing.T) { report(t, counts, manner, floor) })
		}
	}
}

// TestNamedValues measures random values behind names of all kinds.
func TestNamedValues(t *testing.T) {
	rnd := rand.New(rand.NewPCG(42, 42))
	d := New()
	counts := map[string]*tally{}
	names := []string{"API key", "access token", "client secret", "signing secret", "refresh token", "webhook secret", "internal API key", "admin token", "Datadog API key", "Mailchimp key"}
	for _, carrier := range carriers(t, "named.txt") {
		for _, name := range names {
			value := invent(rnd, alnums, 3) + "7aA" + invent(rnd, alnums, 26)
			if strings.HasPrefix(name, "Mail") {
				value = invent(rnd, hexes, 32) + "-us7"
			}
			words := strings.Fields(strings.ToLower(name))
			snake, camel := strings.Join(words, "_"), words[0]
			for _, word := range words[1:] {
				camel += strings.ToUpper(word[:1]) + word[1:]
			}
			text := strings.NewReplacer("{{", "{", "}}", "}", "{n}", name, "{s}", snake, "{E}", strings.ToUpper(snake), "{c}", camel, "{k}", strings.Join(words, "-"), "{V}", value).Replace(carrier)
			measure(d, counts, name, text, value)
		}
	}
	report(t, counts, "", .98)
}

// TestCleanLines holds that nothing is found in what code, settings, logs and
// people say of credentials without showing one.
func TestCleanLines(t *testing.T) {
	d := New()
	all := carriers(t, "clean.txt")
	if len(all) < 500 {
		t.Fatalf("%d lines", len(all))
	}
	for _, text := range all {
		for _, text := range []string{text, "  " + text, "- " + text + "\n", text + "\nnext: line"} {
			none(t, d, text)
		}
	}
}

func TestSpelled(t *testing.T) {
	for body, want := range map[string][2]bool{ // alone, and as in the environment
		"correcthorsebattery": {true, true}, "gvxncmjdfdoabrlr": {true, true}, "horsebattery": {false, true}, "CorrectHorseBattery": {false, true},
		"correct-horse-battery-staple": {true, true}, "correct.horse.battery.staple": {false, true}, "correct-horse": {}, "authentication": {}, "internationalization": {},
		"qzxvkjwp": {true, true}, "hunter": {}, "hashedpasswordvalue": {}, "changemechangeme": {}, "ABCDEFGHIJKLMN": {}, "my-own-horse-battery": {}, "one--two-three-four": {}, "required": {}, "horsebattery1": {},
		"mycustomendpoint": {}, "kubernetesmanaged": {}, "my_horse.battery": {},
	} {
		if got := [2]bool{spelled([]byte(body), false), spelled([]byte(body), true)}; got != want {
			t.Errorf("%s: %v, want %v", body, got, want)
		}
	}
}

func TestOptionsOfCommands(t *testing.T) {
	d := New()
	for text, want := range map[string]string{
		"mysql -u root -pcorrecthorse app": "correcthorse", "mysql -uroot -p'two words' x": "", "sshpass -p staple ssh h": "staple", "sshpass -p'staple' ssh h": "staple", "redis-cli -a battery ping": "battery",
		"docker login -u ann -p battery r.example.com": "battery", "docker run -p battery x": "", "ldapsearch -x -w battery": "battery", "grep -w battery f": "", "ls; mysql -pstaple": "staple", "mysql x; cp -pstaple y": "",
		"sqlcmd -S db -P battery": "battery", "mysql -P battery": "", "mysql -p battery": "", "docker login -p 8080": "", "docker login -p $TOKEN": "", "docker login -p <token>": "", "ssh-keygen -N 'battery' -f k": "battery",
		"echo login\nmkdir -p battery": "", "keytool -storepass batteryQ1": "batteryQ1", "IDENTIFIED BY 'Battery1'": "Battery1", "is identified by Battery1": "", "variable \"db_password\" {\n  default = \"Battery1\"\n}": "Battery1",
	} {
		if want == "" {
			none(t, d, text)
			continue
		}
		one(t, d, text, "password "+want)
	}
	one(t, d, "jdbc:oracle:thin:app/Battery1@//db:1521/x", "url app/Battery1")
	none(t, d, "jdbc:oracle:thin:@//db:1521/x")
	none(t, d, "jdbc:oracle:thin:user/password@//db:1521/x")
	one(t, d, "curl -sSu 'app:Battery1' https://h", "basic app:Battery1")
}

// TestPublicByDesign holds that what browsers and repositories may show stays clean.
func TestPublicByDesign(t *testing.T) {
	rnd := rand.New(rand.NewPCG(43, 43))
	d := New()
	for range 50 {
		for _, text := range []string{
			"https://" + invent(rnd, hexes, 32) + "@o123456.ingest.sentry.io/42", "https://" + invent(rnd, hexes, 32) + "@sentry.example.com/42", "STRIPE_KEY=pk_test_" + invent(rnd, alnums, 40), "gpg --recv-keys " + invent(rnd, "0123456789ABCDEF", 40),
			"using RSA key " + invent(rnd, "0123456789ABCDEF", 40), "auth0 clientId: " + invent(rnd, alnums, 32), "kubectl get secret db-credentials-" + invent(rnd, small+numbers, 8), "--starting-token " + invent(rnd, alnums, 40), "tokenHash: " + invent(rnd, hexes, 40),
		} {
			none(t, d, text)
		}
	}
}
