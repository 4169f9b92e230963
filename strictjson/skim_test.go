package strictjson

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// skimmed and readOut are the tapes of the two readers.
func skimmed(raw []byte, lim Limits) (nodes []node, ok bool) {
	p := &parser{raw: raw}
	ok = p.skim(lim.orDefaults())
	return p.nodes, ok
}

func readOut(raw []byte, lim Limits) (nodes []node, ok bool) {
	p := &parser{raw: raw}
	ok = p.read(lim.orDefaults()) == nil
	return p.nodes, ok
}

// wantSame holds what is skimmed to what the grammar's reader makes of it.
func wantSame(t *testing.T, raw []byte, lim Limits) (ok bool) {
	t.Helper()
	nodes, ok := skimmed(raw, lim)
	if !ok {
		return false
	}
	want, read := readOut(raw, lim)
	if !read {
		t.Fatalf("skimmed, and the reader refuses %q", raw)
	}
	if !slices.Equal(nodes, want) {
		t.Fatalf("of %q\nskimmed %+v\nread    %+v", raw, nodes, want)
	}
	return true
}

// TestUsualBodiesAreSkimmed: else the fast reader would be there for nothing.
func TestUsualBodiesAreSkimmed(t *testing.T) {
	for _, body := range []string{
		`{}`, ` { } `, "{\"a\":\t[\r\n] , \"b\": {}}", `{"a":[[],[{}],{"b":[1,2]}],"c":null}`,
		`{"a":"","b":"1234567","c":"12345678","d":"123456789","e":"é","日本":"語"}`,
		`{"a":"\"\\\/\b\f\n\r\t","b":"\u00e9\u0000\uFFFF\uD83D\ude00x"}`,
		`{"a":[0,-0,10,-1.5,1e9,1E+9,1.25e-3],"b":[true,false,null]}`,
		`{"a":{"a":{"a":1}},"b":{"a":1},"A":2}`,
		`{` + strings.TrimSuffix(strings.Repeat(`"%d":1,`, maxSkimmed), ",") + `}`,
	} {
		if strings.Contains(body, "%d") {
			numbers := make([]any, maxSkimmed)
			for i := range numbers {
				numbers[i] = i
			}
			body = fmt.Sprintf(body, numbers...)
		}
		if !wantSame(t, []byte(body), Limits{}) {
			t.Errorf("not skimmed: %s", body)
		}
	}
}

// TestEveryByteOfAText: each byte is found at each place of eight, and none
// besides.
func TestEveryByteOfAText(t *testing.T) {
	for b := range 256 {
		ends := b < ' ' || b == '"' || b == '\\'
		for place := range 20 {
			raw := []byte(strings.Repeat("x", 20))
			raw[place] = byte(b)
			want := len(raw)
			if ends {
				want = place
			}
			if got, seen := plain(raw, 0); got != want || (seen&beyondASCII != 0) != (b >= 0x80) {
				t.Errorf("byte %#x at %d: %d, want %d", b, place, got, want)
			}
			raw[min(place+1, 19)] = '"'
			if got, _ := plain(raw, place+1); got != min(place+1, 19) && place < 19 {
				t.Errorf("behind %#x at %d: %d", b, place, got)
			}
		}
	}
}

