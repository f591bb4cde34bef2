package speech

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/twinsync/twinsync/fault"
)

// commandPrefix begins the IDs of the voices of a command line.
const commandPrefix = "command:"

// CommandSpeaker has texts said by a program. It gets the text in {text} or, where that is not in its arguments, on standard input; it
// writes the sound, of any kind that FFmpeg reads, to the file {output} or, without that, to standard output. {language}, {voice} and
// {rate} (1 is its own tempo) are what is asked for.
type CommandSpeaker struct {
	options CommandOptions
	voices  []string
}

// OpenCommandSpeaker checks the options; the program runs at the first need. voices are the names that {voice} may be; without any there
// is one, "default".
func OpenCommandSpeaker(o CommandOptions, voices []string) (*CommandSpeaker, error) {
	if err := o.check("{text}", "{output}", "{language}", "{voice}", "{rate}"); err != nil {
		return nil, err
	}
	for _, v := range voices {
		if err := word("voices", v); err != nil {
			return nil, err
		}
	}
	return &CommandSpeaker{o, slices.Clone(voices)}, nil
}

// CommandDriver is such a program as a Driver.
func CommandDriver(o CommandOptions, voices []string) Driver {
	return Driver{Prefix: strings.TrimSuffix(commandPrefix, ":"), Open: func(context.Context) (Speaker, error) { return OpenCommandSpeaker(o, voices) }}
}

// Voices lists them by name.
func (s *CommandSpeaker) Voices(context.Context) ([]Voice, error) {
	names := s.voices
	if len(names) == 0 {
		names = []string{"default"}
	}
	out := make([]Voice, len(names))
	for i, n := range names {
		out[i] = Voice{ID: commandPrefix + n, Name: n}
	}
	sortVoices(out)
	return out, nil
}

// Speak says a text.
//
// Errors: fault.MissingField, InvalidField, TooLong for the text; InvalidField for voice and language; those of the program:
// MissingProgram, Timeout, Unavailable, TooLarge.
func (s *CommandSpeaker) Speak(ctx context.Context, r Request) (*Utterance, error) {
	if err := checkRequest(r); err != nil {
		return nil, err
	}
	text := cleanText(r.Text)
	if err := checkText(text); err != nil {
		return nil, err
	}
	voice := strings.TrimPrefix(r.Voice, commandPrefix)
	if len(s.voices) == 0 && voice == "default" {
		voice = ""
	}
	if voice != "" && !slices.Contains(s.voices, voice) {
		return nil, fault.New(fault.InvalidField, "voice", "the program has no voice %q", printable(voice)).WithHint("twinsync voices lists them.")
	}
	if voice == "" && len(s.voices) > 0 {
		voice = s.voices[0]
	}
	if err := word("language", r.Language); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "twinsync-command-")
	if err != nil {
		return nil, fault.From(err)
	}
	defer os.RemoveAll(dir)
	output := filepath.Join(dir, "speech.wav")
	values := map[string]string{
		"{text}": text, "{output}": output, "{voice}": voice, "{language}": cmp.Or(r.Language, "en"), "{rate}": strconv.FormatFloat(orOne(r.Rate), 'g', -1, 64),
	}
	var stdin []byte
	if !s.options.has("{text}") {
		stdin = []byte(text + "\n")
	}
	heard, err := s.options.run(ctx, stdin, values)
	if err != nil {
		return nil, err
	}
	if s.options.has("{output}") {
		if heard, err = s.options.readWritten(output); err != nil {
			return nil, err
		}
	}
	sound, err := decodeSound(ctx, heard)
	if err != nil {
		switch f := fault.From(err); f.Code {
		case fault.NotMedia, fault.Empty, fault.NoSound, fault.Truncated:
			return nil, s.options.nonsense("gives no sound that can be read", err)
		}
		return nil, err
	}
	if sound, err = pitched(ctx, sound, r.Pitch); err != nil {
		return nil, err
	}
	return &Utterance{Sound: sound}, nil
}

// CommandTranscriber has recordings written down by a program. It finds the sound, one channel at 16 kHz as a WAV of 16 bits, in the file
// {input}, and writes the transcript to the file {output} (to whose name it may add .json, .srt, .vtt or .txt) or, without that, to standard
// output: SRT, VTT, plain text, or JSON as whisper.cpp or OpenAI write it. {language} is a code of two letters, or "auto".
type CommandTranscriber struct{ options CommandOptions }

