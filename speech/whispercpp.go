package speech

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"unicode"
	"unicode/utf8"
)

// whisperCPP is the program of whisper.cpp; a command of this one word is completed with what it wants.
const whisperCPP = "whisper-cli"

// whisperCommand completes the command line of whisper.cpp's program: all it knows of each token, as JSON.
func whisperCommand(command []string, model string) []string {
	if len(command) != 1 || strings.TrimSuffix(filepath.Base(command[0]), ".exe") != whisperCPP {
		return command
	}
	out := []string{command[0], "-l", "{language}", "-f", "{input}", "-of", "{output}", "-ojf", "-np"}
	if model != "" {
		out = append(out, "-m", model)
	}
	return out
}

// whisperJSON is what whisper.cpp writes with -oj and -ojf; offsets are milliseconds.
type whisperJSON struct {
	Result struct {
		Language string `json:"language"`
	} `json:"result"`
	Transcription []struct {
		Offsets whisperSpan    `json:"offsets"`
		Text    string         `json:"text"`
		Tokens  []whisperToken `json:"tokens"` // -ojf alone
	} `json:"transcription"`
}

type whisperSpan struct{ From, To float64 }

type whisperToken struct {
	Text    string
	Offsets whisperSpan
}

// readWhisperCPP reads whisper.cpp's JSON.
func readWhisperCPP(b []byte, length float64) (*Transcript, error) {
	var h whisperJSON
	if err := json.Unmarshal(b, &h); err != nil {
		return nil, err
	}
	t := &Transcript{Language: languageNamed(h.Result.Language)}
	for _, s := range h.Transcription {
		t.hear(Cue{Start: s.Offsets.From / 1000, End: s.Offsets.To / 1000, Text: s.Text, Words: tokenWords(s.Tokens)}, length)
	}
	return t, nil
}

// tokenWords joins tokens into words: one that begins with a space begins a word, and so does one of a script that writes none. nil where
// a character was cut in two, which JSON cannot tell.
func tokenWords(tokens []whisperToken) []Word {
	var out []Word
	for _, t := range tokens {
		if strings.HasPrefix(t.Text, "[_") { // marks of times and beginnings
			continue
		}
		if strings.ContainsRune(t.Text, utf8.RuneError) {
			return nil
		}
		text := strings.TrimSpace(t.Text)
		if text == "" {
			continue
		}
		first, _ := utf8.DecodeRuneInString(text)
		last := len(out) - 1
		if last < 0 || t.Text[0] == ' ' || unicode.In(first, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar) {
			out = append(out, Word{text, t.Offsets.From / 1000, t.Offsets.To / 1000})
			continue
		}
		out[last].Text += text
		if sounded(text) > 0 { // the pause at a full stop is no part of the word
			out[last].End = t.Offsets.To / 1000
		}
	}
	return out
}
