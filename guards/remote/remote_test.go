package remote

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unicode/utf8"

	"go.uber.org/goleak"

	"outrider.dev/outrider/decision"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// reader is what a recogniser and a classifier have in common.
type reader interface {
	Read(ctx context.Context, texts []string) ([][]decision.Finding, error)
	Close()
}

// both returns a recogniser and a classifier of one server.
func both(t *testing.T, o Options) map[string]reader {
	t.Helper()
	o.Timeout = max(o.Timeout, time.Duration(0))
	if o.Timeout == 0 {
		o.Timeout = time.Minute
	}
	out := map[string]reader{"recognizer": NewRecognizer(o, "en", .3), "classifier": NewClassifier(o, "m")}
	t.Cleanup(func() {
		for _, r := range out {
			r.Close()
		}
	})
	return out
}

// serve answers all questions alike.
func serve(t *testing.T, answer http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(answer)
	t.Cleanup(s.Close)
	return s.URL
}

func says(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// TestSpansAreInBytes: the service counts characters, whatever they take.
func TestSpansAreInBytes(t *testing.T) {
	const name = "Zoë Brown"
	for _, before := range []string{"", "Hi ", "日本語 ", "👩‍👩‍👧 and 🇩🇪: ", "a\u0301\n\t\"quoted\" \\ "} {
		text := before + name + " 🎉"
		url := serve(t, func(w http.ResponseWriter, r *http.Request) {
			var q struct {
				Text, Language string
				Threshold      float64 `json:"score_threshold"`
			}
			raw, _ := io.ReadAll(r.Body)
			if err := json.Unmarshal(raw, &q); err != nil || q.Text != text || q.Language != "en" || q.Threshold != .3 {
				t.Errorf("asked %s", raw)
			}
			if r.URL.Path != "/analyze" || r.Method != http.MethodPost || r.Header.Get("Authorization") != "Bearer k" {
				t.Errorf("%s %s %v", r.Method, r.URL, r.Header)
			}
			start := utf8.RuneCountInString(before)
			fmt.Fprintf(w, `[{"analysis_explanation":null,"end":%d,"entity_type":"PERSON","score":0.85,"start":%d}]`,
				start+utf8.RuneCountInString(name), start)
		})
		r := NewRecognizer(Options{URL: url + "/", Timeout: time.Minute, Bearer: func() (decision.Secret, error) { return decision.Secret("k"), nil }}, "en", .3)
		found, err := r.Read(t.Context(), []string{text})
		if err != nil || len(found) != 1 || len(found[0]) != 1 {
			t.Fatalf("%q: %v, %v", text, found, err)
		}
		if f := found[0][0]; text[f.Start:f.End] != name || f.Type != "pii.person" || f.Confidence != .85 {
			t.Errorf("%q: %+v", text, f)
		}
		r.Close()
	}
}

// TestEntitiesHaveOurNames where there is one.
func TestEntitiesHaveOurNames(t *testing.T) {
	for said, want := range map[string]string{
		"PERSON": "person", "LOCATION": "address", "EMAIL_ADDRESS": "email", "PHONE_NUMBER": "phone", "IBAN_CODE": "iban", "CRYPTO": "crypto_wallet",
		"US_SSN": "us_ssn", "Ünï-code 7": "_n__code_7", "hate/threatening": "hate_threatening",
	} {
		if got := entity(said); got != want {
			t.Errorf("%s: %s", said, got)
		}
	}
}

// TestEachTextHasItsFindings, in whichever order answers come.
func TestEachTextHasItsFindings(t *testing.T) {
	var texts []string
	for i := range 40 {
		texts = append(texts, strings.Repeat("x", i+1))
	}
	var open, most atomic.Int64
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		for now := open.Add(1); ; {
			if seen := most.Load(); now <= seen || most.CompareAndSwap(seen, now) {
				break
			}
		}
		defer open.Add(-1)
		var q struct{ Text string }
		_ = json.NewDecoder(r.Body).Decode(&q)
		fmt.Fprintf(w, `[{"entity_type":"X","start":0,"end":%d,"score":1}]`, len(q.Text))
	})
	r := NewRecognizer(Options{URL: url, Timeout: time.Minute}, "en", 0)
	defer r.Close()
	found, err := r.Read(t.Context(), texts)
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range found {
		if len(f) != 1 || int(f[0].End) != len(texts[i]) {
			t.Errorf("%d: %+v", i, f)
		}
	}
	if most.Load() > atOnce {
		t.Errorf("%d texts at once", most.Load())
	}
}

