package cel

import (
	"encoding/json"
	"strings"
	"testing"

	"outrider.dev/outrider/decision"
)

// flat writes a condition on one line: operators, texts and results.
func flat(c *decision.Condition) string {
	if c.Operator == "" {
		text := c.Text + "=" + string(c.Result)
		if c.Note != "" {
			text += " (" + c.Note + ")"
		}
		return text
	}
	parts := make([]string, len(c.Parts))
	for i := range c.Parts {
		parts[i] = flat(&c.Parts[i])
	}
	return string(c.Operator) + "=" + string(c.Result) + "[" + strings.Join(parts, "; ") + "]"
}

func TestExplainTakesApart(t *testing.T) {
	for expr, want := range map[string]string{
		`tool.name == 'x'`:                  `tool.name == "x"=false`,
		`true`:                              `true=true`,
		`has(llm.stream) || has(llm.model)`: `any=false[has(llm.stream)=false; has(llm.model)=false]`,
		`tool.name.startsWith('list_') && (claims.nobody == 1 || 'mcp:read' in scopes)`: `all=true[tool.name.startsWith("list_")=true; any=true[claims.nobody == 1=error (no such key: nobody); "mcp:read" in scopes=true]]`,
		`false && (claims.nobody == 1) && !has(tool.args.repo)`:                         `all=false[false=false; claims.nobody == 1=error (no such key: nobody); not=false[has(tool.args.repo)=true]]`,
		`(tool.args.n > 2 ? tool.args.repo : 'x') == 'y'`:                               `((tool.args.n > 2) ? tool.args.repo : "x") == "y"=false`,
		`tool.args.n > 2 ? claims.admin == true : session == 'x'`:                       `choice=true[tool.args.n > 2=true; claims.admin == true=true; session == "x"=false]`,
		`claims.scp.exists(s, s == 'mcp:read' || s == 'x')`:                             `claims.scp.exists(s, s == "mcp:read" || s == "x")=true`,
		`!(tool.args.l.all(e, e in ['a', 'b']))`:                                        `not=false[tool.args.l.all(e, e in ["a", "b"])=true]`,
		`tool.name == 'a' || tool.name == 'b' || tool.name == 'c'`:                      `any=false[tool.name == "a"=false; tool.name == "b"=false; tool.name == "c"=false]`,
	} {
		p := compile(t, compiler(t), expr)
		got := p.Explain(sample())
		if flat(&got) != want {
			t.Errorf("%s:\ngot  %s\nwant %s", expr, flat(&got), want)
		}
	}
}

// Long pieces stay on one line, and texts in them as they are.
func TestExplainWritesOneLine(t *testing.T) {
	list := `["` + strings.Repeat(`a long name", "`, 20) + `x\ny"]`
	got := compile(t, compiler(t), `tool.name in `+list).Explain(sample())
	if got.Text != `tool.name in `+list {
		t.Errorf("got %s", got.Text)
	}
}

func TestReadsAndLiterals(t *testing.T) {
	p := compile(t, compiler(t), `has(tool.args.repo) && tool.args.repo.startsWith('infra/') || claims["a b"] == 3 && tool.args.f < 1.5 && tool.args.n == 3`)
	var names []string
	for _, r := range p.Reads() {
		names = append(names, r.Name())
	}
	if got := strings.Join(names, " "); got != `tool.args.repo claims["a b"] tool.args.f tool.args.n` {
		t.Errorf("reads %s", got)
	}
	raw, err := json.Marshal(p.Literals())
	if err != nil || string(raw) != `["infra/","a b",3,1.5]` {
		t.Errorf("literals %s, %v", raw, err)
	}
}
