package cli

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"time"
)

// slowMain is the program slow: a provider at the address of its argument. It
// writes the file asked when a call comes, and answers when the file go is
// there.
func slowMain() {
	err := http.ListenAndServe(os.Args[1], http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_ = os.WriteFile("asked", nil, 0o600)
		for begun := time.Now(); time.Since(begun) < callTime; time.Sleep(20 * time.Millisecond) {
			if _, err := os.Stat("go"); err == nil {
				break
			}
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"choices":[]}`)
	}))
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
