package fault

// Code names one kind of failure. Codes are part of the public interface: they
// are never renamed or reused.
type Code string

// The codes, by what they concern.
const (
	// The request.
	MissingField     Code = "missing_field"
	InvalidField     Code = "invalid_field"
	InvalidKey       Code = "invalid_key"
	InvalidAddress   Code = "invalid_address"
	ForbiddenAddress Code = "forbidden_address"
	Unreachable      Code = "unreachable_address"
	TooManyRequests  Code = "too_many_requests"
	NotFound         Code = "not_found"
	Conflict         Code = "conflict"
	TermsNotAccepted Code = "terms_not_accepted"

	// The files.
	NotMedia       Code = "not_media"       // the bytes are no picture, video or sound that can be read
	Empty          Code = "empty_file"      // no bytes at all
	Truncated      Code = "truncated_file"  // a part of the file is missing
	NoVideo        Code = "no_video_stream" // a media file without moving pictures
	NoSound        Code = "no_sound_stream" // a media file without sound
	TooLarge       Code = "too_large"       // bytes or pixels over the limit
	TooLong        Code = "too_long"        // seconds over the limit
	NoFaceInPhoto  Code = "no_face_in_photo"
	NoFaceInVideo  Code = "no_face_in_video"
	FaceTooSmall   Code = "face_too_small"
	FaceUnusable   Code = "face_unusable" // cut off, turned away or covered
	UnknownPerson  Code = "unknown_person"
	WhichPerson    Code = "which_person"    // several people, and nothing tells which is meant
	NoUsableMouth  Code = "no_usable_mouth" // a face, but never a mouth that can be seen well enough to speak with
	Unsupported    Code = "unsupported"
	NotWritable    Code = "not_writable"
	DiskFull       Code = "disk_full"
	MissingProgram Code = "missing_program" // FFmpeg or the inference library is not installed

	// The run.
	Canceled    Code = "canceled"
	Timeout     Code = "timeout"
	Unavailable Code = "unavailable" // a part of the service does not answer at the moment
	Stalled     Code = "stalled"     // a step made no progress and was given up
	Internal    Code = "internal"
)

// Kind groups codes by what follows from them: exit status, HTTP status, retry.
type Kind int

// The kinds.
const (
	Broken    Kind = iota // a defect or a failed machine
	Input                 // the user's files or fields; never retried
	Denied                // key, quota or terms
	Absent                // no such thing
	Clash                 // lost a race or repeats what exists
	Missing               // something must be installed
	Temporary             // may work if tried again
	Stopped               // by the user's wish
)

// Kind tells what follows from the code.
func (c Code) Kind() Kind {
	switch c {
	case MissingField, InvalidField, InvalidAddress, ForbiddenAddress, NotMedia, Empty,
		Truncated, NoVideo, NoSound, TooLarge, TooLong, NoFaceInPhoto, NoFaceInVideo, FaceTooSmall,
		FaceUnusable, UnknownPerson, WhichPerson, NoUsableMouth, Unsupported, NotWritable, DiskFull:
		return Input
	case InvalidKey, TooManyRequests, TermsNotAccepted:
		return Denied
	case NotFound:
		return Absent
	case Conflict:
		return Clash
	case MissingProgram:
		return Missing
	case Unreachable, Unavailable, Stalled, Timeout:
		return Temporary
	case Canceled:
		return Stopped
	}
	return Broken
}
