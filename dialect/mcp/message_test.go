package mcp_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/dialect"
	"outrider.dev/outrider/dialect/mcp"
	"outrider.dev/outrider/strictjson"
)

// call wraps params into a tools/call.
func call(params string) string {
	return `{"jsonrpc":"2.0","id":7,"method":"tools/call","params":` + params + `}`
}

func texts(t *testing.T, raw string, segs []decision.Segment) []string {
	t.Helper()
	var out []string
	for i, s := range segs {
		if int(s.ID) != i {
			t.Errorf("segment %d has the id %d", i, s.ID)
		}
		text := dialect.Text([]byte(raw), s)
		if text == nil {
			t.Errorf("segment %d is no string of the body: %d to %d", i, s.Start, s.End)
		}
		out = append(out, string(text))
	}
	return out
}

func TestReadToolCall(t *testing.T) {
	raw := call(`{"name":"list\u005fissues", "arguments" : {"repo":"a/b","n":9007199254740993,"deep":[{"k\"":"v\n"}]},"_meta":{"progressToken":"t1","note":"hi"},"extra":{"x":"y"}}`)
	m, err := mcp.Read([]byte(raw), http.Header{}, strictjson.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if m.Kind != mcp.Request || m.Method.Name != "tools/call" || m.Method.Class != mcp.Call || m.Era != mcp.Legacy || string(m.ID) != "7" {
		t.Errorf("got %+v", m)
	}
	if got := raw[m.ToolStart:m.ToolEnd]; m.Tool != "list_issues" || got != `list\u005fissues` {
		t.Errorf("tool %q, raw %q", m.Tool, got)
	}
	if got := raw[m.ArgsStart:m.ArgsEnd]; got != `{"repo":"a/b","n":9007199254740993,"deep":[{"k\"":"v\n"}]}` {
		t.Errorf("arguments %s", got)
	}
	want := []string{"repo", "a/b", "n", "deep", `k"`, "v\n", "note", "hi", "extra", "x", "y"}
	if diff := cmp.Diff(want, texts(t, raw, m.Segments)); diff != "" {
		t.Error(diff)
	}
	for _, s := range m.Segments {
		if s.Kind != decision.KindArguments || s.Origin != decision.OriginAssistant {
			t.Errorf("segment %+v", s)
		}
	}
}

func TestReadNames(t *testing.T) {
	tests := []struct {
		name, method, params string
		want                 mcp.Message
		texts                []string
	}{
		{"no arguments", "tools/call", `{"name":"a"}`, mcp.Message{Tool: "a"}, nil},
		{"null arguments", "tools/call", `{"name":"a","arguments":null}`, mcp.Message{Tool: "a"}, nil},
		{"resource", "resources/read", `{"uri":"file:///x"}`, mcp.Message{URI: "file:///x"}, []string{"file:///x"}},
		{"prompt", "prompts/get", `{"name":"p","arguments":{"who":"me"}}`, mcp.Message{Prompt: "p"}, []string{"who", "me"}},
		{
			"completion of a prompt", "completion/complete", `{"ref":{"type":"ref/prompt","name":"p"},"argument":{"name":"n","value":"va"}}`,
			mcp.Message{Prompt: "p"},
			[]string{"type", "ref/prompt", "name", "p", "name", "n", "value", "va"},
		},
		{
			"completion of a resource", "completion/complete", `{"ref":{"type":"ref/resource","uri":"u"}}`,
			mcp.Message{URI: "u"},
			[]string{"type", "ref/resource", "uri", "u"},
		},
		{"later page", "tools/list", `{"cursor":"c"}`, mcp.Message{Cursor: true}, nil},
		{"first page", "tools/list", `{"cursor":null}`, mcp.Message{}, nil},
		{"later page of other lists", "resources/list", `{"cursor":"my ssn","filter":"text"}`, mcp.Message{Cursor: true}, []string{"filter", "text"}},
		{
			"what the client says of itself", "tools/call",
			`{"name":"a","_meta":{"io.modelcontextprotocol/clientInfo":{"name":"me@x.io"},"io.modelcontextprotocol/logLevel":"info","traceparent":"00-a","progressToken":"p","baggage":"b"}}`,
			mcp.Message{Tool: "a"},
			[]string{"name", "me@x.io", "baggage", "b"},
		},
		{"handshake", "initialize", `{"protocolVersion":"2025-11-25","clientInfo":{"name":"n"}}`, mcp.Message{}, []string{"clientInfo", "name", "n"}},
		{"state of a retried call", "tools/call", `{"name":"a","requestState":"opaque","inputResponses":{"q":{"content":"said"}}}`, mcp.Message{Tool: "a"}, []string{"q", "content", "said"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			raw := `{"jsonrpc":"2.0","id":"x","method":"` + tt.method + `","params":` + tt.params + `}`
			m, err := mcp.Read([]byte(raw), http.Header{}, strictjson.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			if m.Tool != tt.want.Tool || m.URI != tt.want.URI || m.Prompt != tt.want.Prompt || m.Cursor != tt.want.Cursor || m.ArgsStart != m.ArgsEnd {
				t.Errorf("got %+v", m)
			}
			if diff := cmp.Diff(tt.texts, texts(t, raw, m.Segments)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestNoTextEscapes: text in places that nobody expects is judged too.
func TestNoTextEscapes(t *testing.T) {
	raw := `{"jsonrpc":"2.0","id":1,"note":"root","more":{"k":["deep"]},"method":"ping","params":{"_meta":"odd"}}`
	m, err := mcp.Read([]byte(raw), http.Header{}, strictjson.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"note", "root", "more", "k", "deep", "odd"}, texts(t, raw, m.Segments)); diff != "" {
		t.Error(diff)
	}
}

func TestReadKinds(t *testing.T) {
	tests := []struct {
		name, raw string
		kind      mcp.Kind
		id        string
	}{
		{"request", `{"jsonrpc":"2.0","id":"a","method":"ping"}`, mcp.Request, `"a"`},
		{"notification", `{"jsonrpc":"2.0","method":"notifications/initialized"}`, mcp.Notification, ""},
		{"result", `{"jsonrpc":"2.0","id":-3,"result":{}}`, mcp.Response, "-3"},
		{"error", `{"jsonrpc":"2.0","id":3,"error":{"code":1,"message":"no"}}`, mcp.Response, "3"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m, err := mcp.Read([]byte(tt.raw), http.Header{}, strictjson.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			if m.Kind != tt.kind || string(m.ID) != tt.id {
				t.Errorf("got kind %d, id %q", m.Kind, m.ID)
			}
		})
	}
}

// refusal reads a message that must be refused.
func refusal(t *testing.T, raw string, h http.Header) *mcp.Error {
	t.Helper()
	m, err := mcp.Read([]byte(raw), h, strictjson.Limits{})
	var refused *mcp.Error
	if !errors.As(err, &refused) {
		t.Fatalf("%s\nis read as %+v, error %v", raw, m, err)
	}
	if !errors.As(err, new(*decision.Error)) {
		t.Errorf("%v does not unwrap to a decision.Error", err)
	}
	return refused
}

func TestReadRefuses(t *testing.T) {
	tests := []struct {
		name, raw string
		code      decision.Code
		id, says  string
	}{
		{"empty", ``, decision.CodeBodyInvalid, "", "empty"},
		{"batch", `[` + call(`{"name":"a"}`) + `]`, decision.CodeBodyInvalid, "", "batches"},
		{"second document", call(`{"name":"a"}`) + call(`{"name":"b"}`), decision.CodeBodyInvalid, "", "follows the end"},
		{"duplicate tool name", call(`{"name":"a","name":"b"}`), decision.CodeBodyInvalid, "", "twice"},
		{"tool name in two cases", call(`{"name":"delete_repo","Name":"search"}`), decision.CodeBodyInvalid, "7", "only in case"},
		{"folded beyond ASCII", call(`{"name":"a","arguments":{"s":1,"ſ":2}}`), decision.CodeBodyInvalid, "7", "only in case"},
		{"folded deep in arguments", call(`{"name":"a","arguments":{"x":[{"repo":1,"Repo":2}]}}`), decision.CodeBodyInvalid, "7", "only in case"},
		{"escaped duplicate", call(`{"name":"a","n\u0061me":"b"}`), decision.CodeBodyInvalid, "", "twice"},
		{"method in two cases", `{"jsonrpc":"2.0","id":1,"method":"ping","Method":"tools/call"}`, decision.CodeBodyInvalid, "1", "only in case"},
		{"duplicate method", `{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call"}`, decision.CodeBodyInvalid, "", "twice"},
		{"params in two cases", `{"jsonrpc":"2.0","id":1,"method":"ping","params":{},"PARAMS":{}}`, decision.CodeBodyInvalid, "1", "only in case"},
		{"invalid UTF-8", call("{\"name\":\"a\xff\"}"), decision.CodeBodyInvalid, "", "UTF-8"},
		{"lone surrogate", call(`{"name":"\ud800"}`), decision.CodeBodyInvalid, "", "surrogate"},
		{"too deep", call(`{"name":"a","arguments":` + strings.Repeat(`{"a":`, 10_000) + `1` + strings.Repeat(`}`, 10_000) + `}`), decision.CodeBodyTooLarge, "", "deeply"},
		{"no version", `{"id":1,"method":"ping"}`, decision.CodeBodyInvalid, "1", "JSON-RPC"},
		{"other version", `{"jsonrpc":"1.0","id":1,"method":"ping"}`, decision.CodeBodyInvalid, "1", "JSON-RPC"},
		{"numeric version", `{"jsonrpc":2.0,"id":1,"method":"ping"}`, decision.CodeBodyInvalid, "1", "JSON-RPC"},
		{"null id", `{"jsonrpc":"2.0","id":null,"method":"ping"}`, decision.CodeBodyInvalid, "", "id must be"},
		{"fractional id", `{"jsonrpc":"2.0","id":1.5,"method":"ping"}`, decision.CodeBodyInvalid, "", "id must be"},
		{"object id", `{"jsonrpc":"2.0","id":{},"method":"ping"}`, decision.CodeBodyInvalid, "", "id must be"},
		{"long id", `{"jsonrpc":"2.0","id":"` + strings.Repeat("a", 300) + `","method":"ping"}`, decision.CodeBodyInvalid, "", "256 bytes"},
		{"no method", `{"jsonrpc":"2.0","id":1}`, decision.CodeBodyInvalid, "1", "no method"},
		{"method and result", `{"jsonrpc":"2.0","id":1,"method":"ping","result":{}}`, decision.CodeBodyInvalid, "1", "one of them"},
		{"numeric method", `{"jsonrpc":"2.0","id":1,"method":4}`, decision.CodeBodyInvalid, "1", "must be a string"},
		{"unknown method", `{"jsonrpc":"2.0","id":1,"method":"tools/destroy"}`, decision.CodeMethodUnknown, "1", "not known"},
		{"method in another case", `{"jsonrpc":"2.0","id":1,"method":"Tools/Call"}`, decision.CodeMethodUnknown, "1", "not known"},
		{"method of servers", `{"jsonrpc":"2.0","id":1,"method":"sampling/createMessage"}`, decision.CodeMethodUnknown, "1", "by servers"},
		{"notification of servers", `{"jsonrpc":"2.0","method":"notifications/message"}`, decision.CodeMethodUnknown, "", "by servers"},
		{"call without id", `{"jsonrpc":"2.0","method":"tools/call","params":{"name":"a"}}`, decision.CodeBodyInvalid, "", "must have an id"},
		{"notification with id", `{"jsonrpc":"2.0","id":1,"method":"notifications/initialized"}`, decision.CodeBodyInvalid, "1", "must have no id"},
		{"params as array", call(`["a"]`), decision.CodeBodyInvalid, "7", "params must be an object"},
		{"params null", call(`null`), decision.CodeBodyInvalid, "7", "params must be an object"},
		{"no params", `{"jsonrpc":"2.0","id":7,"method":"tools/call"}`, decision.CodeBodyInvalid, "7", "needs the string name"},
		{"empty tool name", call(`{"name":""}`), decision.CodeBodyInvalid, "7", "needs the string name"},
		{"numeric tool name", call(`{"name":1}`), decision.CodeBodyInvalid, "7", "needs the string name"},
		{"long tool name", call(`{"name":"` + strings.Repeat("a", 1025) + `"}`), decision.CodeBodyInvalid, "7", "1024 bytes"},
		{"arguments as string", call(`{"name":"a","arguments":"{}"}`), decision.CodeBodyInvalid, "7", "arguments must be an object"},
		{"resource without uri", `{"jsonrpc":"2.0","id":7,"method":"resources/read","params":{}}`, decision.CodeBodyInvalid, "7", "string uri"},
		{"reference of no kind", `{"jsonrpc":"2.0","id":7,"method":"completion/complete","params":{"ref":{}}}`, decision.CodeBodyInvalid, "7", "ref.type"},
		{"too many strings", call(`{"name":"a","arguments":{"x":[` + strings.TrimSuffix(strings.Repeat(`"a",`, 1<<17), ",") + `]}}`), decision.CodeBodyTooLarge, "7", "131072"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := refusal(t, tt.raw, http.Header{})
			if err.Code != tt.code || string(err.ID) != tt.id || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("got %s, id %q: %s", err.Code, err.ID, err)
			}
		})
	}
}

// TestMethodsOfAnEra: what the modern era removed is a method of the legacy one
// alone, wherever the message says which it is of, and whatever it lacks.
func TestMethodsOfAnEra(t *testing.T) {
	removed := 0
	for _, row := range mcp.Methods() {
		if row.FromServer {
			continue
		}
		id := `"id":7,`
		if row.Notification {
			id = ""
		}
		for _, version := range []string{"", "2025-11-25", "2026-07-28", "2027-01-01"} {
			inBody := `{"jsonrpc":"2.0",` + id + `"method":"` + row.Name + `","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"` + version + `"}}}`
			unversioned := `{"jsonrpc":"2.0",` + id + `"method":"` + row.Name + `"}`
			for at, read := range map[string]func() error{
				"the body": func() error { _, err := mcp.Read([]byte(inBody), nil, strictjson.Limits{}); return err },
				"the header": func() error {
					_, err := mcp.Read([]byte(unversioned), headers("MCP-Protocol-Version", version), strictjson.Limits{})
					return err
				},
				"both": func() error {
					_, err := mcp.Read([]byte(inBody), headers("MCP-Protocol-Version", version), strictjson.Limits{})
					return err
				},
			} {
				var refused *mcp.Error
				unknown := errors.As(read(), &refused) && refused.Code == decision.CodeMethodUnknown
				if want := row.Legacy && version > "2026"; unknown != want {
					t.Errorf("%s, with %q in %s: unknown is %v", row.Name, version, at, unknown)
				} else if unknown && !row.Notification && string(refused.ID) != "7" {
					t.Errorf("%s is refused for the id %q", row.Name, refused.ID)
				}
			}
		}
		if row.Legacy {
			removed++
		}
	}
	if removed != 9 {
		t.Errorf("%d methods are removed", removed)
	}
}

func TestMethodsAreOneTable(t *testing.T) {
	var names []string
	for _, m := range mcp.Methods() {
		names = append(names, m.Name)
		if got, ok := mcp.Lookup(m.Name); !ok || got != m {
			t.Errorf("Lookup(%q) = %+v, %v", m.Name, got, ok)
		}
		if strings.HasPrefix(m.Name, "notifications/") != m.Notification {
			t.Errorf("%s: notification is %v", m.Name, m.Notification)
		}
		if m.Notification && m.Class != mcp.Handshake {
			t.Errorf("%s is a notification and no handshake", m.Name)
		}
		if strings.HasSuffix(m.Name, "/list") && !m.FromServer && m.Class != mcp.List && m.Name != "tasks/list" {
			t.Errorf("%s is no list", m.Name)
		}
	}
	slices.Sort(names)
	if len(slices.Compact(names)) != len(mcp.Methods()) {
		t.Error("a method stands twice")
	}
	if _, ok := mcp.Lookup("tools"); ok {
		t.Error("a part of a name is found")
	}
}
