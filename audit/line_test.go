package audit

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"outrider.dev/outrider/decision"
)

// sample fills a field with something that is not zero.
func sample(t *testing.T, v reflect.Value) {
	t.Helper()
	switch {
	case v.Type() == reflect.TypeFor[time.Time]():
		v.Set(reflect.ValueOf(time.Date(2026, 3, 1, 12, 0, 0, 123456789, time.FixedZone("", 3600))))
	case v.Kind() == reflect.String:
		v.SetString("a <b> \"c\" \\ d & é\x01 \xff")
	case v.Kind() == reflect.Func: // is not written
	case v.Type() == reflect.TypeFor[*decision.Condition](): // has itself below it
		v.Set(reflect.ValueOf(&decision.Condition{Text: "a <b>", Parts: []decision.Condition{{Note: "c"}}}))
	case v.CanInt():
		v.SetInt(7)
	case v.CanUint():
		v.SetUint(7)
	case v.Kind() == reflect.Bool:
		v.SetBool(true)
	case v.Kind() == reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		sample(t, v.Index(1))
	case v.Kind() == reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		sample(t, v.Elem())
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			sample(t, v.Field(i))
		}
	default:
		t.Fatalf("no sample of %s", v.Type())
	}
}

// The line is what the library would write, whichever fields a record has.
func TestLinesAreTheLibrarys(t *testing.T) {
	check := func(name string, r Record) {
		t.Helper()
		want, err := json.Marshal(r.bounded())
		if err != nil {
			t.Fatal(err)
		}
		got, err := appendLine([]byte("before"), &r)
		if err != nil || string(got) != "before"+string(want)+"\n" {
			t.Errorf("%s: %v\n%s\nthe library writes\n%s", name, err, got, want)
		}
	}
	all := Record{}
	for i, field := range reflect.VisibleFields(reflect.TypeFor[Record]()) {
		var r Record
		sample(t, reflect.ValueOf(&r).Elem().Field(i))
		sample(t, reflect.ValueOf(&all).Elem().Field(i))
		check(field.Name, r)
	}
	check("none", Record{})
	check("all", all)
	check("usual", Record{ID: "0123456789ab", Time: time.Now(), Phase: PhaseRequest, Surface: decision.MCP, Effect: "allow", Tool: strings.Repeat("é", maxText)})
	check("names", Record{Providers: []string{"a", "b\n"}})
}

// The usual record costs no allocation once there is room for it.
func TestUsualLinesAllocateNothing(t *testing.T) {
	r := Record{ID: "0123456789ab", Time: time.Now(), Phase: PhaseRequest, Surface: decision.MCP, Method: "tools/call", Agent: "a", Effect: "allow", Rule: "rules[0] reads (policy.yaml:12)", Usage: decision.Usage{Input: 1 << 60, Output: 12}}
	b := make([]byte, 0, 1024)
	if n := testing.AllocsPerRun(100, func() { b, _ = appendLine(b[:0], &r) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
