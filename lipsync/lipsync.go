// Package lipsync makes the person in footage say something else with their own mouth. It indexes
// every mouth that was filmed, wants a shape per frame from what is said, searches the best path
// through the filmed mouths, and draws each, fitted to the head of the frame, at the footage's own
// sharpness. Nothing is generated: what comes out was filmed.
//
// Lengths are in face widths (vertex 234 to 454 of the person's own median mesh) unless another unit is
// named; "face space" is that mesh's place with pose taken out, x to the right of the picture,
// y down.
package lipsync

// Frame is what one output frame shows.
type Frame struct {
	// Base is the footage's frame that receives the mouth.
	Base int `json:"base"`
	// Mouth is the library's mouth whose pixels are shown: an index into the library's frames; −1 leaves
	// the base as it was filmed.
	Mouth int `json:"mouth"`
	// Amount is how much of the new mouth is seen, 0…1; below 1 where one hands over to the other.
	Amount float32 `json:"amount"`
	// Exact is how far the mouth's own shape is moved to Shape, 0…1.
	Exact float32 `json:"exact"`
	// Shape is where lips and chin shall be: coefficients of the person's mouth basis.
	Shape []float32 `json:"shape,omitempty"`
}
