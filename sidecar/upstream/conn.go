package upstream

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"net/http"
	"os"
	"sync"
	"syscall"
	"time"
)

const (
	// prompt is how long a server may take to read a call before its answer is
	// waited for at the same time: it may answer before it has read all.
	prompt = 100 * time.Millisecond
	// maxInformational bounds the answers before the answer (RFC 9110 section 15.2).
	maxInformational = 5
)

var errLargeHead = fmt.Errorf("the head of the answer is larger than %d bytes", maxHeaderBytes)

// conn is one connection. One call at a time has it.
type conn struct {
	pool    *plain
	address string
	net     net.Conn
	raw     syscall.RawConn // nil where the connection is none of the kernel's
	since   time.Time       // idle since then

	// Of the call under way.
	*space
	left    int64         // bytes that may still be read
	came    int64         // bytes of the answer
	went    int64         // bytes of the call
	sending chan struct{} // closed when the rest of a slow call was sent; nil when there is none
	unsent  bool          // sending failed
	stop    func() bool   // the caller's leaving does not concern the connection any more
}

// space is the memory of one call, which other connections use while one is
// idle.
type space struct {
	in   *bufio.Reader // what it holds behind the answer must never be read as the next one
	head []byte
}

var spaces = sync.Pool{New: func() any { return &space{in: bufio.NewReaderSize(nil, readBuffer)} }}

func newConn(p *plain, address string, raw net.Conn) *conn {
	c := &conn{pool: p, address: address, net: raw}
	if s, ok := raw.(syscall.Conn); ok {
		c.raw, _ = s.SyscallConn()
	}
	return c
}

// Read implements io.Reader, for the buffer.
func (c *conn) Read(p []byte) (int, error) {
	if c.left <= 0 {
		return 0, errLargeHead
	}
	n, err := c.net.Read(p[:min(int64(len(p)), c.left)])
	c.left -= int64(n)
	c.came += int64(n)
	return n, err
}

// call sends a call and returns its answer, whose body gives the connection
// back. After an error the caller drops it.
func (c *conn) call(req *http.Request, body []byte) (*http.Response, error) {
	c.came, c.went, c.unsent = 0, 0, false
	c.space = spaces.Get().(*space)
	c.in.Reset(c)
	c.head = appendHead(c.head[:0], req, body)
	// Nothing else has the connection while the call lasts, so that closing it
	// takes nothing from others.
	c.stop = context.AfterFunc(req.Context(), func() { _ = c.net.Close() })
	unsent := c.send(body)
	if unsent != nil && c.went == 0 {
		return nil, unsent
	}
	resp, err := c.answer(req)
	switch {
	case err != nil && unsent != nil:
		return nil, unsent
	case err != nil:
		return nil, err
	}
	c.release(resp)
	return resp, nil
}

// send writes the call. What a server does not take at once is written while
// its answer is read.
func (c *conn) send(body []byte) error {
	_ = c.net.SetWriteDeadline(time.Now().Add(prompt))
	var err error
	var parts net.Buffers
	if len(body) <= joined {
		var n int
		c.head = append(c.head, body...)
		n, err = c.net.Write(c.head)
		c.went, parts = int64(n), net.Buffers{c.head[n:]}
	} else {
		parts = net.Buffers{c.head, body}
		c.went, err = parts.WriteTo(c.net)
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		c.sendOn(parts)
		return nil
	}
	c.unsent = err != nil
	return err
}

// sendOn writes the rest of a call, for as long as the call lasts.
func (c *conn) sendOn(rest net.Buffers) {
	_ = c.net.SetWriteDeadline(time.Time{})
	c.went++ // whatever was written, more of it may be
	done := make(chan struct{})
	c.sending = done
	go func() {
		defer close(done)
		if _, err := rest.WriteTo(c.net); err != nil {
			c.unsent = true
		}
	}()
}

// answer reads the head of the answer.
func (c *conn) answer(req *http.Request) (*http.Response, error) {
	c.left = maxHeaderBytes
	_ = c.net.SetReadDeadline(time.Now().Add(c.pool.wait))
	for range maxInformational + 1 {
		resp, err := http.ReadResponse(c.in, req)
		if err != nil {
			return nil, err
		}
		if !announces(resp.StatusCode) {
			return resp, nil
		}
	}
	return nil, errors.New("the server only ever announces an answer")
}

// announces reports whether another answer follows this one.
func announces(status int) bool {
	return status >= http.StatusContinue && status < http.StatusOK && status != http.StatusSwitchingProtocols
}

// release lets the body of the answer be read, and the connection be kept after
// that.
func (c *conn) release(resp *http.Response) {
	resp.Close = resp.Close || resp.StatusCode < http.StatusOK
	c.left = math.MaxInt64
	b := &answerBody{framed: resp.Body, conn: c, last: resp.Close, gone: resp.Request.Context().Err}
	if resp.Body == http.NoBody {
		b.end(true)
		return
	}
	if resp.ContentLength < 0 || resp.ContentLength > int64(c.in.Buffered()) {
		_ = c.net.SetReadDeadline(time.Time{}) // the wait was for the head
	}
	resp.Body = b
}

// done ends a call whose answer was read to its end, and reports whether the
// connection is good for another one.
func (c *conn) done() bool {
	if c.sending != nil {
		select {
		case <-c.sending:
			c.sending = nil
		default: // the server does not want the rest
			return false
		}
	}
	return !c.unsent && c.in.Buffered() == 0 && c.stop()
}

// drop closes the connection and waits for what the call started.
func (c *conn) drop() {
	_ = c.net.Close()
	if c.stop != nil {
		c.stop()
	}
	if c.sending != nil {
		<-c.sending
		c.sending = nil
	}
	c.free()
}

// free gives the memory back.
func (c *conn) free() {
	s := c.space
	c.space, c.stop = nil, nil
	s.in.Reset(nil)
	if cap(s.head) > maxHeadSpace {
		s.head = nil
	}
	spaces.Put(s)
}
