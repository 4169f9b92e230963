package road

import (
	"encoding/base64"
	"net/http"
	"slices"
	"strings"

	"outrider.dev/outrider/decision"
)

// shapeAttacks are odd shapes of calls: what two readers could take for
// different calls, and places in which text hides from guards.
func shapeAttacks() []attack {
	return slices.Concat(memberAttacks(), chatAttacks(), hiddenTexts(), nameAttacks(), messageAttacks(), headerAttacks(), pathAttacks())
}

// on returns attacks on one path, which are refused for one reason.
func on(path string, code decision.Code, list ...badBody) []attack {
	var out []attack
	for _, b := range list {
		out = append(out, attack{name: b.name, paths: []string{path}, spoil: b.spoil, code: code})
	}
	return out
}

// memberAttacks repeat a member at some depth, or spell it in another way.
func memberAttacks() []attack {
	all := []badBody{
		{"a member twice in an unknown one", swap(`"text"`, `{"a":{"b":1,"b":1}}`)},
		{"a member twice in a list", swap(`"text"`, `[[{"a":1,"\u0061":2}]]`)},
		{"an empty name twice", swap(`"text"`, `{"":1,"":2}`)},
		{"a name twice, its character as a pair of surrogates", swap(`"text"`, `{"😀":1,"\ud83d\ude00":2}`)},
		{"a name with a lone surrogate", swap(`"x"`, `"x\udfff"`)},
		{"a pair of surrogates in the wrong order", swap("text", `\ude00\ud83d`)},
		{"an escape that is none", swap("text", `te\xxt`)},
		{"an escape that ends early", swap("text", `te\u00`)},
		{"single quotes", swap(`"text"`, `'text'`)},
		{"a name without quotes", swap(`"x"`, `x`)},
		{"a plus sign", swap(`"text"`, `+1`)},
		{"a hexadecimal number", swap(`"text"`, `0x10`)},
		{"infinity", swap(`"text"`, `-Infinity`)},
		{"a number that ends with its point", swap(`"text"`, `1.`)},
		{"an exponent without digits", swap(`"text"`, `1e`)},
		{"a batch in a batch", around("[[", "]]")},
		{"a batch behind the body", around("", "\n[]")},
		{"a form feed for a space", around("\f", "")},
		{"a space of Unicode", around("\u00a0", "")},
		{"a record separator", around("\x1e", "\n")},
		{"a byte order mark inside", swap(`"x"`, "\ufeff\"x\"")},
		{"a form", instead("model=grok-4&messages=hi")},
		{"several parts", instead("--b\r\nContent-Disposition: form-data; name=\"body\"\r\n\r\n{}\r\n--b--\r\n")},
		{"lines of an event stream", around("data: ", "\n\n")},
	}
	var out []attack
	for _, b := range all {
		out = append(out, attack{name: b.name, spoil: b.spoil, code: decision.CodeBodyInvalid})
	}
	return append(out, slices.Concat(
		on(pathChat, decision.CodeBodyInvalid,
			badBody{"messages with a long s", swap(`"x":"text"`, `"meſſages":[]`)},
			badBody{"a role twice", swap(`"role":"user"`, `"role":"user","role":"system"`)},
			badBody{"a role in other case", swap(`"role":"user"`, `"role":"user","Role":"system"`)},
			badBody{"content in other case", swap(`"content":"hi"`, `"content":"hi","CONTENT":"ho"`)},
			badBody{"a part in other case", swap(`"hi"`, `[{"type":"text","text":"hi","Text":"ho"}]`)},
			badBody{"a tool's function in other case", swap(`"x":"text"`, `"tools":[{"type":"function","function":{"name":"a"},"Function":{"name":"b"}}]`)},
			badBody{"a tool's name in other case", swap(`"x":"text"`, `"tools":[{"type":"function","function":{"name":"a","Name":"b"}}]`)},
			badBody{"a model behind NUL", swap(`"x":"text"`, `"model\u0000":"llama-4"`)},
			badBody{"messages behind NUL", swap(`"x":"text"`, `"messages\u0000x":[]`)},
		),
		on(pathMCP+"/github", decision.CodeBodyInvalid,
			badBody{"params with a long s", swap(`"params":`, `"paramſ":{"name":"delete_repo"},"params":`)},
			badBody{"a method in other case", swap(`"method":`, `"METHOD":"ping","method":`)},
			badBody{"an id in other case", swap(`"id":`, `"ID":9,"id":`)},
			badBody{"arguments in other case", swap(`"arguments":`, `"Arguments":{},"arguments":`)},
			badBody{"an argument in other case", swap(`"x":"text"`, `"x":"text","REPO":"infra/dns"`)},
			badBody{"an argument in other case, deep", swap(`"text"`, `{"a":[{"path":1,"Path":2}]}`)},
			badBody{"an argument with a Kelvin sign", swap(`"x":"text"`, `"key":1,"`+"\u212a"+`ey":2`)},
			badBody{"a tool's name behind NUL", swap(`"name":`, `"name\u0000":"delete_repo","name":`)},
		),
	)...)
}

