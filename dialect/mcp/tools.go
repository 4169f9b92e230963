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

// ToolSpan is one entry of a tool list. Offsets are into the raw answer.
type ToolSpan struct {
	Name       string // empty for an entry that is no tool; it is never shown
	Definition []byte // aliases the answer
	Start, End uint32 // of the definition
}

// ToolPage is one page of a tool list.
type ToolPage struct {
	Tools    []ToolSpan
	Cursor   []byte             // raw JSON string that asks for the next page, nil on the last one
	Segments []decision.Segment // of the page without its tools

	public decision.Splice // makes a cache scope of everybody that of one caller
	shared bool            // public is needed
}

// ReadTools reads the answer to tools/list. The error is an [*Error] with
// [decision.CodeUpstreamInvalid].
func ReadTools(raw []byte, lim strictjson.Limits) (*ToolPage, error) {
	doc, err := strictjson.Parse(raw, lim)
	if err != nil {
		return nil, badAnswer(err.Error())
	}
	defer doc.Free()
	root := doc.Root()
	if _, err := readEnvelope(root); err != nil {
		return nil, err
	}
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
	for _, tool := range tools.Elements() {
		if err := tool.RefuseFolded(false); err != nil {
			return badAnswer(err.Error())
		}
		if len(p.Tools) == maxTools {
			return badAnswer("a page lists more than " + strconv.Itoa(maxTools) + " tools")
		}
		start, end := tool.Span()
		name, _ := tool.Get("name").Text()
		if len(name) > maxName {
			name = nil
		}
		p.Tools = append(p.Tools, ToolSpan{
			Name: string(name), Definition: raw[start:end:end], Start: uint32(start), End: uint32(end),
		})
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
		if t.Name == "" || !v.Visible(first+i) {
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
	var out []decision.Splice
	kept, edits := p.kept(v), byTool(v.Splices)
	from := 0 // the first tool that is not settled yet
	for n, i := range kept {
		if i > from {
			out = append(out, decision.Splice{Start: p.Tools[from].Start, End: p.Tools[i].Start})
		}
		splices := ofTool(edits, i)
		if err := dialect.Check(p.Tools[i].Definition, splices); err != nil {
			return nil, err
		}
		for _, s := range splices {
			out = append(out, decision.Splice{Start: p.Tools[i].Start + s.Start, End: p.Tools[i].Start + s.End, With: s.With})
		}
		from = i + 1
		if last := n == len(kept)-1; last && from < len(p.Tools) {
			out = append(out, decision.Splice{Start: p.Tools[i].End, End: p.Tools[len(p.Tools)-1].End})
		}
	}
	if len(kept) == 0 && len(p.Tools) > 0 {
		out = append(out, decision.Splice{Start: p.Tools[0].Start, End: p.Tools[len(p.Tools)-1].End})
	}
	if p.shared {
		out = append(out, p.public)
	}
	SortSplices(out)
	return out, nil
}

func (p *ToolPage) kept(v *decision.Visibility) []int {
	var kept []int
	for i, t := range p.Tools {
		if t.Name != "" && v.Visible(i) {
			kept = append(kept, i)
		}
	}
	return kept
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
