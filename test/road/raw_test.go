package road

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"outrider.dev/outrider/decision"
)

// lastCall is a header after whose answer the connection closes.
const lastCall = "Connection: close\r\n"

// raw sends bytes to the agent's port and returns the answers, in order, until
// the connection closes. Where nothing more follows the bytes, finish it says so.
func (r *Road) raw(t *testing.T, bytes string, finish bool) []*answer {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(r.base, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(conn, bytes); err != nil {
		t.Fatal(err)
	}
	if finish {
		_ = conn.(*net.TCPConn).CloseWrite()
	}
	var out []*answer
	for in := bufio.NewReader(conn); ; {
		resp, err := http.ReadResponse(in, nil)
		if err != nil {
			if errors.Is(err, os.ErrDeadlineExceeded) {
				t.Fatal("the connection stays open")
			}
			return out
		}
		body, _ := io.ReadAll(resp.Body) // cut short where the server gave up
		_ = resp.Body.Close()
		out = append(out, &answer{path: pathOf(bytes), status: resp.StatusCode, header: resp.Header, body: body})
	}
}

func pathOf(request string) string { return strings.Fields(request)[1] }

// head is the beginning of a request, up to the lines that a test adds.
func head(path, token string) string {
	return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nAuthorization: Bearer %s\r\n", path, token)
}

// TestBrokenBodies ends bodies early, or frames them as HTTP does not.
func TestBrokenBodies(t *testing.T) {
	const chunked = "Transfer-Encoding: chunked\r\n\r\n"
	whole := func(body string) string { return fmt.Sprintf("%x\r\n%s\r\n", len(body), body) }
	tests := []struct {
		name string
		tail func(body string) string
	}{
		{"a body that ends early", func(b string) string { return fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(b)+1, b) }},
		{"chunks that end early", func(b string) string { return chunked + whole(b) }},
		{"a chunk that ends early", func(b string) string { return chunked + fmt.Sprintf("%x\r\n%s", len(b)+1, b) }},
		{"chunk sizes that are none", func(b string) string { return chunked + "zz\r\n" + b + "\r\n0\r\n\r\n" }},
		{"a negative chunk size", func(b string) string { return chunked + "-1\r\n" + b + "\r\n0\r\n\r\n" }},
		{"a chunk size beyond 64 bits", func(b string) string { return chunked + "fffffffffffffffff\r\n" + b + "\r\n0\r\n\r\n" }},
		{"a chunk longer than its size", func(b string) string { return chunked + fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(b)-1, b) }},
		{"junk behind a chunk", func(b string) string { return chunked + strings.TrimSuffix(whole(b), "\r\n") + "junk\r\n0\r\n\r\n" }},
	}
	eachWay(t, func(t *testing.T, r *Road) {
		token := r.token(t, scopeRead)
		for _, path := range posts() {
			for _, tt := range tests {
				t.Run(path+" "+tt.name, func(t *testing.T) {
					got := r.raw(t, head(path, token)+tt.tail(goodBody(path)), true)
					if len(got) == 0 {
						t.Fatal("no answer")
					}
					got[0].wantRefused(t, decision.CodeBodyInvalid)
				})
			}
		}
		r.wantArrivals(t, 0)
	})
}