// chatAttacks are bodies that are no chat.
func chatAttacks() []attack {
	whole := func(name, body string) badBody { return badBody{name, instead(body)} }
	return on(pathChat, decision.CodeBodyInvalid,
		whole("completions with a prompt", `{"model":"grok-4","prompt":"hi"}`),
		whole("completions with prompts", `{"model":"grok-4","prompt":["hi","ho"]}`),
		whole("completions with tokens", `{"model":"grok-4","prompt":[[1,2],[3]]}`),
		whole("responses", `{"model":"grok-4","input":"hi"}`),
		whole("responses with items", `{"model":"grok-4","instructions":"hi","input":[{"role":"user","content":"hi"}]}`),
		whole("embeddings", `{"model":"grok-4","input":["hi"]}`),
		whole("a message of MCP", toolCall("list_issues", "{}")),
		whole("no model", `{"messages":[]}`),
		badBody{"a model that is null", swap(`"grok-4"`, `null`)},
		badBody{"a model that is a list", swap(`"grok-4"`, `["grok-4"]`)},
		badBody{"a model that is an object", swap(`"grok-4"`, `{"name":"grok-4"}`)},
		badBody{"a model without a name", swap(`"grok-4"`, `""`)},
		badBody{"messages that are null", swap(`[{"role":"user","content":"hi"}]`, `null`)},
		badBody{"messages that are an object", swap(`[{"role":"user","content":"hi"}]`, `{"0":{"role":"user","content":"hi"}}`)},
		badBody{"messages that are a text", swap(`[{"role":"user","content":"hi"}]`, `"hi"`)},
		badBody{"messages in messages", swap(`{"role":"user","content":"hi"}`, `[{"role":"user","content":"hi"}]`)},
		badBody{"a message that is a text", swap(`{"role":"user","content":"hi"}`, `"hi"`)},
		badBody{"a message without a role", swap(`"role":"user",`, ``)},
		badBody{"a role that is a number", swap(`"role":"user"`, `"role":1`)},
		badBody{"content that is an object", swap(`"content":"hi"`, `"content":{"type":"text","text":"hi"}`)},
		badBody{"content that is a number", swap(`"content":"hi"`, `"content":1`)},
		badBody{"a stream that is a text", swap(`"x":"text"`, `"stream":"true"`)},
		badBody{"a stream that is a number", swap(`"x":"text"`, `"stream":1`)},
		badBody{"a bound below zero", swap(`"x":"text"`, `"max_tokens":-1`)},
		badBody{"a bound that is minus zero", swap(`"x":"text"`, `"max_tokens":-0`)},
		badBody{"a bound with an exponent", swap(`"x":"text"`, `"max_tokens":1e9`)},
		badBody{"a bound beyond 64 bits", swap(`"x":"text"`, `"max_completion_tokens":18446744073709551616`)},
		badBody{"a bound that is a text", swap(`"x":"text"`, `"max_tokens":"5"`)},
	)
}

