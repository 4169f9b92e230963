package authzen

import (
	"strings"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/dialect/mcp"
	"outrider.dev/outrider/dialect/openai"
)

// Types of resources that mean something in the vocabulary; those of MCP are
// the ones of COAZ. Every other type is generic.
const (
	kindTool     = "tool"
	kindServer   = "mcp_server"
	kindResource = "resource"
	kindPrompt   = "prompt"
	kindTask     = "task"
	kindModel    = "model"
)

// meaning is what an action on a type of resource is.
type meaning struct {
	surface decision.Surface
	method  string
	generic bool // it is judged as the call of a tool: see [question.message]
}

// verbs are words for actions beside the names of MCP methods.
func verbs(kind string) map[string]string {
	switch kind {
	case kindTool:
		return map[string]string{"call": mcp.MethodToolsCall}
	case kindServer:
		return map[string]string{"list_tools": mcp.MethodToolsList}
	case kindResource:
		return map[string]string{"read": "resources/read"}
	case kindPrompt:
		return map[string]string{"get": "prompts/get"}
	case kindModel:
		return map[string]string{
			"chat": openai.OperationChat, openai.OperationChat: openai.OperationChat,
			openai.OperationEmbeddings: openai.OperationEmbeddings,
		}
	default:
		return nil
	}
}

// meaningOf returns what the action is. The type of the resource decides alone
// whether a question is generic: an action that a type does not have means
// nothing, so that no misspelt question is judged as a call of something else.
func meaningOf(kind, action string) (m meaning, known bool) {
	switch kind {
	case kindModel:
		m.surface = decision.LLM
		m.method, known = verbs(kind)[action]
		return m, known
	case kindTool, kindServer, kindResource, kindPrompt, kindTask:
	default:
		return meaning{decision.MCP, mcp.MethodToolsCall, true}, true
	}
	m = meaning{decision.MCP, action, false}
	if method, ok := verbs(kind)[action]; ok {
		m.method = method
	}
	row, known := mcp.Lookup(m.method)
	return m, known && !row.FromServer && about(row, kind)
}

// about reports whether a method is about that type of resource.
func about(row mcp.Method, kind string) bool {
	ofTasks := strings.HasPrefix(row.Name, "tasks/") && row.Name != "tasks/list"
	switch row.Carries {
	case mcp.ToolName:
		return kind == kindTool
	case mcp.PromptName:
		return kind == kindPrompt
	case mcp.URI:
		return kind == kindResource
	case mcp.Reference:
		return kind == kindPrompt || kind == kindResource
	default:
		return kind == kindServer && !ofTasks || kind == kindTask && ofTasks
	}
}

// unknownError is a question that can be read and means nothing here. It is
// denied, not refused: what is not known must not be done.
type unknownError struct{ reason decision.Reason }

// Error implements error.
func (e *unknownError) Error() string { return e.reason.Message }

func unknownAction(q *question) error {
	return &unknownError{decision.Reason{
		Code:    decision.CodeMethodUnknown,
		Message: "this action is none of a resource of the type " + q.resource.kind + ": see the table in docs/authzen.md",
	}}
}
