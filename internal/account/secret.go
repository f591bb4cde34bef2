package account

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"hash/crc32"
	"strings"
)

// A secret key is "ts_", 36 random characters and a checksum of 6, all base62:
// ts_3QmW…. The prefix lets scanners of published code find leaked keys, and the
// checksum lets them, and this service, tell a key from anything else without
// asking a store.
//
// 36 characters of 62 are 214 bits. A password needs a slow, salted hash because
// it can be guessed; nobody can guess 214 bits, so one SHA-256 keeps a stolen store
// useless and costs under a microsecond for each request.
const (
	secretPrefix = "ts_"
	secretRandom = 36
	secretSum    = 6
	base62       = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
)

// newSecret makes a secret from the system's cryptographic source.
func newSecret() string {
	b := make([]byte, 0, secretRandom)
	var pool [64]byte
	for len(b) < secretRandom {
		rand.Read(pool[:]) // never fails since Go 1.24: the program ends instead
		for _, r := range pool {
			// 248 is 4·62: what lies above would make some characters likelier.
			if r < 248 && len(b) < secretRandom {
				b = append(b, base62[r%62])
			}
		}
	}
	return secretPrefix + string(b) + checksum(string(b))
}

// checksum is CRC-32 (IEEE) in six base62 digits, the highest first.
func checksum(s string) string {
	n := crc32.ChecksumIEEE([]byte(s))
	var out [secretSum]byte
	for i := secretSum - 1; i >= 0; i-- {
		out[i] = base62[n%62]
		n /= 62
	}
	return string(out[:])
}

// wellFormed reports whether s can be a secret at all.
func wellFormed(s string) bool {
	body, ok := strings.CutPrefix(s, secretPrefix)
	if !ok || len(body) != secretRandom+secretSum {
		return false
	}
	for i := range len(body) {
		if strings.IndexByte(base62, body[i]) < 0 {
			return false
		}
	}
	return checksum(body[:secretRandom]) == body[secretRandom:]
}

// digest is what is stored of a secret, and the identifier that follows from it:
// the first 64 bits, which tell keys apart and say nothing about the secret.
func digest(secret string) (sum [sha256.Size]byte, id string) {
	sum = sha256.Sum256([]byte(secret))
	return sum, "k" + hex.EncodeToString(sum[:8])
}