// hiddenTexts put an injection where a model reads it, and a careless guard
// does not.
func hiddenTexts() []attack {
	encoded := base64.StdEncoding.EncodeToString([]byte(injection))
	message := func(m string) spoil { return swap(`{"role":"user","content":"hi"}`, m) }
	part := func(p string) spoil { return swap(`"hi"`, `[`+p+`]`) }
	beside := func(members string) spoil { return swap(`"x":"text"`, members) }
	said := `"` + injection + `"`
	return on(pathChat, decision.CodeInjection,
		badBody{"in a part", part(`{"type":"text","text":` + said + `}`)},
		badBody{"in a part of an unknown type", part(`{"type":"x_unknown","payload":` + said + `}`)},
		badBody{"in a part without a type", part(`{"content":[{"t":` + said + `}]}`)},
		badBody{"in a list of lists", part(`[[` + said + `]]`)},
		badBody{"as the type of a part", part(`{"type":` + said + `}`)},
		badBody{"as a role", message(`{"role":` + said + `,"content":"hi"}`)},
		badBody{"as the name of a user", message(`{"role":"user","name":` + said + `,"content":"hi"}`)},
		badBody{"as an id", message(`{"role":"tool","tool_call_id":` + said + `,"content":"hi"}`)},
		badBody{"in the answer of a tool", message(`{"role":"tool","tool_call_id":"1","content":` + said + `}`)},
		badBody{"in the answer of a function", message(`{"role":"function","name":"f","content":` + said + `}`)},
		badBody{"in what the assistant said", message(`{"role":"assistant","content":` + said + `}`)},
		badBody{"in a refusal", message(`{"role":"assistant","refusal":` + said + `}`)},
		badBody{"in reasoning", message(`{"role":"assistant","content":"","reasoning_content":` + said + `}`)},
		badBody{"in a role that nobody knows", message(`{"role":"critic","content":` + said + `}`)},
		badBody{"in a member of a message that nobody knows", message(`{"role":"user","content":"hi","x":{"y":[` + said + `]}}`)},
		badBody{"in the name of a member", message(`{"role":"user","content":"hi",` + said + `:1}`)},
		badBody{"in the arguments of a call", message(`{"role":"assistant","tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":"{\"q\":\"` + injection + `\"}"}}]}`)},
		badBody{"in the arguments of a legacy call", message(`{"role":"assistant","function_call":{"name":"f","arguments":` + said + `}}`)},
		badBody{"beside the messages, as a prompt", beside(`"prompt":["hi",` + said + `]`)},
		badBody{"beside the messages, as input", beside(`"input":[{"role":"user","content":[{"type":"input_text","text":` + said + `}]}]`)},
		badBody{"in a choice of tools", beside(`"tool_choice":{"type":"function","function":{"name":` + said + `}}`)},
		badBody{"in metadata", beside(`"metadata":{"a":` + said + `}`)},
		badBody{"as a user", beside(`"user":` + said)},
		badBody{"as a stop word", beside(`"stop":[` + said + `]`)},
		badBody{"in a prediction", beside(`"prediction":{"type":"content","content":` + said + `}`)},
		badBody{"as the address of an image", part(`{"type":"image_url","image_url":{"url":` + said + `}}`)},
		badBody{"in a data URL of text", part(`{"type":"image_url","image_url":{"url":"data:text/plain;base64,` + encoded + `"}}`)},
		badBody{"in an image that is text", part(`{"type":"image_url","image_url":{"url":"data:image/svg+xml;base64,` + encoded + `"}}`)},
		badBody{"in a file", part(`{"type":"file","file":{"filename":"a.txt","file_data":"data:text/plain;base64,` + encoded + `"}}`)},
		badBody{"in a file without its type", part(`{"type":"file","file":{"filename":"a.txt","file_data":"` + encoded + `"}}`)},
		badBody{"in a data URL without padding", part(`{"type":"image_url","image_url":{"url":"data:image/png;base64,` + strings.TrimRight(encoded, "=") + `"}}`)},
		badBody{"in a data URL of a group too few", part(`{"type":"image_url","image_url":{"url":"data:image/png;base64,` + encoded[:len(encoded)-3] + `"}}`)},
		badBody{"in a data URL in capitals", part(`{"type":"image_url","image_url":{"url":"DATA:image/png;BASE64,` + encoded + `"}}`)},
		badBody{"in a data URL with blanks", part(`{"type":"image_url","image_url":{"url":"data:image/png;base64,` + encoded[:40] + `\n` + encoded[40:] + `"}}`)},
		badBody{"in a data URL that pads before", part(`{"type":"image_url","image_url":{"url":"data:image/png;base64,AA==` + encoded + `"}}`)},
		badBody{"in a data URL with percent signs", part(`{"type":"image_url","image_url":{"url":"data:image/png,` + percented(injection) + `"}}`)},
		badBody{"as the name of a file", part(`{"type":"file","file":{"filename":` + said + `,"file_data":"JVBERi0xLjcKJeLjz9M="}}`)},
		badBody{"in sound that is text", part(`{"type":"input_audio","input_audio":{"format":"wav","data":"` + encoded + `"}}`)},
		badBody{"escaped throughout", part(`{"type":"text","text":"` + escaped(injection) + `"}`)},
		badBody{"under an escaped name", part(`{"type":"text","te\u0078t":` + said + `}`)},
	)
}

