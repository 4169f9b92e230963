package extproc

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/dialect/openai"
	"outrider.dev/outrider/guards"
)

// delta is one event of a streamed completion.
func delta(text string) string {
	quoted, _ := json.Marshal(text)
	return `data: {"choices":[{"index":0,"delta":{"content":` + string(quoted) + "}}]}\n\n"
}

const (
	stop    = `data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}` + "\n\n"
	figures = `data: {"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":6}}` + "\n\n"
	done    = "data: [DONE]\n\n"
)

// guarded is an engine with the guards of a policy.
func guarded(t testing.TB, action decision.Action) *engine {
	t.Helper()
	set, err := guards.New([]guards.Spec{{Kind: guards.Secret, Action: action}, {Kind: guards.PII, Action: decision.ActionRedact}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	stream := set.NewStream(nil, openai.LaneSegment)
	e := allows(true)
	e.judge = func(p decision.Part) (*decision.Ruling, error) {
		r := &decision.Ruling{Effect: decision.Allow}
		for _, d := range p.Deltas {
			release, _, reason := stream.Write(d)
			if reason != nil {
				return &decision.Ruling{Reason: *reason}, nil
			}
			r.Releases = append(r.Releases, release)
		}
		return r, nil
	}
	return e
}

// key invents a credential, so that none stands in the source.
func key() string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	r := rand.New(rand.NewPCG(7, 7))
	out := []byte("ghp_")
	for range 36 {
		out = append(out, alphabet[r.IntN(len(alphabet))])
	}
	return string(out)
}

// chunked cuts a body into messages at the given places.
func chunked(body string, last bool, at ...int) []*extprocv3.ProcessingRequest {
	var out []*extprocv3.ProcessingRequest
	from := 0
	for _, to := range at {
		out = append(out, says(body[from:to], false))
		from = to
	}
	return append(out, says(body[from:], last))
}

// text joins what a client shows of a stream.
func text(t testing.TB, body string) string {
	t.Helper()
	var out strings.Builder
	for event := range strings.SplitSeq(body, "\n\n") {
		data, ok := strings.CutPrefix(event, "data: ")
		if !ok || data == "[DONE]" {
			continue
		}
		var chunk struct {
			Choices []struct{ Delta struct{ Content string } }
		}
		if err := json.Unmarshal([]byte(data), &chunk); err != nil {
			t.Fatalf("%v in %q", err, event)
		}
		for _, c := range chunk.Choices {
			out.WriteString(c.Delta.Content)
		}
	}
	return out.String()
}

// TestStreamSplits: however Envoy cuts a stream into messages, and however it
// ends, the agent gets the same text, and not the beginning of what is redacted.
func TestStreamSplits(t *testing.T) {
	secret := key()
	body := delta("Mail jane@exam") + delta("ple.com the key "+secret[:9]) + delta(secret[9:20]) + delta(secret[20:]+", please.") + stop + figures + done
	want := "Mail [EMAIL] the key [SECRET:GITHUB], please."
	check := func(t *testing.T, f *filter, e *engine) {
		t.Helper()
		if got := text(t, string(f.answer.body)); got != want || !f.answer.ended {
			t.Fatalf("the agent reads %q, want %q", got, want)
		}
		if !strings.HasSuffix(string(f.answer.body), stop+figures+done) || strings.Contains(string(f.answer.body), "jane") {
			t.Fatalf("the agent gets %q", f.answer.body)
		}
		if got := e.wantSettled(t, decision.EndCompleted); got.Usage != (decision.Usage{Input: 5, Output: 6}) {
			t.Fatalf("used %+v", got.Usage)
		}
	}
	head := one(answers("200", "text/event-stream", false))
	for at := 1; at < len(body); at++ {
		e := guarded(t, decision.ActionRedact)
		check(t, play(t, server(e), usual(), script(pathChat, streams, head, chunked(body, true, at))...), e)
	}
	each := make([]int, len(body)-1)
	for i := range each {
		each[i] = i + 1
	}
	for _, rest := range [][]*extprocv3.ProcessingRequest{
		chunked(body, true, each...),
		append(chunked(body, false), says("", true)),
		append(chunked(body, true), says("", true)), // the end twice
		append(chunked(body, true), says("late", true)),
	} {
		e := guarded(t, decision.ActionRedact)
		check(t, play(t, server(e), usual(), script(pathChat, streams, head, rest)...), e)
	}
	e := guarded(t, decision.ActionRedact)
	f := play(t, server(e), usual(), script(pathChat, streams, head, chunked(body, false), one(saysTrailers("x-odd", secret)))...)
	if check(t, f, e); !removes(f.answer.trailers, "x-odd") {
		t.Error("a trailer keeps its text")
	}
	e = guarded(t, decision.ActionRedact)
	check(t, play(t, server(e), inBuffers(), script(pathChat, streams, head, one(says(body, true)))...), e)
}

// TestStreamBlocked ends a stream that has begun in the dialect's own way, with
// not one byte of what is blocked. What comes after that goes nowhere.
func TestStreamBlocked(t *testing.T) {
	secret := key()
	body := delta("It is fine. ") + delta("The key "+secret[:9]) + delta(secret[9:]+" is") + delta(" more") + stop + done
	for at := len(delta("It is fine. ")); at < len(body); at++ {
		e := guarded(t, decision.ActionBlock)
		rest := append(chunked(body, false, len(delta("It is fine. ")), at), saysTrailers("x-odd", secret))
		f := play(t, server(e), usual(), script(pathChat, streams, one(answers("200", "text/event-stream", false)), rest)...)
		got := string(f.answer.body)
		if !strings.HasPrefix(got, delta("It is fine. ")) || strings.Contains(got, secret[:5]) || strings.Contains(got, "more") || strings.Contains(got, "[DONE]") {
			t.Fatalf("split at %d the agent gets %q", at, got)
		}
		if last := got[strings.LastIndex(got, "data: "):]; !strings.Contains(last, `"guard_secret"`) || !f.answer.ended {
			t.Fatalf("the stream ends with %q", last)
		}
		e.wantSettled(t, decision.EndDenied)
	}
}

// TestStreamBlockedAtOnce refuses a stream of which nothing has gone.
func TestStreamBlockedAtOnce(t *testing.T) {
	both(t, func(t *testing.T, c config) {
		e := guarded(t, decision.ActionBlock)
		f := play(t, server(e), c, script(pathChat, streams, one(answers("200", "text/event-stream", false)), one(says(delta(key()+" ")+stop, true)))...)
		f.wantRefused(t, 403, decision.CodeSecret)
		e.wantSettled(t, decision.EndDenied)
	})
}

// TestStreamBreaks: a stream that cannot be read to its end, after it has
// begun, ends with an error that the agent can read.
func TestStreamBreaks(t *testing.T) {
	for name, rest := range map[string]string{
		"within an event":     `data: {"choices":`,
		"no JSON":             "data: what?\n\n",
		"two keys of a name":  `data: {"choices":[],"choices":[]}` + "\n\n",
		"an event that grows": "data: " + strings.Repeat("x", 1<<21),
	} {
		t.Run(name, func(t *testing.T) {
			e := guarded(t, decision.ActionRedact)
			f := play(t, server(e), usual(), script(pathChat, streams, one(answers("200", "text/event-stream", false)),
				one(says(delta("It is fine. "), false)), one(says(rest, true)))...)
			got := string(f.answer.body)
			if !strings.HasPrefix(got, delta("It is fine. ")) || !strings.Contains(got, `"error"`) || !f.answer.ended {
				t.Errorf("the agent gets %q", got)
			}
			e.wantSettled(t, decision.EndFailed)
		})
	}
}

// TestFaultInStream ends a stream that has begun.
func TestFaultInStream(t *testing.T) {
	e := allows(true)
	first := e.judge
	e.judge = func(p decision.Part) (*decision.Ruling, error) {
		if e.judged > 1 {
			panic("a fault")
		}
		return first(p)
	}
	f := play(t, server(e), usual(), script(pathChat, streams, one(answers("200", "text/event-stream", false)),
		one(says(delta("It is fine. "), false)), one(says(delta("12345"), false)))...)
	if got := string(f.answer.body); !f.answer.ended || strings.Contains(got, "12345") || !strings.Contains(got, `"internal"`) {
		t.Errorf("the agent gets %q", got)
	}
	e.wantSettled(t, decision.EndFailed)
}

// TestOneQuestionPerMessage: what arrived together is asked about together.
func TestOneQuestionPerMessage(t *testing.T) {
	e := allows(true)
	var events strings.Builder
	for i := range 50 {
		events.WriteString(delta(fmt.Sprint("word ", i)))
	}
	play(t, server(e), usual(), script(pathChat, streams, one(answers("200", "text/event-stream", false)), one(says(events.String()+stop+done, true)))...)
	if e.judged > 2 {
		t.Errorf("%d questions", e.judged)
	}
}

// TestReadsNoFurther: while a question is out, nothing is read, so that what
// comes faster than it is judged waits in Envoy.
func TestReadsNoFurther(t *testing.T) {
	e := allows(true)
	pass := e.judge
	var left []int // messages that were not read yet, at each question
	events := one(answers("200", "text/event-stream", false))
	for i := range 20 {
		events = append(events, says(delta(fmt.Sprint("word ", i)), i == 19))
	}
	f := prepared(t, usual(), script(pathChat, streams, events))
	e.judge = func(p decision.Part) (*decision.Ruling, error) {
		left = append(left, len(f.script))
		return pass(p)
	}
	run(t, server(e), f)
	for i, n := range left[:20] {
		if n != 19-i {
			t.Fatalf("question %d comes with %d messages unread: %v", i, n, left)
		}
	}
}

func message(data string) string { return "event: message\nid: 1\ndata: " + data + "\n\n" }

func TestMessageStream(t *testing.T) {
	progress := `{"jsonrpc":"2.0","method":"notifications/progress","params":{"message":"12345"}}`
	body := ": hello\n\n" + message(progress) + message(result) + message(progress)
	want := ":\n\nevent: message\ndata: " + strings.Replace(progress, "12345", "[X]", 1) + "\n\n" +
		"event: message\ndata: " + strings.Replace(result, "12345", "[X]", 1) + "\n\n"
	for at := 1; at < len(body); at++ {
		e := redacts()
		f := play(t, server(e), onMCP(usual()), script(pathMCP, toolCall, one(answers("200", "text/event-stream", false)), chunked(body, true, at))...)
		if got := string(f.answer.body); got != want || !f.answer.ended {
			t.Fatalf("split at %d: %q, want %q", at, got, want)
		}
		e.wantSettled(t, decision.EndCompleted)
	}
	e := redacts()
	f := play(t, server(e), onMCP(usual()), script(pathMCP, toolList, one(answers("200", "text/event-stream", false)), one(says(message(tools), true)))...)
	if got := string(f.answer.body); !strings.Contains(got, `"tools":[{"name":"a"}]`) {
		t.Errorf("a list: %q", got)
	}
}

// TestMessageStreamBlocked ends with an error that answers the call.
func TestMessageStreamBlocked(t *testing.T) {
	for name, rest := range map[string]string{"by a guard": message(result), "without a response": "", "by what cannot be read": message(`{"a":1,"a":2}`)} {
		t.Run(name, func(t *testing.T) {
			e := deniesAnswers()
			f := play(t, server(e), onMCP(usual()), script(pathMCP, toolCall, one(answers("200", "text/event-stream", false)), chunked(": hello\n\n"+rest, true, 9))...)
			got := string(f.answer.body)
			if !f.answer.ended || strings.Contains(got, "12345") || !strings.Contains(got, `"id":7,"error"`) {
				t.Errorf("the agent gets %q", got)
			}
		})
	}
}
