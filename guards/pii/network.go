package pii

import "outrider.dev/outrider/guards/window"

// small is the greatest part of four that nobody but words takes for an
// address: versions count from little numbers on, addresses hardly.
const small = 31

// address4 reads an IPv4 address. It reports whether four parts stand there:
// what is no address then is a version, and nothing else.
func (j *judge) address4() (hit, bool) {
	parts, end := fourParts(j.w, j.i)
	if end == 0 || j.unlikely(parts, end) {
		return hit{}, end > 0
	}
	return hit{kAddress, end, .9}, true
}

// host reads the address of a host that a user logs in to, as behind ssh root@.
func (j *judge) host() hit {
	if j.context()[lIP] == far {
		return hit{}
	}
	if h, four := j.address4(); four {
		return h
	}
	return address6(j.w, j.i)
}

// unlikely reports whether what ends at end is nobody's address.
func (j *judge) unlikely(parts [4]int, end int) bool {
	w := j.w
	if !closed(w, end) || unowned(parts) || masked(w, end, parts) {
		return true
	}
	ctx := j.context()
	if ctx[lVersion] < ctx[lIP] && ctx[lVersion] < reach/2 {
		return true
	}
	if ctx[lIP] == far && !private(parts) && max(parts[0], parts[1], parts[2], parts[3]) <= small {
		return true
	}
	return required(w, j.i)
}

// required reports whether a requirement of that version (==1.2.3.4) or what a
// program calls itself (curl/8.1.2.3) stands before i.
func required(w *window.Window, i int) bool {
	switch w.Before(i) {
	case '^', '~':
		return true
	case '=':
		return i > 1 && w.Text[i-2] == '='
	case '/':
		return i > 1 && window.IsAlnum(w.Text[i-2])
	}
	return false
}

// fourParts reads four numbers up to 255 with dots between them, without
// leading zeros.
func fourParts(w *window.Window, i int) (parts [4]int, end int) {
	for k := range parts {
		if k > 0 {
			if w.At(i) != '.' {
				return parts, 0
			}
			i++
		}
		n := digitRun(w, i, 4)
		if n == 0 || n > 3 || n > 1 && w.At(i) == '0' {
			return parts, 0
		}
		for ; n > 0; n-- {
			parts[k] = parts[k]*10 + int(w.At(i)-'0')
			i++
		}
		if parts[k] > 255 {
			return parts, 0
		}
	}
	return parts, i
}

// closed reports whether an address may end at i: nothing goes on there but a
// port, a path or the end of a sentence.
func closed(w *window.Window, i int) bool {
	switch w.At(i) {
	case '-':
		return window.ClassOf(w.At(i+1))&window.Letters == 0
	case '.':
		return !window.IsAlnum(w.At(i + 1))
	}
	return ended(w, i)
}

// unowned reports whether an address is nobody's: this host, a mask, everyone.
func unowned(p [4]int) bool {
	return p[0] == 0 || p[0] == 127 || p[0] == 255
}

// masked reports whether a network follows: an address that ends in zero, with
// the bits of its mask.
func masked(w *window.Window, end int, p [4]int) bool {
	return p[3] == 0 && w.At(end) == '/' && window.IsDigit(w.At(end+1))
}

func private(p [4]int) bool {
	return p[0] == 10 || p[0] == 192 && p[1] == 168 || p[0] == 172 && p[1] >= 16 && p[1] < 32
}

const hexDigit = window.Hex | window.HexUpper

// hardware reads a MAC address.
func hardware(w *window.Window, i int) hit {
	pairs, size, sep := 6, 2, byte(0)
	switch n := w.Run(i, 5, hexDigit); {
	case n == 2 && (w.At(i+2) == ':' || w.At(i+2) == '-'):
		sep = w.At(i + 2)
	case n == 4 && w.At(i+4) == '.':
		pairs, size, sep = 3, 4, '.'
	default:
		return hit{}
	}
	end, same, digit := i, true, false
	for k := range pairs {
		if k > 0 {
			if w.At(end) != sep {
				return hit{}
			}
			end++
		}
		if w.Run(end, size+1, hexDigit) != size {
			return hit{}
		}
		for ; end < i+k*(size+1)+size; end++ {
			same = same && w.At(end) == w.At(i)
			digit = digit || window.IsDigit(w.At(end))
		}
	}
	p, next := w.Before(i), w.At(end)
	if same || !digit && sep != ':' || p == ':' && pairBefore(w, i-1) || next == sep && window.ClassOf(w.At(end+1))&hexDigit != 0 || !ended(w, end) {
		return hit{}
	}
	return hit{kHardware, end, .95}
}

