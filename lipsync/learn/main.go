// Command learn makes lipsync/tables.bin, what is known about mouths in general: for maintainers, who need it only
// to learn the tables anew.
//
//	go run ./lipsync/learn -media DIR -out lipsync/tables.bin
//
// The inputs are listed in inputs.tsv and have to be free to use in this way; NOTICE names them. The words of a clip are brought
// to its sound by the built-in synthesiser; people who are only heard, and machines (espeak-ng, and Festival
// Lite, which has to be installed), teach what sounds are, and people who are seen what mouths do. Every clip is tried
// with tables that were learned without it. The same inputs give the same tables.
package main

import (
	"context"
	"encoding/csv"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/twinsync/twinsync/lipsync"
	"github.com/twinsync/twinsync/speech"
	"github.com/twinsync/twinsync/speech/speechtest"
)

func main() {
	speechtest.Child()
	mediaDir := flag.String("media", "", "the folder that the inputs' paths begin in")
	inputsFile := flag.String("inputs", "lipsync/learn/inputs.tsv", "the list of inputs")
	out := flag.String("out", "", "the tables to write; none without")
	each := flag.String("each", "", "a folder for the tables that were learned without one clip, under its name")
	flag.Parse()
	if err := run(context.Background(), *mediaDir, *inputsFile, *out, *each); err != nil {
		fmt.Fprintln(os.Stderr, "learn:", err)
		os.Exit(1)
	}
}

// input is a line of the list.
type input struct{ use, file, licence, words string }

func readInputs(path, mediaDir string) ([]input, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.Comma, r.Comment, r.LazyQuotes, r.FieldsPerRecord = '\t', '#', true, 4
	lines, err := r.ReadAll()
	if err != nil {
		return nil, err
	}
	var out []input
	for _, l := range lines[1:] {
		in := input{l[0], l[1], l[2], l[3]}
		if name, ok := strings.CutPrefix(in.words, "@"); ok {
			b, err := os.ReadFile(filepath.Join(mediaDir, name)) //nolint:gosec // a maintainer's own list
			if err != nil {
				return nil, err
			}
			in.words = strings.TrimSpace(string(b))
		}
		out = append(out, in)
	}
	return out, nil
}

func run(ctx context.Context, mediaDir, inputsFile, out, each string) error {
	list, err := readInputs(inputsFile, mediaDir)
	if err != nil {
		return err
	}
	by, err := speech.OpenEspeak(speech.EspeakOptions{})
	if err != nil {
		return err
	}
	defer by.Close()
	clips, voices, err := gather(ctx, list, mediaDir, by)
	if err != nil {
		return err
	}
	t := learn(clips, voices, nil)
	for _, c := range clips {
		honest := t
		if c.use == "clip" {
			honest = learn(clips, voices, c)
			if each != "" {
				if err := write(filepath.Join(each, filepath.Base(c.file)+".bin"), honest); err != nil {
					return err
				}
			}
		}
		score(os.Stdout, c, "new", honest)
		score(os.Stdout, c, "old", lipsync.Standard())
	}
	return write(out, t)
}

func write(out string, t *lipsync.Tables) error {
	if out == "" {
		return nil
	}
	return os.WriteFile(out, t.Bytes(), 0o644) //nolint:gosec // a file of the source tree, for all to read
}