func percented(text string) string { return strings.ReplaceAll(text, " ", "%20") }

func escaped(text string) string {
	var out strings.Builder
	for _, c := range text {
		out.WriteString(`\u00`)
		out.WriteByte("0123456789abcdef"[c>>4&15])
		out.WriteByte("0123456789abcdef"[c&15])
	}
	return out.String()
}

// nameAttacks spell a name so that a rule and a lenient server could take it
// for different ones.
func nameAttacks() []attack {
	model := func(name string) spoil { return swap("grok-4", name) }
	tool := func(name string) spoil { return swap("list_issues", name) }
	return slices.Concat(
		on(pathChat, decision.CodeBodyInvalid,
			badBody{"a model with a space behind it", model("grok-4 ")},
			badBody{"a model with a line break", model(`grok-4\n`)},
			badBody{"a model with NUL", model(`grok-4\u0000`)},
			badBody{"a model with a space that has no width", model(`grok-4\u200b`)},
			badBody{"a model with a mark of direction", model(`grok-4\u202e`)},
			badBody{"a model with tags", model(`grok-4\udb40\udc61`)},
		),
		on(pathChat, decision.CodeModelNotAllowed,
			badBody{"a model in capitals", model("GROK-4")},
			badBody{"a model in wide letters", model("ｇrok-4")},
			badBody{"a model in letters of another script", model(`gr\u043ek-4`)},
			badBody{"a model with its vendor", model("xai/grok-4")},
			badBody{"a model in a path", model("../grok-4")},
		),
		on(pathEmbeddings, decision.CodeBodyInvalid, badBody{"a model with a tab", swap(`"grok-embedding"`, `"\tgrok-embedding"`)}),
		on(pathMCP+"/github", decision.CodeBodyInvalid,
			badBody{"a tool with a space behind it", tool("list_issues ")},
			badBody{"a tool with a space before it", tool(" list_issues")},
			badBody{"a tool with NUL", tool(`list_issues\u0000`)},
			badBody{"a tool with a line break", tool(`list_issues\n`)},
			badBody{"a tool with a mark of direction", tool(`list_\u202eissues`)},
			badBody{"a tool with a joiner", tool(`list_\u200dissues`)},
		),
		on(pathMCP+"/github", decision.CodeToolUnknown,
			badBody{"a tool in capitals", tool("LIST_ISSUES")},
			badBody{"a tool in wide letters", tool("ｌist_issues")},
			badBody{"a tool with a composed letter", tool(`delete_repos\u0327`)},
			badBody{"a tool in a path", tool("list_issues/../delete_repo")},
			badBody{"a tool with its server", tool("github__list_issues")},
			badBody{"a tool of another server", tool("slack__list_channels")},
			badBody{"a tool with an escaped name", tool(`\u0064elete_repo`)},
		),
	)
}

