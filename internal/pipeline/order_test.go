package pipeline

import (
	"encoding/json"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/internal/dispatch"
	"github.com/twinsync/twinsync/internal/task"
	"github.com/twinsync/twinsync/media"
)

func photoAt(path string) Source { return Source{Path: path, Field: path} }

func TestValidate(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*Swap)
		param  string // "" when the spec is good
	}{
		{"the default", func(*Swap) {}, ""},
		{"everything", func(s *Swap) {
			s.Strength, s.Tone, s.From, s.To, s.Codec, s.CRF, s.Preset = 0, 0, time.Second, 2*time.Second, "av1", 60, "slow"
			like := photoAt("like.jpg")
			s.Faces = append(s.Faces, Face{Photos: []Source{photoAt("b"), photoAt("c")}, Like: &like}, Face{Photos: []Source{photoAt("d")}, Person: "3"}, Face{Photos: []Source{photoAt("e")}, Person: All})
		}, ""},
		{"nobody", func(s *Swap) { s.Faces = nil }, "faces"},
		{"a crowd", func(s *Swap) { s.Faces = make([]Face, maxFaces+1) }, "faces"},
		{"no photo", func(s *Swap) { s.Faces[0].Photos = nil }, "photos"},
		{"an album", func(s *Swap) { s.Faces[0].Photos = make([]Source, maxPhotos+1) }, "photos"},
		{"person 0", func(s *Swap) { s.Faces[0].Person = "0" }, "person"},
		{"a negative person", func(s *Swap) { s.Faces[0].Person = "-1" }, "person"},
		{"no person", func(s *Swap) { s.Faces[0].Person = "" }, "person"},
		{"two faces for one person", func(s *Swap) { s.Faces = append(s.Faces, s.Faces[0]) }, "person"},
		{"a negative person of a clip", func(s *Swap) { s.Faces[0].SourcePerson = -1 }, "source-person"},
		{"a word", func(s *Swap) { s.Faces[0].Person = "smallest" }, "person"},
		{"too strong", func(s *Swap) { s.Strength = 1.1 }, "strength"},
		{"a negative strength", func(s *Swap) { s.Strength = -.1 }, "strength"},
		{"no number", func(s *Swap) { s.Strength = math.NaN() }, "strength"},
		{"no tone", func(s *Swap) { s.Tone = math.Inf(1) }, "tone"},
		{"before the beginning", func(s *Swap) { s.From = -1 }, "to"},
		{"an end before the beginning", func(s *Swap) { s.From, s.To = 2, 1 }, "to"},
		{"nothing", func(s *Swap) { s.From, s.To = time.Second, time.Second }, "to"},
		{"an unknown codec", func(s *Swap) { s.Codec = "mpeg1" }, "codec"},
		{"a quality that x264 has not", func(s *Swap) { s.CRF = 52 }, "crf"},
		{"a preset that is an option", func(s *Swap) { s.Preset = "-y" }, "preset"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := DefaultSwap(photoAt("a"), photoAt("v"))
			c.change(&s)
			err := s.Validate()
			if c.param == "" {
				if err != nil {
					t.Fatal(err)
				}
				order, err := Order(s)
				if err != nil {
					t.Fatal(err)
				}
				back, err := decodeSwap(task.Task{Kind: KindSwap, Spec: order.Spec})
				if d := cmp.Diff(s, back); d != "" || err != nil {
					t.Errorf("a spec comes back changed (%v):\n%s", err, d)
				}
				return
			}
			if !fault.Is(err, fault.InvalidField) || fault.From(err).Param != c.param {
				t.Errorf("%v, want a fault of %s", err, c.param)
			}
			if _, err := Order(s); err == nil {
				t.Error("it can be ordered all the same")
			}
			raw, err := json.Marshal(s)
			if err == nil { // NaN has no JSON
				if _, err := decodeSwap(task.Task{Kind: KindSwap, Spec: raw}); err == nil {
					t.Error("a worker takes it")
				}
			}
		})
	}
}

