// Package sse splits a stream of server-sent events into its events without
// changing a byte: the Raw bytes of all events, one after the other, are the
// stream. It follows the event stream grammar of the HTML standard: lines end
// with LF, CRLF or CR, a leading byte order mark is passed over, several data
// lines make one text, a blank line ends the event.
//
// It knows no format of the data. The data plane reads answers with it; the
// dialect package re-frames them.
package sse

import (
	"bytes"
	"errors"
	"io"
	"strconv"

	"outrider.dev/outrider/decision"
)

// Event is one event with everything that came before its closing blank line.
// The slices are good until the next call of [Reader.Next].
type Event struct {
	Raw  []byte // as it came, comments and closing blank line included
	Data []byte // of all data lines, joined by LF; nil when there is none
	Name []byte // of the last event line; nil when there is none

	lead int // bytes of Raw before its first line: a mark, or the LF of a split CRLF
	data int // where Data stands in Raw; 0 when it had to be joined
}

// CopyTo returns a copy that stays good for as long as buf, whose memory it
// uses, and buf as it is then.
func (e Event) CopyTo(buf []byte) (Event, []byte) {
	raw, name := len(e.Raw), len(e.Raw)+len(e.Name)
	buf = append(append(buf[:0], e.Raw...), e.Name...)
	if e.data == 0 {
		buf = append(buf, e.Data...)
	}
	out := Event{Raw: buf[:raw:raw], lead: e.lead, data: e.data}
	if e.Name != nil {
		out.Name = buf[raw:name:name]
	}
	switch {
	case e.Data == nil:
	case e.data == 0:
		out.Data = buf[name:len(buf):len(buf)]
	default:
		out.Data = buf[e.data : e.data+len(e.Data) : e.data+len(e.Data)]
	}
	return out, buf
}

const (
	// firstRead is the space that a Reader starts with; an event that needs more
	// makes it grow up to the limit.
	firstRead = 4 << 10
	// readAhead is up to where it grows for a source that fills it with one read:
	// what arrives together is taken together.
	readAhead = 16 << 10
)

// emptyReads is how many reads without bytes and error are borne in a row.
const emptyReads = 100

// Reader reads events. It never reads on while a whole event is at hand.
type Reader struct {
	src   io.Reader
	limit int
	buf   []byte
	err   error // of the last read, after the bytes in buf
	full  bool  // the last read left no space
	empty int   // reads without bytes since the last byte

	begun   bool // the byte order mark was looked for
	splitCR bool // the last event ended with CR; a LF that follows belongs to it

	// The event under way, as offsets into buf.
	start   int // its first byte
	lead    int
	line    int // the first byte of the line under way
	scanned int // no line end stands between line and here
	data    []span
	name    span
	named   bool
	joined  []byte
}

type span struct{ from, to int }

// NewReader returns a Reader whose events have at most limit bytes.
func NewReader(src io.Reader, limit int) *Reader {
	return &Reader{src: src, limit: limit}
}

// Next returns the next event. The error is io.EOF at the end of the stream;
// io.ErrUnexpectedEOF with the rest of the stream as an Event when it ends
// without a blank line: by the standard that event does not count. An event
// larger than the limit is a [decision.Error].
func (r *Reader) Next() (Event, error) {
	r.start, r.scanned = r.line, r.line
	r.lead, r.data, r.name, r.named = 0, r.data[:0], span{}, false
	for {
		complete := r.passLead() && r.lines()
		switch size := r.line - r.start; {
		case complete && size <= r.limit:
			return r.event(), nil
		case complete || len(r.buf)-r.start > r.limit:
			return r.tooLarge()
		case r.err != nil:
			return r.rest()
		default:
			r.fill()
		}
	}
}

// passLead passes the bytes before the first line of an event. It reports
// whether that is settled.
func (r *Reader) passLead() bool {
	rest := r.buf[r.start:]
	if !r.begun {
		const mark = "\xef\xbb\xbf"
		if len(rest) < len(mark) && string(rest) == mark[:len(rest)] && r.err == nil {
			return false
		}
		r.begun = true
		if bytes.HasPrefix(rest, []byte(mark)) {
			r.pass(len(mark))
		}
	}
	if r.splitCR {
		if len(rest) == 0 {
			return false
		}
		r.splitCR = false
		if rest[0] == '\n' {
			r.pass(1)
		}
	}
	return true
}

func (r *Reader) pass(n int) {
	r.lead = n
	r.line, r.scanned = r.start+n, r.start+n
}

// lines reads the lines at hand. It reports whether the event is complete.
func (r *Reader) lines() bool {
	for {
		end, next, ok := r.lineEnd()
		if !ok {
			return false
		}
		from := r.line
		r.line, r.scanned = next, next
		if from == end {
			r.splitCR = r.buf[next-1] == '\r' && next == len(r.buf)
			return true
		}
		r.field(from, end)
	}
}

