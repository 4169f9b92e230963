package dialect_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/dialect"
	"outrider.dev/outrider/dialect/sse"
	"outrider.dev/outrider/strictjson"
)

// readToy reads {"p":[["lane","text"],…],"end":["lane"],"drop":…,"error":true}.
func readToy(data []byte) (dialect.Chunk, error) {
	var c dialect.Chunk
	doc, err := strictjson.Parse(data, strictjson.Limits{})
	if err != nil {
		return c, err
	}
	defer doc.Free()
	root := doc.Root()
	for _, p := range root.Get("p").Elements() {
		var pair []strictjson.Value
		for _, v := range p.Elements() {
			pair = append(pair, v)
		}
		name, _ := pair[0].Text()
		start, end := pair[1].Span()
		c.Pieces = append(c.Pieces, dialect.Piece{Lane: string(name), Start: uint32(start) + 1, End: uint32(end) - 1})
	}
	for _, e := range root.Get("end").Elements() {
		name, _ := e.Text()
		c.Ended = append(c.Ended, string(name))
	}
	if drop := root.Get("drop"); drop.Kind() != strictjson.None {
		start, end := drop.Span()
		c.Splices = []decision.Splice{{Start: uint32(start), End: uint32(end), With: []byte("null")}}
	}
	if n, ok := root.Get("usage").Uint(); ok {
		c.Usage = &decision.Usage{Output: n}
	}
	c.Failed = root.Get("error").Kind() != strictjson.None
	return c, nil
}

func newToy() *dialect.Reframer { return dialect.NewReframer(readToy, 1<<20) }

// events reads a whole stream.
func events(t testing.TB, stream string) []sse.Event {
	t.Helper()
	r := sse.NewReader(strings.NewReader(stream), 1<<20)
	var out []sse.Event
	for {
		ev, err := r.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatalf("%v in %q", err, stream)
		}
		kept, _ := ev.CopyTo(nil)
		out = append(out, kept)
	}
}

func add(t testing.TB, r *dialect.Reframer, data string) []decision.Delta {
	t.Helper()
	var out []decision.Delta
	for _, ev := range events(t, "data: "+data+"\n\n") {
		deltas, err := r.Add(ev)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, deltas...)
	}
	return out
}

