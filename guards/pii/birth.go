package pii

import "outrider.dev/outrider/guards/window"

// birth claims a date near a word such as born. The number begins with n digits
// and c behind them. It reports whether nothing else can be meant.
func (j *judge) birth(n int, c byte) bool {
	w, i := j.w, j.i
	if n == 3 || n > 4 {
		return false
	}
	end := 0
	switch c {
	case '/', '.', '-':
		end = dateInFigures(w, i, n)
	case ' ', 's', 'n', 'r', 't':
	default:
		return false
	}
	if w.Short {
		return false
	}
	figures := end > 0
	if end == 0 && n <= 2 && c != '/' {
		end = dateInWords(w, i, n)
	}
	if end == 0 || end > i+nearBytes || n == 4 && !dense(w, i, end, manyDigits) {
		return false
	}
	if !ended(w, end) {
		return w.At(end) == 'T' && figures // of a time
	}
	j.claim(kBirth, end, lBirth, .85, 0, false)
	return figures
}

// dateInFigures reads day, month and year in any order that ends or begins with
// the year. The first group has n digits.
func dateInFigures(w *window.Window, i, n int) int {
	sep := w.At(i + n)
	if sep != '/' && sep != '.' && sep != '-' {
		return 0
	}
	second := i + n + 1
	m := digitRun(w, second, 3)
	third := second + m + 1
	if m == 0 || m > 2 || w.At(third-1) != sep {
		return 0
	}
	if n == 4 {
		if last := digitRun(w, third, 3); last == 1 || last == 2 {
			return yearAt(w, i, third+last)
		}
		return 0
	}
	if digitRun(w, third, 5) != 4 {
		return 0
	}
	return yearAt(w, third, third+4)
}

// BeginsTime reports whether a text whose digits stand as in 2024-01-15T is a
// date with its time: nothing is found there. The sieve of the guards package
// asks so before it makes a place of it.
func BeginsTime(text []byte) bool {
	century := string(text[:2])
	return (century == "19" || century == "20") && text[4] == '-' && text[7] == '-' && text[10] == 'T'
}

// yearAt returns end if the four digits at i are a year in which somebody who
// lives can be born.
func yearAt(w *window.Window, i, end int) int {
	if century := string(w.Text[i : i+2]); century != "19" && century != "20" {
		return 0
	}
	return end
}

// dateInWords reads a day of n digits, the name of a month and a year.
func dateInWords(w *window.Window, i, n int) int {
	at := i + n
	switch {
	case w.At(at) == '.':
		at++
	case ordinal(w, at):
		at += 2
	}
	if at = joint(w, at); at == 0 {
		return 0
	}
	if w.HasPrefix(at, "of ") || w.HasPrefix(at, "de ") {
		at += 3
	}
	name := monthAt(w, at)
	if name == 0 {
		return 0
	}
	at = joint(w, at+name)
	if at > 0 && w.HasPrefix(at, "de ") {
		at += 3
	}
	if at == 0 || digitRun(w, at, 5) != 4 {
		return 0
	}
	return yearAt(w, at, at+4)
}

// joint returns what follows a blank or a hyphen at i, or 0.
func joint(w *window.Window, i int) int {
	if c := w.At(i); c != ' ' && c != '-' {
		return 0
	}
	return i + 1
}

// The longest names of a month in bytes: of any, and of those that begin a date.
const (
	maxMonth = 12
	maxNamed = 9
)

// monthAt returns the length of the name of a month at i, in one of several
// languages, with the dot of an abbreviation, or 0.
func monthAt(w *window.Window, i int) int {
	n := 0
	for n <= maxMonth && (w.At(i+n) >= 0x80 || window.ClassOf(w.At(i+n))&window.Letters != 0) {
		n++
	}
	if n < 3 || n > maxMonth {
		return 0
	}
	if !BeginsMonth(w.Text[i:]) && !foreign(w.Text[i:]) {
		return 0
	}
	if w.At(i+n) == '.' || w.At(i+n) == ',' {
		n++
	}
	return n
}

// BeginsMonth reports whether the text begins like the English name of a month.
func BeginsMonth(text []byte) bool {
	const letters = 1<<('j'&31) | 1<<('f'&31) | 1<<('m'&31) | 1<<('a'&31) | 1<<('s'&31) | 1<<('o'&31) | 1<<('n'&31) | 1<<('d'&31)
	if len(text) == 0 || letters>>(text[0]&31)&1 == 0 {
		return false
	}
	switch low := firstThree(text); string(low[:]) {
	case "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec":
		return true
	}
	return false
}

// FollowsDay reports whether the text may go on with a month behind the day and a
// blank. The sieve of the guards package asks so too.
func FollowsDay(text []byte) bool {
	switch low := firstThree(text); string(low[:]) {
	case "of ", "de ":
		return true
	}
	return BeginsMonth(text) || foreign(text)
}

// foreign reports the same of other names in German, French, Spanish, Italian,
// Portuguese and Dutch.
func foreign(text []byte) bool {
	switch low := firstThree(text); string(low[:]) {
	case "mai", "okt", "dez", "avr", "jui", "ene", "abr", "ago", "dic", "gen", "mag", "giu", "lug", "set", "ott", "fev", "out", "maa", "mei", "mrt",
		"f\xc3\xa9", "d\xc3\xa9", "m\xc3\xa4", "ao\xc3": // fé, dé, mä, aoû
		return true
	}
	return false
}

// firstThree returns the first three bytes of a text, letters in their small form.
func firstThree(text []byte) (low [3]byte) {
	copy(low[:], text)
	for k, c := range low {
		if c < 0x80 {
			low[k] |= 0x20
		}
	}
	return low
}

// named claims a date that begins with the English name of a month, as in
// April 12, 1985.
func (j *judge) named() {
	w, i := j.w, j.i
	name := w.Run(i, maxMonth, window.Letters)
	if name < 3 || name > maxNamed || !BeginsMonth(w.Text[i:]) {
		return
	}
	at := i + name
	if w.At(at) == '.' {
		at++
	}
	if w.At(at) != ' ' || !window.IsDigit(w.At(at+1)) {
		return
	}
	at++
	at += digitRun(w, at, 2)
	if ordinal(w, at) {
		at += 2
	}
	if w.At(at) == ',' {
		at++
	}
	if at = joint(w, at); at == 0 || digitRun(w, at, 5) != 4 {
		return
	}
	if end := yearAt(w, at, at+4); end > 0 && end <= i+nearBytes && ended(w, end) {
		j.claim(kBirth, end, lBirth, .85, 0, false)
	}
}

// ordinal reports whether the letters of 1st, 2nd, 3rd or 4th stand at i.
func ordinal(w *window.Window, i int) bool {
	return w.HasPrefix(i, "st") || w.HasPrefix(i, "nd") || w.HasPrefix(i, "rd") || w.HasPrefix(i, "th")
}
