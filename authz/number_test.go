package authz

import (
	"fmt"
	"math/big"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"outrider.dev/outrider/authz/input"
	"outrider.dev/outrider/authz/number"
	"outrider.dev/outrider/decision"
)

// someNumber writes a number of JSON: small and huge, whole and not, near what
// 64 bits and doubles can hold, and one value in several spellings.
func someNumber(r *rand.Rand) string {
	n := []string{
		"0", "-0", "1", "9007199254740993", "9223372036854775806", "9223372036854775807", "9223372036854775808", "-9223372036854775808",
		"-9223372036854775809", "18446744073709551615", "12345678901234567890", "100", "99", "101", "5", "1000000000000000001", "-1000000000000000001",
	}[r.IntN(17)]
	switch r.IntN(5) {
	case 0:
		n += "." + strings.Repeat("0", r.IntN(20)) + strconv.Itoa(r.IntN(10))
	case 1:
		n += "e" + strconv.Itoa(r.IntN(12)-6)
	case 2:
		n = strconv.FormatFloat(r.NormFloat64()*200, 'g', 1+r.IntN(18), 64)
	}
	return n
}

// exactly reports whether a rule may compare the number.
func exactly(n *big.Rat) bool {
	if n.IsInt() {
		return n.Num().IsInt64()
	}
	near, _ := n.Float64()
	text, _ := new(big.Rat).SetString(strconv.FormatFloat(near, 'e', -1, 64))
	return text.Cmp(n) == 0
}

// Both languages compare numbers as their texts compare, or refuse to.
func TestNumbersCompareAsTheyAreWritten(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 11))
	bounds := []string{"0", "5", "100", "-1", "9007199254740992", "9223372036854775806", "9223372036854775807", "0.5", "100.25", "-3.75", "1e18", "-1e18", "9007199254740992.0", "9223372036854775808.0"}
	rounding := bounds[len(bounds)-4:] // doubles that integers would be rounded for
	operators := []string{"<", "<=", ">", ">=", "==", "!="}
	auth := `traffic: {jwtAuthentication: {providers: [{issuer: "` + issuer + `", audiences: ["api://default"]}]}}`
	for i, bound := range bounds {
		op := operators[i%len(operators)]
		for _, op := range []string{op, operators[(i+3)%len(operators)]} {
			inCEL := fmt.Sprintf(`{%s, rules: [{name: a, allow: {}}, {name: d, deny: {}, when: "tool.args.o.n %s %s"}]}`, auth, op, bound)
			inRego := fmt.Sprintf("{%s, rules: [{name: a, allow: {}}], rego: %q}", auth,
				"package outrider\ndeny contains \"d\" if input.tool.args.o.n "+op+" "+bound+"\nvisible := true")
			sets := map[string]*Set{"Rego": load(t, policy(t, "r", inRego))}
			if !slices.Contains(rounding, bound) {
				sets["CEL"] = load(t, policy(t, "c", inCEL))
			} else if _, err := NewSet([]Source{policy(t, "c", inCEL)}); err == nil {
				t.Errorf("CEL: %s %s loads", op, bound)
			}
			limit, _ := new(big.Rat).SetString(bound)
			for range 60 {
				text := someNumber(r)
				n, ok := new(big.Rat).SetString(text)
				if !ok {
					t.Fatal(text)
				}
				want := decision.CodeNone
				if holds(n.Cmp(limit), op) {
					want = decision.CodeDeniedByRule
				}
				if !exactly(n) {
					want = decision.CodeRuleError
				}
				call := toolCall("get_a", `{"unread": 1e400, "o": {"k": [123456789012345678901], "n": `+text+`}}`)
				for name, set := range sets {
					if got := judge(set, call, withScopes()); got.Reason.Code != want {
						t.Errorf("%s: %s %s %s: %q, want %q", name, text, op, bound, got.Reason.Code, want)
					}
				}
			}
		}
	}
}

func holds(order int, op string) bool {
	switch op {
	case "<":
		return order < 0
	case "<=":
		return order <= 0
	case ">":
		return order > 0
	case ">=":
		return order >= 0
	case "==":
		return order == 0
	default:
		return order != 0
	}
}