// FuzzSkim: nothing is skimmed that the reader refuses or reads otherwise.
func FuzzSkim(f *testing.F) {
	for _, body := range []string{
		``, `{`, `{"a"`, `{"a":`, `{"a":1`, `{"a":1,`, `{"a":1,}`, `{,}`, `{"a":[1,]}`, `{"a":[,1]}`, `{"a":1]`, `{"a":[1}`, `{"a" 1}`, `{a:1}`,
		`{"a":1}{}`, `{"a":1}]`, `{"a":1} `, `{"a":1}` + "\x00", `{"a":1,"a":2}`, `{"a":1,"\u0061":2}`, `{"a":{"b":1,"b":2}}`, `{"b":{"a":1},"a":1}`,
		`{"a":"\ud800"}`, `{"a":"\udc00\ud800"}`, `{"a":"\ud83d\u0041"}`, `{"a":"\uD83D\uDE00"}`, `{"a":"\u12"}`, `{"a":"\x41"}`, `{"a":"\`, `{"a":"\"`,
		"{\"a\":\"\n\"}", "{\"a\":\"\x7f\"}", "{\"a\":\"\xff\"}", "{\"\xff\":1}", "{\"a\":\"\xed\xa0\x80\"}", "{\"a\":1\xff}",
		`{"a":01}`, `{"a":-}`, `{"a":1.}`, `{"a":.5}`, `{"a":1e}`, `{"a":1e+}`, `{"a":+1}`, `{"a":-0.0e-0}`, `{"a":1x}`, `{"a":NaN}`,
		`{"a":tru}`, `{"a":truex}`, `{"a":nullnull}`, `{"a":[[[[1]]]]}`, "{\u00a0}", "\ufeff{}", `{"a":"12345678\"12345678\\"}`,
		"{\"a\":1,\"" + strings.Repeat("b", 40) + "\x01\":1}",
	} {
		f.Add([]byte(body), 0)
	}
	f.Add([]byte(`{"a":[[1]]}`), 2)
	f.Fuzz(func(t *testing.T, raw []byte, depth int) { wantSame(t, raw, Limits{Depth: depth}) })
}

// tokensOf puts the tokens of a random value together.
func tokensOf(rnd *rand.Rand, depth int) []string {
	scalars := []string{`1`, `-0`, `2.5e-3`, `true`, `false`, `null`, `""`, `"a"`, `"\\"`, `"\ud83d\ude00"`, `"é"`, `"eight by"`, `"nine byte\n"`}
	names := []string{`"a"`, `"b"`, `"é"`, `"A"`, `"abcdefghi"`}
	if depth == 0 || rnd.IntN(3) == 0 {
		return []string{scalars[rnd.IntN(len(scalars))]}
	}
	space := []string{"", " ", "\n\t"}[rnd.IntN(3)]
	if rnd.IntN(2) == 0 {
		out := []string{"[", space}
		for i := range rnd.IntN(4) {
			if i > 0 {
				out = append(out, ",")
			}
			out = append(append(out, tokensOf(rnd, depth-1)...), space)
		}
		return append(out, "]")
	}
	out := []string{"{", space}
	for i, n := range rnd.Perm(len(names))[:rnd.IntN(4)] {
		if i > 0 {
			out = append(out, ",", space)
		}
		out = append(append(out, names[n], ":", space), tokensOf(rnd, depth-1)...)
	}
	return append(out, "}")
}

// TestBodiesWithOneFault: well-formed bodies are skimmed, and those that lack a
// token, or have one too many, are skimmed only where the reader reads them the same.
func TestBodiesWithOneFault(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	odd := []string{`}`, `]`, `,`, `:`, `"a"`, `1`, `{`, `[`, `"`, `\`, "\x00", "\xff", `"\ud800"`, `01`, `-`, `x`}
	faulty := 0
	for range 20_000 {
		tokens := append(append([]string{"{", `"r"`, ":"}, tokensOf(rnd, 4)...), "}")
		if body := strings.Join(tokens, ""); !wantSame(t, []byte(body), Limits{}) {
			t.Fatalf("not skimmed: %q", body)
		}
		at := rnd.IntN(len(tokens))
		switch rnd.IntN(3) {
		case 0:
			tokens = slices.Delete(tokens, at, at+1)
		case 1:
			tokens = slices.Insert(tokens, at, odd[rnd.IntN(len(odd))])
		default:
			tokens[at] = odd[rnd.IntN(len(odd))]
		}
		if !wantSame(t, []byte(strings.Join(tokens, "")), Limits{}) {
			faulty++
		}
	}
	if faulty < 10_000 {
		t.Errorf("only %d faults were met", faulty)
	}
}

// BenchmarkReaders reads a page of tools and a prompt both ways.
func BenchmarkReaders(b *testing.B) {
	tool := `{"name":"list_things","description":"Lists the things of a repository, newest first.","inputSchema":{"type":"object","properties":` +
		`{"repo":{"type":"string"},"limit":{"type":"integer","minimum":1}},"required":["repo"]}}`
	for name, body := range map[string]string{
		"tools":  `{"jsonrpc":"2.0","id":7,"result":{"tools":[` + strings.TrimSuffix(strings.Repeat(tool+",", 20), ",") + `]}}`,
		"prompt": `{"model":"m","messages":[{"role":"user","content":"` + strings.Repeat(`Write a short text about it. \"Now\", she said.\n`, 1400) + `"}]}`,
	} {
		for how, read := range map[string]func(*parser, Limits) bool{
			"skimmed": (*parser).skim, "read": func(p *parser, lim Limits) bool { return p.read(lim) == nil },
		} {
			b.Run(name+"/"+how, func(b *testing.B) {
				p, raw := &parser{}, []byte(body)
				b.SetBytes(int64(len(body)))
				for b.Loop() {
					p.raw, p.nodes, p.open = raw, p.nodes[:0], p.open[:0]
					if !read(p, Limits{}.orDefaults()) {
						b.Fatal("refused")
					}
				}
			})
		}
	}
}
