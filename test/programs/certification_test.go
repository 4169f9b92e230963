package programs

import (
	"net/http"
	"strings"
	"testing"
)

// The certification of the AuthZEN Authorization API 1.0 (openid/authzen,
// certification/authorization-api-1_0-scenario.md): its fixture is
// examples/policies/authzen, its requests are sent as they stand there.

const (
	alice  = `"subject":{"type":"user","id":"alice"}`
	bob    = `"subject":{"type":"user","id":"bob"}`
	admin  = `"subject":{"type":"user","id":"bob","properties":{"role":"admin"}}`
	read   = `"action":{"name":"read"}`
	write  = `"action":{"name":"write"}`
	first  = `"resource":{"type":"record","id":"record-1"}`
	active = `"resource":{"type":"record","id":"record-1","properties":{"status":"active"}}`
	second = `"resource":{"type":"record","id":"record-2","properties":{"status":"archived"}}`
)

func object(parts ...string) string { return "{" + strings.Join(parts, ",") + "}" }

// decisions are an answer's, and whether it was that of one evaluation.
func decisions(t *testing.T, a answer) (list []bool, single bool) {
	t.Helper()
	var got struct {
		Decision    *bool
		Evaluations []struct {
			Decision *bool
			Context  map[string]any
		}
	}
	a.into(t, http.StatusOK, &got)
	if kind := a.Header.Get("Content-Type"); kind != "application/json" {
		t.Errorf("Content-Type: %s", kind)
	}
	if got.Decision != nil {
		return []bool{*got.Decision}, got.Evaluations == nil
	}
	for _, one := range got.Evaluations {
		if one.Decision == nil {
			t.Fatalf("a decision is missing: %s", a.text)
		}
		list = append(list, *one.Decision)
	}
	return list, false
}

func TestCertificationBasic(t *testing.T) {
	s := start(t, policies(t, "authzen"))
	for name, c := range map[string]struct {
		question string
		want     bool
	}{
		"2.2.1 permit":      {object(alice, read, first), true},
		"1.4.2":             {object(alice, write, first), true},
		"1.4.3":             {object(bob, read, first), true},
		"2.2.2 deny":        {object(bob, write, first), false},
		"2.2.3 context":     {object(alice, read, first, `"context":{"time":"2025-06-27T18:03-07:00","ip":"192.168.1.1"}`), true},
		"2.2.4 archived":    {object(alice, write, second), false},
		"2.2.5 admin":       {object(admin, write, second), true},
		"2.2.6 soft delete": {object(alice, `"action":{"name":"delete","properties":{"soft":true}}`, first), true},
		"2.2.7 hard delete": {object(alice, `"action":{"name":"delete","properties":{"soft":false}}`, first), false},
		"2.2.8 properties": {object(`"subject":{"type":"user","id":"alice","properties":{"department":"Sales","role":"manager"}}`,
			`"action":{"name":"read","properties":{"method":"GET"}}`,
			`"resource":{"type":"record","id":"record-1","properties":{"status":"active","owner":"bob"}}`), true},
		"2.2.9 unknown fields": {object(alice, read, first, `"foo":"bar"`, `"futureField":{"nested":true}`), true},
	} {
		t.Run(name, func(t *testing.T) {
			for range 3 { // 2.6: the answer stays the same
				a := s.ask(t, http.MethodPost, "/access/v1/evaluation", c.question, "X-Request-ID", "bfe9eb29")
				if got, single := decisions(t, a); !single || got[0] != c.want {
					t.Fatalf("%s answers %s, want %v", c.question, a.text, c.want)
				}
				if a.Header.Get("X-Request-ID") != "bfe9eb29" || a.Header.Get("Outrider-Decision") == "" {
					t.Errorf("headers %v", a.Header)
				}
			}
		})
	}
}

