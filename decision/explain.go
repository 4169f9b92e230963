package decision

// Explanation is a verdict with the way to it. It is for operators: it names
// files and lines of policies. Of what the caller sent it shows what stands in
// records anyway; other values are masked.
type Explanation struct {
	Verdict *Verdict      // without grants
	Rules   []RuleOutcome // every rule of every policy that selects the caller, in the order of the documents
	Limits  []LimitState  // that would count the call
	Edits   []string      // what mutations change, each with its rule; without values
	Change  string        // the smallest change that would let the call pass; empty where it passes
}

// RuleOutcome is what one rule of a policy came to, by itself.
type RuleOutcome struct {
	Policy  string      `json:"policy"`
	Version string      `json:"version,omitempty"`
	Cluster bool        `json:"cluster,omitempty"` // of the security team's layer
	Observe bool        `json:"observe,omitempty"` // the policy refuses nothing
	Effect  RuleEffect  `json:"effect"`
	Rule    string      `json:"rule"`         // its name or its place in the document
	At      string      `json:"at,omitempty"` // file:line:column, where known
	Result  RuleResult  `json:"result"`
	Note    string      `json:"note,omitempty"`    // why it does not apply, what was missing, what it says
	Decides bool        `json:"decides,omitempty"` // the verdict of the rules rests on it
	When    *Condition  `json:"when,omitempty"`    // of rules with an expression that apply
	Values  []ReadValue `json:"values,omitempty"`  // that it read
}

// RuleEffect is what a rule is for.
type RuleEffect string

// Effects of rules.
const (
	RuleAllows RuleEffect = "allow"
	RuleDenies RuleEffect = "deny"
	RuleModels RuleEffect = "models" // a list of models: no alternative to others, but a bound
)

// RuleResult is what a rule or a piece of one came to.
type RuleResult string

// Results of rules.
const (
	ResultTrue    RuleResult = "true"
	ResultFalse   RuleResult = "false"
	ResultError   RuleResult = "error"
	ResultUnknown RuleResult = "unknown" // depends on arguments that nobody knows yet
	ResultSkipped RuleResult = "skipped" // it does not apply to such calls
)

// Condition is an expression taken apart at its logical operators. Every piece
// is evaluated, also those that another one made irrelevant.
type Condition struct {
	Operator Operator    `json:"operator,omitempty"`
	Text     string      `json:"text,omitempty"` // of a piece without an operator
	Result   RuleResult  `json:"result"`
	Note     string      `json:"note,omitempty"` // of an error: what was missing; of a rule of a Rego module: where it stands
	Parts    []Condition `json:"parts,omitempty"`
}

// Operator joins the parts of a condition.
type Operator string

// Operators.
const (
	OperatorAll    Operator = "all"
	OperatorAny    Operator = "any"
	OperatorNot    Operator = "not"
	OperatorChoice Operator = "choice" // condition, then, else
)

// ReadValue is a value that a rule read, as far as operators may see it.
type ReadValue struct {
	Path  string `json:"path"`
	Value string `json:"value"`
}

// LimitState is how full a limit is for the caller of a call.
type LimitState struct {
	Name     string `json:"name"`
	Per      string `json:"per"`
	Requests Fill   `json:"requests,omitzero"`
	Tokens   Fill   `json:"tokens,omitzero"`
	Refuses  bool   `json:"refuses,omitempty"` // the call would find no room
	Observe  bool   `json:"observe,omitempty"` // and pass nevertheless
}

// Fill is how much of an amount is used. A zero Of is no limit.
type Fill struct {
	Used uint64 `json:"used"`
	Of   uint64 `json:"of"`
}
