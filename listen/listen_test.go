package listen

import (
	"errors"
	"net"
	"strings"
	"syscall"
	"testing"
)

func TestListen(t *testing.T) {
	l, err := Listen("listen.agent", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatalf("the listener does not listen: %v", err)
	}
	_ = conn.Close()
}

func TestListenNamesTheField(t *testing.T) {
	for _, addr := range []string{"", "nonsense", "127.0.0.1:http-of-another-world", "127.0.0.1:99999", "256.0.0.1:1"} {
		l, err := Listen("pdp.listen.grpc", addr)
		if err == nil && addr == "" { // the net package takes it for any free port
			_ = l.Close()
			continue
		}
		if err == nil || !strings.HasPrefix(err.Error(), "pdp.listen.grpc: ") {
			t.Errorf("%q: got %v", addr, err)
		}
		var used *InUseError
		if errors.As(err, &used) {
			t.Errorf("%q is not in use: %v", addr, err)
		}
	}
}

func TestListenAddressInUse(t *testing.T) {
	l, err := Listen("listen.agent", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, err = Listen("listen.agent", l.Addr().String())
	var used *InUseError
	if !errors.As(err, &used) || !errors.Is(err, syscall.EADDRINUSE) {
		t.Fatalf("got %v, want an address in use", err)
	}
	if used.Field != "listen.agent" || used.Addr != l.Addr().String() {
		t.Fatalf("got %+v", used)
	}
}

func TestInUseErrorWithoutHolder(t *testing.T) {
	err := &InUseError{Field: "listen.admin", Addr: "127.0.0.1:4001"}
	const want = "listen.admin: 127.0.0.1:4001 is in use: stop it or choose another port"
	if err.Error() != want {
		t.Fatalf("got %q, want %q", err, want)
	}
}
