package answer_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"outrider.dev/outrider/answer"
	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/dialect/mcp"
	"outrider.dev/outrider/dialect/openai"
	"outrider.dev/outrider/strictjson"
)

// word is what the judge of these tests takes out.
const word = "s3cret"

// judge redacts the word in whole bodies, refuses what says "block", and lets
// streams go up to what may be the beginning of the word.
type judge struct {
	lanes   map[string]string
	upto    map[string]uint64
	asked   int
	refuses bool
}

func newJudge() *judge { return &judge{lanes: map[string]string{}, upto: map[string]uint64{}} }

func (j *judge) Judge(_ context.Context, p decision.Part) *decision.Ruling {
	j.asked++
	r := &decision.Ruling{Effect: decision.Allow}
	switch {
	case j.refuses:
		return &decision.Ruling{Reason: decision.Reason{Code: decision.CodeSecret}}
	case p.Whole != nil:
		raw := p.Whole.Raw
		for at := 0; ; {
			next := bytes.Index(raw[at:], []byte(word))
			if next < 0 {
				return r
			}
			at += next + len(word)
			r.Splices = append(r.Splices, decision.Splice{Start: uint32(at - len(word)), End: uint32(at), With: []byte("[X]")})
		}
	case p.Tools != nil:
		r.Visibility = &decision.Visibility{}
		for i := range p.Tools {
			if !strings.HasPrefix(p.Tools[i].Name, "hidden") {
				r.Visibility.Show(i)
			}
		}
	}
	for _, d := range p.Deltas {
		r.Releases = append(r.Releases, j.release(d))
	}
	return r
}

// release lets a lane go up to where the word may begin, with what replaces it.
func (j *judge) release(d decision.Delta) decision.Release {
	j.lanes[d.Lane] += d.Text
	text, from := j.lanes[d.Lane], j.upto[d.Lane]
	end := uint64(len(text))
	for n := min(len(word)-1, len(text)); n > 0 && !d.Last; n-- {
		if strings.HasSuffix(text, word[:n]) {
			end = uint64(len(text) - n)
			break
		}
	}
	out := decision.Release{Lane: d.Lane, Upto: max(end, from)}
	for at := from; ; {
		next := strings.Index(text[at:out.Upto], word)
		if next < 0 {
			break
		}
		at += uint64(next)
		out.Replace = append(out.Replace, decision.Replacement{Start: at, End: at + uint64(len(word)), With: "[X]"})
		at += uint64(len(word))
	}
	j.upto[d.Lane] = out.Upto
	return out
}

func limits() strictjson.Limits { return strictjson.Limits{Bytes: 1 << 16, Depth: 64} }

func llm(a answer.Asker, judged bool) *answer.LLM {
	return &answer.LLM{Asker: a, Judged: judged, Dialect: openai.Chat, Sent: 40, Limits: limits()}
}

