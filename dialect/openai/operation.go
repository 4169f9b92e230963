package openai

// Operations of the API, as requests and rules name them.
const (
	OperationChat       = "chat.completions"
	OperationEmbeddings = "embeddings"
	OperationModels     = "models.list"
)

// OperationPath returns the path of an operation below a provider's base URL,
// empty for an unknown one.
func OperationPath(operation string) string {
	switch operation {
	case OperationChat:
		return "/chat/completions"
	case OperationEmbeddings:
		return "/embeddings"
	case OperationModels:
		return "/models"
	default:
		return ""
	}
}
