package sse_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/dialect/sse"
)

type event struct {
	raw, data, name string
	hasData         bool
}

// naive splits a whole stream by the standard's words, without any care for
// cost. It returns the complete events and what remains behind them.
func naive(stream string) (events []event, rest string) {
	at := 0
	if strings.HasPrefix(stream, "\xef\xbb\xbf") {
		at = 3
	}
	begin := 0
	var data []string
	var name string
	for at < len(stream) {
		end := at
		for end < len(stream) && stream[end] != '\n' && stream[end] != '\r' {
			end++
		}
		if end == len(stream) {
			break
		}
		next := end + 1
		if stream[end] == '\r' && next < len(stream) && stream[next] == '\n' {
			next++
		}
		line := stream[at:end]
		at = next
		if line == "" {
			events = append(events, event{stream[begin:at], strings.Join(data, "\n"), name, data != nil})
			begin, data, name = at, nil, ""
			continue
		}
		field, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch field {
		case "data":
			data = append(data, value)
		case "event":
			name = value
		}
	}
	return events, stream[begin:]
}

// readAll reads the stream to its end, and the bytes of all events.
func readAll(t testing.TB, src io.Reader, limit int) (events []event, all string, err error) {
	t.Helper()
	r := sse.NewReader(src, limit)
	for {
		ev, err := r.Next()
		all += string(ev.Raw)
		if err != nil {
			if _, again := r.Next(); again == nil {
				t.Fatal("an event after the end")
			}
			return events, all, err
		}
		events = append(events, event{string(ev.Raw), string(ev.Data), string(ev.Name), ev.Data != nil})
	}
}

func TestReader(t *testing.T) {
	tests := []struct {
		name, stream string
		want         []event
		err          error
	}{
		{"empty", "", nil, io.EOF},
		{"one", "data: x\n\n", []event{{"data: x\n\n", "x", "", true}}, io.EOF},
		{"no space", "data:x\n\n", []event{{"data:x\n\n", "x", "", true}}, io.EOF},
		{"two spaces", "data:  x\n\n", []event{{"data:  x\n\n", " x", "", true}}, io.EOF},
		{"name", "event: done\ndata: x\n\n", []event{{"event: done\ndata: x\n\n", "x", "done", true}}, io.EOF},
		{"last name counts", "event: a\nevent:b\n\n", []event{{"event: a\nevent:b\n\n", "", "b", false}}, io.EOF},
		{"lines", "data: x\ndata\ndata: y\n\n", []event{{"data: x\ndata\ndata: y\n\n", "x\n\ny", "", true}}, io.EOF},
		{"empty data", "data\n\n", []event{{"data\n\n", "", "", true}}, io.EOF},
		{"comment", ": ping\n\n", []event{{": ping\n\n", "", "", false}}, io.EOF},
		{"unknown fields", "id: 1\nretry: 2\ndataset: no\nDATA: no\ndata: x\n\n", []event{{"id: 1\nretry: 2\ndataset: no\nDATA: no\ndata: x\n\n", "x", "", true}}, io.EOF},
		{"CRLF", "data: x\r\n\r\ndata: y\r\n\r\n", []event{{"data: x\r\n\r\n", "x", "", true}, {"data: y\r\n\r\n", "y", "", true}}, io.EOF},
		{"CR", "data: x\r\rdata: y\r\r", []event{{"data: x\r\r", "x", "", true}, {"data: y\r\r", "y", "", true}}, io.EOF},
		{"mixed", "data: x\r\n\n\rdata: y\n\r\n", []event{{"data: x\r\n\n", "x", "", true}, {"\r", "", "", false}, {"data: y\n\r\n", "y", "", true}}, io.EOF},
		{"mark", "\xef\xbb\xbfdata: x\n\n", []event{{"\xef\xbb\xbfdata: x\n\n", "x", "", true}}, io.EOF},
		{"second mark is text", "\xef\xbb\xbf\xef\xbb\xbfdata: x\n\n", []event{{"\xef\xbb\xbf\xef\xbb\xbfdata: x\n\n", "", "", false}}, io.EOF},
		{"cut in a line", "data: x\n\ndata: y", []event{{"data: x\n\n", "x", "", true}}, io.ErrUnexpectedEOF},
		{"cut before the blank line", "data: x\n", nil, io.ErrUnexpectedEOF},
		{"half a mark", "\xef\xbb", nil, io.ErrUnexpectedEOF},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, all, err := readAll(t, strings.NewReader(tt.stream), 1<<10)
			if !errors.Is(err, tt.err) || all != tt.stream {
				t.Errorf("error %v, want %v; bytes %q", err, tt.err, all)
			}
			compare(t, got, tt.want)
		})
	}
}

