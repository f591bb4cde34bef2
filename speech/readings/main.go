// Command readings makes speech/mandarin.txt.gz: Chinese phrases in which a character is not read as espeak-ng reads
// it alone (银行 is yin2 hang2, 行 alone xing2).
//
//	pip download --no-deps pypinyin && unzip pypinyin-*.whl
//	go run ./speech/readings pypinyin/phrases_dict.json /usr/lib/*/espeak-ng-data/cmn_dict > speech/mandarin.txt.gz
//
// The phrases and readings are pypinyin's (MIT License). Of espeak-ng's dictionary only what it says already is looked up,
// so that it can be left out. A phrase that differs in nothing but an unstressed syllable is left out, too.
package main

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"log"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) != 3 {
		log.Fatal("usage: readings PHRASES_DICT.json CMN_DICT > OUT.gz")
	}
	if err := run(os.Args[1], os.Args[2]); err != nil {
		log.Fatal(err)
	}
}

func run(phrasesPath, dictionaryPath string) error {
	data, err := os.ReadFile(phrasesPath) //nolint:gosec // run by hand
	if err != nil {
		return err
	}
	var phrases map[string][][]string // of each character: its readings, best first
	if err := json.Unmarshal(data, &phrases); err != nil {
		return err
	}
	dictionary, err := os.ReadFile(dictionaryPath) //nolint:gosec // as above
	if err != nil {
		return err
	}
	alone := map[string]string{}
	for _, m := range regexp.MustCompile(`\x03(\p{Han})([a-z]+[1-5])\x00`).FindAllSubmatch(dictionary, -1) {
		if c := string(m[1]); alone[c] == "" {
			alone[c] = string(m[2])
		}
	}
	out := gzip.NewWriter(os.Stdout)
	n := 0
	for _, phrase := range slices.Sorted(maps.Keys(phrases)) {
		readings := phrases[phrase]
		if k := utf8.RuneCountInString(phrase); k < 2 || k > 4 || k != len(readings) {
			continue
		}
		line, differs := phrase, false
		i := 0
		for _, r := range phrase {
			said := numbered(readings[i][0])
			i++
			line += " " + said
			known := alone[string(r)]
			differs = differs || known != "" && said != known && !strings.HasSuffix(said, "5")
		}
		if differs {
			n++
			fmt.Fprintln(out, line)
		}
	}
	log.Printf("%d phrases", n)
	return out.Close()
}

// numbered writes a syllable with the tone as a digit and ü as v.
func numbered(s string) string {
	tone := "5"
	var b strings.Builder
	for _, r := range norm.NFD.String(s) {
		switch r {
		case '\u0304':
			tone = "1"
		case '\u0301':
			tone = "2"
		case '\u030c':
			tone = "3"
		case '\u0300':
			tone = "4"
		case '\u0308':
			u := strings.TrimSuffix(b.String(), "u")
			b.Reset()
			b.WriteString(u + "v")
		case '\u0302':
		default:
			b.WriteRune(r)
		}
	}
	return b.String() + tone
}