func TestCertificationErrors(t *testing.T) {
	s := start(t, policies(t, "authzen"))
	for name, c := range map[string]struct{ body, kind string }{
		"2.4.1 no subject":       {object(read, first), ""},
		"2.4.1 no action":        {object(alice, first), ""},
		"2.4.1 no resource":      {object(alice, read), ""},
		"2.4.2 no subject type":  {object(`"subject":{"id":"alice"}`, read, first), ""},
		"2.4.2 no subject id":    {object(`"subject":{"type":"user"}`, read, first), ""},
		"2.4.2 no action name":   {object(alice, `"action":{}`, first), ""},
		"2.4.2 no resource type": {object(alice, read, `"resource":{"id":"record-1"}`), ""},
		"2.4.2 no resource id":   {object(alice, read, `"resource":{"type":"record"}`), ""},
		"2.4.3 content type":     {object(alice, read, first), "text/plain"},
		"2.4.4 malformed":        {`{"subject":`, ""},
		"2.4.5 empty":            {"", ""},
		"2.4.6 subject":          {object(`"subject":"alice"`, read, first), ""},
		"2.4.6 action name":      {object(alice, `"action":{"name":123}`, first), ""},
	} {
		t.Run(name, func(t *testing.T) {
			for _, path := range []string{"/access/v1/evaluation", "/access/v1/evaluations"} {
				headers := []string{"X-Request-ID", "bfe9eb29"}
				if c.kind != "" {
					headers = append(headers, "Content-Type", c.kind)
				}
				a := s.ask(t, http.MethodPost, path, c.body, headers...)
				var p struct{ Type, Title, Detail, Reason string }
				a.into(t, http.StatusBadRequest, &p)
				if a.Header.Get("Content-Type") != "application/problem+json" || p.Type == "" || p.Title == "" || p.Detail == "" || p.Reason == "" {
					t.Errorf("no problem: %s", a.text)
				}
				if a.Header.Get("X-Request-ID") != "bfe9eb29" {
					t.Errorf("headers %v", a.Header)
				}
			}
		})
	}
}

func TestCertificationBatch(t *testing.T) {
	s := start(t, policies(t, "authzen"))
	for name, c := range map[string]struct {
		question string
		want     []bool
	}{
		"3.2.1 array":    {object(alice, read, `"evaluations":[{`+first+`},{"resource":{"type":"record","id":"record-2"}}]`), []bool{true, true}},
		"3.2.2 actions":  {object(bob, first, `"evaluations":[{`+read+`},{`+write+`}]`), []bool{true, false}},
		"3.2.3 resource": {object(alice, write, `"evaluations":[{`+active+`},{`+second+`}]`), []bool{true, false}},
		"3.2.4 subjects": {object(write, second, `"evaluations":[{`+alice+`},{`+admin+`}]`), []bool{false, true}},
		"3.2.5 whole":    {object(`"evaluations":[` + object(alice, read, first) + `,` + object(bob, write, first) + `]`), []bool{true, false}},
		"3.2.6 context": {object(alice, read, `"context":{"time":"2025-06-27T18:03-07:00"}`,
			`"evaluations":[{`+first+`},{"resource":{"type":"record","id":"record-2"},"context":{"time":"2025-06-27T19:00-07:00","source":"batch-override"}}]`), []bool{true, true}},
		"3.2.7 defaults": {object(alice, write, active, `"evaluations":[{},{`+second+`}]`), []bool{true, false}},
		"3.4.1 failure":  {object(alice, read, `"options":{"evaluations_semantic":"execute_all"}`, `"evaluations":[{`+first+`},{}]`), []bool{true, false}},
		"deny ends it":   {object(alice, write, `"options":{"evaluations_semantic":"deny_on_first_deny"}`, `"evaluations":[{`+active+`},{`+second+`},{`+active+`}]`), []bool{true, false}},
		"permit ends it": {object(alice, write, `"options":{"evaluations_semantic":"permit_on_first_permit"}`, `"evaluations":[{`+second+`},{`+active+`},{`+active+`}]`), []bool{false, true}},
	} {
		t.Run(name, func(t *testing.T) {
			a := s.ask(t, http.MethodPost, "/access/v1/evaluations", c.question)
			got, single := decisions(t, a)
			if single || len(got) != len(c.want) {
				t.Fatalf("%s answers %s, want %v", c.question, a.text, c.want)
			}
			for i := range got {
				if got[i] != c.want[i] {
					t.Errorf("%s answers %s, want %v", c.question, a.text, c.want)
				}
			}
		})
	}
	for name, question := range map[string]string{
		"3.4.2 no evaluations": object(alice, read, first),
		"3.4.3 an empty list":  object(alice, read, first, `"evaluations":[]`),
	} {
		if got, single := decisions(t, s.ask(t, http.MethodPost, "/access/v1/evaluations", question)); !single || !got[0] {
			t.Errorf("%s: %v, single %v", name, got, single)
		}
	}
}

