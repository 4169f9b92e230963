package guards

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"outrider.dev/outrider/decision"
)

func asking(service string, a decision.Action, more func(*Spec)) Spec {
	s := Spec{Kind: Recognizer, Action: a, Service: service}
	if more != nil {
		more(&s)
	}
	return s
}

func TestWhoIsAsked(t *testing.T) {
	set := mustSet(t, Spec{Kind: PII, Action: decision.ActionRedact},
		asking("ner", decision.ActionRedact, func(s *Spec) { s.Origins = []decision.Origin{decision.OriginUser} }),
		asking("ner", decision.ActionObserve, nil),
		asking("late", decision.ActionBlock, func(s *Spec) { s.Lenient = true }),
		asking("last", decision.ActionTokenize, func(s *Spec) { s.Segments = []decision.SegmentKind{decision.KindPrompt} }))
	if got := set.Services(); !slices.Equal(got, []string{"ner", "late", "last"}) {
		t.Errorf("services %v", got)
	}
	if set.Empty() || !set.Tokenizes() || mustSet(t, asking("ner", decision.ActionObserve, nil)).Empty() {
		t.Error("Empty or Tokenizes is off")
	}
	user := decision.Segment{Kind: decision.KindPrompt, Origin: decision.OriginUser}
	tool := decision.Segment{Kind: decision.KindResult, Origin: decision.OriginTool}
	for _, tt := range []struct {
		service            string
		seg                decision.Segment
		asks, needs, ruled bool
	}{
		{"ner", user, true, true, true},
		{"ner", tool, true, false, true},
		{"late", tool, true, false, false},
		{"last", user, true, true, true},
		{"last", tool, false, false, false},
		{"nobody", user, false, false, false},
	} {
		if set.Asks(tt.service, tt.seg) != tt.asks || set.Needs(tt.service, tt.seg, false) != tt.needs || set.Needs(tt.service, tt.seg, true) != tt.ruled {
			t.Errorf("%s about %+v is off", tt.service, tt.seg)
		}
	}
}

// TestFindingsOfReadings: wherever a word stands and however it is escaped, what
// a service finds of it is where it stands in the segment's text.
func TestFindingsOfReadings(t *testing.T) {
	const word = "Zoë"
	r := rand.New(rand.NewPCG(7, 7))
	set := mustSet(t, asking("ner", decision.ActionRedact, nil), asking("other", decision.ActionBlock, nil))
	for range 500 {
		written := ""
		for _, c := range word {
			if r.IntN(2) == 0 {
				written += string(c)
			} else {
				code := strconv.FormatInt(int64(c), 16)
				written += `\u` + strings.Repeat("0", 4-len(code)) + code
			}
		}
		before := []string{"", "日本 ", `a \n`, `\u0041`, "🎉"}[r.IntN(5)]
		text := before + written + " ends"
		var found []decision.Finding
		for _, reading := range Readings([]byte(text)) {
			var told []decision.Finding
			if at := strings.Index(reading.Text, word); at >= 0 {
				told = []decision.Finding{{Type: "pii.person", Start: uint32(at), End: uint32(at + len(word)), Confidence: 1}}
			}
			found = set.Take("ner", reading, decision.Segment{ID: 3}, told, found, 0)
		}
		if len(found) != 1 || text[found[0].Start:found[0].End] != written || found[0].Segment != 3 || found[0].Action != decision.ActionRedact {
			t.Fatalf("%q: %+v", text, found)
		}
	}
	for _, blank := range []string{"", " \t\r\n"} {
		if got := Readings([]byte(blank)); len(got) != 0 {
			t.Errorf("%q is read", blank)
		}
	}
}

// TestHashesExceptWhatServicesFind as they do elsewhere.
func TestHashesExceptWhatServicesFind(t *testing.T) {
	set := mustSet(t, asking("ner", decision.ActionBlock, func(s *Spec) { s.Exceptions = []Exception{{Hash: testKey().Hash([]byte("Ann"))}} }))
	told := []decision.Finding{{Type: "pii.person", Start: 0, End: 3}, {Type: "pii.person", Start: 4, End: 7}}
	got := set.Take("ner", Readings([]byte("Ann Bob"))[0], decision.Segment{}, told, nil, 0)
	if len(got) != 1 || got[0].Start != 4 {
		t.Errorf("got %+v", got)
	}
}