func TestCategories(t *testing.T) {
	texts := []string{"fine", "bäd", "odd"}
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		var q struct {
			Input []string
			Model string
		}
		_ = json.NewDecoder(r.Body).Decode(&q)
		if !slices.Equal(q.Input, texts) || q.Model != "m" || r.URL.Path != "/v1/moderations" {
			t.Errorf("asked %+v at %s", q, r.URL)
		}
		_, _ = io.WriteString(w, `{"id":"modr-1","model":"m","results":[
			{"flagged":false,"categories":{"hate":false},"category_scores":{"hate":0.01}},
			{"flagged":true,"categories":{"hate":false,"self-harm/intent":true,"illicit":null,"violence":true},"category_scores":{"self-harm/intent":0.75}},
			{"flagged":true,"categories":{}}]}`)
	})
	c := NewClassifier(Options{URL: url + "/v1/moderations", Timeout: time.Minute}, "m")
	defer c.Close()
	found, err := c.Read(t.Context(), texts)
	if err != nil {
		t.Fatal(err)
	}
	want := [][]decision.Finding{
		nil,
		{{Type: "moderation.self_harm_intent", End: 4, Confidence: .75}, {Type: "moderation.violence", End: 4, Confidence: 1}},
		{{Type: "moderation.flagged", End: 3, Confidence: 1}},
	}
	if fmt.Sprint(found) != fmt.Sprint(want) {
		t.Errorf("got %+v", found)
	}
}

// TestBadAnswersAreNone: each is refused whole, and no error repeats it.
func TestBadAnswersAreNone(t *testing.T) {
	span := func(start, end, score string) string {
		return `[{"entity_type":"PERSON","start":` + start + `,"end":` + end + `,"score":` + score + `}]`
	}
	result := func(r string) string { return `{"results":[` + r + `]}` }
	for name, answers := range map[string][]http.HandlerFunc{
		"recognizer": {
			says(200, span("0", "5", "1")), says(200, span("2", "2", "1")), says(200, span("3", "1", "1")), says(200, span("-1", "2", "1")),
			says(200, span("0", "1e0", "1")), says(200, span("0", "99999999999999999999", "1")), says(200, span(`"0"`, "1", "1")),
			says(200, span("0", "1", "1.5")), says(200, span("0", "1", "-0.1")), says(200, span("0", "1", `"1"`)), says(200, span("0", "1", "null")),
			says(200, `[{"start":0,"end":1,"score":1}]`), says(200, `[{"entity_type":"","start":0,"end":1,"score":1}]`),
			says(200, `[{"entity_type":"`+strings.Repeat("A", 65)+`","start":0,"end":1,"score":1}]`),
			says(200, `{}`), says(200, `[1]`), says(200, `[],"x":1`), says(200, `{"error":"canary"}`),
			says(200, `[{"entity_type":"A","entity_type":"B","start":0,"end":1,"score":1}]`), says(200, `[][]`),
		},
		"classifier": {
			says(200, result("")), says(200, result(`{"flagged":false,"categories":{}},{"flagged":false,"categories":{}}`)),
			says(200, result(`{"categories":{}}`)), says(200, result(`{"flagged":"no","categories":{}}`)), says(200, result(`{"flagged":false}`)),
			says(200, result(`{"flagged":true,"categories":{"hate":1}}`)), says(200, result(`{"flagged":true,"categories":["hate"]}`)),
			says(200, result(`{"flagged":true,"categories":{"hate":true},"category_scores":{"hate":2}}`)),
			says(200, result(`{"flagged":true,"categories":{"":true}}`)), says(200, `[]`), says(200, `{"results":{}}`), says(200, result("null")),
		},
	} {
		everywhere := []http.HandlerFunc{
			says(500, "canary"), says(200, ""), says(200, "canary"), says(200, "null"), says(204, ""), says(404, "[]"), says(200, "{"),
			says(200, strings.Repeat("[", 100)+strings.Repeat("]", 100)), says(200, "["+strings.Repeat(" ", maxAnswer)+"]"),
			http.RedirectHandler("/elsewhere", http.StatusTemporaryRedirect).ServeHTTP,
			func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		}
		for i, answer := range append(answers, everywhere...) {
			url := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/elsewhere" {
					t.Error("the redirect was followed")
				}
				answer(w, r)
			})
			found, err := both(t, Options{URL: url})[name].Read(t.Context(), []string{"text"})
			if err == nil {
				t.Errorf("%s, answer %d: taken as %+v", name, i, found)
			} else if strings.Contains(err.Error(), "canary") || strings.Contains(err.Error(), url) {
				t.Errorf("%s, answer %d: %v", name, i, err)
			}
		}
	}
}

