package openai

import (
	"bytes"
	"strconv"
	"strings"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/dialect"
	"outrider.dev/outrider/strictjson"
)

// done is the data of the last event of a stream. It is no JSON.
const done = "[DONE]"

// ReadChunk reads the data of one event of a streamed chat completion. Lanes
// are named after the choice and the way to the text below it: c0 is the
// content of choice 0, c0.refusal, c0.reasoning, c0.tool1 the arguments of its
// second tool call. The error is a [decision.Error] with
// [decision.CodeUpstreamInvalid].
func ReadChunk(data []byte) (dialect.Chunk, error) {
	chunk, _, err := readChunk(data)
	return chunk, err
}

// readChunk also reports whether the chunk is one text and nothing else, a text
// that would be read whatever it says.
func readChunk(data []byte) (chunk dialect.Chunk, alone bool, err error) {
	if string(bytes.TrimSpace(data)) == done {
		return dialect.Chunk{}, false, nil
	}
	doc, err := strictjson.Parse(data, strictjson.Limits{})
	if err != nil {
		return dialect.Chunk{}, false, upstreamInvalid(err)
	}
	defer doc.Free()
	var r chunkReader
	if err := r.root(doc.Root()); err != nil {
		return dialect.Chunk{}, false, upstreamInvalid(err)
	}
	got := &r.chunk
	alone = r.sure == 1 && len(got.Pieces) == 1 && got.Usage == nil && len(got.Ended) == 0 && len(got.Splices) == 0 && !got.Failed
	return r.chunk, alone, nil
}

type chunkReader struct {
	chunk dialect.Chunk
	sure  int // pieces that stand where any string is text
}

func (r *chunkReader) root(root strictjson.Value) error {
	if err := root.RefuseFolded(false); err != nil {
		return err
	}
	position := 0
	for n, v := range root.Members() {
		position++
		name := key(n)
		switch string(name) {
		case "choices":
			if err := r.choices(v); err != nil {
				return err
			}
		case "usage":
			r.chunk.Usage = readUsage(v)
			r.leaves("root.usage", nil, name, v)
		case "error":
			if v.Kind() != strictjson.Null {
				r.chunk.Failed = true
				r.chunk.Ended = append(r.chunk.Ended, "error")
				r.leaves("error", nil, name, v)
			}
		default:
			if holdsText(v) && !isRootLabel(name, v) {
				r.leaves("root."+token(n, position), nil, name, v)
			}
		}
	}
	return nil
}

func (r *chunkReader) choices(v strictjson.Value) error {
	if v.Kind() != strictjson.Array && v.Kind() != strictjson.Null {
		return v.Refuse("choices must be an array")
	}
	for i, choice := range v.Elements() {
		index, err := indexOf(choice, i)
		if err != nil {
			return err
		}
		if err := choice.RefuseFolded(false); err != nil {
			return err
		}
		if err := r.choice(choiceLane(index), choice); err != nil {
			return err
		}
	}
	return nil
}

// indexOf returns the index that a reader adds the element's text to.
func indexOf(v strictjson.Value, position int) (uint64, error) {
	index := v.Get("index")
	if k := index.Kind(); k == strictjson.None || k == strictjson.Null {
		return uint64(position), nil
	}
	n, ok := index.Uint()
	if !ok {
		return 0, index.Refuse("an index must be a non-negative integer")
	}
	return n, nil
}

// choiceLane names the usual lane without an allocation.
func choiceLane(index uint64) string {
	if index == 0 {
		return "c0"
	}
	return "c" + strconv.FormatUint(index, 10)
}

func (r *chunkReader) choice(lane string, choice strictjson.Value) error {
	if choice.Kind() != strictjson.Object {
		r.leaves(lane, nil, nil, choice)
		return nil
	}
	position := 0
	for n, v := range choice.Members() {
		position++
		if !holdsText(v) {
			continue
		}
		name := key(n)
		switch string(name) {
		case "delta":
			if err := r.delta(lane, v); err != nil {
				return err
			}
		case "logprobs":
			r.chunk.Splices = appendNull(r.chunk.Splices, v)
		case "finish_reason":
			if text, ok := v.Text(); ok && len(text) > 0 {
				r.chunk.Ended = append(r.chunk.Ended, lane)
			}
			if v.Kind() != strictjson.String || !isIdentifier(content(v)) {
				r.leaves(lane+".choice.finish_reason", nil, name, v)
			}
		default:
			r.leaves(lane+".choice."+token(n, position), nil, name, v)
		}
	}
	return nil
}

