// Command train makes the model of package model, and tells how good it is.
//
// It learns from the templates in its folder corpus and, with -data, from a
// folder of lines {"text", "label", "source"}; label 1 is an attack. The same
// input gives the same files. How good the model is on what it has not seen is
// measured by holding out whole sources, never single texts: texts of one
// source are so alike that a random split praises any model.
//
//	go run ./guards/injection/train -data DIR -out guards/injection/model
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	data := flag.String("data", "", "folder of .jsonl files to learn from besides the own corpus")
	out := flag.String("out", "", "folder to write weights.bin and evaluation.md to; without it, the evaluation is printed")
	flag.Parse()
	if err := run(*data, *out); err != nil {
		fmt.Fprintln(os.Stderr, "train:", err)
		os.Exit(1)
	}
}

func run(data, out string) error {
	samples, err := ownCorpus()
	if err != nil {
		return err
	}
	if data != "" {
		more, err := readFolder(data)
		if err != nil {
			return err
		}
		if len(more) == 0 {
			return errors.New(data + " holds no .jsonl file: name the folder of the labelled lines")
		}
		samples = append(samples, more...)
	}
	docs := prepare(samples)
	e := evaluate(docs)
	if out == "" {
		_, err := os.Stdout.WriteString(e.markdown())
		return err
	}
	if err := os.WriteFile(filepath.Join(out, "evaluation.md"), []byte(e.markdown()), 0o600); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(out, "weights.bin"), train(docs, 1).file(e.thresholds()), 0o600)
}
