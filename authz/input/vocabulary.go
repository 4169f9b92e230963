package input

import "strings"

// Vocabulary answers questions about the words of rules at load.
type Vocabulary struct {
	fields []Field
	byPath map[string]int
	inner  map[string]bool // paths that only lead to fields: tool, mcp.tool
}

// NewVocabulary returns the vocabulary of [Fields] with the claims of a schema
// as words of their own, for a language that knows types.
func NewVocabulary(s Schema) *Vocabulary {
	return newVocabulary(append(s.over(Fields(), false), s.fields()...))
}

// NewUntyped returns the vocabulary of [Fields] for a language without types:
// the schema holds wherever claims are read.
func NewUntyped(s Schema) *Vocabulary { return newVocabulary(s.over(Fields(), true)) }

func newVocabulary(fields []Field) *Vocabulary {
	v := &Vocabulary{byPath: map[string]int{}, inner: map[string]bool{}}
	for _, f := range fields {
		v.Add(f)
	}
	return v
}

// Add adds a word.
func (v *Vocabulary) Add(f Field) {
	v.byPath[f.Path] = len(v.fields)
	v.fields = append(v.fields, f)
	for p := f.Path; ; {
		dot := strings.LastIndexByte(p, '.')
		if dot < 0 {
			break
		}
		if p = p[:dot]; v.Known(p) {
			break // a claim below claims
		}
		v.inner[p] = true
	}
}

// Known reports whether there is a field with exactly this path.
func (v *Vocabulary) Known(path string) bool {
	_, ok := v.byPath[path]
	return ok
}

// Fields returns all words.
func (v *Vocabulary) Fields() []Field { return v.fields }

// Find returns the field with exactly this path.
func (v *Vocabulary) Find(path string) (Field, bool) {
	i, ok := v.byPath[path]
	if !ok {
		return Field{}, false
	}
	return v.fields[i], true
}

// Match returns the field that path, given in parts, is or leads into.
func (v *Vocabulary) Match(path []string) (Field, bool) {
	for n := 1; n <= len(path); n++ {
		if f, ok := v.Find(strings.Join(path[:n], ".")); ok {
			return f, true
		}
	}
	return Field{}, false
}

// Under returns the fields at or below path; all of them for the empty path.
func (v *Vocabulary) Under(path string) []Field {
	var out []Field
	for _, f := range v.fields {
		if path == "" || f.Path == path || strings.HasPrefix(f.Path, path+".") {
			out = append(out, f)
		}
	}
	return out
}

// Leads reports whether path is no field but the beginning of some.
func (v *Vocabulary) Leads(path string) bool { return v.inner[path] }

// Root reports whether name is the first word of a field.
func (v *Vocabulary) Root(name string) bool {
	_, field := v.byPath[name]
	return field || v.inner[name] && !strings.Contains(name, ".")
}

// Nearest returns the word that path most likely means, empty when none is close.
func (v *Vocabulary) Nearest(path string) string {
	candidates := make([]string, 0, len(v.fields))
	for _, f := range v.fields {
		candidates = append(candidates, f.Path)
	}
	return Nearest(path, candidates)
}

// Nearest returns the candidate with the smallest edit distance to word, empty
// when more than a third of the word would have to change. Of equals the first.
func Nearest(word string, candidates []string) string {
	best, least := "", max(2, len(word)/3)+1
	for _, c := range candidates {
		if d := distance(word, c); d < least {
			best, least = c, d
		}
	}
	return best
}

// distance is the number of letters to change, add or remove (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
