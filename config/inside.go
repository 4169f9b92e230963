package config

import "unicode"

// Inside is the place of a line and column, both from 1, of the text that
// stands at path: where in the file an expression is wrong. The file may break
// lines elsewhere than the text, so characters are matched with each other,
// white space apart. It returns false where the file writes a character in
// another way, as quotes with escapes do.
func (p *Policy) Inside(path, text string, line, column int) (Position, bool) {
	start, ok := p.Lines[path]
	if !ok {
		return Position{}, false
	}
	all, count := solid(text, line, column)
	if len(all) == 0 {
		return Position{}, false
	}
	in := &cursor{lines: p.source, line: start.Line - 1, column: start.Column - 1}
	for i, want := range all[:min(count+1, len(all))] {
		got := in.next()
		if i == 0 && got != want && (got == '"' || got == '\'') {
			got = in.next()
		}
		if got != want {
			return Position{}, false
		}
	}
	if count == len(all) { // behind the last character
		in.found.Column++
	}
	in.found.File = start.File
	return in.found, true
}

// solid returns the characters of a text that are no white space, and how many
// of them stand in front of a place.
func solid(text string, line, column int) (all []rune, count int) {
	l, c := 1, 1
	for _, r := range text {
		if !unicode.IsSpace(r) {
			all = append(all, r)
			if l < line || l == line && c < column {
				count++
			}
		}
		if c++; r == '\n' {
			l, c = l+1, 1
		}
	}
	return all, count
}

// cursor walks over the characters of a file that are no white space.
type cursor struct {
	lines        []string
	line, column int      // of the character to look at next, from 0
	found        Position // of the last one that was found
}

// next returns the next character, 0 at the end of the file.
func (c *cursor) next() rune {
	for ; c.line < len(c.lines); c.line, c.column = c.line+1, 0 {
		for runes := []rune(c.lines[c.line]); c.column < len(runes); {
			r := runes[c.column]
			if c.column++; !unicode.IsSpace(r) {
				c.found = Position{Line: c.line + 1, Column: c.column}
				return r
			}
		}
	}
	return 0
}
