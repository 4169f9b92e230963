package authzen

// Paths under which the interfaces are served.
const (
	EvaluationPath  = "/access/v1/evaluation"
	EvaluationsPath = "/access/v1/evaluations"
	MetadataPath    = "/.well-known/authzen-configuration"
)

// Metadata says where the interfaces are. Those that are not there are not
// served: nobody can list who may do what, for rules decide about one call.
type Metadata struct {
	PolicyDecisionPoint string `json:"policy_decision_point"`
	Evaluation          string `json:"access_evaluation_endpoint"`
	Evaluations         string `json:"access_evaluations_endpoint"`
}

// MetadataOf returns the metadata of a decision service at a base URL without a
// path.
func MetadataOf(base string) *Metadata {
	return &Metadata{base, base + EvaluationPath, base + EvaluationsPath}
}