// pairBefore reports whether a pair of hexadecimal digits ends at i, so that
// what comes is the rest of something longer.
func pairBefore(w *window.Window, i int) bool {
	return i > 1 && window.ClassOf(w.Text[i-1])&hexDigit != 0 && window.ClassOf(w.Text[i-2])&hexDigit != 0 && (i == 2 || !window.IsAlnum(w.Text[i-3]))
}

// address6 reads an IPv6 address: eight groups, or fewer with two colons once.
// Its last 32 bits may be written as IPv4.
func address6(w *window.Window, i int) hit {
	if p := w.Before(i); p == ':' && i > 1 && w.Text[i-2] != ' ' && window.IsAlnum(w.Text[i-2]) && w.Text[i] != ':' && sixBefore(w, i-2) {
		return hit{}
	}
	g, end := sixGroups(w, i)
	if end == 0 || w.At(end) == ':' && w.At(end+1) == ':' || w.At(end) != '%' && !closed(w, end) || !owned(g) {
		return hit{}
	}
	return hit{kAddress, end, .9}
}

// sixBefore reports whether the hexadecimal group that ends at i follows
// another and a colon, so that what comes is the rest of an address.
func sixBefore(w *window.Window, i int) bool {
	for n := 0; i > 0 && n < 4 && window.ClassOf(w.Text[i])&hexDigit != 0; n++ {
		i--
	}
	return w.Text[i] == ':'
}

// six is what is known of an IPv6 address.
type six struct {
	groups  int
	first   int  // value of the first group
	gap     bool // two colons stood somewhere
	leading bool // at the beginning
	digit   bool
}

func sixGroups(w *window.Window, i int) (g six, end int) {
	if w.At(i) == ':' {
		if w.At(i+1) != ':' {
			return g, 0
		}
		g.gap, g.leading = true, true
		i += 2
	}
	for {
		if v4 := fourBehind(w, i, g); v4 > 0 {
			g.groups += 2
			g.digit = true
			return g, v4
		}
		n := w.Run(i, 5, hexDigit)
		if n == 5 || n == 0 {
			return g, 0
		}
		g.add(w.Text[i : i+n])
		i += n
		if g.groups == 8 || w.At(i) != ':' {
			break
		}
		if w.At(i+1) == ':' {
			if g.gap {
				break
			}
			g.gap = true
			i += 2
			if window.ClassOf(w.At(i))&hexDigit == 0 {
				break
			}
			continue
		}
		if window.ClassOf(w.At(i+1))&hexDigit == 0 {
			break
		}
		i++
	}
	if g.groups == 8 != g.gap {
		return g, i
	}
	return g, 0
}

// fourBehind returns the end of the IPv4 address that ends an IPv6 one, or 0.
func fourBehind(w *window.Window, i int, g six) int {
	if !g.gap || g.groups > 5 {
		return 0
	}
	_, end := fourParts(w, i)
	return end
}

func (g *six) add(group []byte) {
	value := 0
	for _, c := range group {
		switch {
		case window.IsDigit(c):
			value = value<<4 | int(c-'0')
			g.digit = true
		default:
			value = value<<4 | int(c|0x20-'a') + 10
		}
	}
	if g.groups == 0 && !g.leading {
		g.first = value
	}
	g.groups++
}

// owned reports whether an IPv6 address can be somebody's. With few groups it
// must begin as global, local or private ones do: a::b is code.
func owned(g six) bool {
	if g.leading {
		return g.groups >= 3
	}
	if !g.gap && g.first < 0x100 {
		return false // pairs of a fingerprint
	}
	global := g.first >= 0x2000 && g.first < 0x4000 || g.first >= 0xfc00
	return g.digit && (global || g.groups >= 5)
}
