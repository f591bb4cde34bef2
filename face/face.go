// Package face finds the people in a video and says where every part of their
// faces is, frame by frame: detection, a mesh of 478 points, pose, tracking,
// shots, and who is the same person across them. The result is an Analysis, made
// once per video and read by every engine.
//
// An Observer looks at the frames of one stretch of a video; the stretches of one video may be
// looked at side by side, on different machines. A Joiner makes the Analysis out of what they saw.
// Photo does the same for a still. It promises:
//
//   - the same frames give the same bytes, whatever runs beside;
//   - an observer needs memory for one frame's crops and about 3 KB per face and frame, and an
//     analysis about 6 KB, plus at most 64 MB of skin samples, however long the video is;
//   - a face that is not there is not reported: what the detector proposes, the mesh network must
//     confirm, and what leaves the picture ends its track;
//   - files that are damaged or made by others are refused, never trusted.
//
// Coordinates are those of pix; angles are in radians.
package face

import "github.com/twinsync/twinsync/pix"

// Numbers of points of the mesh. The first MeshPoints are those of the canonical face
// (MediaPipe's topology); the last ten are the irises: 468 the right one's centre and 469–472
// its ring, 473 and 474–477 the left one's, right and left being the person's own. A ring goes
// right, top, left, bottom as seen in the picture of an upright face.
const (
	MeshPoints = 468
	AllPoints  = 478
)

// Mesh holds the points of one face in frame coordinates. Depth z is relative to the
// head's centre, in pixels, and grows away from the viewer.
type Mesh [AllPoints]pix.Vec3

// Box is a rectangle in frame coordinates, not bound to whole pixels.
type Box struct{ X, Y, W, H float32 }

// Pose says where a head is and where it looks: a point p of the canonical face
// is at Scale·R·p + T in the frame.
type Pose struct {
	R     [9]float32 // rotation, row by row
	Scale float32    // pixels per canonical unit (a centimetre)
	T     pix.Vec3

	Yaw, Pitch, Roll float32 // radians; 0 looks into the camera; yaw > 0 turns the nose to the picture's right, pitch > 0 down, roll > 0 clockwise as seen
}

// Observation is one face in one frame.
type Observation struct {
	Frame      int // index in the video, from 0
	Box        Box // around the mesh
	Mesh       Mesh
	Pose       Pose
	Confidence float32 // 0…1 that this is a face and the mesh lies on it; at most .5 where a gap was bridged
	Sharpness  float32 // median absolute Laplacian of luma inside the face, in 8-bit steps
}

// Texture is a face's skin laid flat on the canonical UV square, one of the
// samples kept per track: N×N RGB, gamma-coded as the video is, full range 0…255.
type Texture struct {
	Frame int
	N     int
	RGB   []uint8 // 3·N·N, interleaved
	Seen  []uint8 // N·N: 0 where the surface faces away or lies outside the picture, 255 where it is seen
	Eyes  EyeColours
}

// Track is one face followed without a gap through one shot. Mesh and pose are smoothed
// forward and backward, without delay.
type Track struct {
	ID        int
	Shot      int
	Person    int           // index into Analysis.People
	Faces     []Observation // frames ascending and contiguous
	Textures  []Texture     // up to TexturesPerTrack, spread over the track
	Neutral   Shape         // median shape over the track in canonical units
	Scale     float32       // median of Pose.Scale over the track
	Sharpness float32       // median of Observation.Sharpness over the track
}

// Person is somebody seen in the video.
type Person struct {
	ID        int       // as in Analysis.People, ordered by time on screen times size, largest first
	Embedding []float32 // unit length; mean of the best views
	Frames    int       // in which the person is seen
	BestTrack int       // where the best single view is: the track's index, and the face's in its Faces
	BestFace  int
}

// Shot is an uncut stretch of video.
type Shot struct{ First, End int } // frames First ≤ i < End

// Analysis is all that is known about the faces of one video.
type Analysis struct {
	Version int
	Video   VideoInfo
	Shots   []Shot
	Tracks  []Track
	People  []Person
}

// VideoInfo identifies the footage that an analysis belongs to.
type VideoInfo struct {
	SHA256 string // of the file, hex
	W, H   int    // as displayed: rotation applied
	Frames int
}
