package quality

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/twinsync/twinsync/fault"
)

// other is another tool's result on a pair.
type other struct {
	photo, clip string // file names
	path        string // of the result
	tool        string
}

// readOthers reads the table of other tools' results: a line of headings, then case, target, source,
// result and tool, apart by tabs, paths from the table's folder. Cases but "face swap" are passed over.
func readOthers(place string) ([]other, error) {
	if place == "" {
		return nil, nil
	}
	if st, err := os.Stat(place); err == nil && st.IsDir() {
		place = filepath.Join(place, "COMPARE.tsv")
	}
	rows, err := readRows(place)
	if err != nil {
		return nil, fault.New(fault.NotFound, "compare", "there is no table of results").
			WithHint("It is a file of lines: case, target, source, result, tool, apart by tabs.").WithCause(err)
	}
	var list []other
	for _, r := range rows {
		if r[0] != "face swap" {
			continue
		}
		if len(r) < 5 {
			return nil, fault.New(fault.InvalidField, "compare", "the line %q has not five fields", strings.Join(r, " "))
		}
		tool, _, _ := strings.Cut(r[4], " (")
		list = append(list, other{photo: filepath.Base(r[2]), clip: filepath.Base(r[1]),
			path: filepath.Join(filepath.Dir(place), filepath.FromSlash(r[3])), tool: tool})
	}
	return list, nil
}

// withOthers adds the pairs that other tools' results need for ours beside them.
func withOthers(jobs []job, others []other) []job {
	for _, o := range others {
		if !slices.ContainsFunc(jobs, func(j job) bool { return j.photo == o.photo && j.clip == o.clip && j.start == 0 }) {
			jobs = append(jobs, job{photo: o.photo, clip: o.clip, set: "compare"})
		}
	}
	return jobs
}
