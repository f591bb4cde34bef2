package account

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"strings"
)

//go:embed terms.md
var termsFile string

// TermsText is a version of the terms that a customer accepts.
type TermsText struct {
	Version string // the day on which it was written, as "2026-11-22"
	Text    string // Markdown, without the line of the version
	SHA256  string // digest of the whole file, so that a record proves its words
}

// Terms is the version under which keys are made now.
func Terms() TermsText {
	head, text, _ := strings.Cut(termsFile, "\n")
	sum := sha256.Sum256([]byte(termsFile))
	return TermsText{
		Version: strings.TrimSpace(strings.TrimPrefix(head, "Version:")),
		Text:    strings.TrimSpace(text),
		SHA256:  hex.EncodeToString(sum[:]),
	}
}
