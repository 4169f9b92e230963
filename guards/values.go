package guards

import (
	"encoding/binary"
	"math/bits"
	"strings"

	"outrider.dev/outrider/guards/secret"
	"outrider.dev/outrider/guards/window"
)

// part says where a byte may stand that has to do with a value which is a
// credential for what stands before it.
type part uint8

const (
	within      part = 1 << iota
	before           // right before the value
	beforeBlank      // before the blank before the value
	opens            // before any value that its surroundings make a credential, and never in it
)

// minValue is the length of the shortest such value.
const minValue = 16

// parts tells of every byte where it may stand.
func parts() (value [256]part) {
	for c := range value {
		if window.IsAlnum(byte(c)) || strings.IndexByte("-_.~+/=", byte(c)) >= 0 {
			value[c] |= within
		}
		if strings.IndexByte(" \t\"'=:>", byte(c)) >= 0 {
			value[c] |= before | beforeBlank
		}
		if strings.IndexByte("rRcC", byte(c)) >= 0 { // of Bearer and Basic
			value[c] |= beforeBlank
		}
		if secret.Opens(byte(c)) {
			value[c] |= opens
		}
	}
	return value
}

// announced reports whether such a value may begin at i.
func (r *sifting) announced(i int) bool {
	v, text := &r.sieve.value, r.text
	if i == 0 || v[text[i-1]]&before == 0 || i+minValue <= len(text) && v[text[i+minValue-1]]&within == 0 {
		return false
	}
	if p := text[i-1]; p != ' ' && p != '\t' {
		return true
	}
	return i > 1 && v[text[i-2]]&beforeBlank != 0
}

// How a value is found that words before it make a credential: such words open
// the text behind them. Up to three blocks on, whatever holds a digit is judged
// from where it begins; right behind a word for passwords, all that begins.
const (
	openFor  = 3  // blocks
	rightFor = 64 // bytes behind the beginning of the word

	maxTold   = 128 // bytes of a value that the words behind it name
	minJoined = 9   // letters of a word such as dbPassword, whose end opens
)

// meaning is what a word says about a value behind it.
type meaning uint8

const (
	opensNear meaning = 1 + iota
	opensRight
	opensNone // and no other word has a say where the value is assigned
)

// meaningOf looks a word up.
func (v *sieve) meaningOf(word []byte) meaning {
	var low [botWord]byte
	if len(word) > len(low) {
		return 0
	}
	for k, c := range word {
		low[k] = c | 0x20
	}
	return v.words[string(low[:len(word)])]
}

// opener notes the word of n letters and digits at i if it is one that opens.
// The options of commands stand behind a dash.
func (r *sifting) opener(i, n int) {
	word := r.text[i : i+n]
	m := r.sieve.meaningOf(word)
	if m == 0 && i > 0 && r.text[i-1] == '\\' && (word[0] == 'n' || word[0] == 'r') {
		m = r.sieve.meaningOf(word[1:])
	}
	if m == 0 || m == opensNone || (n == 1 || word[0]|0x20 == 'u') && (i == 0 || r.text[i-1] != '-') {
		return
	}
	r.opened = 1
	if m == opensRight {
		r.right = i
		r.follow(i)
	}
}

// told reports whether the value at i may be one that the words behind it name:
// behind its n bytes and more, and perhaps a quote or a parenthesis, stands a
// blank and as, is or for.
func (r *sifting) told(i, n int) bool {
	if i > 0 && !r.begins(i) {
		return false
	}
	k := i + n
	for k < len(r.text) && r.sieve.value[r.text[k]]&within != 0 && k-i < maxTold {
		k++
	}
	if k < len(r.text) && strings.IndexByte("\"'`)", r.text[k]) >= 0 {
		k++
	}
	if k+1 >= len(r.text) {
		return !r.last
	}
	next := r.text[k+1]
	return r.text[k] == ' ' && (next == 'a' || next == 'i' || next == 'f')
}

// settled reports whether a member of a JSON object begins at i whose name says
// that it is no credential, as in "sha": "…. The text before i announces a value.
func (r *sifting) settled(i int) bool {
	k := i - 1
	for _, sign := range [...]byte{'"', ' ', ':', '"'} {
		switch {
		case k > 0 && r.text[k] == sign:
			k--
		case sign != ' ':
			return false
		}
	}
	end := k + 1
	for k >= 0 && end-k <= botWord && window.IsAlnum(r.text[k]) {
		k--
	}
	return k >= 0 && r.text[k] != '\\' && r.sieve.meaningOf(r.text[k+1:end]) == opensNone
}

// endsWithWord reports whether a name ends as dbPassword and dbPasswd do. It is
// at least four bytes long.
func endsWithWord(name []byte) bool {
	const word, sswd = 'w' | 'o'<<8 | 'r'<<16 | 'd'<<24, 's' | 's'<<8 | 'w'<<16 | 'd'<<24
	end := binary.LittleEndian.Uint32(name[len(name)-4:]) | 0x20202020
	return end == word || end == sswd
}

