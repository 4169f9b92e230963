package guards

import (
	"bytes"
	"crypto/rand"
	"iter"
	"slices"
	"sort"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
	"outrider.dev/outrider/decision"
)

// Bounds of a vault. What does not fit is redacted for good.
const (
	maxTokens     = 1024
	maxVaultBytes = 64 << 10
)

// nonceLen is how many characters tell the placeholders of one exchange from
// all others. maxNonces bounds the search for one that its text does not hold.
const (
	nonceLen  = 6
	maxNonces = 16
)

// Vault holds what was tokenized in one exchange, for as long as the exchange
// lives. Nothing of it is ever written anywhere but back into the answer. It is
// filled by one request before any answer is restored; one caller at a time.
type Vault struct {
	nonce   string
	tokens  map[string]string // placeholders by type and value
	values  map[string]string // values by placeholder
	sorted  []string          // placeholders in order, made when the first answer comes
	counts  map[string]int    // placeholders by name
	bytes   int
	longest int // length of the longest placeholder
}

// NewVault returns an empty vault for an exchange, whose request has the texts.
// No text of the request can look like one of its placeholders. It returns nil
// where the request leaves no room for that, which chance does not bring about.
func NewVault(texts iter.Seq[[]byte]) *Vault { return newVault(texts, newNonce) }

func newVault(texts iter.Seq[[]byte], draw func() string) *Vault {
	for range maxNonces {
		nonce := "_" + draw() + "]"
		taken := false
		for text := range texts {
			taken = taken || bytes.Contains(text, []byte(nonce))
		}
		if !taken {
			return &Vault{nonce: nonce, tokens: map[string]string{}, values: map[string]string{}, counts: map[string]int{}}
		}
	}
	return nil
}

func newNonce() string {
	const letters = "abcdefghijklmnopqrstuvwxyz234567"
	raw := make([]byte, nonceLen)
	_, _ = rand.Read(raw) // never fails
	for k, b := range raw {
		raw[k] = letters[b&31]
	}
	return string(raw)
}

// Empty reports whether there is nothing to restore.
func (v *Vault) Empty() bool { return v == nil || len(v.values) == 0 }

// token returns the placeholder of a value: the same one for the same value.
// It is empty where the vault is full, or is none.
func (v *Vault) token(findingType string, value []byte) string {
	if v == nil || !utf8.Valid(value) {
		return ""
	}
	key := findingType + "\x00" + string(value)
	if token, ok := v.tokens[key]; ok {
		return token
	}
	if len(v.tokens) == maxTokens || v.bytes+len(value) > maxVaultBytes {
		return ""
	}
	what := name(findingType)
	v.counts[what]++
	token := "[" + what + "_" + strconv.Itoa(v.counts[what]) + v.nonce
	v.tokens[key], v.values[token] = token, string(value)
	v.bytes += len(value)
	v.longest = max(v.longest, len(token))
	v.sorted = nil
	return token
}

// placeholders returns the placeholders in order.
func (v *Vault) placeholders() []string {
	if v.sorted == nil && !v.Empty() {
		for token := range v.values {
			v.sorted = append(v.sorted, token)
		}
		slices.Sort(v.sorted)
	}
	return v.sorted
}

// restored is a placeholder in a text, and what it stands for.
type restored struct {
	start, end int
	value      string
}

// find returns the placeholders in text from offset from on, and the offset
// before which there are no others. In a text of which more may come, one may
// have begun there that has not ended.
func (v *Vault) find(text []byte, from int, last bool) (out []restored, known int) {
	if v.Empty() {
		return nil, len(text)
	}
	all := v.placeholders()
	for from < len(text) {
		i := bytes.IndexByte(text[from:], '[')
		if i < 0 {
			break
		}
		from += i
		token, begun := v.at(all, text[from:])
		switch {
		case token != "":
			out = append(out, restored{from, from + len(token), v.values[token]})
			from += len(token)
		case begun && !last:
			return out, from
		default:
			from++
		}
	}
	return out, len(text)
}

// at returns the placeholder that text begins with, or reports whether text
// ends within one. No placeholder begins another, since each has one bracket at
// its end; so that which text begins with is the last that is not behind it.
func (v *Vault) at(all []string, text []byte) (token string, begun bool) {
	head := string(text[:min(len(text), v.longest)])
	k, exact := slices.BinarySearch(all, head)
	switch {
	case exact:
		return all[k], false
	case k > 0 && strings.HasPrefix(head, all[k-1]):
		return all[k-1], false
	}
	return "", k < len(all) && strings.HasPrefix(all[k], head)
}

// Restore appends the edits that put back what was tokenized into one text of
// an answer. A placeholder that one of the redactions reaches stays: what the
// guards of the answer took away does not come back. Redactions are in order,
// as [Set.Edits] makes them of one text after another.
func (v *Vault) Restore(text []byte, segment uint32, redactions, out []decision.Edit) []decision.Edit {
	places, _ := v.find(text, 0, true)
	inside := isJSON(text)
	for _, p := range places {
		start, end := uint32(p.start), uint32(p.end)
		k := sort.Search(len(redactions), func(k int) bool {
			e := &redactions[k]
			return e.Segment > segment || e.Segment == segment && e.End > start
		})
		if k < len(redactions) && redactions[k].Segment == segment && redactions[k].Start < end {
			continue
		}
		out = append(out, decision.Edit{Segment: segment, Start: start, End: end, With: embed(p.value, inside)})
	}
	return out
}

// isJSON reports whether a text is an object in JSON, as far as its beginning tells.
func isJSON(text []byte) bool {
	text = bytes.TrimLeft(text, " \t\r\n")
	return len(text) > 0 && text[0] == '{'
}

// embed returns the value as it must stand in its text: within JSON, as the
// content of a string.
func embed(value string, inside bool) string {
	if !inside {
		return value
	}
	quoted, err := jsontext.AppendQuote(nil, value)
	if err != nil {
		return value // never: vaults hold valid UTF-8 only
	}
	return string(quoted[1 : len(quoted)-1])
}

// plain returns the value that stands in a text, without the escapes that JSON
// has there.
func plain(value []byte, inside bool) []byte {
	if !inside || !bytes.ContainsRune(value, '\\') {
		return value
	}
	out, err := jsontext.AppendUnquote(nil, slices.Concat([]byte{'"'}, value, []byte{'"'}))
	if err != nil {
		return value
	}
	return out
}
