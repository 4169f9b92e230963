package bench

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
)

// What stands at the far side of every road: one process that is provider and
// MCP server. It is written by hand over TCP, so that it takes little of the
// two cores, and answers with bytes that were made before.

const (
	toolCount   = 20
	streamLines = 200
)

func serveFarSide(address string) error {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	answers := newAnswers()
	for {
		conn, err := l.Accept()
		if err != nil {
			return err
		}
		go func() {
			defer conn.Close()
			_ = answers.serve(conn)
		}()
	}
}

// answers are the answers of the far side as they go over the wire: parts that
// are written one by one.
type answers struct {
	whole, stream, call, list, empty, leaked [][]byte
}

func newAnswers() *answers {
	event := func(data string) string { return "event: message\ndata: " + data + "\n\n" }
	return &answers{
		whole:  plain(200, "application/json", completion()),
		stream: chunked(append(deltas(), "data: [DONE]\n\n")...),
		call: chunked(event(`{"jsonrpc":"2.0","id":7,"result":{"content":[{"type":"text","text":"` + prose(300) +
			`"}],"isError":false}}`)),
		list:   chunked(event(`{"jsonrpc":"2.0","id":7,"result":{"tools":[` + strings.Join(tools(), ",") + `]}}`)),
		empty:  plain(202, "application/json", ""),
		leaked: plain(500, "application/json", `{"error":{"message":"personal data arrived","type":"leak"}}`),
	}
}

func (a *answers) serve(conn net.Conn) error {
	in := bufio.NewReaderSize(conn, 64<<10)
	var body []byte
	for {
		path, length, err := readHead(in)
		if err != nil {
			return err
		}
		if cap(body) < length {
			body = make([]byte, length)
		}
		body = body[:length]
		if _, err := io.ReadFull(in, body); err != nil {
			return err
		}
		for _, part := range a.to(path, body) {
			if _, err := conn.Write(part); err != nil {
				return err
			}
		}
	}
}

// to picks the answer to a request.
func (a *answers) to(path string, body []byte) [][]byte {
	has := func(s string) bool { return bytes.Contains(body, []byte(s)) }
	switch {
	case has(plantedSSN):
		return a.leaked
	case strings.HasSuffix(path, "/chat/completions") && has(`"stream":true`):
		return a.stream
	case strings.HasSuffix(path, "/chat/completions"):
		return a.whole
	case has(`"tools/list"`):
		return a.list
	case has(`"tools/call"`):
		return a.call
	default:
		return a.empty
	}
}

// readHead reads request line and header and returns what matters here.
func readHead(in *bufio.Reader) (path string, length int, err error) {
	line, err := in.ReadSlice('\n')
	if err != nil {
		return "", 0, err
	}
	if fields := bytes.Fields(line); len(fields) == 3 {
		path = string(fields[1])
	}
	for {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return "", 0, err
		}
		name, value, found := bytes.Cut(bytes.TrimSpace(line), []byte(":"))
		switch {
		case !found:
			return path, length, nil
		case bytes.EqualFold(name, []byte("Content-Length")):
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return "", 0, err
			}
		case bytes.EqualFold(name, []byte("Transfer-Encoding")):
			return "", 0, errors.New("every system here knows how long its request is")
		}
	}
}

func plain(status int, kind, body string) [][]byte {
	return [][]byte{fmt.Appendf(nil, "HTTP/1.1 %d Answer\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s", status, kind, len(body), body)}
}

// chunked is a stream of events, each in a write of its own as servers that
// flush do.
func chunked(events ...string) [][]byte {
	out := [][]byte{[]byte("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")}
	for _, e := range events {
		out = append(out, fmt.Appendf(nil, "%x\r\n%s\r\n", len(e), e))
	}
	return append(out, []byte("0\r\n\r\n"))
}

func completion() string {
	return `{"id":"chatcmpl-1","object":"chat.completion","created":1700000000,"model":"gpt-bench","choices":[{"index":0,` +
		`"message":{"role":"assistant","content":"` + prose(1024) + `"},"finish_reason":"stop"}],` +
		`"usage":{"prompt_tokens":260,"completion_tokens":250,"total_tokens":510}}`
}

func deltas() []string {
	words := strings.Fields(prose(streamLines * 8))
	var out []string
	for i := range streamLines {
		out = append(out, fmt.Sprintf(`data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"gpt-bench",`+
			`"choices":[{"index":0,"delta":{"content":"%s "},"finish_reason":null}]}`+"\n\n", words[i%len(words)]))
	}
	out = append(out, `data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"gpt-bench",`+
		`"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}`+"\n\n")
	return append(out, `data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"gpt-bench",`+
		`"choices":[],"usage":{"prompt_tokens":260,"completion_tokens":200,"total_tokens":460}}`+"\n\n")
}

// verbs begin the names of the tools; the policy shows the first two to the
// token of the benchmark.
func verbs() []string { return []string{"list", "get", "create", "delete", "admin"} }

func shownTools() int { return toolCount / len(verbs()) * 2 }

func toolName(i int) string {
	return fmt.Sprintf("%s_thing_%d", verbs()[i%len(verbs())], i/len(verbs()))
}

func tools() []string {
	var out []string
	for i := range toolCount {
		out = append(out, definition(toolName(i)))
	}
	return out
}

func definition(name string) string {
	return fmt.Sprintf(`{"name":%q,"description":"Works on one thing of a repository and says what became of it.",`+
		`"inputSchema":{"type":"object","properties":{"repo":{"type":"string","description":"owner and name"},`+
		`"query":{"type":"string"},"limit":{"type":"integer","minimum":1,"maximum":100}},"required":["repo"]},`+
		`"annotations":{"readOnlyHint":true}}`, name)
}

// prose is English text of n bytes in which no guard finds anything.
func prose(n int) string {
	const text = "Please summarise incident 4821 from 14:32 to 15:10 UTC and propose next steps for team-7 this week, cc ops. " +
		"The deployment of the billing service took 42 minutes, and its logs show no error; version 1.4.2 goes out on Friday. "
	return strings.Repeat(text, n/len(text)+1)[:n]
}