// A number that cannot be compared exactly fails what reads it in both
// languages, and nothing else: an allow does not allow, a deny denies.
func TestInexactNumbersFailClosed(t *testing.T) {
	auth := `traffic: {jwtAuthentication: {providers: [{issuer: "` + issuer + `", audiences: ["api://default"]}]}}`
	for _, tc := range []struct {
		spec string
		want string
	}{
		{`rules: [{name: a, allow: {}, when: "tool.args.n != 1"}]`, "not_allowed"},
		{`rules: [{name: a, allow: {}, when: "tool.args.repo == 'web'"}]`, "allow"},
		{`rules: [{name: a, allow: {}, when: "has(tool.args.n)"}]`, "allow"},
		{`variables: [{name: v, expression: tool.args.n}], rules: [{name: a, allow: {}}, {name: d, deny: {}, when: "variables.v == 1"}]`, "rule_error"},
		{`variables: [{name: v, expression: tool.args.repo}], rules: [{name: a, allow: {}}, {name: d, deny: {}, when: "variables.v == 'x'"}]`, "allow"},
		{`mutations: [{name: m, match: {}, set: {argument: /x, expression: tool.args.n}}], rules: [{name: a, allow: {}}]`, "rule_error"},
		{`mutations: [{name: m, match: {}, set: {argument: /x, expression: tool.args.list}}], rules: [{name: a, allow: {}}]`, "rule_error"},
		{`mutations: [{name: m, match: {}, set: {argument: /x, expression: tool.args.repo}}], rules: [{name: a, allow: {}}]`, "allow"},
		{`rego: "package outrider\nallow if input.tool.args.n != 1\nvisible := true"`, "not_allowed"},
		{`rego: "package outrider\nallow if input.tool.args.repo == \"web\"\nvisible := true"`, "allow"},
		{`rego: "package outrider\nallow if input.tool.args[\"repo\"] == \"web\"\nvisible := true"`, "allow"},
		{`rules: [{name: a, allow: {}, when: "'repo' in tool.args && tool.args.repo == 'web'"}]`, "allow"},
		{`rego: "package outrider\nallow if object.get(input.tool.args, \"n\", 1) != 1\nvisible := true"`, "not_allowed"},
		{`rego: "package outrider\nallow if not input.tool.args.n == 1\nvisible := true"`, "not_allowed"},
		{`rego: "package outrider\nallow if not input.tool.args.list[0] == 7\nvisible := true"`, "not_allowed"},
		{`rego: "package outrider\nallow if { some k; input.tool.args[k] == \"web\" }\nvisible := true"`, "not_allowed"},
		{`rego: "package outrider\nallow if count(input.tool) > 0\nvisible := true"`, "not_allowed"},
		{`rego: "package outrider\nallow if { x := input; x.tool.args.repo == \"web\" }\nvisible := true"`, "not_allowed"},
		{`rego: "package outrider\nallow if far(input.tool)\nfar(x) if x.args.n > 5\nvisible := true"`, "not_allowed"},
		{`rules: [{name: a, allow: {}}], rego: "package outrider\nmutate contains {\"argument\": \"/x\", \"value\": input.tool.args.n}"`, "rule_error"},
		{`rules: [{name: a, allow: {}}], rego: "package outrider\ndeny contains \"no\" if input.mcp.tool.arguments.n == 1\nvisible := true"`, "rule_error"},
	} {
		set := load(t, policy(t, "p", "{"+auth+", "+tc.spec+"}"))
		call := toolCall("get_a", `{"repo": "web", "n": 9223372036854775808, "list": [1, 1e400]}`)
		out := judge(set, call, withScopes())
		got := effect(out)
		if _, failed := set.Select(&call.Caller).Mutate(input.New(call, withScopes())); out.Allow && failed != nil {
			got = string(failed.Reason.Code)
			if !strings.Contains(failed.Reason.Message, "does not fit 64 bits exactly") {
				t.Errorf("%s: the message is %q", tc.spec, failed.Reason.Message)
			}
		}
		if got != tc.want {
			t.Errorf("%s: %s, want %s", tc.spec, got, tc.want)
		}
	}
}