func compare(t testing.TB, got, want []event) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d events, want %d\n%+v\n%+v", len(got), len(want), got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("event %d is %+v, want %+v", i, got[i], want[i])
		}
	}
}

// The unfinished event is shown beside the error: some providers leave the
// last blank line out, and the caller may know that nothing is missing.
func TestUnfinishedEventIsShown(t *testing.T) {
	r := sse.NewReader(strings.NewReader("event: e\ndata: a\ndata: [DONE]"), 100)
	ev, err := r.Next()
	if !errors.Is(err, io.ErrUnexpectedEOF) || string(ev.Data) != "a\n[DONE]" || string(ev.Name) != "e" {
		t.Errorf("%q %q %v", ev.Data, ev.Name, err)
	}
	if _, err := r.Next(); !errors.Is(err, io.EOF) {
		t.Errorf("then %v, want EOF", err)
	}
}

// gate gives out one piece a read and then blocks the test if read again.
type gate struct {
	t      *testing.T
	pieces []string
}

func (g *gate) Read(p []byte) (int, error) {
	if len(g.pieces) == 0 {
		g.t.Fatal("read on although a whole event is at hand")
	}
	n := copy(p, g.pieces[0])
	g.pieces = g.pieces[1:]
	return n, nil
}

func TestNextNeverWaitsForMore(t *testing.T) {
	for _, piece := range []string{"data: x\n\n", "data: x\r\n\r\n", "data: x\r\r", "data: x\r\n\r"} {
		r := sse.NewReader(&gate{t, []string{piece}}, 100)
		if ev, err := r.Next(); err != nil || string(ev.Data) != "x" {
			t.Errorf("%q: %q, %v", piece, ev.Data, err)
		}
	}
}

// Whatever Buffered promises, Next must return without another read.
func TestBufferedNeverPromisesTooMuch(t *testing.T) {
	for _, piece := range []string{
		"data: x\n\ndata: y\n\n", "data: x\n\ndata: y\n", "data: x\r\n\r\n: c\r\n\r\nd", "data: x\r\r\n\n", "data: x\n\n\n\n\n",
	} {
		r := sse.NewReader(&gate{t, []string{piece}}, 100)
		if _, err := r.Next(); err != nil {
			t.Fatal(err)
		}
		for r.Buffered() {
			if _, err := r.Next(); err != nil {
				t.Fatal(err)
			}
		}
	}
	r := sse.NewReader(strings.NewReader("data: x\n\ndata: y\n\n"), 100)
	if _, err := r.Next(); err != nil || !r.Buffered() {
		t.Errorf("the second event is at hand: %v", err)
	}
	if _, err := r.Next(); err != nil || r.Buffered() {
		t.Errorf("nothing is at hand: %v", err)
	}
}

func TestReaderBounds(t *testing.T) {
	wantRefusal := func(stream string, limit int) {
		t.Helper()
		events, _, err := readAll(t, strings.NewReader(stream), limit)
		var e *decision.Error
		if !errors.As(err, &e) || e.Code != decision.CodeUpstreamInvalid {
			t.Errorf("%d events, then %v", len(events), err)
		}
	}
	wantRefusal("data: x\n\ndata: "+strings.Repeat("x", 10_000)+"\n\n", 9_999)
	wantRefusal(strings.Repeat(": comment\n", 1<<16), 1<<16)
	wantRefusal("data: 12\n\n", 9)
	if events, _, err := readAll(t, strings.NewReader("data: 12\n\n"), 10); len(events) != 1 || !errors.Is(err, io.EOF) {
		t.Errorf("an event of the limit's size: %v, %v", events, err)
	}
}