// OpenCommandTranscriber checks the options; the program runs at the first need. The one word whisper-cli is completed to whisper.cpp's
// command line, with model as its network's file.
func OpenCommandTranscriber(o CommandOptions, model string) (*CommandTranscriber, error) {
	o.Command = whisperCommand(o.Command, model)
	if err := o.check("{input}", "{output}", "{language}"); err != nil {
		return nil, err
	}
	if !o.has("{input}") {
		return nil, fault.New(fault.InvalidField, o.param(), "has no {input}, in whose place the sound's file is put")
	}
	return &CommandTranscriber{o}, nil
}

// Transcribe hears the sound of the file at path. Errors: those of reading the file, without a param; InvalidField "language"; those of the
// program; Unsupported where nothing is said.
func (t *CommandTranscriber) Transcribe(ctx context.Context, path, language string) (*Transcript, error) {
	base, err := baseLanguage(language)
	if err != nil {
		return nil, err
	}
	sound, err := readSoundFile(ctx, path, hearRate, longestHeard)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "twinsync-command-")
	if err != nil {
		return nil, fault.From(err)
	}
	defer os.RemoveAll(dir)
	input, output := filepath.Join(dir, "speech.wav"), filepath.Join(dir, "transcript")
	if err := os.WriteFile(input, wav16(sound), 0o600); err != nil {
		return nil, fault.From(err)
	}
	said, err := t.options.run(ctx, nil, map[string]string{"{input}": input, "{output}": output, "{language}": cmp.Or(base, "auto")})
	if err != nil {
		return nil, err
	}
	if t.options.has("{output}") {
		if said, err = t.options.readWritten(output, ".json", ".srt", ".vtt", ".txt"); err != nil {
			return nil, err
		}
	}
	got, err := readHeard(said, sound.Seconds())
	if err != nil {
		return nil, t.options.nonsense("gives no transcript that can be read", err)
	}
	if language != "" {
		got.Language = language
	}
	return got, got.checkSaid()
}

// CommandTranslator has texts translated by a program: with {text} in its arguments once for each, otherwise all at once, a line each on standard
// input, a line each on standard output. {from} and {to} are language tags, {from} "auto" where it is not known.
type CommandTranslator struct{ options CommandOptions }

// OpenCommandTranslator checks the options; the program runs at the first need.
func OpenCommandTranslator(o CommandOptions) (*CommandTranslator, error) {
	if err := o.check("{text}", "{from}", "{to}"); err != nil {
		return nil, err
	}
	return &CommandTranslator{o}, nil
}

// Translate translates texts. Errors: InvalidField for "from" and "to"; those of the program, and Unavailable where it prints more or fewer
// lines than it got.
func (t *CommandTranslator) Translate(ctx context.Context, texts []string, from, to string) ([]string, error) {
	if to == "" {
		return nil, fault.New(fault.MissingField, "to", "no language is given")
	}
	for param, tag := range map[string]string{"from": from, "to": to} {
		if err := word(param, tag); err != nil {
			return nil, err
		}
	}
	most := 1000
	if t.options.has("{text}") {
		most = 1
	}
	return inBatches(texts, most, 200*TextLimit, func(batch []string) ([]string, error) {
		values := map[string]string{"{from}": cmp.Or(from, "auto"), "{to}": to}
		var stdin []byte
		if most == 1 {
			values["{text}"] = batch[0]
		} else {
			for _, text := range batch {
				stdin = append(stdin, strings.Join(strings.Fields(text), " ")+"\n"...)
			}
		}
		said, err := t.options.run(ctx, stdin, values)
		if err != nil {
			return nil, err
		}
		lines := strings.Split(strings.TrimSpace(string(said)), "\n")
		if most == 1 {
			lines = []string{strings.Join(strings.Fields(string(said)), " ")}
		}
		if len(lines) != len(batch) {
			return nil, t.options.nonsense(fmt.Sprintf("prints %d lines for %d texts", len(lines), len(batch)), nil)
		}
		if slices.ContainsFunc(lines, func(s string) bool { return strings.TrimSpace(s) == "" }) {
			return nil, t.options.nonsense("prints nothing for a text", nil)
		}
		return lines, nil
	})
}

var (
	_ Speaker     = (*CommandSpeaker)(nil)
	_ Transcriber = (*CommandTranscriber)(nil)
	_ Translator  = (*CommandTranslator)(nil)
)