func (r *chunkReader) delta(lane string, delta strictjson.Value) error {
	if err := delta.RefuseFolded(true); err != nil {
		return err
	}
	if delta.Kind() != strictjson.Object {
		r.leaves(lane+".choice.delta", nil, nil, delta)
		return nil
	}
	position := 0
	for n, v := range delta.Members() {
		position++
		if !holdsText(v) {
			continue
		}
		name := key(n)
		switch {
		case string(name) == "content" && v.Kind() == strictjson.String:
			r.addSure(lane, v)
		case string(name) == "tool_calls":
			if err := r.toolCalls(lane, v); err != nil {
				return err
			}
		case v.Kind() == strictjson.String && labels(name, v):
		case bytes.HasPrefix(name, []byte("tool")), string(name) == "choice":
			r.leaves(lane+".#"+strconv.Itoa(position), nil, name, v) // never the lane of something else
		default:
			r.leaves(lane+"."+token(n, position), nil, name, v)
		}
	}
	return nil
}

func (r *chunkReader) toolCalls(lane string, v strictjson.Value) error {
	if v.Kind() != strictjson.Array {
		r.leaves(lane+".#tool_calls", nil, nil, v)
		return nil
	}
	for i, call := range v.Elements() {
		index, err := indexOf(call, i)
		if err != nil {
			return err
		}
		tool := lane + ".tool" + strconv.FormatUint(index, 10)
		arguments := call.Get("function").Get("arguments")
		if arguments.Kind() == strictjson.String {
			r.addSure(tool, arguments)
		}
		r.leavesBut(arguments, tool, nil, nil, call)
	}
	return nil
}

func (r *chunkReader) leaves(lane string, parent, name []byte, v strictjson.Value) {
	r.leavesBut(strictjson.Value{}, lane, parent, name, v)
}

// leavesBut gives every text in v, except one, a lane of its own, since a
// client joins the texts of later chunks place by place.
func (r *chunkReader) leavesBut(except strictjson.Value, lane string, parent, name []byte, v strictjson.Value) {
	switch v.Kind() {
	case strictjson.String:
		if v != except && !labels(name, v) && !isMedia(parent, name, v) {
			r.add(lane, v)
		}
	case strictjson.Array:
		for i, e := range v.Elements() {
			if !holdsText(e) {
				continue
			}
			r.leavesBut(except, lane+"."+strconv.Itoa(i), parent, name, e)
		}
	case strictjson.Object:
		position := 0
		for n, e := range v.Members() {
			position++
			if holdsText(e) {
				r.leavesBut(except, lane+"."+token(n, position), name, key(n), e)
			}
		}
	}
}

// labels reports whether the string is no text in a stream: an identifier, or
// the name of a tool. A name would hold its event, and all behind it, until the
// lane ends.
func labels(name []byte, v strictjson.Value) bool {
	return identifies(name, v) || string(name) == "name" && isIdentifier(content(v))
}

// holdsText reports whether a text can stand in v.
func holdsText(v strictjson.Value) bool { return v.Kind() >= strictjson.String }

func (r *chunkReader) add(lane string, v strictjson.Value) {
	start, end := v.Span()
	if end-start > 2 {
		r.chunk.Pieces = append(r.chunk.Pieces, dialect.Piece{Lane: lane, Start: uint32(start) + 1, End: uint32(end) - 1})
	}
}

func (r *chunkReader) addSure(lane string, v strictjson.Value) {
	before := len(r.chunk.Pieces)
	r.add(lane, v)
	r.sure += len(r.chunk.Pieces) - before
}

// token names a member in a lane. A name that could be text, which has no place
// in a lane's name, shows as its position.
func token(n strictjson.Value, position int) string {
	if name := content(n); isIdentifier(name) {
		return string(name)
	}
	return "#" + strconv.Itoa(position)
}

// LaneSegment tells what the text of a lane is.
func LaneSegment(lane string) decision.Segment {
	choice, rest, _ := strings.Cut(lane, ".")
	switch {
	case choice == "error":
		return failure.segment()
	case strings.HasPrefix(rest, "tool"), strings.HasPrefix(rest, "function_call"):
		return toolArguments.segment()
	}
	return completion.segment()
}
