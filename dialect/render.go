package dialect

import (
	"bytes"
	"cmp"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
	"outrider.dev/outrider/decision"
)

// Text returns the unescaped text of a segment. It aliases raw when the text
// has no escape. A segment that is no string of raw has no text: nil.
func Text(raw []byte, s decision.Segment) []byte {
	if !quoted(raw, s) {
		return nil
	}
	content := raw[s.Start:s.End:s.End]
	if bytes.IndexByte(content, '\\') < 0 {
		return content
	}
	text, err := jsontext.AppendUnquote(make([]byte, 0, len(content)), raw[s.Start-1:s.End+1])
	if err != nil {
		return nil
	}
	return text
}

// quoted reports whether the segment lies between two quotes of raw.
func quoted(raw []byte, s decision.Segment) bool {
	return s.Start > 0 && s.Start <= s.End && int64(s.End) < int64(len(raw)) &&
		raw[s.Start-1] == '"' && raw[s.End] == '"'
}

// Render turns edits into ordered splices on raw that never overlap.
//
// Redactions whose offsets fall inside a rune grow to the whole rune; other
// such edits are refused. An escape stands for one rune, so no escape is ever
// split. A member name is judged but never edited: the object could end with
// two equal names. Every refusal is a [decision.Error] with
// [decision.CodeEditConflict].
func Render(raw []byte, segs []decision.Segment, edits []decision.Edit) ([]decision.Splice, error) {
	if len(edits) == 0 {
		return nil, nil
	}
	united, err := decision.UniteEdits(edits)
	if err != nil {
		return nil, err
	}
	texts := len(united)
	for i, e := range united { // pointer edits stand last in the order of UniteEdits
		if e.Pointer != "" {
			texts = i
			break
		}
	}
	splices, err := renderTexts(raw, segs, united[:texts])
	if err != nil {
		return nil, err
	}
	splices, err = renderPointers(splices, raw, united[texts:])
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(splices, func(a, b decision.Splice) int {
		return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(a.End, b.End))
	})
	if err := Check(raw, splices); err != nil {
		return nil, refuse("two edits change the same bytes of the body")
	}
	return splices, nil
}

// Check refuses splices that are not ordered, overlap or lie outside of raw.
func Check(raw []byte, splices []decision.Splice) error {
	at := uint32(0)
	for _, s := range splices {
		if s.Start < at || s.End < s.Start || int64(s.End) > int64(len(raw)) {
			return refuse("the splices do not fit the body")
		}
		at = s.End
	}
	return nil
}

// Apply appends raw with the splices made. Splices that [Check] refuses append
// nothing: a wrong list must not let a half-edited body travel on.
func Apply(dst, raw []byte, splices []decision.Splice) []byte {
	if Check(raw, splices) != nil {
		return dst
	}
	size := len(raw)
	for _, s := range splices {
		size += len(s.With)
	}
	dst = slices.Grow(dst, size)
	at := uint32(0)
	for _, s := range splices {
		dst = append(dst, raw[at:s.Start]...)
		dst = append(dst, s.With...)
		at = s.End
	}
	return append(dst, raw[at:]...)
}

func refuse(message string) error { return decision.Refuse(decision.CodeEditConflict, message) }

// renderTexts expects the edits ordered by segment and offset.
func renderTexts(raw []byte, segs []decision.Segment, edits []decision.Edit) ([]decision.Splice, error) {
	var out []decision.Splice
	for len(edits) > 0 {
		id := edits[0].Segment
		n := 1
		for n < len(edits) && edits[n].Segment == id {
			n++
		}
		if int64(id) >= int64(len(segs)) {
			return nil, refuse("an edit names segment " + strconv.FormatUint(uint64(id), 10) + ", which the body does not have")
		}
		var err error
		if out, err = renderSegment(out, raw, segs[id], edits[:n]); err != nil {
			return nil, err
		}
		edits = edits[n:]
	}
	return out, nil
}

func renderSegment(out []decision.Splice, raw []byte, seg decision.Segment, edits []decision.Edit) ([]decision.Splice, error) {
	if !quoted(raw, seg) || !jsontext.Value(raw[seg.Start-1:seg.End+1]).IsValid() {
		return nil, refuse("an edit names a segment that is no string of the body")
	}
	if IsName(raw, seg) {
		return nil, refuse("an edit changes a member name, at byte " + strconv.FormatUint(uint64(seg.Start), 10))
	}
	edits, err := alignEdits(Text(raw, seg), edits)
	if err != nil {
		return nil, err
	}
	cur := cursor{raw: raw[seg.Start:seg.End]}
	for _, e := range edits {
		with, err := escape(e.With)
		if err != nil {
			return nil, err
		}
		start, end := cur.seek(e.Start), cur.seek(e.End)
		out = append(out, decision.Splice{Start: seg.Start + start, End: seg.Start + end, With: with})
	}
	return out, nil
}

