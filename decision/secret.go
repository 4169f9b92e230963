package decision

import (
	"fmt"
	"io"
	"log/slog"
)

// Secret holds bytes that must never be printed: a bearer token, a provider
// key. Every way that Go prints or encodes a value shows a placeholder; only
// a conversion to []byte gives the bytes.
type Secret []byte

const redacted = "[secret]"

// String hides the secret from fmt.
func (s Secret) String() string { return redacted }

// Format hides the secret from every verb of fmt, %d and %#v too.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// MarshalText hides the secret from encoders.
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// MarshalJSON hides the secret from encoding/json.
func (s Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// LogValue hides the secret from slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }
