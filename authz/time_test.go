package authz

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"outrider.dev/outrider/authz/input"
	"outrider.dev/outrider/decision"
)

// The same set judges calls with the same key at different times: nothing of a
// time is kept in a plan. Both languages agree, and lists with calls.
func TestTime(t *testing.T) {
	inCEL := load(t, policy(t, "p", `{variables: [{name: hour, expression: "request.time.getHours('Europe/Berlin')"}], rules: [
  {name: office, allow: {tools: [x]}, when: "variables.hour >= 8 && request.time.getHours('+01:00') < 18"},
  {name: weekend, deny: {}, when: "tool.name == 'x' && request.time.getDayOfWeek() in [0, 6]"},
  {name: past, deny: {}, when: "request.time > timestamp('2026-02-01T00:00:00Z') - duration('24h')"}]}`))
	inRego := policy(t, "p", "{}")
	inRego.Doc.Spec.Rego = `package outrider
now := time.parse_rfc3339_ns(input.request.time)
allow if { input.tool.name == "x"; [h, _, _] := time.clock([now, "Europe/Berlin"]); h >= 8; h < 18 }
deny contains "weekend" if { input.tool.name == "x"; time.weekday(now) in {"Saturday", "Sunday"} }
deny contains "past" if now > time.parse_rfc3339_ns("2026-01-31T00:00:00Z")`
	modules := load(t, inRego)
	for at, want := range map[string]string{
		"2026-01-01T12:00:00Z":      "allow",
		"2026-01-01T06:59:59Z":      "not_allowed",
		"2026-01-01T07:00:00Z":      "allow",
		"2026-01-01T16:59:59.5Z":    "allow",
		"2026-01-01T17:00:00Z":      "not_allowed",
		"2026-01-01T20:00:00+09:00": "allow",
		"2026-01-03T12:00:00Z":      "denied_by_rule",
		"2026-03-05T12:00:00Z":      "denied_by_rule",
	} {
		r := toolCall("x", "")
		var err error
		if r.Time, err = time.Parse(time.RFC3339, at); err != nil {
			t.Fatal(err)
		}
		for language, set := range map[string]*Set{"CEL": inCEL, "Rego": modules} {
			if out := judge(set, r, nil); effect(out) != want {
				t.Errorf("%s in %s: %+v", at, language, out)
			}
			list := mcpCall("tools/list")
			list.Time = r.Time
			entries := []decision.Tool{{Server: "github", Name: "other"}, {Server: "github", Name: "x"}}
			if got := set.Select(&list.Caller).Visible(input.New(list, nil), entries)[1]; got != (want == "allow") {
				t.Errorf("%s in %s: visible %v", at, language, got)
			}
		}
		checkRules(t, inCEL, input.New(r, nil))
	}
}

// Without a time nobody may take the call for one at any time.
func TestUnknownTimeDenies(t *testing.T) {
	for _, rules := range []string{
		`rules: [{name: a, allow: {}}, {name: d, deny: {}, when: "request.time.getHours() > 20"}]`,
		`rules: [{name: a, allow: {}}, {name: d, deny: {}, when: "has(request.time) && request.time.getHours() > 20"}]`,
		`rego: "package outrider\nallow := true\ndeny contains \"no\" if input.request.time > \"2027\""`,
	} {
		r := toolCall("x", "")
		r.Time = time.Time{}
		if out := judge(load(t, policy(t, "p", "{"+rules+"}")), r, nil); effect(out) != "rule_error" || !strings.Contains(out.Reason.Message, "the time of the call is not known") {
			t.Errorf("%s: %+v", rules, out)
		}
	}
}

func TestZonesThatDoNotExist(t *testing.T) {
	for zone, want := range map[string]string{
		"Europe/Berlim": "at 1:23 of the expression: no time zone has the name Europe/Berlim: write one as in",
		"Europe/Berlin": "", "UTC": "", "+05:30": "", "-08:00": "", "": "",
	} {
		_, err := NewSet([]Source{policy(t, "p", `{rules: [{name: a, deny: {}, when: "request.time.getHours('`+zone+`') > 3"}]}`)})
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", zone, err)
		}
	}
}

// Operators see the time that a rule read.
func TestTimeIsExplained(t *testing.T) {
	set, r := load(t, policy(t, "p", `{rules: [{name: a, allow: {}, when: "request.time.getHours() > 20"}]}`)), toolCall("x", "")
	raw, err := json.Marshal(set.Select(&r.Caller).Explain(input.New(r, nil), input.New(r, nil)).Rules)
	if err != nil || !strings.Contains(string(raw), "2026-01-01T12:00:00Z") {
		t.Errorf("%s %v", raw, err)
	}
}
