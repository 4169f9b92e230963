package pdp

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"outrider.dev/outrider/audit"
	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/dialect"
	"outrider.dev/outrider/dialect/openai"
	"outrider.dev/outrider/guards"
	"outrider.dev/outrider/strictjson"
)

// ear is a service that knows a word. It keeps what it was asked.
type ear struct {
	word, kind string
	whole      bool // what it finds is the whole text
	err        error

	mu    sync.Mutex
	asked [][]string
}

func (e *ear) Read(ctx context.Context, texts []string) ([][]decision.Finding, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.asked = append(e.asked, texts)
	if e.err != nil || ctx.Err() != nil {
		return nil, errors.Join(e.err, ctx.Err())
	}
	out := make([][]decision.Finding, len(texts))
	for i, text := range texts {
		at := strings.Index(text, e.word)
		if at < 0 {
			continue
		}
		f := decision.Finding{Type: e.kind, Start: uint32(at), End: uint32(at + len(e.word)), Confidence: .8}
		if e.whole {
			f.Start, f.End = 0, uint32(len(text))
		}
		out[i] = append(out[i], f)
	}
	return out, nil
}

// of returns all texts that it was asked about.
func (e *ear) of() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Concat(e.asked...)
}

func names() *ear { return &ear{word: "Zoë Brown", kind: "pii.person"} }

func rude() *ear { return &ear{word: "idiot", kind: "moderation.harassment", whole: true} }

// consulting is an engine of one policy whose guards ask a recogniser, ner, and
// a classifier, mod.
func consulting(t *testing.T, ner, mod *ear, open bool, policies ...string) (*Engine, *records) {
	t.Helper()
	services := map[string]Service{
		"ner": {Reader: ner, Kind: guards.Recognizer, Open: open},
		"mod": {Reader: mod, Kind: guards.Classifier, Open: open},
	}
	e, seen, err := engineAsking(t, services, false, configYAML, policies...)
	if err != nil {
		t.Fatal(err)
	}
	return e, seen
}

const (
	redactNames = "{type: Recognizer, name: ner, action: Redact}"
	blockRude   = "{type: Classifier, name: mod, action: Block}"
)

func TestServicesRead(t *testing.T) {
	for _, tt := range []struct {
		name, guards, prompt string
		want                 string // sent on; empty: denied
		code                 decision.Code
	}{
		{"a name is redacted", redactNames, "日本 Zoë Brown 🎉", "日本 [PERSON] 🎉", ""},
		{"and masked", "{type: Recognizer, name: ner, action: Mask}", "is Zoë Brown in", "is *** *rown in", ""},
		{"another type", "{type: Recognizer, name: ner, action: Block, types: [pii.address]}", "Zoë Brown", "Zoë Brown", ""},
		{"too unsure", "{type: Recognizer, name: ner, action: Block, minConfidence: 0.9}", "Zoë Brown", "Zoë Brown", ""},
		{"an exception", "{type: Recognizer, name: ner, action: Block, exceptions: [{type: pii.per*}]}", "Zoë Brown", "Zoë Brown", ""},
		{"another origin", "{type: Recognizer, name: ner, action: Block, origins: [Tool]}", "Zoë Brown", "Zoë Brown", ""},
		{"blocked", "{type: Recognizer, name: ner, action: Block}", "Zoë Brown", "", decision.CodePII},
		{"a text is objected to", blockRude, "you idiot", "", decision.CodeModeration},
		{"or observed", "{type: Classifier, name: mod, action: Observe}", "you idiot", "you idiot", ""},
		{"together with what we find", redactNames + ", {type: PII, action: Mask}", "Zoë Brown a@b.example.com", "[PERSON] *@*.******e.com", ""},
		{"a guard acts on what its own service found", redactNames + ", {type: PII, action: Block}", "Zoë Brown", "[PERSON]", ""},
		{"and not on what we find", redactNames + ", {type: PII, action: Observe}", "ann@example.com", "ann@example.com", ""},
		{"the strictest of two", redactNames + ", {type: Recognizer, name: ner, action: Block, types: [pii.person]}", "Zoë Brown", "", decision.CodePII},
	} {
		e, _ := consulting(t, names(), rude(), false, guarding("a", "Enforce", tt.guards, ""))
		r := chat(t, tt.prompt)
		v, _ := open(t, e, r)
		if v.Reason.Code != tt.code || tt.want != "" && !strings.Contains(forwarded(r, v), `"`+tt.want+`"`) {
			t.Errorf("%s: %+v, sent %s", tt.name, v.Reason, forwarded(r, v))
		}
	}
}