// messageAttacks are no messages of a client of MCP.
func messageAttacks() []attack {
	id := func(with string) spoil { return swap(`"id":1`, `"id":`+with) }
	params := func(with string) spoil { return instead(rpc("tools/call", with)) }
	method := func(name string) spoil { return instead(rpc(name, `{"name":"list_issues"}`)) }
	return slices.Concat(
		on(pathMCP+"/github", decision.CodeBodyInvalid,
			badBody{"an id that is null", id("null")},
			badBody{"an id that is true", id("true")},
			badBody{"an id that is a list", id("[1]")},
			badBody{"an id that is an object", id(`{"id":1}`)},
			badBody{"an id with a fraction", id("1.5")},
			badBody{"an id with an exponent", id("1e3")},
			badBody{"an id without end", id(`"` + strings.Repeat("1", 300) + `"`)},
			badBody{"no id", swap(`"id":1,`, ``)},
			badBody{"no version", swap(`"jsonrpc":"2.0",`, ``)},
			badBody{"version 1", swap(`"2.0"`, `"1.0"`)},
			badBody{"a version that is a number", swap(`"2.0"`, `2.0`)},
			badBody{"a method that is a number", swap(`"tools/call"`, `1`)},
			badBody{"a method and a result", swap(`"id":1`, `"result":{},"id":1`)},
			badBody{"a method and an error", swap(`"id":1`, `"error":{"code":1,"message":""},"id":1`)},
			badBody{"an error alone", instead(`{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"x"}}`)},
			badBody{"a notification with an id", instead(rpc("notifications/initialized", "{}"))},
			badBody{"params that are a list", params(`["list_issues",{}]`)},
			badBody{"params that are null", params(`null`)},
			badBody{"params that are a text", params(`"list_issues"`)},
			badBody{"no name", params(`{"arguments":{}}`)},
			badBody{"an empty name", params(`{"name":""}`)},
			badBody{"a name that is null", params(`{"name":null}`)},
			badBody{"a name that is a list", params(`{"name":["list_issues","delete_repo"]}`)},
			badBody{"a name without end", params(`{"name":"list_` + strings.Repeat("x", 2000) + `"}`)},
			badBody{"arguments that are a list", params(`{"name":"list_issues","arguments":[{"repo":"a"}]}`)},
			badBody{"arguments that are a text", params(`{"name":"list_issues","arguments":"{\"repo\":\"a\"}"}`)},
			badBody{"a chat", instead(chat("grok-4", "hi"))},
		),
		on(pathMCP+"/github", decision.CodeMethodUnknown,
			badBody{"a method in other case", method("Tools/Call")},
			badBody{"a method with a space", method("tools/call ")},
			badBody{"a method with NUL", method(`tools/call\u0000`)},
			badBody{"a method with an empty step", method("tools//call")},
			badBody{"a method with dots", method("tools.call")},
			badBody{"an empty method", method("")},
			badBody{"a method of JSON-RPC itself", method("rpc.discover")},
			badBody{"a request for the roots", method("roots/list")},
			badBody{"a question to the user", method("elicitation/create")},
		),
	)
}

