package mcp_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/dialect"
	"outrider.dev/outrider/dialect/mcp"
	"outrider.dev/outrider/strictjson"
)

var fuzzLimits = strictjson.Limits{Bytes: 1 << 16, Depth: 32}

// FuzzRead: whatever is read means the same to an ordinary reader, every
// segment is a string of the body, and the mirrored headers of the message
// are taken again.
func FuzzRead(f *testing.F) {
	f.Add([]byte(call(`{"name":"a","arguments":{"k":"v"},"_meta":{"x":"y"}}`)), "2025-11-25", "a")
	f.Add([]byte(call(`{"name":"=?base64?YQ==?=",`+modernMeta+`}`)), "2026-07-28", "=?base64?PT9iYXNlNjQ/WVE9PT89?=")
	f.Add([]byte(call(`{"name":"a","Name":"b"}`)), "", "b")
	f.Add([]byte(`{"jsonrpc":"2.0","id":1,"result":{}}`), "", "")
	f.Add([]byte(`[{"jsonrpc":"2.0","id":1,"method":"ping"}]`), "", "")
	f.Fuzz(func(t *testing.T, raw []byte, version, name string) {
		h := http.Header{"Mcp-Name": {name}, "Mcp-Protocol-Version": {version}, "Mcp-Method": {"tools/call"}}
		m, err := mcp.Read(raw, h, fuzzLimits)
		if err != nil {
			if m, err = mcp.Read(raw, nil, fuzzLimits); err != nil {
				return
			}
		}
		var ordinary struct {
			Method string
			Params struct {
				Name string
				URI  string
			}
		}
		if err := json.Unmarshal(raw, &ordinary); err != nil {
			if m.Kind != mcp.Response && m.Method.Carries != mcp.Nothing {
				t.Fatalf("an ordinary reader refuses it: %v", err)
			}
			return
		}
		if m.Kind != mcp.Response && ordinary.Method != m.Method.Name || m.Tool != "" && ordinary.Params.Name != m.Tool {
			t.Fatalf("read as %q %q, by others as %q %q", m.Method.Name, m.Tool, ordinary.Method, ordinary.Params.Name)
		}
		for _, s := range m.Segments {
			if dialect.Text(raw, s) == nil {
				t.Fatalf("segment %d to %d is no string", s.Start, s.End)
			}
		}
		mirror, err := mcp.MirrorHeaders(m, raw, append([]byte(nil), raw...), fuzzLimits)
		if err != nil {
			t.Fatal(err)
		}
		if m.Era == mcp.Modern && m.Kind == mcp.Request {
			if _, err := mcp.Read(raw, mirror, fuzzLimits); err != nil {
				t.Fatalf("own headers are refused: %v", err)
			}
		}
	})
}

// FuzzReadAnswer: segments are strings of the body, and a filtered page is
// still a page, without the tools that were hidden.
func FuzzReadAnswer(f *testing.F) {
	f.Add([]byte(`{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"a"}]}}`), []byte{1})
	f.Add([]byte(page(9)), []byte{0x55, 1})
	f.Add([]byte(`{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"m"}}`), []byte{})
	f.Add([]byte(`{"jsonrpc":"2.0","id":1,"result":{"tools":[1,{"name":"a"},{}],"cacheScope":"public"}}`), []byte{7})
	f.Fuzz(func(t *testing.T, raw, shown []byte) {
		if a, err := mcp.ReadAnswer(raw, fuzzLimits); err == nil {
			for _, s := range a.Segments {
				if dialect.Text(raw, s) == nil {
					t.Fatalf("segment %d to %d is no string", s.Start, s.End)
				}
			}
		}
		p, err := mcp.ReadTools(raw, fuzzLimits)
		if err != nil {
			return
		}
		v := &decision.Visibility{Bitmap: shown}
		splices, err := p.Filter(v)
		if err != nil {
			t.Fatal(err)
		}
		out := dialect.Apply(nil, raw, splices)
		after, err := mcp.ReadTools(out, strictjson.Limits{Bytes: 1 << 17, Depth: 32})
		if err != nil {
			t.Fatalf("the filtered page cannot be read: %v\n%s", err, out)
		}
		var want []string
		for i, tool := range p.Tools {
			if v.Visible(i) {
				want = append(want, string(tool.Definition))
			}
		}
		if len(after.Tools) != len(want) {
			t.Fatalf("%d tools are left, want %d", len(after.Tools), len(want))
		}
		for i, tool := range after.Tools {
			if string(tool.Definition) != want[i] {
				t.Fatalf("tool %d changed to %s", i, tool.Definition)
			}
		}
	})
}

// FuzzWithCursor: only the cursor is new.
func FuzzWithCursor(f *testing.F) {
	f.Add([]byte(`{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{}}`), "c")
	f.Add([]byte(`{"jsonrpc":"2.0","id":1,"method":"tools/list"}`), "\"\\")
	f.Fuzz(func(t *testing.T, raw []byte, cursor string) {
		m, err := mcp.Read(raw, nil, fuzzLimits)
		if err != nil || m.Method.Name != mcp.MethodToolsList {
			return
		}
		quoted, err := json.Marshal(cursor)
		if err != nil {
			t.Fatal(err)
		}
		next, err := mcp.WithCursor(raw, quoted, fuzzLimits)
		if err != nil {
			return
		}
		after, err := mcp.Read(next, nil, strictjson.Limits{Bytes: 1 << 20, Depth: 33})
		if err != nil || !after.Cursor || string(after.ID) != string(m.ID) {
			t.Fatalf("%s: %+v, %v", next, after, err)
		}
	})
}
