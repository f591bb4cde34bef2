package main

import (
	"strconv"
	"strings"

	"github.com/twinsync/twinsync/internal/pipeline"
)

// faceFlags say whose face is put on whom.
type faceFlags struct {
	Image []string `help:"Photo or clip of the face to put in; repeat for several of the same person." placeholder:"FILE" sep:"none"`

	Person string   `help:"Whom to replace: largest, all, a number from 'twinsync faces', or a photo of the person." default:"largest" placeholder:"WHO"`
	Map    []string `help:"Another photo for another person; may repeat. Instead of --image and --person." placeholder:"PHOTO=WHO" sep:"none"`

	SourcePerson int `help:"Whom to take from an --image that is a clip: a number from 'twinsync faces'; 0 is the one most seen." default:"0" placeholder:"N"`

	Strength float64 `help:"How much of the new face, 0 to 1." default:"1"`
	Tone     float64 `help:"Whose skin tone: 1 the clip's, 0 the photo's." default:"1"`
	OwnEyes  bool    `help:"Keep the colour of the clip's eyes, instead of taking the photo's."`
}

// faces are the choices as the pipeline wants them.
func (c faceFlags) faces() (list []pipeline.Face, err error) {
	switch {
	case len(c.Map) > 0 && len(c.Image) > 0:
		return nil, usageError("--map and --image cannot be used together")
	case len(c.Map) > 0:
		for _, m := range c.Map {
			photo, who, ok := cutLast(m, "=")
			if !ok || photo == "" || who == "" {
				return nil, usageError("--map wants PHOTO=WHO, as in --map anna.jpg=2")
			}
			list = append(list, whom(who, photo))
		}
	case len(c.Image) > 0:
		list = []pipeline.Face{whom(c.Person, c.Image...)}
	default:
		return nil, usageError("--image is missing: the photo of the face to put in")
	}
	for i := range list {
		list[i].Clips, list[i].SourcePerson = true, c.SourcePerson
	}
	return list, nil
}

// whom puts photos and the choice of a person together: what is neither a word nor a
// number is the name of a photo.
func whom(who string, photos ...string) pipeline.Face {
	var f pipeline.Face
	for _, photo := range photos {
		f.Photos = append(f.Photos, pipeline.Source{Path: photo, Field: photo})
	}
	_, err := strconv.Atoi(who)
	if who == pipeline.Largest || who == pipeline.All || err == nil {
		f.Person = who
	} else {
		f.Like = &pipeline.Source{Path: who, Field: who}
	}
	return f
}

// cutLast is strings.Cut at the last separator, so that a file name may contain it.
func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}
