package demo

import (
	"encoding/json"
	"net/http"
	"testing"

	"outrider.dev/outrider/decision"
)

func stream(body string) *answer {
	return &answer{status: 200, body: []byte(body), header: http.Header{"Content-Type": {"text/event-stream"}}}
}

func whole(status int, body string) *answer {
	return &answer{status: status, body: []byte(body), header: http.Header{"Content-Type": {"application/json"}}}
}

func TestReadChat(t *testing.T) {
	for _, c := range []struct {
		name  string
		a     *answer
		text  string
		code  decision.Code
		ended bool
	}{
		{"whole", whole(200, `{"choices":[{"message":{"content":"hi"}}]}`), "hi", "", false},
		{"refused", whole(403, `{"error":{"message":"no","code":"guard_pii"}}`), "", "guard_pii", false},
		{
			"streamed",
			stream("data: {\"choices\":[{\"delta\":{\"content\":\"h\"}}]}\n\ndata: {\"choices\":[{\"delta\":{\"content\":\"i\"}}]}\n\ndata: [DONE]\n\n"),
			"hi", "", true,
		},
		{
			"broken off",
			stream("data: {\"choices\":[{\"delta\":{\"content\":\"h\"}}]}\n\ndata: {\"error\":{\"message\":\"no\",\"code\":\"guard_secret\"}}\n\n"),
			"h", "guard_secret", false,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := c.a.readChat(); err != nil {
				t.Fatal(err)
			}
			if c.a.text != c.text || c.a.code != c.code || c.a.ended != c.ended {
				t.Errorf("got %q %q %t", c.a.text, c.a.code, c.a.ended)
			}
		})
	}
	if err := whole(502, "<html>").readChat(); err == nil {
		t.Error("a page was taken for an answer")
	}
}

func TestReadRPC(t *testing.T) {
	const denied = `{"jsonrpc":"2.0","id":1,"error":{"code":-32001,"message":"no","data":{"reason":"denied_by_rule","rule":"rules[3] no-infra"}}}`
	for _, a := range []*answer{whole(403, denied), stream("event: message\ndata: " + denied + "\n\n")} {
		if err := a.readRPC(); err != nil {
			t.Fatal(err)
		}
		if a.code != decision.CodeDeniedByRule || a.rule != "rules[3] no-infra" || a.result != nil {
			t.Errorf("got %+v", a)
		}
	}
	good := stream("data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\"}\n\ndata: {\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"tools\":[]}}\n\n")
	if err := good.readRPC(); err != nil || string(good.result) != `{"tools":[]}` || good.code != "" {
		t.Errorf("got %s, %v", good.result, err)
	}
	for _, bad := range []*answer{whole(502, "<html>"), stream("")} {
		if err := bad.readRPC(); err == nil {
			t.Errorf("%q was taken for an answer", bad.body)
		}
	}
}

// Whatever a data plane answers, the agent reads it or says that it cannot.
func FuzzReadAnswer(f *testing.F) {
	f.Add(true, []byte("data: {\"choices\":[{\"delta\":{\"content\":\"h\"}}]}\n\ndata: [DONE]\n\n"))
	f.Add(true, []byte("data:\n\ndata: null\n\n"))
	f.Add(false, []byte(`{"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"Unknown tool"}}`))
	f.Add(false, []byte(`[]`))
	f.Fuzz(func(t *testing.T, streamed bool, body []byte) {
		build := func() *answer {
			if streamed {
				return stream(string(body))
			}
			return whole(200, string(body))
		}
		if chat := build(); chat.readChat() == nil && !streamed && chat.code == "" && !json.Valid(body) && string(body) != "[DONE]" {
			t.Errorf("%q was taken for an answer", body)
		}
		if rpc := build(); rpc.readRPC() == nil && rpc.result != nil && !json.Valid(rpc.result) {
			t.Errorf("%q has the result %q", body, rpc.result)
		}
	})
}
