package gate

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"outrider.dev/outrider/decision"
)

const (
	// maxKept bounds the verdicts that are remembered, and maxWords the inputs
	// that one of them may have read.
	maxKept  = 4096
	maxWords = 64
	// keptTime bounds how old one may be.
	keptTime = 30 * time.Second
)

// lifeboat remembers verdicts that their decision service lets be remembered.
// A verdict is found again by a call that is the same in its token, in
// everything that calls are told apart by, and in every input that the rules
// read for it. What is held are keyed hashes: neither token nor content.
type lifeboat struct {
	secret [sha256.Size]byte

	mu    sync.Mutex
	calls map[digest]*kind
	count int // of verdicts
	swept time.Time
}

type digest [sha256.Size]byte

// kind are calls that differ at most in the values that rules read.
type kind struct {
	words []string // that the rules read, as the last verdict said
	kept  map[digest]*kept
}

// kept is one verdict.
type kept struct {
	verdict decision.Verdict
	since   time.Time
	until   time.Time
}

func newLifeboat() *lifeboat {
	b := &lifeboat{calls: map[digest]*kind{}}
	_, _ = rand.Read(b.secret[:]) // never fails: the runtime ends the process instead
	return b
}

// keep remembers the verdict on a call, where it may be remembered. A verdict
// that contradicts what is remembered of the very same call, or that read other
// inputs than those on calls of its kind did, says that the rules have changed:
// then everything is forgotten.
func (b *lifeboat) keep(base digest, r *decision.Request, v *decision.Verdict) {
	now := time.Now()
	until, words, ok := worthKeeping(v, now)
	b.mu.Lock()
	defer b.mu.Unlock()
	if of := b.calls[base]; of != nil {
		full, _ := b.full(base, r, of.words)
		if !ok && of.kept[full] != nil || ok && !slices.Equal(of.words, words) {
			b.calls, b.count = map[digest]*kind{}, 0
		}
	}
	if !ok {
		return
	}
	full, known := b.full(base, r, words)
	if !known || !b.has(base, full) && b.crowded(now) {
		return
	}
	of := b.calls[base]
	if of == nil {
		of = &kind{words: words, kept: map[digest]*kept{}}
		b.calls[base] = of
	}
	if of.kept[full] == nil {
		b.count++
	}
	of.kept[full] = &kept{since: now, until: until, verdict: decision.Verdict{
		Effect: decision.Allow, Grants: v.Grants, Reason: v.Reason, Policy: v.Policy, Version: v.Version,
	}}
}

func (b *lifeboat) has(base, full digest) bool {
	of := b.calls[base]
	return of != nil && of.kept[full] != nil
}

// worthKeeping says how long a verdict may be remembered and what it depends on.
// What its decision service says is not enough: a verdict that this call alone
// can follow is never one for another.
func worthKeeping(v *decision.Verdict, now time.Time) (until time.Time, words []string, ok bool) {
	l := v.Lifeboat
	if l == nil || v.Effect != decision.Allow || len(v.Grants) == 0 || len(l.InputsRead) > maxWords ||
		len(v.Splices)+len(v.Headers)+len(v.Findings) > 0 || v.Duty.JudgeResponse {
		return until, nil, false
	}
	if slices.ContainsFunc(v.Grants, func(g decision.Grant) bool { return g.Credential.Header.Name != "" }) {
		return until, nil, false
	}
	if until = now.Add(keptTime); l.NotAfter.Before(until) {
		until = l.NotAfter
	}
	words = slices.Sorted(slices.Values(l.InputsRead))
	return until, slices.Compact(words), now.Before(until)
}

// take returns what was decided about the same call, nil where nothing was or
// where it is too old.
func (b *lifeboat) take(base digest, r *decision.Request) *kept {
	b.mu.Lock()
	defer b.mu.Unlock()
	of := b.calls[base]
	if of == nil {
		return nil
	}
	full, known := b.full(base, r, of.words)
	found := of.kept[full]
	if !known || found == nil || !time.Now().Before(found.until) {
		return nil
	}
	return found
}

// crowded reports whether there is no room, once what is too old is thrown away.
func (b *lifeboat) crowded(now time.Time) bool {
	if b.count < maxKept {
		return false
	}
	if now.Sub(b.swept) > time.Second {
		b.swept = now
		for base, of := range b.calls {
			maps.DeleteFunc(of.kept, func(_ digest, k *kept) bool {
				old := !now.Before(k.until)
				if old {
					b.count--
				}
				return old
			})
			if len(of.kept) == 0 {
				delete(b.calls, base)
			}
		}
	}
	return b.count >= maxKept
}

// base hashes the token and everything that tells calls apart, whatever the
// rules read.
func (b *lifeboat) base(r *decision.Request) digest {
	h := b.hash()
	c := &r.Caller
	h.text(string(c.Bearer), c.Agent, c.Namespace, c.ServiceAccount, c.Identity, c.Subject, flags(
		c.Shared, r.LLM.Stream, c.Bearer != nil, r.Face.Edits, r.Face.Responses, r.Face.Streams, r.Face.Settles))
	h.texts(c.Labels)
	h.text(string(r.Surface), r.Method, r.HTTP.Method, r.HTTP.Path, r.Body.Dialect, r.Server,
		r.Tool.Server, r.Tool.Name, r.Tool.Exposed, r.Resource, r.Prompt, r.LLM.Model)
	return h.sum()
}

// full hashes the values of the words, too. It is false where one of them is not
// known here.
func (b *lifeboat) full(base digest, r *decision.Request, words []string) (digest, bool) {
	h := b.hash()
	h.text(string(base[:]))
	for _, word := range words {
		h.text(word)
		switch word {
		case "tool.args", "mcp.tool.arguments":
			h.text(string(r.Arguments()))
		case "request.headers":
			h.texts(r.HTTP.Headers)
		case "session":
			h.text(r.Session)
		case "source":
			h.text(r.Source)
		default:
			if !inBase(word) {
				return digest{}, false
			}
		}
	}
	return h.sum(), true
}

// inBase reports whether the base tells all that a word can say: words about the
// token and the caller, and those that calls are told apart by. The name of a
// tool's server, its own name and an LLM call's provider follow from these.
func inBase(word string) bool {
	first, _, _ := strings.Cut(word, ".")
	switch first {
	case "claims", "jwt", "scopes", "principal", "agent":
		return true
	}
	switch word {
	case "tool.name", "tool.exposed", "tool.server", "tool.annotations", "mcp.method", "mcp.tool.name", "mcp.tool.target",
		"resource.uri", "prompt.name", "llm.model", "llm.provider", "llm.stream", "llm.dialect", "request.method", "request.path":
		return true
	}
	return false
}

// hasher takes texts apart from each other by their lengths.
type hasher struct{ hash.Hash }

func (b *lifeboat) hash() hasher { return hasher{hmac.New(sha256.New, b.secret[:])} }

func (h hasher) text(list ...string) {
	var length [8]byte
	for _, s := range list {
		binary.BigEndian.PutUint64(length[:], uint64(len(s)))
		_, _ = h.Write(length[:]) // a hash takes everything
		_, _ = h.Write([]byte(s))
	}
}

func (h hasher) texts(m map[string]string) {
	h.text(flags(m != nil))
	for _, name := range slices.Sorted(maps.Keys(m)) {
		h.text(name, m[name])
	}
	h.text("") // no name is empty
}

func (h hasher) sum() (d digest) {
	h.Sum(d[:0])
	return d
}

func flags(list ...bool) string {
	out := make([]byte, len(list))
	for i, set := range list {
		if set {
			out[i] = 1
		}
	}
	return string(out)
}
