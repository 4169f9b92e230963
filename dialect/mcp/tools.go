package mcp

import (
	"bytes"
	"cmp"
	"slices"
	"strconv"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/dialect"
	"outrider.dev/outrider/strictjson"
)

// maxTools bounds one page of a list.
const maxTools = 10_000

// ToolSpan is one tool of a list. Offsets are into the raw answer.
type ToolSpan struct {
	Name       string
	Definition []byte // aliases the answer
	Start, End uint32 // of the definition

	next uint32 // start of the entry that follows, 0 behind the last one
}

// ToolPage is one page of a tool list.
type ToolPage struct {
	Tools    []ToolSpan         // entries without a name are none; nobody gets to see them
	Cursor   []byte             // raw JSON string that asks for the next page, nil on the last one
	Segments []decision.Segment // of the page without its tools

	start, end uint32          // from the first entry of the array to behind the last one
	public     decision.Splice // makes a cache scope of everybody that of one caller
	shared     bool            // public is needed
}

// ReadTools reads the answer to tools/list. The error is an [*Error] with
// [decision.CodeUpstreamInvalid].
func ReadTools(raw []byte, lim strictjson.Limits) (*ToolPage, error) {
	doc, err := strictjson.Parse(raw, lim)
	if err != nil {
		return nil, badAnswer(err.Error())
	}
	defer doc.Free()
	if _, err := readEnvelope(doc.Root()); err != nil {
		return nil, err
	}
	return readPage(raw, doc.Root())
}

// ReadListed reads one message of a server that answers tools/list. The page is
// nil where the message is no result, and the answer has the text of that
// alone: a page's is its own. The error is that of [ReadAnswer].
func ReadListed(raw []byte, lim strictjson.Limits) (*Answer, *ToolPage, error) {
	doc, err := strictjson.Parse(raw, lim)
	if err != nil {
		return nil, nil, badAnswer(err.Error())
	}
	defer doc.Free()
	a, err := readEnvelope(doc.Root())
	switch {
	case err != nil:
		return nil, nil, err
	case a.Kind != Response || a.Failed:
		return a, nil, a.readText(doc.Root())
	}
	page, err := readPage(raw, doc.Root())
	return a, page, err
}

func readPage(raw []byte, root strictjson.Value) (*ToolPage, error) {
	result := root.Get("result")
	if result.Get("tools").Kind() != strictjson.Array {
		return nil, badAnswer("a tool list needs the array result.tools")
	}
	p := &ToolPage{}
	if err := p.readTools(raw, result.Get("tools")); err != nil {
		return nil, err
	}
	p.readHints(result)
	c := collector{kind: decision.KindResult, origin: decision.OriginTool}
	c.aroundTools(root, result)
	if c.over {
		return nil, badAnswer(tooManySegments)
	}
	p.Segments = c.segs
	return p, nil
}

func (p *ToolPage) readTools(raw []byte, tools strictjson.Value) error {
	p.Tools = make([]ToolSpan, 0, min(tools.Len(), maxTools))
	last := -1 // index of the tool that the last entry was, if it was one
	for i, entry := range tools.Elements() {
		if i == maxTools {
			return badAnswer("a page lists more than " + strconv.Itoa(maxTools) + " tools")
		}
		if err := entry.RefuseFolded(false); err != nil {
			return badAnswer(err.Error())
		}
		from, to := entry.Span()
		if i == 0 {
			p.start = uint32(from)
		}
		if last >= 0 {
			p.Tools[last].next = uint32(from)
		}
		p.end, last = uint32(to), -1
		name, _ := entry.Get("name").Text()
		if len(name) > 0 && len(name) <= maxName {
			last = len(p.Tools)
			p.Tools = append(p.Tools, ToolSpan{
				Name: string(name), Definition: raw[from:to:to], Start: uint32(from), End: uint32(to),
			})
		}
	}
	return nil
}

// readHints finds the next page and who may cache this one: a list that was
// filtered for one caller is not for everybody.
func (p *ToolPage) readHints(result strictjson.Value) {
	if cursor := result.Get("nextCursor"); cursor.Kind() == strictjson.String {
		p.Cursor = bytes.Clone(cursor.Raw())
	}
	if scope := result.Get("cacheScope"); scope.Is("public") {
		start, end := scope.Span()
		p.public = decision.Splice{Start: uint32(start), End: uint32(end), With: []byte(`"private"`)}
		p.shared = true
	}
}

