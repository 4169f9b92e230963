package input

import (
	"reflect"
	"testing"
)

func TestOnce(t *testing.T) {
	c := full()
	count := 0
	work := func(inner *Call) (any, error) {
		count++
		if count == 1 {
			return inner.Once(8, func(*Call) (any, error) { return "inner", nil })
		}
		return nil, Error("failed")
	}
	for range 3 {
		if v, err := c.Once(7, work); v != "inner" || err != nil {
			t.Errorf("got %v, %v", v, err)
		}
		if _, err := c.Once(9, work); err == nil {
			t.Error("the error was forgotten")
		}
	}
	if count != 2 {
		t.Errorf("worked %d times", count)
	}
	for name, other := range map[string]*Call{"anonymous": c.Anonymous(), "listed": c.Listed(c.Tool), "with a scope": c.WithScope("x")} {
		if v, _ := other.Once(7, func(*Call) (any, error) { return name, nil }); v != name {
			t.Errorf("%s sees %v of another call", name, v)
		}
	}
}

func TestIdentifier(t *testing.T) {
	for name, want := range map[string]bool{"a": true, "_a1": true, "aB_9": true, "": false, "1a": false, "a-b": false, "a.b": false, "é": false, "a b": false} {
		if Identifier(name) != want {
			t.Errorf("%q: %v", name, !want)
		}
	}
}

// Filling in defaults never changes the token's own claims.
func TestFilled(t *testing.T) {
	s := Schema{{Name: "a", Kind: Text, Default: "x"}, {Name: "b", Kind: Number}, {Name: "c", Kind: Flag, Default: true}}
	token := map[string]any{"a": "own", "z": 1}
	if got := s.filled(token); !reflect.DeepEqual(got, map[string]any{"a": "own", "c": true, "z": 1}) || len(token) != 2 {
		t.Errorf("got %v of %v", got, token)
	}
	if got := s.filled(nil); !reflect.DeepEqual(got, map[string]any{"a": "x", "c": true}) {
		t.Errorf("got %v of no claims", got)
	}
	if got := (Schema{}).filled(nil); got == nil || len(got) != 0 {
		t.Errorf("got %v of no claims without a schema", got)
	}
}

// The key tells every value that is said to come from it, and Rename gives the
// key that a call of the other tool has.
func TestKey(t *testing.T) {
	c := full()
	other := full().Tool
	other.Name, other.Server, other.Exposed = "x", "", ""
	listed, key := c.Listed(c.Tool), c.Listed(c.Tool).Key()
	listed.Rename(&key, &other)
	if want := c.Listed(other).Key(); key != want || key.Clone() != want || key.Size() != len("tools/call"+"x"+"x"+"m") {
		t.Errorf("got %+v, want %+v", key, want)
	}
	same := New(c.Request, nil)
	same.Tool = c.Tool
	for _, f := range Fields() {
		a, _ := f.Read(c)
		if b, _ := f.Read(same); f.Depends == OnKey && !reflect.DeepEqual(a, b) {
			t.Errorf("%s differs between calls of one key", f.Path)
		}
	}
}