// headerAttacks say of a good body what does not go with it.
func headerAttacks() []attack {
	const contentType, encoding = "Content-Type", "Content-Encoding"
	var out []attack
	for _, value := range []string{
		"multipart/form-data; boundary=b", "multipart/mixed; boundary=b", "text/json", "application/json5", "application/x-ndjson", "application/x-json",
		"application/vnd.api+json", "application/problem+json", "application/octet-stream", "text/event-stream", "*/*", "json", "application/json/x",
		"application/json; charset=utf-7", "application/json; charset=iso-8859-1", `application/json; charset="utf-16le"`,
		"application/json; charset=utf-8; charset=utf-16", "application/json,application/json",
	} {
		out = append(out, attack{name: value, header: []string{contentType, value}, code: decision.CodeContentType})
	}
	for _, value := range []string{"deflate", "zstd", "x-gzip", "GZIP", "compress", "aws-chunked", "gzip, gzip", "gzip, identity", "identity;q=1, br", "dcb"} {
		out = append(out, attack{name: value, header: []string{encoding, value}, code: decision.CodeBodyEncoding})
	}
	out = append(out,
		attack{name: "two types", add: []string{contentType, "text/plain"}, code: decision.CodeContentType},
		attack{name: "the same type twice", add: []string{contentType, "application/json"}, code: decision.CodeContentType},
		attack{name: "two encodings in two lines", add: []string{encoding, "identity", encoding, "gzip"}, code: decision.CodeBodyEncoding},
		attack{name: "two origins", add: []string{"Origin", "http://127.0.0.1:1", "Origin", "https://evil.example"}, code: decision.CodeOriginRefused},
		attack{name: "an origin that is a file", add: []string{"Origin", "file://"}, code: decision.CodeOriginRefused},
		attack{name: "an origin with a user", add: []string{"Origin", "http://127.0.0.1:80@evil.example"}, code: decision.CodeOriginRefused},
		attack{name: "another protocol", add: []string{"Connection", "Upgrade", "Upgrade", "websocket"}, code: decision.CodeMethodNotAllowed},
		attack{name: "another protocol among others", add: []string{"Connection", "upgrade", "Upgrade", "h2c, TLS/1.2"}, code: decision.CodeMethodNotAllowed},
		attack{name: "two credentials", add: bearer("another"), code: decision.CodeTokenMalformed},
		attack{name: "two credentials, the second of another scheme", add: []string{"Authorization", "Basic YTpi"}, code: decision.CodeTokenMalformed},
		attack{name: "two credentials in one line", paths: onMCP(), header: bearer(placeholder + ", Bearer another"), code: decision.CodeTokenMalformed},
		attack{name: "a method twice", paths: onMCP(), add: []string{"Mcp-Method", "tools/call", "Mcp-Method", "tools/call"}, code: decision.CodeBodyInvalid},
		attack{name: "a name twice", paths: onMCP(), add: []string{"Mcp-Name", "list_issues", "Mcp-Name", "delete_repo"}, code: decision.CodeBodyInvalid},
		attack{name: "a name in base64 that is another", paths: onMCP(), add: []string{"Mcp-Name", "=?base64?ZGVsZXRlX3JlcG8=?="}, code: decision.CodeBodyInvalid},
		attack{name: "an argument that is another", paths: onMCP(), add: []string{"Mcp-Param-Repo", "infra/dns"}, code: decision.CodeBodyInvalid},
		attack{name: "a new version without its headers", paths: onMCP(), add: []string{"Mcp-Protocol-Version", modern}, code: decision.CodeBodyInvalid},
	)
	return out
}

// pathAttacks spell a path in another way, or ask for it by another method.
func pathAttacks() []attack {
	var out []attack
	for _, path := range []string{
		"//v1/chat/completions", "/v1//chat/completions", "/v1/chat/completions/", "/v1/chat/completions//", "/v1/./chat/completions",
		"/v1/x/../chat/completions", "/../v1/chat/completions", "/v1/chat%2fcompletions", "/v1/chat/completions%00", "/v1/chat/completions%20",
		"/v1/chat/completions%3Fx", "/v1/%63hat/completions", "/v1/chat/completions;x=1", "/v1;x/chat/completions", "/v1/chat/completions.json",
		"/V1/chat/completions", "/v1/Chat/completions", `/v1\chat\completions`, "/v1/chat/completions/x", "/v1/completions", "/v1/responses", "/v1/messages",
		"/v1/audio/speech", "/v1/images/generations", "/v1/files", "/v1/batches", "/openai/v1/chat/completions", "/v1/realtime",
		"//mcp", "/mcp/", "/mcp//github", "/mcp;x", "/mcp/github/", "/mcp/github/x", "/mcp/../mcp", "/MCP", "/sse", "/messages", "/", "/healthz", "/metrics",
	} {
		out = append(out, attack{name: "the path " + path, paths: []string{path}, spoil: instead(goodBody(pathChat)), code: decision.CodeMethodUnknown})
	}
	for _, path := range []string{"/mcp/GITHUB", "/mcp/%67ithub", "/mcp/github;x", "/mcp/github%2f", "/mcp/github%20", "/mcp/..;", "/mcp/" + strings.Repeat("x", 33)} {
		out = append(out, attack{name: "the path " + path, paths: []string{path}, spoil: instead(goodBody(pathMCP + "/github")), code: decision.CodeServerUnknown})
	}
	for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions, "post", "QUERY", "PROPFIND"} {
		out = append(out, attack{name: "the method " + method, paths: []string{pathChat, pathMCP, pathMCP + "/github"}, method: method, code: decision.CodeMethodNotAllowed})
	}
	out = append(out, attack{name: "the path *", paths: []string{"*"}, method: http.MethodOptions, code: decision.CodeMethodUnknown})
	return append(out, attack{name: "a list of models with a body", paths: []string{pathModels}, method: http.MethodGet, spoil: instead("{}"), code: decision.CodeBodyInvalid})
}

