// Package speech turns text into a voice and knows when what is said: it speaks, finds the times of known
// words and phones in a recording, and says from them what a mouth must do in each frame of a video.
// Transcribing and translating are asked of programs and services that the operator names.
//
// A service is never needed: sound, transcripts and translations that the user brings are taken at
// every stage.
package speech

import "context"

// Sound is one channel of sound.
type Sound struct {
	Rate    int       // samples per second, > 0
	Samples []float32 // −1…1
}

// Seconds is the length.
func (s Sound) Seconds() float64 {
	if s.Rate <= 0 {
		return 0
	}
	return float64(len(s.Samples)) / float64(s.Rate)
}

// Phone is one speech sound, or a pause.
type Phone struct {
	IPA   string  `json:"ipa"` // without stress and tone; "" is a pause
	Start float64 `json:"start"`
	End   float64 `json:"end"` // seconds, > Start
}

// Word is one word and when it is said.
type Word struct {
	Text  string  `json:"text"`
	Start float64 `json:"start"`
	End   float64 `json:"end"` // seconds
}

// Timing is when what is said.
type Timing struct {
	Language string  `json:"language,omitempty"` // BCP 47
	Words    []Word  `json:"words,omitempty"`    // ascending
	Phones   []Phone `json:"phones"`             // ascending, without overlap; what lies between is a pause
	// Score is how well the words fit the sound, 0…1: 1 where the synthesiser gave the times, else by how
	// far its phones sound like themselves; from ScoreFits on the words are taken for those of the sound.
	Score float64 `json:"score"`
}

// Utterance is something said.
type Utterance struct {
	Sound  Sound
	Timing *Timing // nil where nobody knows the times
}

// Voice is one that a Speaker has.
type Voice struct {
	ID       string `json:"id"` // "espeak:de", "card:NAME", "openai:alloy": as users name it
	Name     string `json:"name"`
	Language string `json:"language"`         // BCP 47; "" is any
	Gender   string `json:"gender,omitempty"` // "female", "male" or ""
	Licence  string `json:"licence,omitempty"`
	Timed    bool   `json:"timed"` // gives the times of phones with the sound
}

// Request is a text to be said.
type Request struct {
	Text     string
	Language string  // BCP 47
	Voice    string  // a Voice.ID; "" is the driver's own choice for the language
	Rate     float64 // 0.5…2, 1 is the voice's own; 0 is 1
	Pitch    float64 // 0.5…2, likewise
}

// Speaker says texts. Implementations are safe for concurrent use.
type Speaker interface {
	// Voices lists what it can speak with, by language and then by name.
	Voices(ctx context.Context) ([]Voice, error)
	// Speak says a text. The errors name the fields "text", "language" and "voice".
	Speak(ctx context.Context, r Request) (*Utterance, error)
}

// Cue is a piece of a transcript: a line of a subtitle file, a sentence of a recogniser.
type Cue struct {
	Start   float64 `json:"start"`
	End     float64 `json:"end"` // seconds; 0 with Start 0 where no times are known
	Text    string  `json:"text"`
	Speaker string  `json:"speaker,omitempty"`
	Words   []Word  `json:"words,omitempty"`
}

// Transcript is what is said in a recording.
type Transcript struct {
	Language string `json:"language,omitempty"` // BCP 47
	Cues     []Cue  `json:"cues"`
}

// Transcriber writes down what is said.
type Transcriber interface {
	// Transcribe hears the sound of the file at path. language "" leaves it to the driver to find out.
	Transcribe(ctx context.Context, path, language string) (*Transcript, error)
}

// Translator translates texts, each on its own, in their order.
type Translator interface {
	Translate(ctx context.Context, texts []string, from, to string) ([]string, error)
}
