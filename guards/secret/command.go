package secret

import (
	"bytes"
	"strings"

	"outrider.dev/outrider/guards/window"
)

// option is how commands take a password. Of what the sieve makes places, that
// is all: what is glued stands near the command, what stands apart right behind
// the letter.
type option struct {
	letter byte
	glued  bool   // the value may stand right behind the letter
	apart  bool   // or behind a blank
	words  string // one of these stands before it on the line
}

func options() []option {
	return []option{
		{'p', true, false, "mysql mysqldump mysqladmin mysqlimport mysqlsh mariadb"},
		{'p', true, true, "sshpass"},
		{'p', false, true, "login mongo mongosh mongodump mongorestore mongoexport mongoimport snowsql cqlsh rabbitmqadmin"},
		{'a', false, true, "redis"},
		{'P', false, true, "sqlcmd bcp zip unzip"},
		{'N', false, true, "keygen"},
		{'k', false, true, "enc"},
		{'w', false, true, "ldapsearch ldapadd ldapmodify ldapdelete ldapwhoami ldappasswd"},
	}
}

// leaders returns the words that lead to a password which may look like
// anything: commands whose option it is glued to, and letters of options.
func (d *Detector) leaders() (out []string) {
	for word, options := range d.commands {
		for _, o := range options {
			if o.glued {
				out = append(out, word)
			}
			if o.apart {
				out = append(out, strings.ToLower(string(rune(o.letter))))
			}
		}
	}
	return out
}

// commandPassword reads the password that an option of a command carries: what
// stands at i, or behind the dash and the letter there.
func (d *Detector) commandPassword(w *window.Window, v *view, i int) hit {
	line, gap := v.text[:v.gap], v.text[v.gap:]
	at, letter, glued := i, byte(0), len(gap) == 1 && quote(gap[0])
	switch n := len(line); {
	case w.Text[i] == '-':
		at, letter, glued = i+2, w.At(i+1), true
	case n > 2 && line[n-2] == '-' && opens(line[n-3]) && (glued || len(gap) <= 2):
		letter, line = line[n-1], line[:n-2]
	}
	if window.ClassOf(letter)&window.Letters == 0 {
		return hit{}
	}
	var low [maxName]byte
	for k := len(line); ; {
		from, to := v.word(k)
		if from == to || bytes.ContainsAny(v.text[to:k], "\n;|&") {
			return hit{}
		}
		for _, o := range d.commands[string(lower(v.text[from:to], &low))] {
			if o.letter == letter && (glued && o.glued && len(v.text)-from <= nearEnough || !glued && o.apart) {
				return given(w, at)
			}
		}
		k = from
	}
}

// given reads a value that is a password whatever it looks like, unless it only
// stands for one.
func given(w *window.Window, i int) hit {
	n := wordEnd(w, i)
	if n < 4 || w.Short {
		return hit{}
	}
	body := w.Text[i : i+n]
	if body[0] == '-' || standIn(nil, body) || code(body) || digitsOnly(body) || w.At(i+n) == '(' || bytes.Contains(body, []byte("://")) {
		return hit{}
	}
	return hit{"secret.password", i, i + n, .85, tailNone}
}

// ofCommand reports whether -u or --user leads to the value.
func (v *view) ofCommand() bool {
	line, gap := v.text[:v.gap], v.text[v.gap:]
	return len(gap) > 0 && len(gap) <= 2 && (gap[0] == ' ' || gap[0] == '=') &&
		(bytes.HasSuffix(line, []byte("-u")) || bytes.HasSuffix(line, []byte("--user")) || v.ofCurl(line))
}

// ofCurl reports whether a line ends with several options of curl in one, the
// last of which is -u, as in -su.
func (v *view) ofCurl(line []byte) bool {
	k := len(line)
	for k > 0 && window.ClassOf(line[k-1])&window.Letters != 0 {
		k--
	}
	if k < 2 || k == len(line) || line[k-1] != '-' || !opens(line[k-2]) || line[len(line)-1] != 'u' {
		return false
	}
	for {
		from, to := v.word(k)
		if from == to || len(v.text)-from > nearEnough {
			return false
		}
		if string(v.text[from:to]) == "curl" {
			return true
		}
		k = from
	}
}

// commandUser reads user:password behind the -u or --user of curl.
func commandUser(w *window.Window, v *view, i int) hit {
	if !bytes.Contains(v.text, []byte("curl")) && !bytes.Contains(v.text, []byte("http")) {
		return hit{}
	}
	n := wordEnd(w, i)
	colon := bytes.IndexByte(w.Text[i:min(i+n, len(w.Text))], ':')
	if w.Short || colon < 1 || standIn(w.Text[i:i+colon], w.Text[i+colon+1:i+n]) || digitsOnly(w.Text[i+colon+1:i+n]) || code(w.Text[i:i+n]) {
		return hit{}
	}
	return hit{"secret.basic", i, i + n, .85, tailNone}
}