// joined notes a word such as dbPassword that ends at i.
func (r *sifting) joined(i int) {
	r.opened, r.right = 1, i-4
	r.follow(i - 4)
}

// keyWord is how many letters and digits the longest word has that only its end
// makes a credential: a key of New Relic. The one of Mailchimp goes on behind a dash.
const (
	keyWord  = 40
	dashWord = 32
)

// keyed reports whether the word of n letters and digits at i ends as such a key does.
func (r *sifting) keyed(i, n int) bool {
	return n == dashWord && i+n < len(r.text) && r.text[i+n] == '-' || n == keyWord && string(r.text[i+n-4:i+n]) == "NRAL"
}

// lastWord judges the word that the text ends with: it may become such a key, or
// a bot token.
func (r *sifting) lastWord() {
	k := len(r.text)
	for k > 0 && len(r.text)-k < keyWord && window.IsAlnum(r.text[k-1]) {
		k--
	}
	r.places[ofSecrets].Add(k)
}

// follow judges all values that begin right behind the word at i.
func (r *sifting) follow(i int) {
	for k := max(i+1, r.from, 1); k <= i+rightFor && k < len(r.text); k++ {
		if r.begins(k) {
			r.places[ofSecrets].Add(k)
		}
	}
}

// begins reports whether a value may begin at k, which is not 0.
func (r *sifting) begins(k int) bool {
	return r.sieve.value[r.text[k-1]]&opens != 0 && r.sieve.value[r.text[k]]&opens == 0
}

// opening is what the text before a stretch opens.
type opening struct {
	at    int   // where the stretch begins
	near  uint8 // bit n stands for the n+1st block before it
	right int   // where the last word begins right behind which all is judged; -1 for none
}

// resume takes over what the text before the stretch opens: from the stretch
// before, or by looking for it.
func (r *sifting) resume() (near uint8) {
	r.right = -1
	if r.before.at == r.from && r.from > 0 {
		near, r.right = r.before.near, r.before.right
	} else if r.from > 0 {
		var earlier, before window.Block
		r.readBack(&earlier, 2)
		r.readBack(&before, 1)
		near = r.openers(&earlier, &before, 2)<<1 | r.openers(&before, &r.blocks[0], 1)
	}
	if r.right >= 0 {
		r.follow(r.right)
	}
	return near
}

// readBack reads the n-th block before the stretch. Before the text there is
// nothing but zero bytes.
func (r *sifting) readBack(b *window.Block, n int) {
	from := r.from - n*window.BlockLen
	if from >= 0 {
		b.Read(r.text, from)
		return
	}
	var padded [window.BlockLen]byte
	if end := from + window.BlockLen; end > 0 {
		copy(padded[-from:], r.text[:end])
	}
	b.Read(padded[:], 0)
}

// openers looks for opening words in the n-th block before the stretch. Values
// lie no farther behind such a word than two blocks.
func (r *sifting) openers(b, next *window.Block, n int) uint8 {
	base := r.from - n*window.BlockLen
	before := uint64(0)
	if base > 0 && window.IsAlnum(r.text[base-1]) {
		before = 1
	}
	r.opened = 0
	for left := b.Alnum &^ (b.Alnum<<1 | before); left != 0; left &= left - 1 {
		o := bits.TrailingZeros64(left)
		run := b.Alnum>>o | next.Alnum<<1<<(63-o)
		r.opening(base+o, bits.TrailingZeros64(^run))
	}
	return r.opened
}

// opening judges the word of n letters and digits at i, which stands before the stretch.
func (r *sifting) opening(i, n int) {
	if n >= minJoined && n < botWord && endsWithWord(r.text[i:i+n]) {
		r.joined(i + n)
	}
	if r.sieve.openers.has(hash(keyAt(r.text, i, n))) {
		r.opener(i, n)
	}
}

// valuesAt judges the values that hold the digits which begin in block k, from
// where they begin.
func (r *sifting) valuesAt(k int, begin uint64) {
	for left := begin; left != 0; left &= left - 1 {
		r.valueAround(r.from + k*window.BlockLen + bits.TrailingZeros64(left))
	}
}

// straddling judges the value that does not end before i.
func (r *sifting) straddling(i int) {
	if i <= len(r.text) && i > 0 {
		r.valueAround(i - 1)
	}
}

// valueAround judges the value that holds the byte at i, from where it begins.
func (r *sifting) valueAround(i int) {
	k := i
	for k > 0 && i-k < window.BlockLen && r.sieve.value[r.text[k]]&opens == 0 && r.sieve.value[r.text[k-1]]&opens == 0 {
		k--
	}
	r.places[ofSecrets].Add(k)
}
