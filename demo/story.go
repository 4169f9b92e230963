package demo

import (
	"slices"

	"outrider.dev/outrider/demo/issuer"
)

// The scopes of the story. Each includes the one before it.
const (
	scopeNone  = "billing:read" // says nothing about MCP
	scopeRead  = "mcp:read"
	scopeWrite = "mcp:write"
	scopeAdmin = "mcp:admin"
	never      = "" // no scope opens it
)

func scopes() []string { return []string{scopeNone, scopeRead, scopeWrite, scopeAdmin} }

// readClient is the place of the reading client in clients.
const readClient = 1

// clients are the programs that the issuer knows, one per scope, in the order of scopes.
func clients() []issuer.Client {
	var out []issuer.Client
	for i, id := range []string{"copilot-outsider", "copilot-reader", "copilot-writer", "copilot-admin"} {
		out = append(out, issuer.Client{ID: id, Secret: id + "-secret", Scopes: []string{scopes()[i]}})
	}
	return out
}

// opens reports whether a token of the scope opens what needs at least the other.
func opens(scope, least string) bool {
	return least != never && slices.Index(scopes(), scope) >= slices.Index(scopes(), least)
}

// toolRow is one tool of the two servers: what the agent sees it as, the least
// scope that opens it, arguments for a call, and whether the story calls it.
type toolRow struct {
	name  string
	least string
	args  map[string]any
	calls bool
}

func toolTable() []toolRow {
	issue := map[string]any{"repo": "acme/web", "number": 7}
	return []toolRow{
		{"github__list_issues", scopeRead, map[string]any{"repo": "acme/web"}, true},
		{"github__list_repos", scopeRead, map[string]any{"owner": "acme"}, false},
		{"github__get_issue", scopeRead, issue, true},
		{"github__search_code", scopeRead, map[string]any{"query": "timeout"}, true},
		{"slack__list_channels", scopeRead, map[string]any{}, false},
		{"slack__get_message", scopeRead, map[string]any{"channel": "ops", "id": "m1"}, false},
		{"slack__search_messages", scopeRead, map[string]any{"query": "pager"}, false},
		{"slack__post_message", scopeWrite, map[string]any{"channel": "ops", "text": "On it."}, true},
		{"github__create_issue", scopeWrite, map[string]any{"repo": "acme/web", "title": "Disk full"}, true},
		{"github__comment_issue", scopeWrite, map[string]any{"repo": "acme/web", "number": 7, "body": "Seen."}, true},
		{"slack__admin_ban_user", scopeAdmin, map[string]any{"user": "mallory"}, true},
		{"slack__admin_list_users", scopeAdmin, map[string]any{}, false},
		{"github__delete_repo", never, map[string]any{"repo": "acme/web"}, true},
		{"slack__delete_message", never, map[string]any{"channel": "ops", "id": "m1"}, false},
		{"github__merge_pull_request", never, issue, true},
	}
}

// scenes is the story. The limit comes last, because it is then used up.
func scenes() []scene {
	all := []scene{
		{"The agent obtains tokens (client_credentials, RS256)", tokenSteps()},
		{"Prompts and answers (LLM surface; calls speak as the workload)", promptSteps()},
		{"Tools listed for each scope", listSteps()},
	}
	for _, scope := range scopes() {
		all = append(all, scene{"Tools called with " + label(scope), callSteps(scope)})
	}
	return append(
		all,
		scene{"Arguments, results and the newer protocol", argumentSteps()},
		scene{"Tokens that are not believed", forgedSteps()},
		scene{"Limits", limitSteps()},
	)
}

func label(scope string) string {
	if scope == scopeNone {
		return "no MCP scope"
	}
	return scope
}