// FuzzSpec: a record can hold anything; a worker says so and does not fall over.
func FuzzSpec(f *testing.F) {
	good, err := json.Marshal(DefaultSwap(photoAt("a"), photoAt("v")))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte(`{"faces":[{"photos":[{}],"like":{}}],"strength":1e999}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if s, err := decodeSwap(task.Task{Kind: KindSwap, Spec: raw}); err == nil && (len(s.Faces) == 0 || len(s.Faces[0].Photos) == 0) {
			t.Errorf("%s is taken", raw)
		}
	})
}

func TestSourceName(t *testing.T) {
	for _, c := range []struct {
		s    Source
		want string
	}{
		{Source{Field: "image_url", URL: "http://a/b.jpg?secret"}, "image_url"},
		{Source{Path: "/home/anna/b.jpg"}, "b.jpg"},
		{Source{URL: "http://a/b.jpg?secret"}, "photo"},
	} {
		if got := c.s.name("photo"); got != c.want {
			t.Errorf("%+v is called %q, want %q", c.s, got, c.want)
		}
	}
}

// finish does every segment of a task's stage and gives each what it leaves.
func finish(t *testing.T, x task.Task, results ...any) task.Task {
	t.Helper()
	now := time.Now()
	for i, s := range x.Segments {
		raw, err := json.Marshal(results[min(i, len(results)-1)])
		if err != nil {
			t.Fatal(err)
		}
		for _, step := range []func(task.Task) (task.Task, error){
			func(x task.Task) (task.Task, error) { return x.Release(s.ID, now) },
			func(x task.Task) (task.Task, error) { return x.Lease(s.ID, "w", s.ID, now, time.Minute) },
			func(x task.Task) (task.Task, error) { return x.Complete(s.ID, s.ID, raw, now) },
		} {
			var err error
			if x, err = step(x); err != nil {
				t.Fatal(err)
			}
		}
	}
	return x
}

// TestNext walks tasks through their stages as the dispatcher does, from the record alone.
func TestNext(t *testing.T) {
	r := &Runner{}
	ranges := []media.Range{{First: 10, End: 160}, {First: 160, End: 310}, {First: 310, End: 333}}
	cut := fetched{clip: clip{Segments: ranges, Range: media.Range{First: 10, End: 333}, Keep: "analyses/v1/x", Video: input{SHA256: "aa"}}}
	known := cut
	known.Analysis = "tasks/t/l/analysis"
	piece := rendered{Key: "piece", Range: ranges[0]}
	result := task.Result{Key: "results/acme/t/l.mp4", Bytes: 7, ContentType: "video/mp4", SHA256: "bb", Report: json.RawMessage(`{}`)}
	found := joined{Analysis: "tasks/t/l/analysis", Frames: 323, People: []Person{{Number: 1, Frames: 9, Thumbnail: "thumb"}}}
	for _, c := range []struct {
		name   string
		kind   string
		leaves []any // of one segment of each stage
		stages string
		final  task.Result
	}{
		{"swap", KindSwap, []any{cut, analysed{Key: "o"}, found, piece, published{result}}, "fetch analyse join render assemble", result},
		{"swap of a video that is known", KindSwap, []any{known, found, piece, published{result}}, "fetch join render assemble", result},
		{"faces", KindFaces, []any{cut, analysed{Key: "o"}, found}, "fetch analyse join", task.Result{Key: found.Analysis, ContentType: "application/json"}},
		{"faces of a video that is known", KindFaces, []any{known, found}, "fetch join", task.Result{Key: found.Analysis, ContentType: "application/json"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			o, err := FacesOrder(photoAt("v"), "")
			if c.kind == KindSwap {
				o, err = Order(DefaultSwap(photoAt("a"), photoAt("v")))
			}
			if err != nil {
				t.Fatal(err)
			}
			o.Customer = "acme"
			x, err := task.New(o, time.Now())
			if err != nil {
				t.Fatal(err)
			}
			var stages []string
			for i := 0; ; i++ {
				stages = append(stages, x.Stage)
				k, err := kindOf(c.kind)
				if err != nil {
					t.Fatal(err)
				}
				if at, err := k.at(x.Stage); err != nil || len(k.stages[at].steps) == 0 {
					t.Errorf("stage %s has no steps: %v", x.Stage, err)
				}
				if x.Stage == Analyse || x.Stage == Render {
					for k, s := range x.Segments {
						var g media.Range
						if err := json.Unmarshal(s.Spec, &g); err != nil || g != ranges[k] || s.FramesTotal != g.End-g.First {
							t.Errorf("segment %+v, want %v: %v", s, ranges[k], err)
						}
					}
					if len(x.Segments) != len(ranges) {
						t.Errorf("%d segments", len(x.Segments))
					}
				} else if len(x.Segments) != 1 {
					t.Errorf("stage %s has %d segments", x.Stage, len(x.Segments))
				}
				x = finish(t, x, c.leaves[i])
				stage, next, final, err := r.Next(t.Context(), x)
				if err != nil {
					t.Fatal(err)
				}
				again, twice, finalAgain, err := r.Next(t.Context(), x)
				if err != nil || again != stage || !cmp.Equal(twice, next) || !cmp.Equal(finalAgain, final) {
					t.Error("the plan is no function of the record")
				}
				if final != nil {
					if x.Stage == Join {
						c.final.Report = x.Segments[0].Result
					}
					if d := cmp.Diff(c.final, *final); d != "" {
						t.Errorf("(-want +got):\n%s", d)
					}
					break
				}
				if x, err = x.Advance(stage, next, time.Now()); err != nil {
					t.Fatal(err)
				}
			}
			if got := strings.Join(stages, " "); got != c.stages {
				t.Errorf("stages %q, want %q", got, c.stages)
			}
			if x.Progress < .9 {
				t.Errorf("progress %v before the end", x.Progress)
			}
		})
	}
}

// TestNextOfDamagedRecords: what a plan needs and does not find is an error, never a guess.
func TestNextOfDamagedRecords(t *testing.T) {
	r := &Runner{}
	bad := json.RawMessage(`[]`)
	for name, x := range map[string]task.Task{
		"an unknown kind":       {Stage: Fetch, Kind: "paint", Segments: []task.Segment{{Result: json.RawMessage(`{}`)}}},
		"an unknown stage":      {Stage: "paint", Kind: KindSwap, Segments: []task.Segment{{Result: bad}}},
		"no stage":              {Kind: KindSwap},
		"no segment":            {Stage: Fetch, Kind: KindSwap},
		"a result of elsewhere": {Stage: Fetch, Kind: KindSwap, Segments: []task.Segment{{Result: bad}}},
		"no fetch":              {Stage: Join, Kind: KindSwap, Segments: []task.Segment{{Result: json.RawMessage(`{}`)}}},
		"an empty fetch":        {Stage: Join, Kind: KindSwap, Segments: []task.Segment{{Result: json.RawMessage(`{}`)}}, Results: map[string]json.RawMessage{Fetch: bad}},
		"no result":             {Stage: Assemble, Kind: KindSwap, Segments: []task.Segment{{}}},
	} {
		if stage, _, final, err := r.Next(t.Context(), x); err == nil {
			t.Errorf("%s: stage %q, %+v", name, stage, final)
		}
	}
}

// TestProgress: whatever the order in which segments are done, progress never falls and ends where the
// stage's share does.
func TestProgress(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		lengths := rapid.SliceOfN(rapid.IntRange(1, 400), 1, 12).Draw(r, "lengths")
		var ranges []media.Range
		at := 0
		for _, n := range lengths {
			ranges = append(ranges, media.Range{First: at, End: at + n})
			at += n
		}
		specs, err := parts(clip{Segments: ranges}.parts(0))
		if err != nil {
			r.Fatal(err)
		}
		swap, err := kindOf(KindSwap)
		if err != nil {
			r.Fatal(err)
		}
		x, err := task.New(task.Order{Customer: "a", Kind: KindSwap, Shares: swap.shares(), Stage: Render, Segments: specs}, time.Now())
		if err != nil {
			r.Fatal(err)
		}
		if x.FramesTotal != 0 && x.FramesTotal != at {
			r.Fatalf("%d frames, want %d", x.FramesTotal, at)
		}
		last, now := x.Progress, time.Now()
		for _, i := range rapid.Permutation(indices(len(ranges))).Draw(r, "order") {
			id := x.Segments[i].ID
			for _, step := range []func(task.Task) (task.Task, error){
				func(x task.Task) (task.Task, error) { return x.Release(id, now) },
				func(x task.Task) (task.Task, error) { return x.Lease(id, "w", id, now, time.Minute) },
				func(x task.Task) (task.Task, error) { return x.Complete(id, id, nil, now) },
			} {
				if x, err = step(x); err != nil {
					r.Fatal(err)
				}
				if x.Progress < last {
					r.Fatalf("progress falls from %v to %v", last, x.Progress)
				}
				last = x.Progress
			}
		}
		if math.Abs(last-.98) > 1e-9 {
			r.Fatalf("progress %v at the end of the stage", last)
		}
	})
}

func indices(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

// TestKeys: what an attempt writes lies under its own name, below what is swept with the task.
func TestKeys(t *testing.T) {
	const id = task.ID("20260102_03_04_05_1234567890123456")
	x := task.Task{ID: id, Customer: "acme"}
	w := &work{job: dispatch.Job{Task: x, Segment: task.Segment{Lease: "l1"}}}
	other := &work{job: dispatch.Job{Task: x, Segment: task.Segment{Lease: "l2"}}}
	if got := w.key("piece.mp4"); got != "tasks/"+string(id)+"/l1/piece.mp4" || got == other.key("piece.mp4") {
		t.Errorf("key %q, of another attempt %q", got, other.key("piece.mp4"))
	}
	if !strings.HasPrefix(w.key("x"), TaskPrefix(id)+"/") {
		t.Errorf("%q is not swept with %q", w.key("x"), TaskPrefix(id))
	}
	if got := ResultPrefix(x); got != "results/acme/"+string(id) || strings.HasPrefix(got, TaskPrefix(id)) {
		t.Errorf("results under %q", got)
	}
	if got := KeptAnalyses(x); len(got) > 0 {
		t.Errorf("the analyses of a task that has fetched nothing: %q", got)
	}
	x.Results = map[string]json.RawMessage{Fetch: json.RawMessage(`[{"keep":"analyses/v1/abc-0-9","more":[{"keep":"analyses/v1/def-0-7"}]}]`)}
	if got := KeptAnalyses(x); !slices.Equal(got, []string{"analyses/v1/abc-0-9", "analyses/v1/def-0-7"}) {
		t.Errorf("kept analysis %q", got)
	}
}

func TestDigests(t *testing.T) {
	in, err := json.Marshal([]fetched{{
		clip:   clip{Video: input{Name: "video_url", SHA256: "vv"}},
		Photos: [][]input{{{SHA256: "p00"}, {SHA256: "p01"}}, {{SHA256: "p10"}}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{"video_sha256": "vv", "photo_0_0_sha256": "p00", "photo_0_1_sha256": "p01", "photo_1_0_sha256": "p10"}
	with := func(more map[string]string) map[string]string {
		all := maps.Clone(files)
		maps.Copy(all, more)
		return all
	}
	results := map[string]json.RawMessage{Fetch: in}
	for _, c := range []struct {
		name string
		t    task.Task
		want map[string]string
	}{
		{"succeeded", task.Task{State: task.Succeeded, Results: results, Result: &task.Result{SHA256: "rr"}}, with(map[string]string{"state": "succeeded", "result_sha256": "rr"})},
		{"failed late", task.Task{State: task.Failed, Results: results, Fault: &task.Fault{Code: fault.NoFaceInVideo}}, with(map[string]string{"state": "failed", "fault": "no_face_in_video"})},
		{"failed at once", task.Task{State: task.Failed, Fault: &task.Fault{Code: fault.Unreachable}}, map[string]string{"state": "failed", "fault": "unreachable_address"}},
		{"canceled", task.Task{State: task.Canceled}, map[string]string{"state": "canceled"}},
	} {
		if d := cmp.Diff(c.want, Digests(c.t)); d != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, d)
		}
	}
}
