package openai

import (
	"bytes"
	"unicode/utf8"

	"outrider.dev/outrider/dialect"
)

// Chunks reads the events of one stream. Most of them differ from an earlier
// one in one text alone; those are compared with it, which tells as much as
// parsing them and costs a fraction. It is not safe for concurrent use.
type Chunks struct {
	parsed []byte        // the data of an event with one text alone; empty: there is none yet
	text   dialect.Piece // that text
	alike  [1]dialect.Piece
}

// maxAlike is the largest event that others are compared with, in bytes.
const maxAlike = 16 << 10

// Read reads as [ReadChunk] does. What it returns is good until the next call.
func (c *Chunks) Read(data []byte) (dialect.Chunk, error) {
	if end, ok := c.same(data); ok {
		c.alike[0] = dialect.Piece{Lane: c.text.Lane, Start: c.text.Start, End: end}
		return dialect.Chunk{Pieces: c.alike[:]}, nil
	}
	chunk, alone, err := readChunk(data)
	if err == nil && alone && len(data) <= maxAlike {
		c.parsed, c.text = append(c.parsed[:0], data...), chunk.Pieces[0]
	}
	return chunk, err
}

// same reports whether the data is that of the parsed event with another text,
// and where the text ends. Whatever a string says, the object around it is as
// good JSON as it was, and means the same.
func (c *Chunks) same(data []byte) (end uint32, ok bool) {
	if len(c.parsed) == 0 || len(data) > maxAlike {
		return 0, false
	}
	before, after := c.parsed[:c.text.Start], c.parsed[c.text.End:]
	if len(data) <= len(before)+len(after) || !bytes.HasPrefix(data, before) || !bytes.HasSuffix(data, after) {
		return 0, false
	}
	to := len(data) - len(after)
	return uint32(to), isPlain(data[len(before):to])
}

// isPlain reports whether the bytes can stand between the quotes of a string,
// without any that would have to be unescaped.
func isPlain(text []byte) bool {
	ascii := true
	for _, b := range text {
		if b < ' ' || b == '"' || b == '\\' {
			return false
		}
		ascii = ascii && b < utf8.RuneSelf
	}
	return ascii || utf8.Valid(text)
}
