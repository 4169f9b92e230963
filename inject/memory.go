package inject

import (
	"fmt"
	"strconv"
	"strings"
)

// softShare is how much of the memory limit the sidecar's own bound is, in
// percent. The rest is for what Go does not count: the program itself and buffers of
// the kernel.
const softShare = 90

// softLimit makes the sidecar collect its garbage in time: without a bound of its
// own it lets as much gather as it uses, and a burst of long prompts would end it
// at the limit. It is nothing where the limit is not understood, or below a MiB.
func softLimit(limit string) []envVar {
	mebibytes := bytesOf(limit) * softShare / 100 / (1 << 20)
	if mebibytes < 1 {
		return nil
	}
	return []envVar{{"GOMEMLIMIT", fmt.Sprintf("%dMiB", int64(mebibytes))}}
}

// bytesOf reads an amount as Kubernetes writes it.
func bytesOf(amount string) float64 {
	at := strings.LastIndexAny(amount, "0123456789.") + 1
	n, err := strconv.ParseFloat(amount[:at], 64)
	if err != nil {
		return 0
	}
	switch amount[at:] {
	case "":
		return n
	case "k":
		return n * 1e3
	case "M":
		return n * 1e6
	case "G":
		return n * 1e9
	case "T":
		return n * 1e12
	case "Ki":
		return n * (1 << 10)
	case "Mi":
		return n * (1 << 20)
	case "Gi":
		return n * (1 << 30)
	case "Ti":
		return n * (1 << 40)
	default: // thousandths of a byte, among others
		return 0
	}
}
