package decision

import "time"

// Surface tells what kind of traffic an exchange carries.
type Surface string

// The two surfaces.
const (
	LLM Surface = "llm"
	MCP Surface = "mcp"
)

// Request is the question about one exchange: who asks, for what, with which
// body. A zero field is absent: a Request without a Tool is no tool call.
//
// The bytes that a Request refers to belong to the asker; a Decider may read
// them until the call that received the Request returns and, where an
// [Exchange] was opened, until that exchange is settled.
type Request struct {
	ExchangeID string // minted by the data plane; becomes the decision id
	Surface    Surface
	Method     string // MCP method ("tools/call") or LLM operation ("chat.completions")
	Caller     Caller
	Face       Face
	HTTP       HTTP
	Body       Body
	Tool       Tool
	LLM        LLMCall
	Server     string // the MCP server that the path names; empty: all servers
	Resource   string // MCP resource URI
	Prompt     string // MCP prompt name
	Session    string
	Source     string // address of the agent, host:port
	Target     string // where the asker sends the call, whatever routes say; empty: where the grant says
	// Unseen says that the asker does not show what the call carries: the
	// arguments of a tool or a prompt, the texts of an LLM call. What depends on
	// them is not passed.
	Unseen bool
	// Time is when the decision service was asked, by its own clock. It sets
	// the time itself and takes nobody's word for it.
	Time time.Time
}

// Caller says who the data plane speaks for and which token the agent showed.
type Caller struct {
	Agent          string
	Namespace      string
	ServiceAccount string
	Labels         map[string]string
	Bearer         Secret // the JWT as it came, without its scheme; nil when none came
	Shared         bool   // through a gateway that several agents share: without a proof it is refused
	Identity       string // SPIFFE id of the certificate that the agent showed to the gateway, which is such a proof
	// Subject is who the asker says that the token is of; a token of somebody
	// else is refused. Empty: whoever it names.
	Subject string
}

// HTTP is what rules may read of the HTTP request. Headers has lower-case
// names and never holds Authorization, a cookie or an API key.
type HTTP struct {
	Method  string
	Path    string
	Headers map[string]string
}

// Face declares what the asker can enforce. An obligation beyond it is a
// denial with [CodeFaceCannotEnforce].
type Face struct {
	Edits     bool // can change the request before it travels on
	Responses bool // shows us whole answers
	Streams   bool // shows us streamed answers and holds them back
	Settles   bool // reports the outcome
	Headers   bool // can change headers, though perhaps not the body; Edits includes it
	// Forwards says that the asker is a proxy that sends the call on by itself,
	// also where it was granted nothing: what a policy demands of answers is
	// demanded of it, and it hears whom the token names and how full limits are.
	Forwards bool
}

// FullFace is the face of Outrider's own data plane: it can do everything.
func FullFace() Face { return Face{Edits: true, Responses: true, Streams: true, Settles: true} }

// Body is a request or response body with the table of its segments. With an
// empty table and a dialect the decision service reads the body itself.
type Body struct {
	Dialect  string
	Raw      []byte
	Segments []Segment
}

// SegmentKind says what a piece of text is to the model or the tool.
type SegmentKind string

// Kinds of segments.
const (
	KindPrompt      SegmentKind = "prompt"      // text that a model will read
	KindCompletion  SegmentKind = "completion"  // text that a model wrote
	KindArguments   SegmentKind = "arguments"   // of a tool call
	KindResult      SegmentKind = "result"      // of a tool call
	KindDescription SegmentKind = "description" // of a tool: its name, text or schema
	KindError       SegmentKind = "error"       // message of an error body
)

// Origin says who wrote a segment.
type Origin string

// Origins of segments.
const (
	OriginSystem    Origin = "system"
	OriginUser      Origin = "user"
	OriginAssistant Origin = "assistant"
	OriginTool      Origin = "tool"
)

// Segment is a piece of text that guards read. Start and End are byte offsets
// into the raw body of the characters between the quotes of one JSON string,
// still escaped. Text carries the unescaped text only where there is no body.
type Segment struct {
	ID     uint32 // index in its table
	Kind   SegmentKind
	Origin Origin
	Start  uint32
	End    uint32
	Text   string
}

// Tool is the tool that a call or a list entry means.
type Tool struct {
	Server     string // upstream server; empty until the decision service resolves Exposed
	Name       string // the server's own name
	Exposed    string // the name that the agent sees
	ArgsStart  uint32 // offsets of the arguments object in Body.Raw; equal when absent
	ArgsEnd    uint32
	Args       []byte // the arguments object, only where there is no body
	Definition []byte // raw JSON of the tool, in lists only
}

// Named reports whether t names a tool at all.
func (t Tool) Named() bool { return t.Name != "" || t.Exposed != "" }

// LLMCall is what rules and limits read of an LLM request.
type LLMCall struct {
	Model     string // the name that the agent asked for
	Stream    bool
	MaxTokens uint64 // 0: not given
}

// Arguments returns the raw JSON of the tool's arguments, nil when absent.
func (r *Request) Arguments() []byte {
	if r.Tool.ArgsEnd > r.Tool.ArgsStart && int(r.Tool.ArgsEnd) <= len(r.Body.Raw) {
		return r.Body.Raw[r.Tool.ArgsStart:r.Tool.ArgsEnd]
	}
	return r.Tool.Args
}
