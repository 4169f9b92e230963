package extproc

import (
	"errors"
	"strings"
	"testing"

	filterv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/ext_proc/v3"
	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"

	"outrider.dev/outrider/decision"
)

const canary = "c4n4ry"

// alphabet is what a stream may consist of, in any order and number.
func alphabet(c byte) *extprocv3.ProcessingRequest {
	switch c % 20 {
	case 0:
		return posts(pathChat)
	case 1:
		return posts(pathMCP)
	case 2:
		return sends(streams, true)
	case 3:
		return sends(toolCall, true)
	case 4:
		return sends(chat[:20], false)
	case 5:
		return sends(chat[20:], true)
	case 6:
		return sends("", true)
	case 7:
		return sendsTrailers("x-t", canary)
	case 8:
		return answers("200", "text/event-stream", false)
	case 9:
		return answers("200", "application/json", false)
	case 10:
		return answers("200", "application/json", true)
	case 11:
		return answers("302", "text/html", false)
	case 12:
		return says(delta("fine, ")+delta(canary), false)
	case 13:
		return says(stop+done, true)
	case 14:
		return says(strings.Replace(said, "12345", canary, 1), true)
	case 15:
		return says(message(strings.Replace(result, "12345", canary, 1)), true)
	case 16:
		return saysTrailers("x-t", canary)
	case 17:
		return says("", true)
	case 18:
		return &extprocv3.ProcessingRequest{}
	default:
		return &extprocv3.ProcessingRequest{Request: &extprocv3.ProcessingRequest_ResponseHeaders{}}
	}
}

// blocks refuses every text with the canary in it.
func blocks() *engine {
	e := allows(true)
	pass := e.judge
	e.judge = func(p decision.Part) (*decision.Ruling, error) {
		text := ""
		for _, d := range p.Deltas {
			text += d.Text
		}
		if p.Whole != nil {
			text = string(p.Whole.Raw)
		}
		if strings.Contains(text, canary) {
			return &decision.Ruling{Reason: decision.Reason{Code: decision.CodeSecret}}, nil
		}
		return pass(p)
	}
	return e
}

// FuzzProcess sends messages in any order, in every mode. Nothing must break,
// no answer go that Envoy would not accept, no request go that nobody judged,
// no text go that was refused, no call be settled twice or not at all, and no
// stream end well of which something is left to Envoy.
func FuzzProcess(f *testing.F) {
	f.Add([]byte{0, 2, 8, 12, 13}, uint8(2), uint8(4))
	f.Add([]byte{0, 4, 5, 9, 14}, uint8(4), uint8(2))
	f.Add([]byte{0, 4, 5, 6, 10, 16}, uint8(4), uint8(4))
	f.Add([]byte{1, 3, 7, 8, 15, 16, 17}, uint8(2), uint8(4))
	f.Add([]byte{0, 8, 12}, uint8(4), uint8(4))
	f.Add([]byte{0, 2, 11, 0}, uint8(2), uint8(0))
	f.Fuzz(func(t *testing.T, order []byte, request, response uint8) {
		if len(order) > 24 {
			return
		}
		c := usual()
		c.request, c.response = filterv3.ProcessingMode_BodySendMode(request%6), filterv3.ProcessingMode_BodySendMode(response%6)
		var script []*extprocv3.ProcessingRequest
		for _, one := range order {
			script = append(script, alphabet(one))
			if one%20 == 1 {
				c = onMCP(c)
			}
		}
		e := blocks()
		flow := prepared(t, c, script)
		s := server(e)
		err := s.Process(flow)
		s.Exchanges.Close()
		if len(flow.faults) > 0 {
			t.Fatalf("Envoy would not accept: %s", flow.faults)
		}
		if n := len(e.settled); n != len(e.asked) {
			t.Fatalf("asked %d times, settled %d times", len(e.asked), n)
		}
		if flow.request.ended && len(e.asked) == 0 {
			t.Fatal("a request travelled on that nobody judged")
		}
		if len(e.asked) > 0 && strings.Contains(string(flow.answer.body), canary) {
			t.Fatalf("refused text has gone: %q", flow.answer.body)
		}
		if err == nil && flow.refusal == nil && !flow.answer.ended && flow.answer.headers == nil {
			t.Fatal("the call was left to Envoy")
		}
		if err != nil && flow.refusal != nil {
			t.Fatal(errors.Join(errors.New("an error after a refusal"), err))
		}
	})
}
