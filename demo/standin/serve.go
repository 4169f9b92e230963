package standin

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

const (
	headerTimeout = 10 * time.Second
	closeTimeout  = time.Second
)

// Listen opens a listener on a free loopback port and returns it with its URL.
// A stand-in that must know its own address asks for it before it serves.
func Listen() (net.Listener, string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, "", fmt.Errorf("open a loopback port for a stand-in: %w", err)
	}
	return l, "http://" + l.Addr().String(), nil
}

// Server serves one stand-in until it is closed.
type Server struct {
	http *http.Server
	done chan error
}

// Serve starts to serve h on l. The listener belongs to the Server from here on.
func Serve(l net.Listener, h http.Handler) *Server {
	s := &Server{
		http: &http.Server{Handler: h, ReadHeaderTimeout: headerTimeout},
		done: make(chan error, 1),
	}
	go func() { s.done <- s.http.Serve(l) }()
	return s
}

// Close stops serving, cuts what still runs after a second, and waits. Call it once.
func (s *Server) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	if s.http.Shutdown(ctx) != nil {
		_ = s.http.Close() // a hanging request must not hold the end up
	}
	if err := <-s.done; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve a stand-in: %w", err)
	}
	return nil
}
