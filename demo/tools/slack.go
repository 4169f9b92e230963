package tools

import "fmt"

// OnCallPhone stands in the result of get_message, for guards to find. It is
// one of the numbers set aside for fiction.
const OnCallPhone = "+1 (415) 555-0142"

// Slack returns the server slack, which answers in plain JSON.
func Slack() *Server { return newServer("slack", true, slackTools()) }

// StartSlack serves it on a free loopback port, until Close.
func StartSlack() (*Server, error) { return Slack().start() }

type noArgs struct{}

type messageArgs struct {
	Channel string `json:"channel" jsonschema:"the channel's name, without #"`
	ID      string `json:"id" jsonschema:"the message's id"`
}

type searchMessagesArgs struct {
	Query   string `json:"query" jsonschema:"words to look for"`
	Channel string `json:"channel,omitempty" jsonschema:"only in this channel"`
}

type postArgs struct {
	Channel string `json:"channel" jsonschema:"the channel's name, without #"`
	Text    string `json:"text" jsonschema:"what to say"`
}

type banArgs struct {
	User   string `json:"user" jsonschema:"the user's name"`
	Reason string `json:"reason,omitempty" jsonschema:"shown to the user"`
}

func slackTools() []tool {
	return []tool{
		text("list_channels", "List the channels.", func(noArgs) string {
			return "general, ops, incidents"
		}),
		text("get_message", "Read one message.", func(in messageArgs) string {
			return fmt.Sprintf("#%s %s: the pager is with the night shift, call %s", in.Channel, in.ID, OnCallPhone)
		}),
		text("search_messages", "Search messages.", func(in searchMessagesArgs) string {
			return fmt.Sprintf("2 messages mention %q", in.Query)
		}),
		text("post_message", "Post a message.", func(in postArgs) string {
			return "posted to #" + in.Channel
		}),
		text("delete_message", "Delete a message.", func(in messageArgs) string {
			return "deleted " + in.ID
		}),
		text("admin_ban_user", "Ban a user from the workspace.", func(in banArgs) string {
			return "banned " + in.User
		}),
		text("admin_list_users", "List every user with their role.", func(noArgs) string {
			return "3 users, 1 of them an owner"
		}),
	}
}