func TestCertificationDiscovery(t *testing.T) {
	s := start(t, policies(t, "authzen"))
	a := s.ask(t, http.MethodGet, "/.well-known/authzen-configuration", "")
	var got map[string]string
	a.into(t, http.StatusOK, &got)
	want := map[string]string{
		"policy_decision_point":       s.url,
		"access_evaluation_endpoint":  s.url + "/access/v1/evaluation",
		"access_evaluations_endpoint": s.url + "/access/v1/evaluations",
	}
	if len(got) != len(want) || a.Header.Get("Content-Type") != "application/json" {
		t.Errorf("%s", a.text)
	}
	for name, value := range want {
		if got[name] != value {
			t.Errorf("%s is %q, want %q", name, got[name], value)
		}
	}
	// What is not advertised is not there.
	for _, path := range []string{"subject", "resource", "action"} {
		if a := s.ask(t, http.MethodPost, "/access/v1/search/"+path, object(alice, read, first)); a.StatusCode != http.StatusNotFound {
			t.Errorf("search/%s: %d", path, a.StatusCode)
		}
	}
}

// TestTodos plays the todo list that implementations of AuthZEN show each
// other, with the shapes of its payloads.
func TestTodos(t *testing.T) {
	s := start(t, policies(t, "authzen"))
	may := func(user, action, resource string) bool {
		question := object(`"subject":{"type":"user","id":"`+user+`"}`, `"action":{"name":"`+action+`"}`, `"resource":`+resource, `"context":{}`)
		got, _ := decisions(t, s.ask(t, http.MethodPost, "/access/v1/evaluation", question))
		return got[0]
	}
	of := func(owner string) string {
		return `{"type":"todo","id":"7240d0db","properties":{"ownerID":"` + owner + `"}}`
	}
	for _, c := range []struct {
		user                                                          string
		creates, updatesOwn, updatesOthers, deletesOwn, deletesOthers bool
	}{
		{"rick", true, true, true, true, true},
		{"morty", true, true, false, true, false},
		{"summer", true, true, false, true, false},
		{"beth", false, false, false, false, false},
		{"jerry", false, false, false, false, false},
	} {
		for what, pair := range map[string][2]bool{
			"read user":     {may(c.user, "can_read_user", `{"type":"user","id":"beth@the-smiths.com"}`), true},
			"read todos":    {may(c.user, "can_read_todos", `{"type":"todo","id":"todo-1"}`), true},
			"create":        {may(c.user, "can_create_todo", `{"type":"todo","id":"todo-1"}`), c.creates},
			"update own":    {may(c.user, "can_update_todo", of(c.user)), c.updatesOwn},
			"update others": {may(c.user, "can_update_todo", of("somebody")), c.updatesOthers},
			"delete own":    {may(c.user, "can_delete_todo", of(c.user)), c.deletesOwn},
			"delete others": {may(c.user, "can_delete_todo", of("somebody")), c.deletesOthers},
		} {
			if pair[0] != pair[1] {
				t.Errorf("%s, %s: %v", c.user, what, pair[0])
			}
		}
	}
	question := object(`"subject":{"type":"user","id":"morty"}`, `"action":{"name":"can_update_todo"}`, `"resource":{}`, `"context":{}`, `"evaluations":[{"resource":`+of("rick")+`},{"resource":`+of("morty")+`}]`)
	if got, _ := decisions(t, s.ask(t, http.MethodPost, "/access/v1/evaluations", question)); len(got) != 2 || got[0] || !got[1] {
		t.Errorf("which todos are Morty's to change: %v", got)
	}
}
