package bench

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// question is what the agents of one work send, and how they tell a good
// answer from a bad one.
type question struct {
	raw    []byte // request line, header and body
	status int
	good   func(body []byte) bool
}

// timing is when an answer's first and last byte came.
type timing struct{ first, last time.Duration }

// agents ask in a closed loop: each over a connection of its own, and again as
// soon as it has its answer.
type agents struct {
	address string
	each    []*agent
}

func newAgents(address string, count int) (*agents, error) {
	a := &agents{address: address}
	for range count {
		conn, err := net.DialTimeout("tcp", address, patience)
		if err != nil {
			a.close()
			return nil, err
		}
		a.each = append(a.each, &agent{conn: conn, in: bufio.NewReaderSize(conn, 64<<10), body: make([]byte, 0, 128<<10)})
	}
	return a, nil
}

func (a *agents) close() {
	for _, one := range a.each {
		_ = one.conn.Close()
	}
}

// ask lets every agent ask for so long, and returns how long each answer took.
func (a *agents) ask(q question, during time.Duration) ([]timing, error) {
	took := make([][]timing, len(a.each))
	errs := make([]error, len(a.each))
	end := time.Now().Add(during)
	var work sync.WaitGroup
	for i, one := range a.each {
		work.Go(func() {
			for time.Now().Before(end) && errs[i] == nil {
				var t timing
				t, errs[i] = one.ask(q)
				took[i] = append(took[i], t)
			}
		})
	}
	work.Wait()
	var all []timing
	for _, t := range took {
		all = append(all, t...)
	}
	return all, errors.Join(errs...)
}

type agent struct {
	conn net.Conn
	in   *bufio.Reader
	body []byte
}

func (a *agent) ask(q question) (timing, error) {
	begun := time.Now()
	_ = a.conn.SetDeadline(begun.Add(patience))
	if _, err := a.conn.Write(q.raw); err != nil {
		return timing{}, err
	}
	resp, err := http.ReadResponse(a.in, nil)
	if err != nil {
		return timing{}, err
	}
	t := timing{first: time.Since(begun)}
	body := bytes.NewBuffer(a.body[:0])
	if _, err := io.Copy(body, resp.Body); err != nil {
		return timing{}, err
	}
	t.last = time.Since(begun)
	a.body = body.Bytes()
	if resp.StatusCode != q.status || !q.good(a.body) {
		return timing{}, fmt.Errorf("status %d, wanted %d, with the body %.300q", resp.StatusCode, q.status, a.body)
	}
	return t, nil
}

// post is a request of an agent that has a token.
func post(path, token string, body []byte, header ...string) []byte {
	out := fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"+
		"Accept: application/json, text/event-stream\r\nUser-Agent: bench\r\nAuthorization: Bearer %s\r\nContent-Length: %d\r\n",
		path, token, len(body))
	for _, h := range header {
		out = append(out, h+"\r\n"...)
	}
	return append(append(out, "\r\n"...), body...)
}
