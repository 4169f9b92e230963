package upstream

import (
	"errors"
	"io"
	"sync"
)

// answerBody is the body of an answer on a plain connection. It may be closed
// while it is read.
type answerBody struct {
	framed io.Reader // as its head frames it; to close that one would read it to its end
	conn   *conn
	last   bool // no other answer follows on the connection
	gone   func() error

	mu      sync.Mutex
	reading bool
	over    error // what every further Read returns; the connection is somebody else's then
}

var errClosedBody = errors.New("the body of the answer was closed")

// Read implements io.Reader.
func (b *answerBody) Read(p []byte) (int, error) {
	if err := b.begin(); err != nil {
		return 0, err
	}
	n, err := b.framed.Read(p)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.reading = false
	switch gone := b.gone(); {
	case b.over != nil: // closed in the meantime
		err = b.over
	case err == nil:
		return n, nil
	case gone != nil && !errors.Is(err, io.EOF):
		err = gone
	}
	b.over = err
	b.end(errors.Is(err, io.EOF))
	return n, err
}

func (b *answerBody) begin() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.reading = b.over == nil
	return b.over
}

// Close implements io.Closer. A body that was not read to its end costs its
// connection.
func (b *answerBody) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.over != nil {
		return nil
	}
	b.over = errClosedBody
	if b.reading { // whoever reads sees it, and ends the call
		return b.conn.net.Close()
	}
	b.end(false)
	return nil
}

func (b *answerBody) end(whole bool) {
	if c := b.conn; whole && !b.last && c.done() {
		c.free()
		c.pool.keep(c)
	} else {
		c.drop()
	}
}
