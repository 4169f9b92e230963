package strictjson

import (
	"bytes"
	"math"
	"sync"

	"github.com/go-json-experiment/json/jsontext"
)

// Limits bound a body. Zero fields take the defaults.
type Limits struct {
	Bytes int // default 10 MiB
	Depth int // arrays and objects inside each other; default 64, at most 9,999
}

const (
	defaultBytes = 10 << 20
	defaultDepth = 64
	maxDepth     = 9_999 // jsontext's own bound less one
	// maxValues bounds the tape: 16 MiB of nodes, whatever the body repeats.
	maxValues = 1 << 20
	// pooledValues is the largest tape that goes back to the pool.
	pooledValues = 1 << 16
)

func (l Limits) orDefaults() Limits {
	if l.Bytes <= 0 {
		l.Bytes = defaultBytes
	}
	if l.Depth <= 0 {
		l.Depth = defaultDepth
	}
	l.Bytes = min(l.Bytes, math.MaxInt32) // offsets are 32 bits wide
	l.Depth = min(l.Depth, maxDepth)
	return l
}

// node is one value on the tape. The children of an array follow it in order;
// those of an object follow as name, value, name, value.
type node struct {
	start, end uint32 // raw offsets, quotes included
	next       uint32 // index of the first node that is not below this one
	kind       Kind
	flags      flags
}

type flags byte

const (
	escaped  flags = 1 << iota // the string holds a backslash
	foldable                   // the string could equal another one in other case
)

// parser is what one Parse needs and the next one can use again.
type parser struct {
	src   bytes.Buffer
	dec   jsontext.Decoder
	raw   []byte
	pos   int // end of the last token
	nodes []node
	open  []uint32 // indices of the arrays and objects that are not closed yet
}

// parsers recycles tapes. It holds no state that anybody reads.
var parsers = sync.Pool{New: func() any { return new(parser) }}

// Parse reads one JSON object that is all of raw. The Doc aliases raw, which
// must not change while the Doc is used. The error is an [*Error].
func Parse(raw []byte, lim Limits) (*Doc, error) {
	lim = lim.orDefaults()
	if err := refuseEarly(raw, lim); err != nil {
		return nil, err
	}
	p := parsers.Get().(*parser)
	if err := p.parse(raw, lim); err != nil {
		p.recycle(p.nodes)
		return nil, err
	}
	return &Doc{raw: raw, nodes: p.nodes, parser: p}, nil
}

// refuseEarly finds what can be said better than by the grammar.
func refuseEarly(raw []byte, lim Limits) error {
	if len(raw) > lim.Bytes {
		return &Error{Problem: TooLarge, Offset: lim.Bytes}
	}
	if bytes.HasPrefix(raw, []byte("\xef\xbb\xbf")) || bytes.HasPrefix(raw, []byte("\xff\xfe")) || bytes.HasPrefix(raw, []byte("\xfe\xff")) {
		return &Error{Problem: ByteOrderMark}
	}
	at := skipSpace(raw, 0)
	if at == len(raw) {
		return &Error{Problem: Empty, Offset: at}
	}
	switch raw[at] {
	case '{':
		return nil
	case '[':
		return &Error{Problem: Batch, Offset: at}
	default:
		return &Error{Problem: NotObject, Offset: at}
	}
}

func skipSpace(raw []byte, at int) int {
	for at < len(raw) && (raw[at] == ' ' || raw[at] == '\n' || raw[at] == '\t' || raw[at] == '\r') {
		at++
	}
	return at
}

func (p *parser) parse(raw []byte, lim Limits) error {
	p.raw, p.pos = raw, 0
	p.nodes, p.open = p.nodes[:0], p.open[:0]
	if p.skim(lim) {
		return nil
	}
	return p.read(lim)
}

// read puts the body on the tape by the grammar's own reader.
func (p *parser) read(lim Limits) error {
	p.src, p.pos = *bytes.NewBuffer(p.raw), 0
	p.dec.Reset(&p.src)
	p.nodes, p.open = p.nodes[:0], p.open[:0]
	for {
		if err := p.token(lim); err != nil {
			return err
		}
		if len(p.open) == 0 {
			break
		}
	}
	if at := skipSpace(p.raw, p.pos); at != len(p.raw) {
		return &Error{Problem: Trailing, Offset: at}
	}
	return nil
}

// token puts the next token on the tape.
func (p *parser) token(lim Limits) error {
	tok, err := p.dec.ReadToken()
	if err != nil {
		return grammarError(p.raw, err)
	}
	start := p.skipDelimiters(p.pos)
	p.pos = int(p.dec.InputOffset())
	n := node{start: uint32(start), end: uint32(p.pos), next: uint32(len(p.nodes) + 1)}
	switch tok.Kind() {
	case '}', ']':
		p.close()
		return nil
	case '{':
		n.kind = Object
	case '[':
		n.kind = Array
	case '"':
		n.kind = String
		n.flags = stringFlags(p.raw[start+1:p.pos-1], p.isName())
	case '0':
		n.kind = Number
	case 't', 'f':
		n.kind = Bool
	case 'n':
		n.kind = Null
	}
	return p.push(n, lim)
}

func (p *parser) push(n node, lim Limits) error {
	if len(p.nodes) == maxValues {
		return &Error{Problem: TooMany, Offset: int(n.start)}
	}
	if n.kind == Object || n.kind == Array {
		if len(p.open) == lim.Depth {
			return &Error{Problem: TooDeep, Offset: int(n.start)}
		}
		p.open = append(p.open, uint32(len(p.nodes)))
	}
	p.nodes = append(p.nodes, n)
	return nil
}

func (p *parser) close() {
	top := len(p.open) - 1
	n := &p.nodes[p.open[top]]
	n.end, n.next = uint32(p.pos), uint32(len(p.nodes))
	p.open = p.open[:top]
}

// isName reports whether the string that was just read is a member name.
func (p *parser) isName() bool {
	kind, length := p.dec.StackIndex(p.dec.StackDepth())
	return kind == '{' && length%2 == 1
}

// skipDelimiters finds the start of a token that the decoder has accepted.
func (p *parser) skipDelimiters(at int) int {
	for {
		at = skipSpace(p.raw, at)
		if c := p.raw[at]; c != ',' && c != ':' {
			return at
		}
		at++
	}
}

func stringFlags(content []byte, name bool) flags {
	var f flags
	if bytes.IndexByte(content, '\\') >= 0 {
		f |= escaped
	}
	if !name {
		return f
	}
	for _, c := range content {
		if c >= 0x80 || 'A' <= c && c <= 'Z' {
			return f | foldable
		}
	}
	if f&escaped != 0 {
		f |= foldable
	}
	return f
}

// recycle lets the next Parse use the parser. It keeps nothing of the body.
func (p *parser) recycle(nodes []node) {
	if cap(nodes) > pooledValues {
		nodes = nil
	}
	p.nodes, p.raw, p.src = nodes[:0], nil, bytes.Buffer{}
	p.dec.Reset(&p.src)
	parsers.Put(p)
}
