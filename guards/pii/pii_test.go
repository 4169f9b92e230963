package pii

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/guards/window"
)

// detector is what the tests know of one.
type detector interface {
	Find(text []byte, p window.Places, m window.Mark, last bool, out []decision.Finding) ([]decision.Finding, window.Mark)
}

// find lets the detector judge every place of a text.
func find(d detector, text []byte, m window.Mark, last bool, out []decision.Finding) ([]decision.Finding, window.Mark) {
	start := m.At
	for from := start; from == start || from < len(text); from += window.Stretch {
		p := window.NewPlaces(from, len(text))
		p.AddFrom(from)
		if m.At >= from && (m.At < p.To || p.To == len(text)) {
			out, m = d.Find(text, p, m, last, out)
		}
	}
	return out, m
}

// numbers is the detector of all but e-mail addresses.
var numbers = NewNumbers()

// found returns what both detectors find, as "type text", in the order of the text.
func found(text string) []string {
	var all []decision.Finding
	all, _ = find(Emails{}, []byte(text), window.Mark{}, true, all)
	all, _ = find(numbers, []byte(text), window.Mark{}, true, all)
	slices.SortStableFunc(all, func(a, b decision.Finding) int { return int(a.Start) - int(b.Start) })
	out := []string{}
	for _, f := range all {
		out = append(out, strings.TrimPrefix(f.Type, "pii.")+" "+text[f.Start:f.End])
	}
	return out
}

type sample struct {
	text string
	want []string
}

func check(t *testing.T, samples []sample) {
	t.Helper()
	for _, s := range samples {
		if got := found(s.text); !slices.Equal(got, s.want) && len(got)+len(s.want) > 0 {
			t.Errorf("%q\n got %q\nwant %q", s.text, got, s.want)
		}
	}
}

func TestEmails(t *testing.T) {
	long := strings.Repeat("a", 64)
	check(t, []sample{
		{"jane.doe@example.com", []string{"email jane.doe@example.com"}},
		{"Write to <jane+news@mail.example.co.uk>, please.", []string{"email jane+news@mail.example.co.uk"}},
		{"mailto:jane@example.com", []string{"email jane@example.com"}},
		{"a@b.io,c@d.io;e@f.io", []string{"email a@b.io", "email c@d.io", "email e@f.io"}},
		{"Mail jane@example.com.", []string{"email jane@example.com"}},
		{"jane@example.com-based", []string{"email jane@example.com"}},
		{"jane@example.com.2024", []string{"email jane@example.com"}},
		{"user=jane@example.com&x=1", []string{"email jane@example.com"}},
		{"..jane@example.com", []string{"email jane@example.com"}},
		{"jane@example.com:8080", []string{"email jane@example.com"}},
		{long + "@example.com", []string{"email " + long + "@example.com"}},
		{"(\u00e9)jane@example.com\u2014", []string{"email jane@example.com"}},
		{"mary.o'neill@example.ie", []string{"email mary.o'neill@example.ie"}},
		{"login of 'O'Brien@example.ie' failed", []string{"email O'Brien@example.ie"}},
		{"f'jane@example.com' and todo'jane@example.com", []string{"email jane@example.com", "email jane@example.com"}},
		{"git@mail.example.com is the admin", []string{"email git@mail.example.com"}},
	})
}

func TestNoEmails(t *testing.T) {
	check(t, []sample{
		{text: "@"},
		{text: "a@"},
		{text: "@b.com"},
		{text: "a@b"},
		{text: "a@b.c"},
		{text: "a@.com"},
		{text: "a@-b.com"},
		{text: "a.@b.com"},
		{text: "pkg@1.2.3"},
		{text: "icon@2x.png"},
		{text: "npm i @scope/name@latest"},
		{text: "repo@sha256:abcdef"},
		{text: "git@github.com:org/repo.git"},
		{text: "ssh://git@github.com/org"},
		{text: "postgres://bob:hunter@db.example.com/x"},
		{text: "y = a@b.transpose()"},
		{text: "@decorator.name"},
		{text: "example.com/mod@v1.2.3"},
		{text: "a@b@c.com"},
		{text: strings.Repeat("a", 65) + "@example.com"},
		{text: "a@" + strings.Repeat("b", 64) + ".com"},
		{text: "a@b..com"},
	})
}