// What no rule reads is no concern of the module that reads other arguments,
// however far it is out of range.
func TestUnreadNumbersAreKeptFromModules(t *testing.T) {
	auth := `traffic: {jwtAuthentication: {providers: [{issuer: "` + issuer + `", audiences: ["api://default"]}]}}`
	for _, spec := range []string{
		`rego: "package outrider\nallow if input.tool.args.repo == \"web\"\nvisible := true"`,
		`rego: "package outrider\nallow if input.tool.args.o.k == \"v\"\nvisible := true"`,
		`rules: [{name: a, allow: {}}], rego: "package outrider\ndeny contains \"no\" if input.tool.args.repo == \"infra\"\nvisible := true"`,
		`rules: [{name: a, allow: {}, when: "tool.args.repo == 'web'"}]`,
	} {
		set := load(t, policy(t, "p", "{"+auth+", "+spec+"}"))
		for _, args := range []string{
			`{"repo": "web", "n": 1e40000, "o": {"k": "v"}}`,
			`{"repo": "web", "n": 1e-40000, "o": {"k": "v"}}`,
			`{"repo": "web", "o": {"k": "v", "l": [1, {"far": 1e40000}]}}`,
			`{"repo": "web", "o": {"k": "v", "p": {"q": {"n": -1e40000}}}}`,
		} {
			if got := effect(judge(set, toolCall("get_a", args), withScopes())); got != "allow" {
				t.Errorf("%s: %s: %s", spec, args, got)
			}
		}
	}
}

// Claims compare as arguments do: one that cannot be compared exactly fails the
// rules that read it, and no others.
func TestInexactClaimsFailClosed(t *testing.T) {
	head := `{traffic: {jwtAuthentication: {providers: [{issuer: "` + issuer + `", audiences: ["api://default"]}]}}, `
	for spec, want := range map[string]string{
		`rules: [{name: a, allow: {}}, {name: d, deny: {}, when: "claims.tenant == 18446744073709551615u"}]`:                           "rule_error",
		`rules: [{name: a, allow: {}}, {name: d, deny: {}, when: "claims.groups.exists(g, g == 7)"}]`:                                  "rule_error",
		`rules: [{name: a, allow: {}}, {name: d, deny: {}, when: "7 in claims.groups"}]`:                                               "rule_error",
		`rules: [{name: a, allow: {}}, {name: d, deny: {}, when: "'seven' in claims.groups"}]`:                                         "rule_error",
		`rules: [{name: a, allow: {}}, {name: d, deny: {}, when: "claims.exists(c, c == 'x')"}]`:                                       "rule_error",
		`rules: [{name: a, allow: {}, when: "has(claims.tenant) && 'tenant' in claims && !('tenants' in claims)"}]`:                    "allow",
		`rules: [{name: a, allow: {}, when: "claims.team == 'red' && 'mcp:read' in claims.scp"}]`:                                      "allow",
		`claims: {team: {type: String}}, rules: [{name: a, allow: {}, when: "has(claims.team) && claims.team == 'red'"}]`:              "allow",
		`claims: {tenant: {type: Int}}, rules: [{name: a, allow: {}}, {name: d, deny: {}, when: "claims.tenant == 1"}]`:                "rule_error",
		`rules: [{name: a, allow: {}}], rego: "package outrider\ndeny contains \"no\" if input.claims.tenant == 18446744073709551615"`: "rule_error",
		`rules: [{name: a, allow: {}}], rego: "package outrider\ndeny contains \"no\" if input.jwt.groups[_] == 7"`:                    "rule_error",
		`rules: [{name: a, allow: {}}], rego: "package outrider\ndeny contains \"no\" if { some c in input.claims; c == \"x\" }"`:      "rule_error",
		`rego: "package outrider\nallow if input.claims.team == \"red\""`:                                                              "allow",
		`rego: "package outrider\nallow if { input.claims.team == \"red\"; \"mcp:read\" in input.claims.scp }"`:                        "allow",
	} {
		who := withScopes("mcp:read")
		for name, value := range map[string]any{
			"team": "red", "tenant": number.Inexact{Raw: "18446744073709551615"}, "far": number.Inexact{Raw: "1e40000"},
			"groups": number.Inexact{}, number.Member: number.Inexact{},
		} {
			who.Claims[name] = value
		}
		if got := effect(judge(load(t, policy(t, "p", head+spec+"}")), toolCall("get_a", `{}`), who)); got != want {
			t.Errorf("%s: %s, want %s", spec, got, want)
		}
	}
}