// lineEnd finds the end of the line under way and the start of the next one.
func (r *Reader) lineEnd() (end, next int, ok bool) {
	rest := r.buf[r.scanned:]
	at := bytes.IndexByte(rest, '\n')
	if at < 0 {
		at = len(rest)
	}
	if cr := bytes.IndexByte(rest[:at], '\r'); cr >= 0 {
		end = r.scanned + cr
		return r.afterCR(end)
	}
	if at == len(rest) {
		r.scanned = len(r.buf)
		return 0, 0, false
	}
	return r.scanned + at, r.scanned + at + 1, true
}

// afterCR decides whether a LF belongs to the CR at end. When the byte behind
// is not here yet, only a blank line, which ends the event, does not wait.
func (r *Reader) afterCR(end int) (int, int, bool) {
	switch {
	case end+1 < len(r.buf) && r.buf[end+1] == '\n':
		return end, end + 2, true
	case end+1 < len(r.buf) || end == r.line || r.err != nil:
		return end, end + 1, true
	default:
		r.scanned = end
		return 0, 0, false
	}
}

// field keeps the line [from, to) when it is one of those that count here.
func (r *Reader) field(from, to int) {
	name, value := splitField(r.buf[from:to])
	s := span{to - len(value), to}
	switch string(name) {
	case "data":
		r.data = append(r.data, s)
	case "event":
		r.name, r.named = s, true
	}
}

// splitField splits a line at its first colon and one space behind it. A
// comment has an empty name.
func splitField(line []byte) (name, value []byte) {
	name, value, found := bytes.Cut(line, []byte(":"))
	if !found {
		return line, nil
	}
	if len(value) > 0 && value[0] == ' ' {
		value = value[1:]
	}
	return name, value
}

// event returns what lies between start and line.
func (r *Reader) event() Event {
	e := Event{Raw: r.buf[r.start:r.line:r.line], lead: r.lead}
	if r.named {
		e.Name = r.slice(r.name)
	}
	switch len(r.data) {
	case 0:
	case 1:
		e.Data, e.data = r.slice(r.data[0]), r.data[0].from-r.start
	default:
		r.joined = r.joined[:0]
		for i, s := range r.data {
			if i > 0 {
				r.joined = append(r.joined, '\n')
			}
			r.joined = append(r.joined, r.slice(s)...)
		}
		e.Data = r.joined
	}
	return e
}

func (r *Reader) slice(s span) []byte { return r.buf[s.from:s.to:s.to] }

// rest returns what the stream ends with.
func (r *Reader) rest() (Event, error) {
	if r.line < len(r.buf) {
		r.field(r.line, len(r.buf))
		r.line = len(r.buf)
	}
	e := r.event()
	switch {
	case !errors.Is(r.err, io.EOF):
		return e, r.err
	case len(e.Raw) == 0:
		return Event{}, io.EOF
	case string(e.Raw) == "\n" && e.lead == 1: // of the last CRLF
		return e, nil
	default:
		return e, io.ErrUnexpectedEOF
	}
}

// tooLarge ends the stream: what follows cannot be trusted to be whole.
func (r *Reader) tooLarge() (Event, error) {
	r.err = decision.Refuse(decision.CodeUpstreamInvalid,
		"an event of the stream is larger than "+strconv.Itoa(r.limit)+" bytes")
	r.buf, r.line, r.splitCR = r.buf[:0], 0, false
	return Event{}, r.err
}

// fill reads once, behind the event under way.
func (r *Reader) fill() {
	if r.start > 0 {
		r.shift(r.start)
	}
	if wide := r.full && cap(r.buf) < readAhead; wide || len(r.buf) == cap(r.buf) {
		size := max(firstRead, 2*cap(r.buf))
		if wide {
			size = readAhead
		}
		grown := make([]byte, len(r.buf), size)
		copy(grown, r.buf)
		r.buf = grown
	}
	n, err := r.src.Read(r.buf[len(r.buf):cap(r.buf)])
	r.buf, r.err, r.full = r.buf[:len(r.buf)+n], err, len(r.buf)+n == cap(r.buf)
	if n > 0 {
		r.empty = 0
	} else if r.empty++; r.empty == emptyReads && err == nil {
		r.err = io.ErrNoProgress
	}
}

// shift drops the first n bytes of the buffer.
func (r *Reader) shift(n int) {
	r.buf = r.buf[:copy(r.buf, r.buf[n:])]
	r.start, r.line, r.scanned = r.start-n, r.line-n, r.scanned-n
	for i := range r.data {
		r.data[i].from -= n
		r.data[i].to -= n
	}
	r.name.from -= n
	r.name.to -= n
}