func TestSocialSecurity(t *testing.T) {
	check(t, []sample{
		{"SSN 123-45-6789.", []string{"us_ssn 123-45-6789"}},
		{"ssn=123-45-6789&", []string{"us_ssn 123-45-6789"}},
		{"Jane,Doe,123-45-6789,415-555-0123", []string{"us_ssn 123-45-6789", "phone 415-555-0123"}},
		{`{"ssn":"123-45-6789"}`, []string{"us_ssn 123-45-6789"}},
		{`line\n123-45-6789\n`, []string{"us_ssn 123-45-6789"}},
		{"123\u201145\u20116789", []string{"us_ssn 123\u201145\u20116789"}},
		{"my social security number is 123 45 6789", []string{"us_ssn 123 45 6789"}},
		{"SSN: 123456789", []string{"us_ssn 123456789"}},
		{"899-99-9999", []string{"us_ssn 899-99-9999"}},
	})
	check(t, []sample{
		{text: "000-12-3456"},
		{text: "666-12-3456"},
		{text: "900-12-3456"},
		{text: "123-00-6789"},
		{text: "123-45-0000"},
		{text: "123 45 6789"},
		{text: "123456789"},
		{text: "123-45-67890"},
		{text: "1123-45-6789"},
		{text: "123-45-6789-0"},
		{text: "ID-123-45-6789"},
		{text: "123-45 6789"},
		{text: "x123-45-6789"},
		{text: "123-45-6789x"},
		{text: "#123-45-6789"},
		{text: "$123-45-6789"},
		{text: "/orders/123-45-6789"},
		{text: "3.123-45-6789"},
	})
}

func TestPhones(t *testing.T) {
	for _, number := range []string{
		"415-555-0123", "415.555.0123", "(415) 555-0123", "(415)555-0123", "(415) 555.0123", "1-415-555-0123", "1 (415) 555-0123", "1(415)555-0123",
		"001-415-555-0123", "+1 415 555 0123", "+1-415-555-0123", "+14155550123", "+1 (415) 555-0123", "+1.415.555.0123", "415-555-0123x456",
		"415-555-0123 ext. 456", "415-555-0123 x9", "555-123-4567", "415\u2011555\u20110123", "+1\u00a0415\u00a0555\u00a00123",
		"+44 20 7946 0958", "+442079460958", "+49 (0)30 123456", "+49(0)30 1234567", "+49 30 1234567", "+33 1 23 45 67 89", "+34 612 345 678",
		"020 7946 0958", "07700 900123", "(0161) 496 0000", "0171 / 1234567", "06 12 34 56 78", "0412 345 678", "03-1234-5678",
		"+91 98765 43210", "+86 138 0013 8000", "+61 (2) 9876 5432", "+353 1 234 5678",
	} {
		check(t, []sample{
			{number, []string{"phone " + number}},
			{"Call " + number + ".", []string{"phone " + number}},
			{"<" + number + ">", []string{"phone " + number}},
			{"tel:" + number + ",", []string{"phone " + number}},
			{number + "\n" + number, []string{"phone " + number, "phone " + number}},
		})
	}
}

func TestAnnouncedPhones(t *testing.T) {
	for _, number := range []string{"415 555 0123", "4155550123", "14155550123", "030 1234567", "612 345 678"} {
		check(t, []sample{
			{"phone: " + number, []string{"phone " + number}},
			{"Please call " + number + " today", []string{"phone " + number}},
			{"Mobil " + number, []string{"phone " + number}},
			{text: "batch " + number + " done"},
			{text: number},
		})
	}
	check(t, []sample{
		{"fax 555-0123", []string{"phone 555-0123"}},
		{text: "hotel 555-0123"},
		{text: "contact me on 01.02.2024 10:30"},
		{text: "telephone" + strings.Repeat(" ", reach) + "4155550123"},
	})
}