func TestReaderErrors(t *testing.T) {
	broken := errors.New("broken")
	src := io.MultiReader(strings.NewReader("data: x\n\ndata: y"), iotest.ErrReader(broken))
	events, _, err := readAll(t, src, 100)
	if len(events) != 1 || !errors.Is(err, broken) {
		t.Errorf("%d events, then %v", len(events), err)
	}
	_, _, err = readAll(t, readFunc(func([]byte) (int, error) { return 0, nil }), 100)
	if !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("a reader that gives nothing: %v", err)
	}
}

type readFunc func([]byte) (int, error)

func (f readFunc) Read(p []byte) (int, error) { return f(p) }

func TestCopyTo(t *testing.T) {
	var buf []byte
	for _, c := range []struct{ stream, data, name string }{
		{"event: a\ndata: first\n\n", "first", "a"},
		{"data: a\ndata: b\n\n", "a\nb", ""},
		{"event: a\ndata: x\nevent: long name\ndata: y\n\n", "x\ny", "long name"},
		{": nothing\n\n", "", ""},
	} {
		ev, err := sse.NewReader(strings.NewReader(c.stream), 100).Next()
		if err != nil {
			t.Fatal(err)
		}
		var kept sse.Event
		kept, buf = ev.CopyTo(buf)
		if (kept.Data == nil) != (ev.Data == nil) || (kept.Name == nil) != (ev.Name == nil) {
			t.Errorf("%q: what is not there is %v, %v, it was %v, %v", c.stream, kept.Data, kept.Name, ev.Data, ev.Name)
		}
		for i := range ev.Raw {
			ev.Raw[i] = '#'
		}
		if string(kept.Raw) != c.stream || string(kept.Data) != c.data || string(kept.Name) != c.name {
			t.Errorf("of %q the copy is %q, %q, %q", c.stream, kept.Raw, kept.Data, kept.Name)
		}
		if got := string(sse.AppendWithData(nil, kept, []byte("other"))); !strings.Contains(got, "other") {
			t.Errorf("the copy of %q takes no other data: %q", c.stream, got)
		}
	}
}

func TestAppendWithData(t *testing.T) {
	tests := []struct{ name, stream, data, want string }{
		{"one line", "data: x\n\n", `{"a":1}`, "data: {\"a\":1}\n\n"},
		{"no space, CRLF", "data:x\r\n\r\n", "y", "data:y\r\n\r\n"},
		{"fields around", ": c\nid: 1\ndata: x\nretry: 3\n\n", "y", ": c\nid: 1\ndata: y\nretry: 3\n\n"},
		{"two lines become one", "data: x\nid: 1\ndata: y\n\n", "z", "data: z\nid: 1\n\n"},
		{"one line becomes two", "data: x\r\n\r\n", "y\nz", "data: y\r\ndata: z\r\n\r\n"},
		{"leading space", "data:x\n\n", " y", "data:  y\n\n"},
		{"no data before", "event: e\n\n", "y", "event: e\ndata:y\n\n"},
		{"bare data", "data\n\n", "y", "data:y\n\n"},
		{"mark", "\xef\xbb\xbfdata: x\n\n", "y", "\xef\xbb\xbfdata: y\n\n"},
		{"mixed line ends", "data: a\nid: 1\rdata: b\n\n", "y", "data: y\nid: 1\r\n\n"},
		{"nothing left", "data: x\n\n", "", "data: \n\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ev, err := sse.NewReader(strings.NewReader(tt.stream), 100).Next()
			if err != nil {
				t.Fatal(err)
			}
			if got := string(sse.AppendWithData([]byte("<"), ev, []byte(tt.data))); got != "<"+tt.want {
				t.Errorf("got  %q\nwant %q", got, "<"+tt.want)
			}
		})
	}
}

