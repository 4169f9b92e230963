package mcp_test

import (
	"bytes"
	"encoding/json"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/dialect"
	"outrider.dev/outrider/dialect/mcp"
	"outrider.dev/outrider/strictjson"
)

// appendRandom appends a random JSON value. Member names are unlike each other
// in any case.
func appendRandom(out []byte, r *rand.Rand, depth int) []byte {
	kind := r.IntN(7)
	if depth == 0 {
		kind %= 5
	}
	switch kind {
	case 0:
		return append(out, "null"...)
	case 1:
		return append(out, "9007199254740993"...)
	case 2, 3, 4:
		return appendRandomString(out, r)
	case 5:
		out = append(out, '[')
		for i := range r.IntN(4) {
			if i > 0 {
				out = append(out, " , "...)
			}
			out = appendRandom(out, r, depth-1)
		}
		return append(out, ']')
	default:
		out = append(out, "{ "...)
		for i := range r.IntN(4) {
			if i > 0 {
				out = append(out, ',')
			}
			out = append(out, `"k`+strconv.Itoa(i)+` of it" :`...)
			out = appendRandom(out, r, depth-1)
		}
		return append(out, '}')
	}
}

func appendRandomString(out []byte, r *rand.Rand) []byte {
	pieces := []string{"a", "é", `\n`, `\"`, `\u00e9`, `\ud83d\ude00`, "😀", "/", `\/`, "name", " "}
	out = append(out, '"')
	for range r.IntN(5) {
		out = append(out, pieces[r.IntN(len(pieces))]...)
	}
	return append(out, '"')
}

// stringsIn is what an ordinary reader finds: every string and name that is
// not empty, in order.
func stringsIn(t *testing.T, raw []byte) []string {
	t.Helper()
	var out []string
	dec := json.NewDecoder(bytes.NewReader(raw))
	for {
		tok, err := dec.Token()
		if err == io.EOF {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		if s, ok := tok.(string); ok && s != "" {
			out = append(out, s)
		}
	}
}

// TestEveryStringIsASegment compares with an ordinary reader on random
// arguments and results.
func TestEveryStringIsASegment(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		value := appendRandom([]byte{}, r, 4)
		args := `{"x":` + string(value) + `}`
		request := call(`{"name":"a","arguments":` + args + `}`)
		m, err := mcp.Read([]byte(request), http.Header{}, strictjson.Limits{})
		if err != nil {
			t.Fatalf("%v: %s", err, request)
		}
		if got, want := texts(t, request, m.Segments), stringsIn(t, []byte(args)); !slices.Equal(got, want) {
			t.Fatalf("%s\nhas the segments %q, want %q", request, got, want)
		}

		answer := `{"jsonrpc":"2.0","id":1,"result":{"structuredContent":` + string(value) + `}}`
		a, err := mcp.ReadAnswer([]byte(answer), strictjson.Limits{})
		if err != nil {
			t.Fatalf("%v: %s", err, answer)
		}
		if got, want := texts(t, answer, a.Segments), stringsIn(t, value); !slices.Equal(got, want) {
			t.Fatalf("%s\nhas the segments %q, want %q", answer, got, want)
		}
	}
}

// TestEditsLeaveTheRestAlone redacts one random segment: the message is read
// again with that text changed and no other.
func TestEditsLeaveTheRestAlone(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	edited := 0
	for range 2000 {
		raw := []byte(call(`{"name":"a","arguments":{"x":` + string(appendRandom([]byte{}, r, 4)) + `}}`))
		m, err := mcp.Read(raw, http.Header{}, strictjson.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		pick := r.IntN(len(m.Segments))
		text := dialect.Text(raw, m.Segments[pick])
		splices, err := dialect.Render(raw, m.Segments, []decision.Edit{{Segment: uint32(pick), End: uint32(len(text)), With: `[A"B]`, Redaction: true}})
		if err != nil { // a member name
			continue
		}
		edited++
		out := dialect.Apply(nil, raw, splices)
		after, err := mcp.Read(out, http.Header{}, strictjson.Limits{})
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		want := texts(t, string(raw), m.Segments)
		want[pick] = `[A"B]`
		if got := texts(t, string(out), after.Segments); !slices.Equal(got, want) {
			t.Fatalf("%s\nbecomes %s", raw, out)
		}
		if _, err := mcp.MirrorHeaders(m, raw, out, strictjson.Limits{}); err != nil {
			t.Fatal(err)
		}
	}
	if edited < 400 {
		t.Errorf("only %d messages were edited", edited)
	}
}

// TestBlobsAreLeftAlone: base64 is no text, but only where base64 belongs.
func TestBlobsAreLeftAlone(t *testing.T) {
	for item, judged := range map[string]bool{
		`{"type":"image","data":"iVBORw0KGgo="}`:         false,
		`{"type":"audio","data":"iVBORw0KGgo="}`:         false,
		`{"uri":"u","blob":"iVBORw0KGgo="}`:              false,
		`{"type":"image","data":"iVBORw0KGgo"}`:          true, // no whole groups of four
		`{"type":"image","data":"iVBO Rw0KGgo="}`:        true,
		`{"type":"image","data":"ghp_abcdefghijklmn=="}`: true,
		`{"type":"image","data":"aGVsbG8="}`:             true, // a text
		`{"uri":"u","blob":"aGVsbG8="}`:                  true,
		`{"type":"image","data":"iVBO=Rw0KGgo"}`:         true,
		`{"type":"text","data":"iVBORw0KGgo="}`:          true,
		`{"blob":"iVBORw0KGgo="}`:                        true,
		`{"type":"image","blob":"iVBORw0KGgo="}`:         true,
		`{"type":"image","data":["iVBORw0KGgo="]}`:       true,
	} {
		raw := `{"jsonrpc":"2.0","id":1,"result":{"content":[` + item + `]}}`
		a, err := mcp.ReadAnswer([]byte(raw), strictjson.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		found := slices.ContainsFunc(texts(t, raw, a.Segments), func(s string) bool {
			return strings.HasPrefix(s, "iVBO") || strings.HasPrefix(s, "aGVs") || strings.HasPrefix(s, "ghp_")
		})
		if found != judged {
			t.Errorf("%s: judged %v", item, found)
		}
	}
}