func TestNoPhones(t *testing.T) {
	check(t, []sample{
		{text: "115-555-0123"},
		{text: "911-555-0123"},
		{text: "415-911-0123"},
		{text: "415-055-0123"},
		{text: "415-555-01234"},
		{text: "5415-555-0123"},
		{text: "415-555-0123-9"},
		{text: "415.555.0123.7"},
		{text: "order-415-555-0123"},
		{text: "A415-555-0123"},
		{text: "(415)"},
		{text: "(415) 55-0123"},
		{text: "+0 415 555 0123"},
		{text: "+1234567"},
		{text: "+49 30 12"},
		{text: "x + 12345678"},
		{text: "+1 415 555 012"},
		{text: "a+14155550123"},
		{text: "2024-01-15 10:30:00"},
		{text: "2024-01-15T10:30:00.123Z"},
		{text: "1700000000"},
		{text: "1700000000123"},
		{text: "v1.2.3"},
		{text: "550e8400-e29b-41d4-a716-446655440000"},
		{text: "$1,234,567.89"},
		{text: "12,345,678"},
		{text: "ISBN 978-3-16-148410-0"},
		{text: "sha 0123456789abcdef0123456789abcdef"},
		{text: "1.0.0-rc.1+20240115"},
		{text: "3.14159265358979"},
		{text: "pages 200 300 4000"},
		{text: "call back in 15 minutes"},
		{text: "phone 7 of 12"},
	})
}

func TestCards(t *testing.T) {
	check(t, []sample{
		{"4111111111111111", []string{"credit_card 4111111111111111"}},
		{"4111 1111 1111 1111", []string{"credit_card 4111 1111 1111 1111"}},
		{"4111-1111-1111-1111,", []string{"credit_card 4111-1111-1111-1111"}},
		{"5555555555554444", []string{"credit_card 5555555555554444"}},
		{"2223003122003222", []string{"credit_card 2223003122003222"}},
		{"3782 822463 10005", []string{"credit_card 3782 822463 10005"}},
		{"6011111111111117", []string{"credit_card 6011111111111117"}},
		{"3530111333300000", []string{"credit_card 3530111333300000"}},
		{"30569309025904", []string{"credit_card 30569309025904"}},
		{"6200000000000005", []string{"credit_card 6200000000000005"}},
		{"card=4222222222222", []string{"credit_card 4222222222222"}},
		{text: "4111111111111112"},
		{text: "1111111111111117"},
		{text: "9111111111111111"},
		{text: "4111 1111 1111 1112"},
		{text: "41111111111111111"},
		{text: "4111 1111-1111 1111"},
		{text: "x4111111111111111"},
		{text: "4111111111111111x"},
		{text: "0.4111111111111111"},
		{text: "7777777777777777"},
	})
}

func TestIBANs(t *testing.T) {
	check(t, []sample{
		{"DE89370400440532013000", []string{"iban DE89370400440532013000"}},
		{"IBAN: GB82 WEST 1234 5698 7654 32.", []string{"iban GB82 WEST 1234 5698 7654 32"}},
		{"FR14 2004 1010 0505 0001 3M02 606", []string{"iban FR14 2004 1010 0505 0001 3M02 606"}},
		{"NO9386011117947", []string{"iban NO9386011117947"}},
		{text: "DE89370400440532013001"},
		{text: "DE8937040044053201300"},
		{text: "DE893704004405320130000"},
		{text: "XX89370400440532013000"},
		{text: "ADE89370400440532013000"},
		{text: "DE89 3704-0044 0532 0130 00"},
		{text: "DE8"},
		{text: "D"},
		{text: "US12 3456"},
	})
}

// TestEveryCountryLength builds a valid IBAN for each country of the table and
// checks that one character more or less is refused.
func TestEveryCountryLength(t *testing.T) {
	known := 0
	for a := 'A'; a <= 'Z'; a++ {
		for b := 'A'; b <= 'Z'; b++ {
			country := string(a) + string(b)
			n := ibanLength(country)
			if n == 0 {
				continue
			}
			known++
			for _, length := range []int{n - 1, n, n + 1} {
				if got := len(found(withCheck(country, length))); (got == 1) != (length == n) {
					t.Errorf("%s with %d characters: %d findings, length is %d", country, length, got, n)
				}
			}
		}
	}
	if known < 70 {
		t.Errorf("%d countries known", known)
	}
}

// withCheck returns an IBAN of the length whose check digits are right.
func withCheck(country string, length int) string {
	for check := 2; check <= 98; check++ {
		iban := fmt.Sprintf("%s%02d%s", country, check, strings.Repeat("7", length-4))
		if mod97([]byte(iban)) {
			return iban
		}
	}
	return ""
}

func TestLuhnFindsEveryChangedDigit(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 200 {
		d := make([]byte, 16)
		for k := range d {
			d[k] = byte(r.IntN(10))
		}
		valid := 0
		for last := range byte(10) {
			d[15] = last
			if luhn(d) {
				valid++
			}
		}
		if valid != 1 {
			t.Fatalf("%v: %d valid check digits", d[:15], valid)
		}
	}
}