// ReadDefinition reads the text of one tool's definition: its name, its
// descriptions and its schema. The error is an [*Error] with
// [decision.CodeUpstreamInvalid].
func ReadDefinition(raw []byte, lim strictjson.Limits) ([]decision.Segment, error) {
	doc, err := strictjson.Parse(raw, lim)
	if err != nil {
		return nil, badAnswer(err.Error())
	}
	defer doc.Free()
	c := collector{kind: decision.KindDescription, origin: decision.OriginTool}
	c.answer(doc.Root())
	if c.over {
		return nil, badAnswer(tooManySegments)
	}
	return c.segs, nil
}

func (c *collector) aroundTools(root, result strictjson.Value) {
	for name, value := range root.Members() {
		switch {
		case name.Is("jsonrpc"), name.Is("id"), name.Is("result"):
		default:
			c.member(name, value)
		}
	}
	for name, value := range result.Members() {
		if !name.Is("tools") {
			c.member(name, value)
		}
	}
}

// Shown returns the definitions of the tools that visible shows, in the order
// of the page, with the splices of v made on them. The i-th tool of the page
// stands for the index i+first of v.
func (p *ToolPage) Shown(v *decision.Visibility, first int) ([][]byte, error) {
	var out [][]byte
	edits := byTool(v.Splices)
	for i, t := range p.Tools {
		if !v.Visible(first + i) {
			continue
		}
		splices := ofTool(edits, first+i)
		if err := dialect.Check(t.Definition, splices); err != nil {
			return nil, err
		}
		out = append(out, dialect.Apply(nil, t.Definition, splices))
	}
	return out, nil
}

// Filter returns the splices on the raw answer that take away the tools that v
// does not show and rewrite the others. Every other byte stays.
func (p *ToolPage) Filter(v *decision.Visibility) ([]decision.Splice, error) {
	out, err := p.rewrite(v)
	if err != nil {
		return nil, err
	}
	var shown *ToolSpan // the last one
	for i := range p.Tools {
		t := &p.Tools[i]
		if !v.Visible(i) {
			continue
		}
		from := p.start
		if shown != nil {
			from = shown.next
		}
		out = appendCut(out, from, t.Start)
		shown = t
	}
	switch {
	case shown == nil:
		out = appendCut(out, p.start, p.end)
	case shown.next != 0:
		out = appendCut(out, shown.End, p.end)
	}
	if p.shared {
		out = append(out, p.public)
	}
	SortSplices(out)
	return out, nil
}

// rewrite returns the splices of the shown definitions, on the raw answer.
func (p *ToolPage) rewrite(v *decision.Visibility) ([]decision.Splice, error) {
	var out []decision.Splice
	edits := byTool(v.Splices)
	for i, t := range p.Tools {
		if !v.Visible(i) {
			continue
		}
		splices := ofTool(edits, i)
		if err := dialect.Check(t.Definition, splices); err != nil {
			return nil, err
		}
		for _, s := range splices {
			out = append(out, decision.Splice{Start: t.Start + s.Start, End: t.Start + s.End, With: s.With})
		}
	}
	return out, nil
}

func appendCut(out []decision.Splice, from, to uint32) []decision.Splice {
	if from == to {
		return out
	}
	return append(out, decision.Splice{Start: from, End: to})
}

// SortSplices orders splices that do not overlap by their place in the body.
func SortSplices(splices []decision.Splice) {
	slices.SortStableFunc(splices, func(a, b decision.Splice) int { return cmp.Compare(a.Start, b.Start) })
}

// byTool orders the splices of definitions by tool and place.
func byTool(splices []decision.Splice) []decision.Splice {
	sorted := slices.Clone(splices)
	slices.SortStableFunc(sorted, func(a, b decision.Splice) int {
		return cmp.Or(cmp.Compare(a.Index, b.Index), cmp.Compare(a.Start, b.Start))
	})
	return sorted
}

// ofTool returns the splices of one tool out of those that byTool ordered.
func ofTool(sorted []decision.Splice, index int) []decision.Splice {
	from, _ := slices.BinarySearchFunc(sorted, index, func(s decision.Splice, i int) int { return int(s.Index) - i })
	to := from
	for to < len(sorted) && int(sorted[to].Index) == index {
		to++
	}
	return sorted[from:to]
}
