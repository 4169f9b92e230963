package model

import (
	_ "embed"
	"encoding/binary"
	"errors"
	"math"
	"sync"
)

//go:embed weights.bin
var committed []byte

// Model judges texts by a table of weights. It is safe for concurrent use.
type Model struct {
	weights    []byte // as int8
	steps      [3]float32
	bias       float32
	thresholds Thresholds
	gate       *gate
	readers    sync.Pool
}

const (
	magic = "OUTRIDER-LINEAR-2\n"
	head  = len(magic) + 4*(4+int(Origins))
)

// Origin is where a text comes from, which decides what score it is held to.
type Origin uint8

// Origins of texts.
const (
	User        Origin = iota
	Result             // what a tool returned
	Description        // of a tool
	System             // what the operator's own program says
	Origins            // how many there are
)

// Thresholds are the scores that a text of each origin has to exceed.
type Thresholds [Origins]float32

// read reads the committed model once for all who ask for it.
var read = sync.OnceValues(func() (*Model, error) { return Read(committed) })

// New returns the model that is committed with the package. All callers share it.
func New() (*Model, error) { return read() }

// Read reads a model from the bytes of its file, which it keeps.
func Read(raw []byte) (*Model, error) {
	if len(raw) != head+Features || string(raw[:len(magic)]) != magic {
		return nil, errors.New("the file is no model of this version: train it anew")
	}
	number := func(k int) float32 {
		return math.Float32frombits(binary.LittleEndian.Uint32(raw[len(magic)+4*k:]))
	}
	m := &Model{
		weights: raw[head:], steps: [3]float32{number(0), number(1), number(2)}, bias: number(3),
	}
	for k := range m.thresholds {
		m.thresholds[k] = number(4 + k)
	}
	language := NewLanguage()
	m.gate = language.gate
	m.readers.New = func() any { return language.NewReader() }
	return m, nil
}

// Write returns the file of a model with the weights, rounded to 255 steps for
// each kind of feature.
func Write(weights []float32, bias float32, thresholds Thresholds) []byte {
	out := append(make([]byte, 0, head+Features), magic...)
	tables := [3][]float32{weights[:wordsAt], weights[wordsAt:lettersAt], weights[lettersAt:Features]}
	var steps [3]float32
	for k, table := range tables {
		for _, w := range table {
			steps[k] = max(steps[k], float32(math.Abs(float64(w)))/127)
		}
	}
	for _, f := range append(append(steps[:], bias), thresholds[:]...) {
		out = binary.LittleEndian.AppendUint32(out, math.Float32bits(f))
	}
	for k, table := range tables {
		for _, w := range table {
			c := 0.0
			if steps[k] > 0 {
				c = math.Round(float64(w / steps[k]))
			}
			out = append(out, byte(int8(c)))
		}
	}
	return out
}

// Judge returns the window of a text that is most like an attack, and how sure
// it is that it is one: from a half on, it is to be taken for one.
func (m *Model) Judge(text []byte, from Origin) (sure float32, at Span) {
	score, at := m.score(text)
	return m.sure(score, from), at
}

// sure returns how sure it is that a text with the score is an attack.
func (m *Model) sure(score float32, from Origin) float32 {
	return float32(1 / (1 + math.Exp(-float64(score-m.thresholds[from]))))
}

// score returns the best window of a text.
func (m *Model) score(text []byte) (score float32, at Span) {
	p := m.Begin(text)
	for at := range p.all {
		p.judge(at)
	}
	return p.score()
}

func (m *Model) sum(ids []uint32) float32 {
	var sums [3]int
	for _, id := range ids {
		k := 0
		if id >= lettersAt {
			k = 2
		} else if id >= wordsAt {
			k = 1
		}
		sums[k] += int(int8(m.weights[id]))
	}
	return m.steps[0]*float32(sums[0]) + m.steps[1]*float32(sums[1]) + m.steps[2]*float32(sums[2])
}