func TestConfidence(t *testing.T) {
	for text, want := range map[string]float32{
		"123-45-6789": .95, "ssn 123456789": .85, "415-555-0123": .9, "phone 4155550123": .75, "4111111111111111": .95, "a@b.co": .95,
	} {
		all, _ := find(Emails{}, []byte(text), window.Mark{}, true, nil)
		all, _ = find(numbers, []byte(text), window.Mark{}, true, all)
		if len(all) != 1 || all[0].Confidence != want {
			t.Errorf("%q: %v, want confidence %v", text, all, want)
		}
	}
}

// resumed runs a detector as a stream would, with text arriving in steps.
func resumed(d detector, text string, step int) ([]decision.Finding, int) {
	var all []decision.Finding
	var m window.Mark
	most := 0
	for end := min(step, len(text)); ; end = min(end+step, len(text)) {
		all, m = find(d, []byte(text[:end]), m, end == len(text), all)
		if end == len(text) {
			return all, most
		}
		most = max(most, end-m.At)
	}
}

// FuzzResume checks that a detector finds the same in steps as at once, and
// that it never waits for more than it may.
func FuzzResume(f *testing.F) {
	for _, s := range []string{
		"jane@example.com or 415-555-0123", "SSN 123-45-6789, card 4111 1111 1111 1111", "DE89 3704 0044 0532 0130 00", "+49 (0)30 123456 x12",
		"tel 020 7946 0958", "a@b@c.com_x@d.org", strings.Repeat("a", 80) + "@x.io", "@" + strings.Repeat("b.", 200) + "com", "1-1-1-1-1-1-1-1-1-1-1-1-1",
	} {
		f.Add(s, 1)
	}
	f.Fuzz(func(t *testing.T, text string, step int) {
		if len(text) > 4096 {
			return
		}
		step = max(1, step%40)
		for name, d := range map[string]detector{"emails": Emails{}, "numbers": numbers} {
			whole, _ := find(d, []byte(text), window.Mark{}, true, nil)
			steps, held := resumed(d, text, step)
			if !slices.Equal(whole, steps) {
				t.Fatalf("%s %q: in steps %v, whole %v", name, text, steps, whole)
			}
			if held > window.MaxHold {
				t.Fatalf("%s %q: held %d", name, text, held)
			}
			for _, p := range whole {
				if p.Start >= p.End || int(p.End) > len(text) {
					t.Fatalf("%s %q: span %v", name, text, p)
				}
			}
		}
	})
}

func TestCleanTextCostsNothing(t *testing.T) {
	text := []byte(strings.Repeat("On 2024-01-15 the service at 127.0.0.1:8080 answered 1700000000 requests (99.9 %) for DE and user @ops. ", 50))
	var out []decision.Finding
	if n := testing.AllocsPerRun(20, func() {
		out, _ = find(Emails{}, text, window.Mark{}, true, out[:0])
		out, _ = find(numbers, text, window.Mark{}, true, out)
	}); n != 0 || len(out) != 0 {
		t.Errorf("%v allocations, found %v", n, out)
	}
}

// TestWordsThatTakeANumber checks what stands right before a number and says
// that it is another one.
func TestWordsThatTakeANumber(t *testing.T) {
	check(t, []sample{
		{"case id 686-609-3366", nil},
		{"Customer number 4180510758", nil},
		{"SKU 474-75-9247", nil},
		{"Invoice paid. Her SSN is 474-75-9247", []string{"us_ssn 474-75-9247"}},
		{"Use part 638-886-9034 from the catalogue", nil},
		{"number 592031745 won", nil},
		{"my number is 592031745", []string{"phone 592031745"}},
		{"backup_24/05/2026 1458.tar", nil},
		{"Hotline +49 30 6094755 (24/7)", []string{"phone +49 30 6094755"}},
		{"+49 (30) 6094755", []string{"phone +49 (30) 6094755"}},
		{"ssh root@203.0.113.77", []string{"ip_address 203.0.113.77"}},
		{"npm i tool@1.22.33.44", nil},
		{"serial 08:9e:45:65:0b:8d:b3:e4:0c", nil},
		{"fingerprint 02:47:23:02:64:32:80:04:3a:11:0c:7e", nil},
	})
}
