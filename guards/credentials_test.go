package guards

import (
	"encoding/base64"
	"math/rand/v2"
	"strings"
	"testing"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/guards/window"
)

// announced are credentials that words before or behind them make such, and
// others of more than one part.
func announced(r *rand.Rand) []string {
	return []string{
		"my datadog api key is " + invent(r, hexes, 32),
		"the token for staging (" + invent(r, alnum, 28) + ")",
		"HEROKU_API_KEY=550e8400-e29b-" + invent(r, hexes, 4) + "-a716-" + invent(r, hexes, 12),
		"githubToken: '" + invent(r, hexes, 40) + "'",
		"password: hunter" + invent(r, "0123456789", 2) + "!x",
		"dbPassword=\"" + invent(r, alnum, 12) + "!\"",
		"the password:\n" + invent(r, alnum, 9) + "#4",
		"curl -u bob:" + invent(r, alnum, 9) + "1 https://h.example.com",
		"curl --user 'bob:" + invent(r, alnum, 9) + "1'",
		"curl -sSu bob:" + invent(r, small, 9),
		"mysql -u root -p" + invent(r, small, 9) + " app",
		"sshpass -p '" + invent(r, small, 9) + "' ssh h",
		"docker login -u bob -p " + invent(r, small, 9),
		"redis-cli -h cache.example.com -p 6379 -a " + invent(r, small, 9),
		"db_password=" + invent(r, small, 16),
		"variable \"db_password\" {\n  default = \"" + invent(r, small, 16) + "\"\n}",
		"IDENTIFIED BY '" + invent(r, small, 16) + "'",
		"jdbc:" + "oracle:thin:app/" + invent(r, small, 9) + "@//db/x",
		"Basic " + base64.StdEncoding.EncodeToString([]byte("bob:"+invent(r, alnum, 9))),
		"Server=db;Password=" + invent(r, alnum, 9) + "1;Database=x",
		"PuTTY\nPrivate-Lines: 2\n" + invent(r, base64s, 64) + "\nPrivate-MAC: " + invent(r, hexes, 40),
		"MT" + invent(r, alnum, 22) + "." + invent(r, alnum, 6) + "." + invent(r, alnum, 38),
		"https://hooks." + "slack.com/services/T" + invent(r, base32, 8) + "/B" + invent(r, base32, 8) + "/" + invent(r, alnum, 24),
		"- name: X_TOKEN\n  value: " + invent(r, alnum, 30),
		"AWS_SECRET_ACCESS_KEY=" + invent(r, base64s, 40),
		"Here is the token:\n```\n" + invent(r, alnum, 30) + "\n```",
		"secret_key = b'" + invent(r, alnum, 30) + "'",
		"SECRET_KEY = 'a1" + invent(r, "abcdefgh12345678!@#$^*-_", 30) + "x!Z'",
		"https://" + invent(r, hexes, 40) + "@github.com/x/y.git",
		`{"user":"bob","clientSecret":"` + invent(r, alnum, 30) + `"}`,
		invent(r, hexes, 32) + "-us" + invent(r, "123456789", 1+r.IntN(2)),
		invent(r, hexes, 36) + "NRAL",
		"eu01" + "xx" + invent(r, hexes, 30) + "NRAL",
		"1/" + invent(r, "123456789", 16) + ":" + invent(r, hexes, 32),
		"AQEohm" + invent(r, base64s, 72) + "-" + invent(r, base64s, 43) + "=-" + invent(r, alnum, 16),
		"use x7" + invent(r, alnum, 30) + " as the deploy token, please",
		"(`" + invent(r, hexes, 32) + "` is our new Datadog API key)",
		invent(r, hexes, 8) + "-e29b-41d4-a716-" + invent(r, hexes, 12) + " for the Heroku API key: rotate",
	}
}

// babble is text full of them, of words that open and of what stands between.
func babble(r *rand.Rand) string {
	all := append(announced(r), credentials(r)...)
	parts := strings.Fields(`my the key is datadog heroku token: dbPassword: passwd= pwd curl -u --user a:b1c2d3! hunter2!x x9 Private-Lines: value: default "key": public is our as the for API Heroku
		passage password mysql -p -pq7xkvzjw mysqldump sshpass login redis -a identified by qzxvkjwpq curl -sSu variable " { default jdbc: basic Bearer auth secret= => ( ) , . " ' \n \\n v1.2.3 2024-01-15 42 é 日本 key key_id sha256: -----BEGIN :// sk- eyJ MTabc. -`)
	var b strings.Builder
	if r.IntN(2) == 0 {
		b.WriteString(strings.Repeat("x ", r.IntN(600)))
	}
	for n := r.IntN(40); n > 0; n-- {
		switch r.IntN(8) {
		case 0:
			b.WriteString(all[r.IntN(len(all))])
		case 1:
			b.WriteString(invent(r, alnum+"!#-_./\\:=\"'", 1+r.IntN(40)))
		case 2:
			b.WriteString(invent(r, " \t\n=:,('", 1+r.IntN(20)))
		default:
			b.WriteString(parts[r.IntN(len(parts))])
		}
		if r.IntN(4) > 0 {
			b.WriteByte(' ')
		}
	}
	return b.String()
}

func TestSieveMissesNoCredential(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 11))
	set := mustSet(t, Spec{Kind: Secret, Action: decision.ActionRedact})
	found := 0
	for range 3000 {
		found += compareWithNaive(t, set, babble(r))
	}
	if found < 5000 {
		t.Errorf("only %d findings: the texts are too tame", found)
	}
}

func TestSieveMissesNoCredentialAtEdges(t *testing.T) {
	r := rand.New(rand.NewPCG(12, 12))
	set := mustSet(t, Spec{Kind: Secret, Action: decision.ActionRedact})
	for _, piece := range announced(r) {
		for before := window.Stretch - len(piece) - 3; before < window.Stretch+70; before++ {
			compareWithNaive(t, set, strings.Repeat("- ", before/2+1)[:before]+piece+" so.")
		}
	}
}

func TestCredentialsInEverySplit(t *testing.T) {
	r := rand.New(rand.NewPCG(13, 13))
	sets := []*Set{
		mustSet(t, Spec{Kind: Secret, Action: decision.ActionRedact}), mustSet(t, Spec{Kind: Secret, Action: decision.ActionBlock}),
		mustSet(t, Spec{Kind: Secret, Action: decision.ActionObserve}),
	}
	for _, piece := range announced(r) {
		text := "so, " + piece + " ok"
		if set := sets[0]; len(set.Scan([]byte(text), decision.Segment{}, nil)) != 1 {
			t.Errorf("%q is not found", text)
		}
		for a := 1; a < len(text); a++ {
			agree(t, sets[0], text, []int{a})
		}
		for b := 2; b < len(text); b += 7 {
			agree(t, sets[1], text, []int{1, b})
		}
	}
	for range 1500 {
		text := babble(r)
		agree(t, sets[r.IntN(len(sets))], text, randomCuts(r, len(text)))
	}
}

func FuzzCredentials(f *testing.F) {
	r := rand.New(rand.NewPCG(14, 14))
	for range 40 {
		f.Add(babble(r), uint64(r.Uint32()))
	}
	set := mustSet(f, Spec{Kind: Secret, Action: decision.ActionRedact})
	f.Fuzz(func(t *testing.T, text string, seed uint64) {
		if len(text) > 4096 {
			return
		}
		compareWithNaive(t, set, text)
		agree(t, set, text, randomCuts(rand.New(rand.NewPCG(seed, 1)), len(text)))
	})
}