// call is an MCP call of a method.
func call(t testing.TB, method string) *mcp.Message {
	t.Helper()
	m, err := mcp.Read([]byte(`{"jsonrpc":"2.0","id":7,"method":"`+method+`","params":{"name":"x"}}`), nil, limits())
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// code is that of a refusal, or of a denial.
func code(err error) decision.Code {
	var denied *answer.Denial
	if errors.As(err, &denied) {
		return denied.Reason.Code
	}
	var refusal *decision.Error
	if errors.As(err, &refusal) {
		return refusal.Code
	}
	return ""
}

func TestWhole(t *testing.T) {
	said := `{"choices":[{"message":{"content":"a s3cret"},"logprobs":{"content":[{"token":"s3"}]}}],"usage":{"prompt_tokens":2,"completion_tokens":3}}`
	const kind = "application/json"
	for _, tt := range []struct {
		name, body, kind string
		judged, refuses  bool
		want             string
		code             decision.Code
	}{
		{"judged", said, kind, true, false, strings.Replace(strings.Replace(said, word, "[X]", 1), `{"content":[{"token":"s3"}]}`, "null", 1), ""},
		{"not judged", said, kind, false, false, said, ""},
		{"refused", said, kind, true, true, "", decision.CodeSecret},
		{"no JSON", "what?", kind, true, false, "", decision.CodeUpstreamInvalid},
		{"no JSON by its type", said, "text/html", true, false, "", decision.CodeUpstreamInvalid},
		{"no JSON, not judged", "what?", "text/html", false, false, "what?", ""},
		{"nothing", "", "", true, false, "", ""},
		{"too large", strings.Repeat(" ", 1<<16+1), kind, false, false, "", decision.CodeUpstreamInvalid},
	} {
		t.Run(tt.name, func(t *testing.T) {
			j := newJudge()
			j.refuses = tt.refuses
			out, usage, err := llm(j, tt.judged).Whole(t.Context(), []byte(tt.body), tt.kind)
			if string(out) != tt.want || code(err) != tt.code || (j.asked > 0) != (tt.judged && (err == nil || tt.refuses)) {
				t.Errorf("%q, %v, asked %d times", out, err, j.asked)
			}
			if err == nil && tt.body == said && usage != (decision.Usage{Input: 2, Output: 3}) {
				t.Errorf("used %+v", usage)
			}
		})
	}
}

func TestHeads(t *testing.T) {
	plain := http.Header{"Content-Type": {"application/json"}}
	events := http.Header{"Content-Type": {"text/event-stream; charset=utf-8"}}
	zipped := http.Header{"Content-Type": {"application/json"}, "Content-Encoding": {"gzip"}}
	const bad = decision.CodeUpstreamInvalid
	for _, tt := range []struct {
		status   int
		header   http.Header
		stream   bool
		llm, mcp decision.Code
	}{
		{200, plain, false, "", ""},
		{200, events, true, "", ""},
		{500, plain, false, "", ""},
		{500, events, true, "", bad},
		{201, plain, false, "", bad},
		{200, http.Header{}, false, "", bad},
		{200, zipped, false, bad, bad},
		{401, plain, false, bad, bad},
		{407, plain, false, bad, bad},
		{101, plain, false, bad, bad},
		{307, plain, false, bad, bad},
		{404, http.Header{}, false, "", decision.CodeMethodUnknown},
	} {
		_, stream, err := llm(newJudge(), true).Head(tt.status, tt.header)
		if code(err) != tt.llm || err == nil && stream != tt.stream {
			t.Errorf("LLM %d %v: %v, %v", tt.status, tt.header, stream, err)
		}
		m := &answer.MCP{Call: call(t, mcp.MethodDiscover), Limits: limits()}
		if stream, err = m.Head(tt.status, tt.header, "github"); code(err) != tt.mcp || err == nil && stream != tt.stream {
			t.Errorf("MCP %d %v: %v, %v", tt.status, tt.header, stream, err)
		}
	}
}

// pieces reads text in pieces that end at the given places.
type pieces struct {
	text string
	at   []int
	read int
}

func (p *pieces) Read(to []byte) (int, error) {
	if p.read == len(p.text) {
		return 0, io.EOF
	}
	end := len(p.text)
	for len(p.at) > 0 && p.at[0] <= p.read {
		p.at = p.at[1:]
	}
	if len(p.at) > 0 {
		end = min(end, p.at[0])
	}
	n := copy(to, p.text[p.read:end])
	p.read += n
	return n, nil
}

const (
	one  = `data: {"choices":[{"index":0,"delta":{"content":"the s3"}},{"index":1,"delta":{"content":"s3s3cre"}}]}` + "\n\n"
	two  = `data: {"choices":[{"index":0,"delta":{"content":"cret is"}},{"index":1,"delta":{"content":"t"}}],"logprobs":null}` + "\n\n"
	last = "data: [DONE]\n\n"
)

// TestStream: however the source brings a stream, the same bytes go.
func TestStream(t *testing.T) {
	text := ": hello\n\n" + one + two + last
	want := strings.NewReplacer(`"the s3"`, `"the [X]"`, `"cret is"`, `" is"`, `"s3s3cre"`, `"s3[X]"`, `"t"`, `""`).Replace(text)
	for at := range len(text) {
		var out strings.Builder
		s := llm(newJudge(), true).Stream(&pieces{text: text, at: []int{at}})
		err := s.Run(t.Context(), func(b []byte) error { _, err := out.Write(b); return err })
		if err != nil || out.String() != want {
			t.Fatalf("split at %d: %v\n%s\nwant\n%s", at, err, out.String(), want)
		}
		if usage := s.Usage(); !s.Told() || usage != (decision.Usage{Input: 10, Output: 6, Estimated: true}) {
			t.Fatalf("used %+v", usage)
		}
	}
}

func TestStreamEnds(t *testing.T) {
	cut := errors.New("reset")
	for _, tt := range []struct {
		name, text string
		src        error
		refuses    bool
		code       decision.Code
	}{
		{"well", one + last, nil, false, ""},
		{"with a lost connection, behind the last event", last, cut, false, ""},
		{"with a lost connection", one, cut, false, decision.CodeUpstreamUnavailable},
		{"within an event", one + "data: {", nil, false, decision.CodeUpstreamUnavailable},
		{"with what is no event", "data: what?\n\n", nil, false, decision.CodeUpstreamInvalid},
		{"with a denial", one, nil, true, decision.CodeSecret},
		{"by its source's refusal", "", decision.Refuse(decision.CodeOverloaded, "too much"), false, decision.CodeOverloaded},
	} {
		t.Run(tt.name, func(t *testing.T) {
			j := newJudge()
			j.refuses = tt.refuses
			src := io.Reader(strings.NewReader(tt.text))
			if tt.src != nil {
				src = io.MultiReader(src, errReader{tt.src})
			}
			err := llm(j, true).Stream(src).Run(t.Context(), func([]byte) error { return nil })
			if code(err) != tt.code || (err == nil) != (tt.code == "") {
				t.Errorf("ends with %v, want %q", err, tt.code)
			}
		})
	}
	stuck := errors.New("nobody reads")
	err := llm(newJudge(), true).Stream(strings.NewReader(one+last)).Run(t.Context(), func([]byte) error { return stuck })
	if !errors.Is(err, stuck) {
		t.Errorf("ends with %v", err)
	}
}

type errReader struct{ err error }

func (r errReader) Read([]byte) (int, error) { return 0, r.err }

func TestPass(t *testing.T) {
	for _, tt := range []struct {
		name, method, body, want string
		judged, last             bool
		code                     decision.Code
	}{
		{"a result", "tools/call", `{"jsonrpc":"2.0","id":7,"result":{"x":"s3cret"}}`, `{"jsonrpc":"2.0","id":7,"result":{"x":"[X]"}}`, true, true, ""},
		{"not judged", "tools/call", `{"jsonrpc":"2.0","id":7,"result":{"x":"s3cret"}}`, `{"jsonrpc":"2.0","id":7,"result":{"x":"s3cret"}}`, false, true, ""},
		{"progress", "tools/call", `{"jsonrpc":"2.0","method":"notifications/progress"}`, `{"jsonrpc":"2.0","method":"notifications/progress"}`, true, false, ""},
		{"of another call", "tools/call", `{"jsonrpc":"2.0","id":8,"result":{}}`, "", false, false, decision.CodeUpstreamInvalid},
		{"a question", "tools/call", `{"jsonrpc":"2.0","id":7,"method":"roots/list"}`, "", false, false, decision.CodeUpstreamInvalid},
		{"no message", "tools/call", `{}`, "", false, false, decision.CodeUpstreamInvalid},
		{
			"a list", "tools/list", `{"jsonrpc":"2.0","id":7,"result":{"tools":[{"name":"hidden_a"},{"name":"b"}],"note":"s3cret"}}`,
			`{"jsonrpc":"2.0","id":7,"result":{"tools":[{"name":"b"}],"note":"[X]"}}`, true, true, "",
		},
		{
			"a list that no guard judges", "tools/list", `{"jsonrpc":"2.0","id":7,"result":{"tools":[{"name":"hidden_a"}],"note":"s3cret"}}`,
			`{"jsonrpc":"2.0","id":7,"result":{"tools":[],"note":"s3cret"}}`, false, true, "",
		},
		{"an error instead of a list", "tools/list", `{"jsonrpc":"2.0","id":7,"error":{"code":1,"message":"s3cret"}}`, `{"jsonrpc":"2.0","id":7,"error":{"code":1,"message":"[X]"}}`, true, true, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := &answer.MCP{Asker: newJudge(), Judged: tt.judged, Call: call(t, tt.method), Limits: limits()}
			out, last, err := m.Pass(t.Context(), []byte(tt.body), "github")
			if string(out) != tt.want || last != tt.last || code(err) != tt.code {
				t.Errorf("%s, %v, %v", out, last, err)
			}
		})
	}
}

