package inject

import "testing"

func TestSoftLimit(t *testing.T) {
	for limit, want := range map[string]string{
		"128Mi": "115MiB", "1Gi": "921MiB", "0.5Gi": "460MiB", "100M": "85MiB", "134217728": "115MiB", "131072Ki": "115MiB",
		"2Ti": "1887436MiB", "1G": "858MiB", "1T": "858306MiB", "200000k": "171MiB", "": "", "1Mi": "", "128000m": "", "128 Mi": "", "x": "", "Mi": "", "1.2.3Mi": "",
	} {
		var got string
		if list := softLimit(limit); len(list) == 1 && list[0].Name == "GOMEMLIMIT" {
			got = list[0].Value
		}
		if got != want {
			t.Errorf("of %q: %q, want %q", limit, got, want)
		}
	}
}