// TestSmuggling sends heads that two readers could frame differently. They are
// refused before anything reads a body.
func TestSmuggling(t *testing.T) {
	const inner = "POST /mcp HTTP/1.1\r\nHost: x\r\n\r\n"
	tests := []struct{ name, lines string }{
		{"two lengths", "Content-Length: 0\r\nContent-Length: %d\r\n"},
		{"two lengths in one line", "Content-Length: 0, %d\r\n"},
		{"a length with a sign", "Content-Length: +%d\r\n"},
		{"a length in other digits", "Content-Length: 0x%x\r\n"},
		{"two codings", "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n"},
		{"a coding that nobody knows", "Transfer-Encoding: xchunked\r\nContent-Length: %d\r\n"},
		{"a coding with a tab", "Transfer-Encoding:\tchunked, chunked\r\n"},
		{"a space before the colon", "Content-Length : %d\r\n"},
		{"a folded line", "Transfer-Encoding:\r\n chunked, x\r\n"},
		{"two hosts", "Host: other\r\nContent-Length: %d\r\n"},
		{"a line without a colon", "Content-Length\r\n"},
		{"NUL in a header", "X-A: a\x00b\r\nContent-Length: %d\r\n"},
	}
	eachWay(t, func(t *testing.T, r *Road) {
		token := r.token(t, scopeRead)
		for _, path := range posts() {
			for _, tt := range tests {
				lines := tt.lines
				if strings.Contains(lines, "%") {
					lines = fmt.Sprintf(lines, len(inner))
				}
				got := r.raw(t, head(path, token)+lines+"\r\n"+inner, true)
				if len(got) != 1 || got[0].status != http.StatusBadRequest && got[0].status != http.StatusNotImplemented {
					t.Errorf("%s %s: %d answers: %+v", path, tt.name, len(got), got)
				}
			}
		}
		r.wantArrivals(t, 0)
	})
}

// TestLengthBesideChunks sends both framings. The chunks count (RFC 9112
// section 6.3): what was judged is what arrives, framed anew, and what follows
// is a call of its own that is judged by itself.
func TestLengthBesideChunks(t *testing.T) {
	body, other := chat("grok-4", "hi"), chat("llama-4", "hi")
	follows := head(pathChat, placeholder) + lastCall + fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(other), other)
	eachWay(t, func(t *testing.T, r *Road) {
		for _, length := range []int{0, 4, len(body) + len(follows), 4096} {
			mark := r.main.Total()
			both := fmt.Sprintf("Content-Length: %d\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", length, len(body), body)
			got := r.raw(t, head(pathChat, placeholder)+both+follows, false)
			if len(got) != 2 {
				t.Fatalf("length %d: %d answers", length, len(got))
			}
			got[0].wantPassed(t)
			got[1].wantRefused(t, decision.CodeModelNotAllowed)
			arrived := r.main.Since(mark)
			if len(arrived) != 1 || string(arrived[0].Body) != body || arrived[0].Header.Get("Content-Length") != fmt.Sprint(len(body)) {
				t.Errorf("length %d: arrived %+v", length, arrived)
			}
		}
	})
}

// TestUnderscoresStay: what a server behind CGI would take for the framing of
// the call, for a credential or for what the data plane says itself does not
// reach it.
func TestUnderscoresStay(t *testing.T) {
	names := []string{
		"Content_Length", "transfer_encoding", "TRANSFER_ENCODING", "Content_Encoding", "Content_Type", "Accept_Encoding", "Keep_Alive",
		"Proxy_Connection", "Http2_Settings", "Proxy_Authorization", "Proxy_Authenticate", "X_Api_Key", "Set_Cookie", "X_Forwarded_For", "X_HTTP_Method_Override",
		"Outrider_Decision", "Mcp_Name",
	}
	lines := ""
	for _, name := range names {
		lines += name + ": 7\r\n"
	}
	eachWay(t, func(t *testing.T, r *Road) {
		for _, path := range []string{pathChat, pathEmbeddings, pathMCP, pathMCP + "/github"} {
			body := goodBody(path)
			token := r.token(t, scopeRead)
			got := r.raw(t, head(path, token)+lines+fmt.Sprintf("My_Header: 7\r\nContent-Length: %d\r\n", len(body))+lastCall+"\r\n"+body, false)
			if len(got) != 1 || got[0].status != http.StatusOK {
				t.Fatalf("%s: %d answers, %+v", path, len(got), got)
			}
		}
		for _, a := range r.arrived() {
			for name := range a.Header {
				if strings.Contains(name, "_") && name != "My_header" {
					t.Errorf("%s %s received %s", a.at, a.Path, name)
				}
			}
			if len(a.Header.Values("My_header")) != 1 && strings.HasPrefix(a.Path, "/v1/") {
				t.Errorf("%s %s received no My_Header: nothing was tested", a.at, a.Path)
			}
		}
	})
}