// IsName reports whether the segment is a member's name: a colon follows it.
// Such a segment cannot be edited.
func IsName(raw []byte, seg decision.Segment) bool {
	rest := bytes.TrimLeft(raw[seg.End+1:], " \t\r\n")
	return len(rest) > 0 && rest[0] == ':'
}

// NameOf returns the unescaped name of the member whose value the segment is,
// nil where it is none.
func NameOf(raw []byte, seg decision.Segment) []byte {
	if !quoted(raw, seg) {
		return nil
	}
	before := bytes.TrimRight(raw[:seg.Start-1], " \t\r\n")
	before, isMember := bytes.CutSuffix(before, []byte(":"))
	before, isString := bytes.CutSuffix(bytes.TrimRight(before, " \t\r\n"), []byte(`"`))
	if !isMember || !isString {
		return nil
	}
	begin := bytes.LastIndexByte(before, '"')
	for begin > 0 && escaped(before, begin) {
		begin = bytes.LastIndexByte(before[:begin], '"')
	}
	if begin < 0 {
		return nil
	}
	return Text(raw, decision.Segment{Start: uint32(begin) + 1, End: uint32(len(before))})
}

// escaped reports whether an odd number of backslashes stands before i.
func escaped(text []byte, i int) bool {
	n := 0
	for n < i && text[i-1-n] == '\\' {
		n++
	}
	return n%2 == 1
}

// alignEdits puts the edits' offsets on rune boundaries of text.
func alignEdits(text []byte, edits []decision.Edit) ([]decision.Edit, error) {
	var aligned []decision.Edit
	for i, e := range edits {
		if e.Start > e.End || int64(e.End) > int64(len(text)) {
			return nil, refuse("an edit reaches beyond the text of its segment")
		}
		start, end := runeStart(text, e.Start), runeEnd(text, e.End)
		if start == e.Start && end == e.End {
			continue
		}
		if !e.Redaction {
			return nil, refuse("an edit begins or ends inside a character")
		}
		if aligned == nil {
			aligned = slices.Clone(edits)
		}
		aligned[i].Start, aligned[i].End = start, end
	}
	if aligned == nil {
		return edits, nil
	}
	return decision.UniteEdits(aligned) // neighbours may overlap now
}

func runeStart(text []byte, at uint32) uint32 {
	for int64(at) < int64(len(text)) && !utf8.RuneStart(text[at]) {
		at--
	}
	return at
}

func runeEnd(text []byte, at uint32) uint32 {
	for int64(at) < int64(len(text)) && !utf8.RuneStart(text[at]) {
		at++
	}
	return at
}

// cursor walks the raw content of a string and its unescaped text together.
type cursor struct {
	raw  []byte
	at   uint32 // in raw
	text uint32 // in the unescaped text; at and text stand before the same rune
}

// seek moves forward to a rune boundary of the text and returns its raw offset.
// Offsets must not go back.
func (c *cursor) seek(text uint32) uint32 {
	for c.text < text {
		plain := min(text-c.text, uint32(len(c.raw))-c.at)
		if i := bytes.IndexByte(c.raw[c.at:c.at+plain], '\\'); i >= 0 {
			plain = uint32(i)
		}
		c.at, c.text = c.at+plain, c.text+plain
		if c.text < text {
			c.skipEscape()
		}
	}
	return c.at
}

// skipEscape passes one escape, a surrogate pair being one.
func (c *cursor) skipEscape() {
	rest := c.raw[c.at:]
	if rest[1] != 'u' {
		c.at, c.text = c.at+2, c.text+1
		return
	}
	unit, _ := strconv.ParseUint(string(rest[2:6]), 16, 16)
	if unit >= 0xd800 && unit < 0xe000 { // a pair: always four bytes of text
		c.at, c.text = c.at+12, c.text+4
		return
	}
	c.at, c.text = c.at+6, c.text+uint32(utf8.RuneLen(rune(unit)))
}

// escape returns s as the content of a JSON string.
func escape(s string) ([]byte, error) {
	if s == "" {
		return nil, nil
	}
	q, err := jsontext.AppendQuote(nil, s)
	if err != nil {
		return nil, refuse("the text of an edit is not valid UTF-8")
	}
	return q[1 : len(q)-1], nil
}