func next(t testing.TB, r *dialect.Reframer) string {
	t.Helper()
	out, err := r.Next(nil)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func release(t testing.TB, r *dialect.Reframer, lane string, upto uint64, replace ...decision.Replacement) {
	t.Helper()
	if err := r.Release([]decision.Release{{Lane: lane, Upto: upto, Replace: replace}}); err != nil {
		t.Fatal(err)
	}
}

func TestReframerHoldsUntilReleased(t *testing.T) {
	r := newToy()
	got := add(t, r, `{"p":[["a","one"],["b","\u00e9!"]]}`)
	want := []decision.Delta{{Lane: "a", Text: "one"}, {Lane: "b", Text: "é!"}}
	if !slices.Equal(got, want) {
		t.Errorf("deltas %v, want %v", got, want)
	}
	add(t, r, `{}`)
	if out := next(t, r); out != "" {
		t.Errorf("left before its release: %q", out)
	}
	release(t, r, "a", 3)
	release(t, r, "b", 2)
	if out := next(t, r); out != "" {
		t.Errorf("left with one lane held: %q", out)
	}
	release(t, r, "b", 3)
	if out, want := next(t, r), "data: {\"p\":[[\"a\",\"one\"],[\"b\",\"\\u00e9!\"]]}\n\ndata: {}\n\n"; out != want {
		t.Errorf("got %q, want %q", out, want)
	}
	if r.Held() != 0 || next(t, r) != "" {
		t.Error("an event left twice")
	}
}

func TestReframerReplacesAcrossEvents(t *testing.T) {
	r := newToy()
	for _, s := range []string{"key: s", "ecr", "et, ok"} {
		add(t, r, fmt.Sprintf(`{"p":[["a",%q]],"drop":[1]}`, s))
	}
	release(t, r, "a", 8, decision.Replacement{Start: 5, End: 8, With: "[\"X\"]"})
	want := `data: {"p":[["a","key: [\"X\"]"]],"drop":null}` + "\n\n"
	if out := next(t, r); out != want {
		t.Errorf("first %q, want %q", out, want)
	}
	release(t, r, "a", 15, decision.Replacement{Start: 8, End: 11})
	want = `data: {"p":[["a",""]],"drop":null}` + "\n\n" + `data: {"p":[["a",", ok"]],"drop":null}` + "\n\n"
	if out := next(t, r); out != want {
		t.Errorf("then %q, want %q", out, want)
	}
}

// TestReframerUsesMemoryAgain: what an event leaves behind never shows in a
// later one, and what waits stays as it came.
func TestReframerUsesMemoryAgain(t *testing.T) {
	r := newToy()
	var want, got []byte
	for round := range 6 {
		for i := range 40 * (round + 1) {
			text := strings.Repeat(string(rune('a'+i%26)), 1+(i*37+round)%90)
			if i%50 == 49 {
				text = strings.Repeat(text, 200)
			}
			data := `{"p":[["a","` + text + `"]]}`
			want = append(want, "data: "+data+"\n\n"...)
			add(t, r, data)
			if i%7 == 0 {
				r.ReleaseAll()
			}
			if i%3 == 0 {
				var err error
				if got, err = r.Next(got); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	r.ReleaseAll()
	got, err := r.Next(got)
	if err != nil || !bytes.Equal(got, want) || r.Held() != 0 {
		t.Errorf("%d bytes left, %d were added, %d events stay, %v", len(got), len(want), r.Held(), err)
	}
}

func TestReframerEndsLanes(t *testing.T) {
	r := newToy()
	add(t, r, `{"p":[["c1","x"],["c1.tool0","y"],["c10","z"],["c2",""]]}`)
	got := slices.Clone(add(t, r, `{"p":[["c1","more"]],"end":["c1","c9"]}`))
	want := []decision.Delta{{Lane: "c1", Text: "more", Last: true}, {Lane: "c1.tool0", Last: true}}
	if !slices.Equal(got, want) {
		t.Errorf("ended %v, want %v", got, want)
	}
	if got := add(t, r, `{"p":[["c1",""]],"end":["c1"]}`); len(got) != 0 {
		t.Errorf("ended twice: %v", got)
	}
	if got, want := r.End(), []decision.Delta{{Lane: "c10", Last: true}}; !slices.Equal(got, want) {
		t.Errorf("at the end %v, want %v", got, want)
	}
	if got := r.End(); len(got) != 0 {
		t.Errorf("a second end: %v", got)
	}
	_, err := r.Add(events(t, "data: {\"p\":[[\"c1\",\"late\"]]}\n\n")[0])
	wantCode(t, err, decision.CodeUpstreamInvalid)
}

func wantCode(t testing.TB, err error, c decision.Code) {
	t.Helper()
	var e *decision.Error
	if !errors.As(err, &e) || e.Code != c {
		t.Errorf("error %v, want code %s", err, c)
	}
}

func TestReleaseAll(t *testing.T) {
	r := newToy()
	add(t, r, `{"p":[["a","one"],["b","two"]]}`)
	r.ReleaseAll()
	if out, want := next(t, r), "data: {\"p\":[[\"a\",\"one\"],[\"b\",\"two\"]]}\n\n"; out != want {
		t.Errorf("got %q, want %q", out, want)
	}
	add(t, r, `{"p":[["a","more"]]}`)
	if out := next(t, r); out != "" {
		t.Errorf("text that came later left too: %q", out)
	}
}

func TestReframerTellsUsageAndFailure(t *testing.T) {
	r := newToy()
	if r.Usage() != nil || r.Failed() {
		t.Error("a new stream has neither figures nor an error")
	}
	add(t, r, `{"usage":1}`)
	add(t, r, `{"usage":7}`)
	add(t, r, `{"error":true}`)
	add(t, r, `{}`)
	if r.Usage() == nil || r.Usage().Output != 7 || !r.Failed() {
		t.Errorf("usage %v, failed %v", r.Usage(), r.Failed())
	}
}

func TestReframerIsBounded(t *testing.T) {
	ev := events(t, "data: {\"p\":[[\"a\",\"0123456789\"]]}\n\n")[0]
	r := dialect.NewReframer(readToy, 10_000)
	count := 0
	var err error
	for ; err == nil && count < 1000; count++ {
		_, err = r.Add(ev)
	}
	wantCode(t, err, decision.CodeOverloaded)
	if count < 20 || count > 40 {
		t.Errorf("held %d events of 33 bytes in 10,000", count)
	}
	release(t, r, "a", uint64(10*(count-1)))
	next(t, r)
	if _, err := r.Add(ev); err != nil {
		t.Errorf("no room after the release: %v", err)
	}

	lanes := newToy()
	err = nil
	for i := 0; err == nil && i < 1000; i++ {
		_, err = lanes.Add(events(t, fmt.Sprintf("data: {\"p\":[[\"%d\",\"x\"]]}\n\n", i))[0])
	}
	wantCode(t, err, decision.CodeOverloaded)
}

func TestReframerRefusesBadReleases(t *testing.T) {
	bad := map[string]decision.Release{
		"unknown lane":     {Lane: "b", Upto: 1},
		"goes back":        {Lane: "a", Upto: 1},
		"beyond the text":  {Lane: "a", Upto: 11},
		"replaces what is": {Lane: "a", Upto: 5, Replace: []decision.Replacement{{Start: 1, End: 3}}},
		"beyond the upto":  {Lane: "a", Upto: 5, Replace: []decision.Replacement{{Start: 4, End: 6}}},
		"empty":            {Lane: "a", Upto: 5, Replace: []decision.Replacement{{Start: 4, End: 4, With: "x"}}},
		"backwards":        {Lane: "a", Upto: 5, Replace: []decision.Replacement{{Start: 4, End: 3}}},
		"not ordered":      {Lane: "a", Upto: 9, Replace: []decision.Replacement{{Start: 5, End: 6}, {Start: 3, End: 4}}},
		"overlap":          {Lane: "a", Upto: 9, Replace: []decision.Replacement{{Start: 3, End: 6}, {Start: 5, End: 7}}},
	}
	for name, rel := range bad {
		r := newToy()
		add(t, r, `{"p":[["a","0123456789"]]}`)
		release(t, r, "a", 2)
		if err := r.Release([]decision.Release{rel}); err == nil {
			t.Errorf("%s: accepted", name)
		} else {
			wantCode(t, err, decision.CodeInternal)
		}
	}
}

func TestReframerPassesWhatHasNoData(t *testing.T) {
	const stream = ": ping\n\nevent: x\n\ndata\n\n"
	r := newToy()
	for _, ev := range events(t, stream) {
		if deltas, err := r.Add(ev); err != nil || len(deltas) != 0 {
			t.Fatalf("%v, %v", deltas, err)
		}
	}
	if out := next(t, r); out != stream {
		t.Errorf("got %q", out)
	}
	if _, err := r.Add(events(t, "data: {\"p\":1,\"p\":2}\n\n")[0]); err == nil {
		t.Error("an event that cannot be read was taken")
	}
}

// A replacement that cuts a rune takes all of it: half a rune is no text.
func TestReframerNeverSplitsARune(t *testing.T) {
	const text = "aé😀z"
	for start := range len(text) {
		for end := start + 1; end <= len(text); end++ {
			r := newToy()
			add(t, r, fmt.Sprintf(`{"p":[["a",%q]]}`, text))
			release(t, r, "a", uint64(len(text)), decision.Replacement{Start: uint64(start), End: uint64(end), With: "#"})
			got := laneTexts(t, next(t, r))["a"]
			from, to := start, end
			for !utf8.RuneStart(text[from]) {
				from--
			}
			for to < len(text) && !utf8.RuneStart(text[to]) {
				to++
			}
			if want := text[:from] + "#" + text[to:]; got != want {
				t.Errorf("[%d,%d): %q, want %q", start, end, got, want)
			}
		}
	}
}

// laneTexts reads what left with encoding/json: every event must parse.
func laneTexts(t testing.TB, stream string) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, ev := range events(t, stream) {
		var v struct {
			P [][2]string `json:"p"`
		}
		if err := json.Unmarshal(ev.Data, &v); err != nil {
			t.Fatalf("an event does not parse: %v\n%q", err, ev.Raw)
		}
		for _, p := range v.P {
			out[p[0]] += p[1]
		}
	}
	return out
}

// judge releases the text of one lane in random steps, with the replacements
// that it had planned for the whole text.
type judge struct {
	plan        []decision.Replacement
	text        string
	seen, freed uint64
}

// rule makes the next release, clipping replacements at its offset as the
// vocabulary says: the rest of one goes on with an empty With.
func (j *judge) rule(rnd *rand.Rand, lane string, all bool) decision.Release {
	upto := j.freed + rnd.Uint64N(j.seen-j.freed+1)
	if all {
		upto = j.seen
	}
	rel := decision.Release{Lane: lane, Upto: upto}
	for _, p := range j.plan {
		clipped := decision.Replacement{Start: max(p.Start, j.freed), End: min(p.End, upto)}
		if clipped.Start >= clipped.End {
			continue
		}
		if clipped.Start == p.Start {
			clipped.With = p.With
		}
		rel.Replace = append(rel.Replace, clipped)
	}
	j.freed = upto
	return rel
}

func newJudge(rnd *rand.Rand) *judge {
	j := &judge{text: randomText(rnd, 30)}
	for _, e := range randomEdits(rnd, j.text) {
		start, end := len(string([]rune(j.text)[:e.from])), len(string([]rune(j.text)[:e.to]))
		if start < end {
			j.plan = append(j.plan, decision.Replacement{Start: uint64(start), End: uint64(end), With: e.with})
		}
	}
	return j
}

func (j *judge) want() string {
	var b strings.Builder
	at := uint64(0)
	for _, p := range j.plan {
		b.WriteString(j.text[at:p.Start] + p.With)
		at = p.End
	}
	return b.String() + j.text[at:]
}

// For any split of the texts over events and any order of releases, what
// leaves is the edited whole text, in as many events as came.
func TestReframerProperty(t *testing.T) {
	for seed := range uint64(600) {
		rnd := rand.New(rand.NewPCG(seed, 7))
		judges := map[string]*judge{"a": newJudge(rnd), "b": newJudge(rnd)}
		rest := map[string][]rune{"a": []rune(judges["a"].text), "b": []rune(judges["b"].text)}
		r := newToy()
		var out []byte
		count := 0
		for len(rest["a"])+len(rest["b"]) > 0 {
			count++
			takeDeltas(t, judges, add(t, r, randomEvent(rnd, rest)))
			out = ruleAndNext(t, rnd, r, judges, out, false)
		}
		takeDeltas(t, judges, r.End())
		out = ruleAndNext(t, rnd, r, judges, out, true)
		got := laneTexts(t, string(out))
		for name, j := range judges {
			if got[name] != j.want() {
				t.Fatalf("seed %d, lane %s: %q, want %q", seed, name, got[name], j.want())
			}
		}
		if n := len(events(t, string(out))); n != count || r.Held() != 0 {
			t.Fatalf("seed %d: %d events of %d left", seed, n, count)
		}
	}
}

// randomEvent takes up to three pieces off the rests.
func randomEvent(rnd *rand.Rand, rest map[string][]rune) string {
	var pieces []string
	for range rnd.IntN(4) {
		name := []string{"a", "b"}[rnd.IntN(2)]
		n := min(rnd.IntN(5), len(rest[name]))
		pieces = append(pieces, fmt.Sprintf(`["%s","%s"]`, name, spell(rnd, string(rest[name][:n]))))
		rest[name] = rest[name][n:]
	}
	return `{ "p":[` + strings.Join(pieces, ", ") + `],"drop":[["x"]] }`
}

func takeDeltas(t *testing.T, judges map[string]*judge, deltas []decision.Delta) {
	t.Helper()
	for _, d := range deltas {
		j := judges[d.Lane]
		if !strings.HasPrefix(j.text[j.seen:], d.Text) {
			t.Fatalf("delta %q does not go on with %q", d.Text, j.text[j.seen:])
		}
		j.seen += uint64(len(d.Text))
		if d.Last != (d.Text == "") {
			t.Fatalf("last %v on %q", d.Last, d.Text)
		}
	}
}

func ruleAndNext(t *testing.T, rnd *rand.Rand, r *dialect.Reframer, judges map[string]*judge, out []byte, all bool) []byte {
	t.Helper()
	for _, name := range []string{"a", "b"} {
		j := judges[name]
		if j.seen == 0 || !all && rnd.IntN(2) == 0 {
			continue
		}
		if err := r.Release([]decision.Release{j.rule(rnd, name, all)}); err != nil {
			t.Fatal(err)
		}
	}
	out, err := r.Next(out)
	if err != nil {
		t.Fatal(err)
	}
	return out
}