// FuzzMessages reads back what it framed, however it comes.
func FuzzMessages(f *testing.F) {
	f.Add(`{"a":1}`, "line\nline", 3)
	f.Add("", "data: x", 40)
	f.Fuzz(func(t *testing.T, first, second string, at int) {
		if strings.Contains(first+second, "\r") || first == "" || second == "" {
			return
		}
		framed := answer.AppendEvent(answer.AppendEvent(answer.AppendEvent(nil, []byte(first)), nil), []byte(second))
		m := answer.EventMessages(&pieces{text: string(framed), at: []int{max(0, at%len(framed))}}, 1<<20)
		var got []string
		for {
			raw, err := m.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if raw != nil {
				got = append(got, string(raw))
			}
		}
		if len(got) != 2 || got[0] != first || got[1] != second {
			t.Fatalf("framed %q, read %q", framed, got)
		}
	})
}

// FuzzStream brings any bytes as a stream, cut anywhere: where it can be read,
// the same goes, and of the word nothing in one lane.
func FuzzStream(f *testing.F) {
	f.Add(one+two+last, 20)
	f.Add(": x\n\nevent: y\r\n"+one, 3)
	f.Fuzz(func(t *testing.T, text string, at int) {
		if len(text) > 2000 {
			return
		}
		run := func(cuts ...int) (string, error) {
			var out strings.Builder
			err := llm(newJudge(), true).Stream(&pieces{text: text, at: cuts}).Run(t.Context(), func(b []byte) error { _, err := out.Write(b); return err })
			return out.String(), err
		}
		whole, err := run()
		cut, err2 := run(max(0, at%(len(text)+1)))
		if code(err) != code(err2) || err == nil && whole != cut {
			t.Fatalf("whole: %v %q\ncut: %v %q", err, whole, err2, cut)
		}
	})
}
