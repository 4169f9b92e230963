package tools

import "fmt"

// GitHub returns the server github, which answers by events.
func GitHub() *Server { return newServer("github", false, githubTools()) }

// StartGitHub serves it on a free loopback port, until Close.
func StartGitHub() (*Server, error) { return GitHub().start() }

type repoArgs struct {
	Repo string `json:"repo" jsonschema:"the repository, as owner/name"`
}

type listReposArgs struct {
	Owner string `json:"owner" jsonschema:"the user or organisation"`
}

type listIssuesArgs struct {
	repoArgs
	State string `json:"state,omitempty" jsonschema:"open, closed or all"`
	Limit int    `json:"limit,omitempty" jsonschema:"how many at most"`
}

type issueArgs struct {
	repoArgs
	Number int `json:"number" jsonschema:"the issue's number"`
}

type searchCodeArgs struct {
	Query string `json:"query" jsonschema:"words to look for"`
	Repo  string `json:"repo,omitempty" jsonschema:"only in this repository"`
}

type createIssueArgs struct {
	repoArgs
	Title  string   `json:"title" jsonschema:"one line"`
	Body   string   `json:"body,omitempty" jsonschema:"the text, in Markdown"`
	Labels []string `json:"labels,omitempty" jsonschema:"labels to set"`
}

type commentArgs struct {
	issueArgs
	Body string `json:"body" jsonschema:"the comment, in Markdown"`
}

type mergeArgs struct {
	issueArgs
	Method string `json:"method,omitempty" jsonschema:"merge, squash or rebase"`
}

func githubTools() []tool {
	return []tool{
		text("list_issues", "List the issues of a repository.", func(in listIssuesArgs) string {
			return fmt.Sprintf("%s has 2 issues: #7 Pods restart at night; #9 Certificate expires soon", in.Repo)
		}),
		text("list_repos", "List the repositories of an owner.", func(in listReposArgs) string {
			return fmt.Sprintf("%s/web, %s/api, %s/deploy", in.Owner, in.Owner, in.Owner)
		}),
		text("get_issue", "Read one issue.", func(in issueArgs) string {
			return fmt.Sprintf("%s#%d Pods restart at night: memory grows until the limit is reached.", in.Repo, in.Number)
		}),
		text("search_code", "Search source code.", func(in searchCodeArgs) string {
			return fmt.Sprintf("1 match for %q: api/server.go:42", in.Query)
		}),
		text("create_issue", "Open an issue.", func(in createIssueArgs) string {
			return fmt.Sprintf("opened %s#10: %s", in.Repo, in.Title)
		}),
		text("comment_issue", "Comment on an issue.", func(in commentArgs) string {
			return fmt.Sprintf("commented on %s#%d", in.Repo, in.Number)
		}),
		text("merge_pull_request", "Merge a pull request.", func(in mergeArgs) string {
			return fmt.Sprintf("merged %s#%d", in.Repo, in.Number)
		}),
		text("delete_repo", "Delete a repository for good.", func(in repoArgs) string {
			return "deleted " + in.Repo
		}),
	}
}