// TestServicesGetTextsAlone: each segment's text that a guard asks about, none
// that is blank, and nothing of a call that is blocked here.
func TestServicesGetTextsAlone(t *testing.T) {
	ner, mod := names(), rude()
	e, _ := consulting(t, ner, mod, false, guarding("a", "Enforce", redactNames+`, {type: Classifier, name: mod, action: Block, segments: [Prompt]}, {type: Secret, action: Block}`, ""))
	open(t, e, chat(t, "hello"))
	open(t, e, chat(t, " \n "))
	open(t, e, chat(t, "my key "+fakeToken()))
	if got := fmt.Sprint(ner.asked, mod.asked); got != "[[hello]] [[hello]]" {
		t.Errorf("asked %s", got)
	}
	call := toolCall(t, "", "list_things", `{"who":"Zo\u00eb Br\u006fwn"}`)
	call.Tool.Server = "github"
	call.Tool.Name = "list_things"
	v, err := e.Check(t.Context(), call)
	if err != nil || !v.Allowed() || !strings.Contains(forwarded(call, v), `"[PERSON]"`) {
		t.Errorf("%+v %v, sent %s", v.Reason, err, forwarded(call, v))
	}
}

// TestEscapesHideNothing: a service reads what a JSON reader would.
func TestEscapesHideNothing(t *testing.T) {
	ner := names()
	e, _ := consulting(t, ner, rude(), false, guarding("a", "Enforce", redactNames, ""))
	r := chat(t, `{"who":"Zo\u00eb Br\u006fwn"}`)
	v, _ := open(t, e, r)
	if sent := forwarded(r, v); !strings.Contains(sent, `{\"who\":\"[PERSON]\"}`) || len(ner.of()) != 2 {
		t.Errorf("sent %s, asked %q", sent, ner.of())
	}
}

// TestServiceAway: what no service read passes only where the operator said
// so, or where nothing would have come of it.
func TestServiceAway(t *testing.T) {
	reads := strings.Replace(guarding("a", "Enforce", "{type: Classifier, name: mod, action: Observe}", ""), "spec:\n",
		"spec:\n  rules: [{name: no-rude, deny: {models: ['*']}, when: \"findings.exists(f, f.type.startsWith('moderation.'))\"}]\n", 1)
	for _, tt := range []struct {
		name, policy string
		open, passes bool
	}{
		{"closed", guarding("a", "Enforce", blockRude, ""), false, false},
		{"open", guarding("a", "Enforce", blockRude, ""), true, true},
		{"the guard observes", guarding("a", "Enforce", "{type: Classifier, name: mod, action: Observe}", ""), false, true},
		{"the policy observes", guarding("a", "Observe", blockRude, ""), false, true},
		{"the guard observes and a rule reads", reads, false, false},
	} {
		mod := rude()
		mod.err = errors.New("it is away")
		e, seen := consulting(t, names(), mod, tt.open, tt.policy)
		v, _ := open(t, e, chat(t, "hello"))
		if v.Allowed() != tt.passes || !tt.passes && (v.Reason.Code != decision.CodeGuardAway || !strings.Contains(v.Reason.Message, "the classifier mod")) {
			t.Errorf("%s: %+v", tt.name, v.Reason)
		}
		want := []audit.Unread{{Service: "mod", Passed: tt.passes, Why: "it is away"}}
		if got := seen.of(audit.PhaseRequest); len(got) != 1 || !slices.Equal(got[0].Unread, want) {
			t.Errorf("%s: recorded %+v", tt.name, got)
		}
	}
}

// TestTheAskersHurryOpensNothing: whoever can end a call early cannot have it
// pass unread.
func TestTheAskersHurryOpensNothing(t *testing.T) {
	e, _ := consulting(t, names(), rude(), true, guarding("a", "Enforce", blockRude, ""))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if v, err := e.Check(ctx, chat(t, "you idiot")); err != nil || v.Reason.Code != decision.CodeGuardAway {
		t.Errorf("%+v, %v", v, err)
	}
}

