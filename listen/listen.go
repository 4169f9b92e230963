// Package listen opens TCP listeners and tells, of an address that is in use,
// who holds it. It keeps the certificates of listeners as their files change.
//
// The data plane and the decision service open their ports through it, before
// the first call: a port that is taken is the commonest reason why one of them
// does not start.
package listen

import (
	"errors"
	"fmt"
	"net"
	"syscall"
)

// InUseError says that another process listens on an address.
type InUseError struct {
	Field  string // of the configuration
	Addr   string
	Holder string // command and process id; empty where it cannot be found out
}

// Error implements error.
func (e *InUseError) Error() string {
	by := ""
	if e.Holder != "" {
		by = " by " + e.Holder
	}
	return e.Field + ": " + e.Addr + " is in use" + by + ": stop it or choose another port"
}

// Unwrap returns the error of the system.
func (e *InUseError) Unwrap() error { return syscall.EADDRINUSE }

// Listen listens on the TCP address that the field of the configuration gives.
// The error names the field, and is an [*InUseError] where the address is taken.
func Listen(field, addr string) (net.Listener, error) {
	l, err := net.Listen("tcp", addr)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, &InUseError{Field: field, Addr: addr, Holder: holder(addr)}
	case err != nil:
		return nil, fmt.Errorf("%s: %w", field, err)
	}
	return l, nil
}