// oddities are calls that look odd and are good: they pass by every face.
func oddities() []attack {
	odd := func(name, path string, s spoil) attack { return attack{name: name, paths: []string{path}, spoil: s} }
	value := func(with string) spoil { return swap(`"text"`, with) }
	const github = pathMCP + "/github"
	out := []attack{
		odd("another model in a place that names none", pathChat, value(`{"model":"llama-4","messages":"x"}`)),
		odd("another tool in a place that names none", github, value(`{"name":"delete_repo","params":{"name":"delete_repo"},"method":"tools/drop"}`)),
		odd("arguments that are null", github, instead(rpc("tools/call", `{"name":"list_repos","arguments":null}`))),
		odd("an id below zero", github, swap(`"id":1`, `"id":-7`)),
		odd("an id that is a text", github, swap(`"id":1`, `"id":"é\u0000"`)),
		odd("an escaped method", github, swap(`tools/call`, `tools\/call`)),
		odd("an escaped name", github, swap(`"name":"list_issues"`, `"n\u0061me":"list\u005fissues"`)),
		odd("an escaped model", pathChat, swap("grok-4", `\u0067rok-4`)),
		odd("a developer", pathChat, swap(`"role":"user"`, `"role":"developer"`)),
		odd("a picture", pathChat, swap(`"hi"`, `[{"type":"image_url","image_url":{"url":"data:image/png;base64,iVBORw0KGgoAAAANSUhEUg=="}}]`)),
		odd("a document", pathChat, swap(`"hi"`, `[{"type":"file","file":{"filename":"a.pdf","file_data":"data:application/pdf;base64,JVBERi0xLjcKJeLjz9M="}}]`)),
		{name: "another charset's name", header: []string{"Content-Type", `Application/JSON;charset="UTF-8"`}},
		{name: "an encoding that is none", header: []string{"Content-Encoding", "Identity"}},
		{name: "h2c, which nobody has to take up", add: []string{"Connection", "Upgrade, HTTP2-Settings", "Upgrade", "h2c", "Http2-Settings", "AAMAAABkAAQAoAAAAAIAAAAA"}},
		{name: "another method's name", add: []string{"X-Http-Method-Override", "DELETE", "X-Original-Url", "/admin"}},
	}
	for i := range out {
		if out[i].paths == nil {
			out[i].paths = []string{pathChat, github}
		}
	}
	for _, number := range []string{"-0", "1e999", "1E-999", "123456789012345678901234567890", "0.10"} {
		out = append(out, odd("the number "+number, pathChat, value(number)), odd("the number "+number, github, value(number)))
	}
	for _, path := range []string{pathChat, github} {
		out = append(out, odd("NUL in a text", path, swap("text", `\u0000`)), odd("a name that is empty", path, value(`{"":{"":1}}`)),
			odd("60 levels", path, value(strings.Repeat("[", 60)+strings.Repeat("]", 60))), odd("spaces around", path, around(" \t\r\n", "\n\n")))
	}
	return out
}