func TestReaderDoesNotAllocatePerEvent(t *testing.T) {
	stream := strings.Repeat("data: {\"choices\":[]}\n\n", 1000)
	r := sse.NewReader(strings.NewReader(stream), 1<<16)
	if _, err := r.Next(); err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(900, func() {
		if _, err := r.Next(); err != nil {
			t.Fatal(err)
		}
	}); n > 0 {
		t.Errorf("%v allocations an event", n)
	}
}

// pieces splits a stream at the given places.
func pieces(stream string, size, first int) io.Reader {
	var parts []io.Reader
	for at := 0; at < len(stream); {
		n := size
		if at == 0 && first > 0 {
			n = first
		}
		n = min(n, len(stream)-at)
		parts = append(parts, strings.NewReader(stream[at:at+n]))
		at += n
	}
	return io.MultiReader(parts...)
}

func FuzzReader(f *testing.F) {
	f.Add("data: x\r\n\r\ndata: y\r\rdata\n\n")
	f.Add("\xef\xbb\xbf: c\r\nevent: e\rdata:a\ndata: b\n\r\n\r")
	f.Add("\r\n\n\r\r\n")
	f.Fuzz(func(t *testing.T, stream string) {
		if len(stream) > 200 {
			return
		}
		want, rest := naive(stream)
		for split := range len(stream) + 1 {
			checkSplit(t, stream, want, rest, pieces(stream, len(stream), split))
		}
		checkSplit(t, stream, want, rest, pieces(stream, 1, 1))
		checkSplit(t, stream, want, rest, iotest.DataErrReader(strings.NewReader(stream)))
	})
}

// checkSplit compares with the reference. A CR that ends a read ends its event
// at once; the LF of that CRLF then opens the Raw of the next one.
func checkSplit(t *testing.T, stream string, want []event, rest string, src io.Reader) {
	t.Helper()
	got, all, err := readAll(t, src, 1<<10)
	if all != stream {
		t.Fatalf("bytes %q, want %q", all, stream)
	}
	if n := len(got); n == len(want)+1 && got[n-1].raw == "\n" {
		got = got[:n-1]
	}
	if len(got) != len(want) {
		t.Fatalf("%d events, want %d of %q: %+v", len(got), len(want), stream, got)
	}
	for i := range want {
		if got[i].data != want[i].data || got[i].name != want[i].name || got[i].hasData != want[i].hasData {
			t.Fatalf("event %d is %+v, want %+v", i, got[i], want[i])
		}
	}
	if unfinished := rest != ""; unfinished != errors.Is(err, io.ErrUnexpectedEOF) {
		t.Fatalf("error %v with rest %q", err, rest)
	}
}

// FuzzAppendWithData reads back what it wrote.
func FuzzAppendWithData(f *testing.F) {
	f.Add("id: 1\r\ndata: x\r\ndata:y\r\n\r\n", "a\nb")
	f.Add("data\rdata: x\r\r", " a")
	f.Fuzz(func(t *testing.T, stream, data string) {
		if strings.Contains(data, "\r") {
			return
		}
		ev, err := sse.NewReader(strings.NewReader(stream), 1<<16).Next()
		if err != nil {
			return
		}
		if ev.Data != nil {
			same := sse.AppendWithData(nil, ev, ev.Data)
			back, err := sse.NewReader(bytes.NewReader(same), 1<<17).Next()
			if err != nil || !bytes.Equal(back.Data, ev.Data) {
				t.Fatalf("%q became %q", stream, same)
			}
		}
		out := sse.AppendWithData(nil, ev, []byte(data))
		r := sse.NewReader(bytes.NewReader(out), 1<<20)
		back, err := r.Next()
		if err != nil || string(back.Data) != data || string(back.Name) != string(ev.Name) {
			t.Fatalf("wrote %q, read %q %q: %v", out, back.Data, back.Name, err)
		}
		if next, err := r.Next(); !errors.Is(err, io.EOF) && string(next.Raw) != "\n" {
			t.Fatalf("a second event %q in %q", next.Raw, out)
		}
	})
}
