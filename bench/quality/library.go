package quality

import (
	"bufio"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/twinsync/twinsync/fault"
)

// library is the folder of media: photos/ and videos/, names at will.
type library struct {
	dir           string
	photos, clips []string // file names, sorted
}

// Names that end so are read as pictures and as clips.
var (
	photoTypes = []string{".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".avif", ".heic"}
	clipTypes  = []string{".mp4", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".m4v", ".nut", ".ts"}
)

func openLibrary(dir string) (*library, error) {
	l := &library{dir: dir}
	for _, part := range []struct {
		folder string
		types  []string
		into   *[]string
	}{{"photos", photoTypes, &l.photos}, {"videos", clipTypes, &l.clips}} {
		entries, err := os.ReadDir(filepath.Join(dir, part.folder))
		if err != nil {
			return nil, fault.New(fault.NotFound, "media", "there is no folder %s in it", part.folder).
				WithHint("--media names a folder that holds photos/ and videos/.").WithCause(err)
		}
		for _, e := range entries {
			if !e.IsDir() && slices.Contains(part.types, strings.ToLower(filepath.Ext(e.Name()))) {
				*part.into = append(*part.into, e.Name())
			}
		}
		slices.Sort(*part.into)
		if len(*part.into) == 0 {
			return nil, fault.New(fault.NotFound, "media", "there is nothing to use in its folder %s", part.folder)
		}
	}
	return l, nil
}

func (l *library) photo(name string) string { return filepath.Join(l.dir, "photos", name) }
func (l *library) clip(name string) string  { return filepath.Join(l.dir, "videos", name) }

// job is a photo to be put into a clip.
type job struct {
	photo, clip string // file names
	start       int    // frame of the clip to begin at, beside Options.Start
	set         string // what the list of pairs calls its group, as "dev"
}

// pick is the one name that begins so.
func pick(names []string, prefix, param string) (string, error) {
	var found []string
	for _, n := range names {
		if n == prefix {
			return n, nil
		}
		if strings.HasPrefix(n, prefix) {
			found = append(found, n)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return "", fault.New(fault.NotFound, param, "no file begins with %q", prefix)
	}
	return "", fault.New(fault.InvalidField, param, "%q begins %d names, the first %s and %s", prefix, len(found), found[0], found[1])
}

// mostPairs bounds a list of pairs.
const mostPairs = 10_000

// jobs reads which pairs are wanted: a list "p04:v01,p02:v02" by what the names begin with, or a file
// with a line per pair (photo, clip and, if wanted, the name of a group, apart by tabs; # begins a
// comment). Without either it is media/pairs.tsv if there, else a round robin of photos over all clips.
// CLIP@120 begins at frame 120. Of a file, only the pairs of group set are taken, all when it is "".
func (l *library) jobs(spec, set string, usable func(photo string) bool) ([]job, error) {
	if spec == "" {
		own := filepath.Join(l.dir, "pairs.tsv")
		if _, err := os.Stat(own); err != nil {
			return l.roundRobin(usable)
		}
		spec = own
	}
	var rows [][]string
	if _, err := os.Stat(spec); err != nil {
		for _, s := range strings.Split(spec, ",") {
			a, b, ok := strings.Cut(strings.TrimSpace(s), ":")
			if !ok {
				return nil, fault.New(fault.InvalidField, "pairs", "%q is neither a file nor of the form PHOTO:CLIP", s).
					WithHint("As in --pairs p04:v01,p02:v02.")
			}
			rows = append(rows, []string{a, b})
		}
	} else if rows, err = readRows(spec); err != nil {
		return nil, err
	}
	var jobs []job
	for _, r := range rows {
		if len(r) < 2 {
			return nil, fault.New(fault.InvalidField, "pairs", "the line %q holds no photo and clip apart by a tab", strings.Join(r, " "))
		}
		if set != "" && (len(r) < 3 || r[2] != set) {
			continue
		}
		photo, err := pick(l.photos, r[0], "pairs")
		if err != nil {
			return nil, err
		}
		begin, at, given := strings.Cut(r[1], "@")
		clip, err := pick(l.clips, begin, "pairs")
		if err != nil {
			return nil, err
		}
		j := job{photo: photo, clip: clip}
		if given {
			if j.start, err = strconv.Atoi(at); err != nil || j.start < 0 {
				return nil, fault.New(fault.InvalidField, "pairs", "%q names no frame after the @", r[1])
			}
		}
		if len(r) > 2 {
			j.set = r[2]
		}
		jobs = append(jobs, j)
	}
	if len(jobs) == 0 || len(jobs) > mostPairs {
		return nil, fault.New(fault.InvalidField, "pairs", "%d pairs are asked for", len(jobs))
	}
	return jobs, nil
}

// roundRobin gives each clip a photo, and goes on until every photo has had its turn.
func (l *library) roundRobin(usable func(string) bool) ([]job, error) {
	var photos []string
	for _, p := range l.photos {
		if usable(p) {
			photos = append(photos, p)
		}
	}
	if len(photos) == 0 {
		return nil, fault.New(fault.NoFaceInPhoto, "media", "no photo shows a face that can be used")
	}
	var jobs []job
	for i := range max(len(photos), len(l.clips)) {
		jobs = append(jobs, job{photo: photos[i%len(photos)], clip: l.clips[i%len(l.clips)]})
	}
	return jobs, nil
}

// readRows reads a file of fields apart by tabs, without comments and empty lines.
func readRows(path string) ([][]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var rows [][]string
	s := bufio.NewScanner(f)
	for s.Scan() {
		line := strings.TrimRight(s.Text(), "\r\n ")
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		var row []string
		for _, v := range strings.Split(line, "\t") {
			row = append(row, strings.TrimSpace(v))
		}
		if rows = append(rows, row); len(rows) > mostPairs {
			return nil, fault.New(fault.TooLarge, path, "it has more than %d lines", mostPairs)
		}
	}
	return rows, s.Err()
}
