package llm

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"hash/fnv"
	"math"
	"net/http"
	"strings"
)

const dimensions = 8

type embeddingRequest struct {
	Model    string          `json:"model"`
	Input    json.RawMessage `json:"input"` // a string, or a list of strings
	Encoding string          `json:"encoding_format"`
}

func (r *embeddingRequest) texts() []string {
	var one string
	if json.Unmarshal(r.Input, &one) == nil {
		return []string{one}
	}
	var many []string
	if json.Unmarshal(r.Input, &many) != nil {
		return nil
	}
	return many
}

func (p *Provider) embeddings(w http.ResponseWriter, r *http.Request) {
	var req embeddingRequest
	err := json.NewDecoder(r.Body).Decode(&req)
	texts := req.texts()
	if err != nil || len(texts) == 0 {
		writeError(w, http.StatusBadRequest, "invalid_body", "The body is not an embedding request.")
		return
	}
	data := make([]any, len(texts))
	for i, text := range texts {
		data[i] = map[string]any{"object": "embedding", "index": i, "embedding": encode(vector(text), req.Encoding)}
	}
	use := count(strings.Join(texts, "\n"), "")
	writeJSON(w, http.StatusOK, map[string]any{
		"object": "list", "model": req.Model, "data": data,
		"usage": map[string]int{"prompt_tokens": use.Prompt, "total_tokens": use.Total},
	})
}

// vector is a unit vector that depends on the text alone.
func vector(text string) [dimensions]float32 {
	var out [dimensions]float32
	var norm float64
	for i := range out {
		h := fnv.New32a()
		_, _ = h.Write(append([]byte(text), byte(i))) // a hash never fails
		out[i] = float32(h.Sum32())/math.MaxUint32 - 0.5
		norm += float64(out[i]) * float64(out[i])
	}
	for i := range out {
		out[i] /= float32(math.Sqrt(norm))
	}
	return out
}

// encode gives numbers, or base64 of little-endian floats, which SDKs ask for.
func encode(v [dimensions]float32, encoding string) any {
	if encoding != "base64" {
		return v
	}
	raw := make([]byte, 0, 4*dimensions)
	for _, f := range v {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(f))
	}
	return base64.StdEncoding.EncodeToString(raw)
}