// TestSilenceEndsInTime: a service that is silent, or drips, costs its timeout,
// and no longer than the call lasts.
func TestSilenceEndsInTime(t *testing.T) {
	for what, answer := range map[string]http.HandlerFunc{
		"silent": func(http.ResponseWriter, *http.Request) {},
		"drips":  says(200, "["),
	} {
		url := serve(t, func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			answer(w, r)
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		})
		for name, r := range both(t, Options{URL: url, Timeout: 20 * time.Millisecond}) {
			if _, err := r.Read(t.Context(), []string{"a", "b"}); err == nil || err.Error() != "no answer within 20ms" {
				t.Errorf("%s, %s: %v", what, name, err)
			}
		}
		for name, r := range both(t, Options{URL: url, Timeout: time.Hour}) {
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(20*time.Millisecond, cancel)
			if _, err := r.Read(ctx, []string{"a"}); !errors.Is(err, context.Canceled) {
				t.Errorf("%s, %s: %v", what, name, err)
			}
		}
	}
}

func TestNobodyThere(t *testing.T) {
	s := httptest.NewServer(http.NotFoundHandler())
	s.Close()
	for name, r := range both(t, Options{URL: s.URL + "/secret-path"}) {
		if _, err := r.Read(t.Context(), []string{"a"}); err == nil || strings.Contains(err.Error(), "secret-path") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, r := range both(t, Options{URL: s.URL, Bearer: func() (decision.Secret, error) { return nil, errors.New("key file is gone") }}) {
		if _, err := r.Read(t.Context(), []string{"a"}); err == nil || err.Error() != "key file is gone" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestQuestionsAreBounded: those beyond the bound fail at once, and the next
// ones pass again.
func TestQuestionsAreBounded(t *testing.T) {
	release, arrived := make(chan struct{}), make(chan struct{}, maxQuestions)
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		arrived <- struct{}{}
		<-release
		says(200, `{"results":[{"flagged":false,"categories":{}}]}`)(w, r)
	})
	c := both(t, Options{URL: url})["classifier"]
	var waiting sync.WaitGroup
	for range maxQuestions {
		waiting.Go(func() {
			if _, err := c.Read(t.Context(), []string{"a"}); err != nil {
				t.Error(err)
			}
		})
	}
	for range maxQuestions {
		<-arrived
	}
	if _, err := c.Read(t.Context(), []string{"a"}); err == nil || err.Error() != "32 questions are open already" {
		t.Errorf("got %v", err)
	}
	close(release)
	waiting.Wait()
	if _, err := c.Read(t.Context(), []string{"a"}); err != nil {
		t.Error(err)
	}
}

// TestNamesAreBounded: a service cannot make up names for ever.
func TestNamesAreBounded(t *testing.T) {
	n := 0
	url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `[{"entity_type":"KIND_%d","start":0,"end":1,"score":1}]`, n)
		n++
	})
	r := both(t, Options{URL: url})["recognizer"]
	for i := range maxNames + 1 {
		if _, err := r.Read(t.Context(), []string{"a"}); (err != nil) != (i == maxNames) {
			t.Errorf("%d: %v", i, err)
		}
	}
}

// FuzzAnswers: whatever a service answers, findings fit the text.
func FuzzAnswers(f *testing.F) {
	for _, seed := range []string{
		`[{"entity_type":"PERSON","start":0,"end":2,"score":0.85}]`, `[]`, `{"results":[{"flagged":true,"categories":{"hate":true},"category_scores":{"hate":0.5}}]}`,
		`[{"entity_type":"A","start":1,"end":0,"score":1}]`, `[{"entity_type":"A","start":0,"end":18446744073709551615,"score":1e-1}]`, `],"x":[`, `{"results":[null]}`,
	} {
		f.Add(seed, "Zoë 🎉")
	}
	f.Fuzz(func(t *testing.T, answer, text string) {
		check := func(found []decision.Finding, err error) {
			for _, one := range found {
				whole := int(one.End) <= len(text) && one.Start <= one.End
				if err != nil || !whole || one.Confidence < 0 || one.Confidence > 1 || utf8.ValidString(text) && !utf8.ValidString(text[one.Start:one.End]) {
					t.Errorf("%q about %q: %+v, %v", answer, text, one, err)
				}
			}
		}
		r := NewRecognizer(Options{}, "en", 0)
		check(r.findings([]byte(answer), text))
		doc, value, err := parse([]byte(answer))
		if err != nil {
			return
		}
		defer doc.Free()
		for _, result := range value.Get("results").Elements() {
			check(NewClassifier(Options{}, "").findings(result, len(text)))
		}
	})
}
