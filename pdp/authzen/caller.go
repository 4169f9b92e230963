package authzen

import (
	"errors"
	"net/http"
	"strings"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/dialect/inbound"
	"outrider.dev/outrider/strictjson"
)

// caller finds out on whose behalf is asked.
//
// A subject that is an agent is the agent. Any other subject is somebody for
// whom an agent acts, which the context names as it does in COAZ; without one
// the agent is called after the subject, "user:alice", so that a policy can
// select such questions and none that is meant for an agent does by accident.
// What the asker says of the subject proves nothing: claims come from a token
// alone, and a token must be of the subject that the question names.
func (q *question) caller() (decision.Caller, error) {
	token, err := q.token()
	if err != nil {
		return decision.Caller{}, err
	}
	named := q.context.Get("agent")
	if q.subject.kind == "agent" || q.subject.kind == "workload" {
		c, err := describe(q.subject.id, q.subject.properties, "subject.properties")
		c.Bearer = token
		if named.Kind() > strictjson.Null {
			return c, malformed("context.agent: the subject is an agent itself; leave one of them out")
		}
		return c, err
	}
	c, err := agentOf(named)
	if c.Agent == "" {
		c.Agent = q.subject.kind + ":" + q.subject.id
	}
	c.Bearer, c.Subject = token, q.subject.id
	return c, err
}

// agentOf reads the agent that a context names: a name, or an object with one.
func agentOf(v strictjson.Value) (decision.Caller, error) {
	if v.Kind() != strictjson.Object {
		name, err := optional(v, "context.agent")
		return decision.Caller{Agent: name}, err
	}
	name, err := word(v.Get("id"), "context.agent.id")
	if err != nil {
		return decision.Caller{}, err
	}
	return describe(name, v, "context.agent")
}

// describe reads where an agent stands, by which policies select it.
func describe(name string, v strictjson.Value, where string) (c decision.Caller, err error) {
	c.Agent = name
	if c.Namespace, err = optional(v.Get("namespace"), where+".namespace"); err != nil {
		return c, err
	}
	if c.ServiceAccount, err = optional(v.Get("service_account"), where+".service_account"); err != nil {
		return c, err
	}
	c.Labels, err = texts(v.Get("labels"), where+".labels")
	return c, err
}

// texts reads an object whose members are texts.
func texts(v strictjson.Value, name string) (map[string]string, error) {
	v, err := object(v, name)
	if err != nil || v.Len() == 0 {
		return nil, err
	}
	out := make(map[string]string, v.Len())
	for key, value := range v.Members() {
		k, _ := key.Text()
		text, ok := value.Text()
		if !ok {
			return nil, malformed(name + ": every member must be a text")
		}
		out[string(k)] = string(text)
	}
	return out, nil
}

// token returns the subject's token. It may stand in one of three places: in
// the context, among the subject's properties, or in the Authorization header
// of the request that the asker received. Two different ones are none.
func (q *question) token() (decision.Secret, error) {
	found, err := q.authorization()
	if err != nil {
		return nil, err
	}
	for _, v := range []strictjson.Value{q.context.Get("token"), q.subject.properties.Get("token")} {
		if v.Kind() <= strictjson.Null {
			continue
		}
		text, ok := v.Text()
		if !ok || len(text) == 0 {
			return nil, malformed("the token must be a text")
		}
		if found != "" && string(text) != found {
			return nil, malformed("the question holds two different tokens: send one, as context.token")
		}
		found = string(text)
	}
	if found == "" {
		return nil, nil
	}
	return decision.Secret(found), nil
}

// authorization is the token in the header of that name among those of the
// context, nil where there is none.
func (q *question) authorization() (string, error) {
	h := http.Header{}
	for name, value := range q.context.Get("headers").Members() {
		if text, _ := name.Text(); !strings.EqualFold(string(text), "authorization") {
			continue
		}
		text, ok := value.Text()
		if !ok {
			return "", malformed("context.headers.authorization must be a text")
		}
		h.Add("Authorization", string(text))
	}
	bearer, err := inbound.Bearer(h)
	if refusal := (*decision.Error)(nil); errors.As(err, &refusal) {
		return "", &unknownError{refusal.Reason()} // what was asked about would not pass
	}
	return string([]byte(bearer)), nil
}
