package task

import (
	"crypto/rand"
	"math/big"
	"time"

	"github.com/twinsync/twinsync/fault"
)

// ID names a task: the second of its creation in UTC and a secret number, as in
// 20230423_11_23_05_428193847561029384. Identifiers sort by time. A status needs no
// key, so the number must not be guessable: 18 digits of it are 59 bits.
type ID string

const (
	idTime    = "20060102_15_04_05_"
	newDigits = 18
	minDigits = 16 // what the contract promises
	maxDigits = 32
)

// NewID makes an identifier from now and the system's cryptographic source.
func NewID(now time.Time) ID {
	b := []byte(now.UTC().Format(idTime))
	for range newDigits {
		// rand.Int on the system's reader has no error since Go 1.24: the program ends instead.
		d, _ := rand.Int(rand.Reader, big.NewInt(10))
		b = append(b, '0'+byte(d.Int64()))
	}
	return ID(b)
}

// ParseID checks that s has the form of an identifier: it says nothing about whether the
// task exists. Anything else is fault.NotFound, for no such task can be.
func ParseID(s string) (ID, error) {
	bad := fault.New(fault.NotFound, "taskID", "there is no such task").
		WithHint("An identifier looks like 20230423_11_23_05_428193847561029384.")
	n := len(s) - len(idTime)
	if n < minDigits || n > maxDigits {
		return "", bad
	}
	for _, c := range s[len(idTime):] {
		if c < '0' || c > '9' {
			return "", bad
		}
	}
	// Formatting it again rejects what time.Parse lets pass, such as a fraction of a second.
	at, err := time.Parse(idTime, s[:len(idTime)])
	if err != nil || at.Format(idTime) != s[:len(idTime)] {
		return "", bad
	}
	return ID(s), nil
}

// Time is the second in which the identifier was made; zero when id is not one.
func (id ID) Time() time.Time {
	if _, err := ParseID(string(id)); err != nil {
		return time.Time{}
	}
	at, err := time.Parse(idTime, string(id[:len(idTime)]))
	if err != nil {
		return time.Time{}
	}
	return at
}
