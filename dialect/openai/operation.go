package openai

// Operations of the API, as requests and rules name them.
const (
	OperationChat       = "chat.completions"
	OperationEmbeddings = "embeddings"
	OperationModels     = "models.list"
)

// Operation is one row of the table of what the API serves.
type Operation struct {
	Name    string
	Path    string // below a provider's base URL
	Dialect string // of its bodies
}

// Operations returns the table.
func Operations() []Operation {
	return []Operation{
		{OperationChat, "/chat/completions", Chat},
		{OperationEmbeddings, "/embeddings", Embeddings},
		{OperationModels, "/models", Models},
	}
}

// Lookup returns the row of an operation; ok is false for an unknown one.
func Lookup(name string) (o Operation, ok bool) {
	for _, o := range Operations() {
		if o.Name == name {
			return o, true
		}
	}
	return Operation{}, false
}