// said is an answer with the text.
func said(t *testing.T, text string) decision.Part {
	t.Helper()
	raw := []byte(`{"choices":[{"message":{"content":"` + text + `"}}]}`)
	answer, err := openai.ReadAnswer(openai.Chat, raw, strictjson.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return decision.Part{Whole: &decision.Body{Dialect: openai.Chat, Raw: raw, Segments: answer.Segments}}
}

func TestServicesReadWholeAnswers(t *testing.T) {
	ner, mod := names(), rude()
	e, seen := consulting(t, ner, mod, false, guarding("a", "Enforce", "", redactNames+", "+blockRude))
	_, x := open(t, e, chat(t, "hi"))
	for _, tt := range []struct {
		text   string
		effect decision.Effect
		code   decision.Code
	}{{"I am Zoë Brown", decision.Mutate, ""}, {"fine", decision.Allow, ""}, {"you idiot", decision.Deny, decision.CodeModeration}} {
		r, err := x.Judge(t.Context(), said(t, tt.text))
		if err != nil || r.Effect != tt.effect || r.Reason.Code != tt.code {
			t.Errorf("%s: %+v, %v", tt.text, r, err)
		}
	}
	mod.err = errors.New("it is away")
	r, err := x.Judge(t.Context(), said(t, "fine"))
	if err != nil || r.Effect != decision.Deny || r.Reason.Code != decision.CodeGuardAway {
		t.Errorf("away: %+v, %v", r, err)
	}
	rulings := seen.of(audit.PhaseRuling)
	if last := rulings[len(rulings)-1]; len(last.Unread) != 1 || last.Unread[0].Passed {
		t.Errorf("recorded %+v", last)
	}
}

// TestStreamsAreNotRead by services: one that would have to be read is refused
// before it begins, and one that nobody asked for when it does.
func TestStreamsAreNotRead(t *testing.T) {
	streamed := func(t *testing.T) *decision.Request {
		r := chat(t, "hi")
		r.LLM.Stream = true
		return r
	}
	delta := decision.Part{Deltas: []decision.Delta{{Lane: "0", Text: "you idiot", Last: true}}}
	for _, tt := range []struct {
		name, policy string
		open, passes bool
	}{
		{"blocks", guarding("a", "Enforce", "", blockRude), false, false},
		{"open is for failures", guarding("a", "Enforce", "", redactNames), true, false},
		{"arguments", guarding("a", "Enforce", "", "{type: Recognizer, name: ner, action: Redact, segments: [Arguments]}"), false, false},
		{"errors", guarding("a", "Enforce", "", "{type: Recognizer, name: ner, action: Redact, segments: [Error]}"), false, false},
		{"nothing that streams", guarding("a", "Enforce", "", "{type: Recognizer, name: ner, action: Redact, segments: [Result]}"), false, true},
		{"observes", guarding("a", "Enforce", "", "{type: Classifier, name: mod, action: Observe}"), false, true},
		{"policy observes", guarding("a", "Observe", "", blockRude), false, true},
		{"of requests", guarding("a", "Enforce", blockRude, ""), false, true},
	} {
		e, seen := consulting(t, names(), rude(), tt.open, tt.policy)
		v, _ := open(t, e, streamed(t))
		if v.Allowed() != tt.passes || !tt.passes && v.Reason.Code != decision.CodeFaceCannotEnforce {
			t.Errorf("%s, asked for: %+v", tt.name, v.Reason)
		}
		observed := strings.HasSuffix(tt.name, "observes")
		if got := seen.of(audit.PhaseRequest); observed && (len(got[0].Unread) != 1 || !got[0].Unread[0].Passed) {
			t.Errorf("%s: recorded %+v", tt.name, got)
		}
		_, x := open(t, e, chat(t, "hi"))
		r, err := x.Judge(t.Context(), delta)
		if err != nil || (r.Effect == decision.Deny) == tt.passes || !tt.passes && len(r.Releases) > 0 {
			t.Errorf("%s, not asked for: %+v, %v", tt.name, r, err)
		}
	}
}

// TestListedToolsAreReadTogether: one question for a page; a tool that is
// objected to is hidden, and while nobody reads, all are.
func TestListedToolsAreReadTogether(t *testing.T) {
	mod := rude()
	e, _ := consulting(t, names(), mod, false, guarding("a", "Enforce", "", redactNames+", "+blockRude))
	tools := []decision.Tool{
		{Server: "slack", Name: "a", Definition: []byte(`{"name":"a","description":"asks Zoë Brown"}`)},
		{Server: "slack", Name: "b", Definition: []byte(`{"name":"b","description":"for the idiot"}`)},
		{Server: "slack", Name: "c", Definition: []byte(`{"name":"c","description":"fine"}`)},
	}
	list := &decision.Request{ExchangeID: decision.NewID(), Surface: decision.MCP, Method: "tools/list", Caller: copilot(""), Face: decision.FullFace()}
	_, x := open(t, e, list)
	ruling, err := x.Judge(t.Context(), decision.Part{Tools: tools})
	if err != nil {
		t.Fatal(err)
	}
	if v := ruling.Visibility; !v.Visible(0) || v.Visible(1) || !v.Visible(2) || len(mod.asked) != 1 {
		t.Errorf("%+v, asked %q", v, mod.asked)
	}
	if !slices.ContainsFunc(ruling.Visibility.Splices, func(s decision.Splice) bool { return s.Index == 0 && strings.Contains(string(s.With), "[PERSON]") }) {
		t.Errorf("splices %+v", ruling.Visibility.Splices)
	}
	mod.err = errors.New("it is away")
	if ruling, err = x.Judge(t.Context(), decision.Part{Tools: tools}); err != nil || ruling.Effect != decision.Deny || ruling.Reason.Code != decision.CodeGuardAway {
		t.Errorf("away: %+v, %v", ruling, err)
	}
	none, err := e.FilterTools(t.Context(), list, tools)
	if err != nil || slices.ContainsFunc(none.Bitmap, func(b byte) bool { return b != 0 }) {
		t.Errorf("away: %+v, %v", none, err)
	}
}

func TestNamesComeBack(t *testing.T) {
	e, _ := consulting(t, names(), rude(), false, guarding("a", "Enforce", "{type: Recognizer, name: ner, action: Tokenize}", ""))
	r := chat(t, "ask Zoë Brown")
	v, x := open(t, e, r)
	sent := forwarded(r, v)
	if strings.Contains(sent, "Brown") || !strings.Contains(sent, "[PERSON_1_") {
		t.Fatalf("sent %s", sent)
	}
	b := echo(t, sent)
	ruling, err := x.Judge(t.Context(), decision.Part{Whole: b})
	if err != nil || !strings.Contains(string(dialect.Apply(nil, b.Raw, ruling.Splices)), "You said: ask Zoë Brown") {
		t.Errorf("%+v, %v", ruling, err)
	}
}

// TestUnknownServicesDoNotLoad, nor those of the other kind.
func TestUnknownServicesDoNotLoad(t *testing.T) {
	services := map[string]Service{"mod": {Reader: rude(), Kind: guards.Classifier}}
	for list, want := range map[string]string{
		redactNames: `policy a: guards: guard Recognizer: the configuration has no recognizer of the name "ner": add it to guards.recognizers, or name one that stands there`,
		"{type: Recognizer, name: mod, action: Redact}":                  `policy a: guards: guard Recognizer: the configuration has no recognizer of the name "mod": add it to guards.recognizers, or name one that stands there`,
		"{type: Classifier, name: mod, action: Redact}":                  `policy a: guards: guard Classifier: a classifier finds whole texts, of which redact would leave nothing; use block or observe`,
		"{type: Classifier, name: mod, action: Block, types: ['pii.*']}": `policy a: guards: guard Classifier: no finding of this guard has a type like "pii.*"; its types begin with moderation.`,
		blockRude: "",
	} {
		_, _, err := engineAsking(t, services, false, configYAML, guarding("a", "Enforce", list, ""))
		if got := fmt.Sprint(err); want == "" && err != nil || want != "" && got != want {
			t.Errorf("%s: %v", list, err)
		}
	}
}

// liar answers about other texts than it was asked.
type liar [][]decision.Finding

func (l liar) Read(context.Context, []string) ([][]decision.Finding, error) { return l, nil }

func TestAnswersAboutOtherTextsAreNone(t *testing.T) {
	for _, l := range []liar{nil, {nil, nil}, {{{Start: 0, End: 6}}}, {{{Start: 3, End: 2}}}} {
		e, _, err := engineAsking(t, map[string]Service{"mod": {Reader: l, Kind: guards.Classifier}}, false, configYAML, guarding("a", "Enforce", blockRude, ""))
		if err != nil {
			t.Fatal(err)
		}
		if v, _ := open(t, e, chat(t, "hello")); v.Reason.Code != decision.CodeGuardAway {
			t.Errorf("%v: %+v", l, v)
		}
	}
}
