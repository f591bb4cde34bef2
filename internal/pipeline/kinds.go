package pipeline

import (
	"encoding/json"
	"fmt"

	"github.com/twinsync/twinsync/internal/task"
	"github.com/twinsync/twinsync/media"
)

// kind is what a task can be: how its spec is read, its stages in their order, and what its record says at its end.
type kind struct {
	read   func(w *work) error
	stages []stage
	result func(t task.Task) (*task.Result, error)
}

// stage is one stage of a kind.
type stage struct {
	name  string
	until float64 // where the whole task stands at its end, by the time that stages take on plain processors
	steps []step  // of each of its segments; a file for each stage says what they do
	// split names its segments from the record alone; nil: there is one. A stage without any is left out.
	split func(t task.Task) ([]task.Spec, error)
}

// kindOf is the table of kinds.
func kindOf(name string) (kind, error) {
	switch name {
	case KindSwap:
		return kind{readSwap, []stage{
			{Fetch, .02, []step{openEngine, fetchInputs, cutVideo}, nil},
			{Analyse, .35, []step{openVideo, observeToSwap}, unseenParts},
			{Join, .36, []step{openVideo, joinObservations, keepAnalysis, choosePeople}, nil},
			{Render, .98, []step{openVideo, openStreams, loadWindow, buildPlan, render}, videoParts},
			{Assemble, 1, []step{openVideo, gatherSegments, assemble, reportSwap, publish}, nil},
		}, publishedResult}, nil
	case KindFaces:
		return kind{readSwap, []stage{
			{Fetch, .05, []step{openEngine, fetchInputs, cutVideo}, nil},
			{Analyse, .97, []step{openVideo, observe}, unseenParts},
			{Join, 1, []step{openVideo, joinObservations, keepAnalysis, drawThumbnails}, nil},
		}, peopleResult}, nil
	case KindTalk:
		return kind{readTalk, []stage{
			{Fetch, .02, []step{openEngine, fetchTalk, judgeTalk, probeVideo, cutMore, cutVideo}, nil},
			{Voice, .05, []step{openVideo, speak, hearSource, mixSound}, nil},
			{Analyse, .35, []step{openVideo, observe}, unseenParts},
			{Join, .36, []step{openVideo, joinObservations, keepAnalysis, chooseSpeakers, joinMore, pickMouths}, nil},
			{Mouths, .42, []step{openVideo, collectMouths}, mouthParts},
			{Plan, .45, []step{openVideo, loadTalk, fitLengths, planMouths}, nil},
			{Render, .98, []step{openVideo, loadBase, openResult, loadPlans, renderTalk}, resultParts},
			{Assemble, 1, []step{openVideo, gatherTalk, assembleTalk, reportTalk, publish}, nil},
		}, publishedResult}, nil
	case KindDub:
		return kind{readDub, []stage{
			{Fetch, .02, []step{openEngine, fetchDub, judgeDub, probeVideo, cutMore, cutVideo}, nil},
			{Words, .05, []step{openVideo, readWords, translateWords}, nil},
			{Voice, .08, []step{openVideo, loadWords, speakDub, hearDubbed, mixDub}, nil},
			{Analyse, .36, []step{openVideo, observe}, unseenParts},
			{Join, .37, []step{openVideo, joinObservations, keepAnalysis, chooseSpeakers, joinMore, pickMouths}, nil},
			{Mouths, .42, []step{openVideo, collectMouths}, mouthParts},
			{Plan, .45, []step{openVideo, loadTalk, fitLengths, planMouths}, nil},
			{Render, .98, []step{openVideo, loadBase, loadPlans, renderDub}, resultParts},
			{Assemble, 1, []step{openVideo, gatherTalk, loadWords, assembleTalk, reportTalk, reportDub, publish}, nil},
		}, publishedResult}, nil
	}
	return kind{}, fmt.Errorf("pipeline: no such kind of task: %q", name)
}

// shares are where the whole task stands at the end of each stage.
func (k kind) shares() []task.Share {
	var list []task.Share
	for _, s := range k.stages {
		list = append(list, task.Share{Stage: s.name, Until: s.until})
	}
	return list
}

// at is the place of a stage among the kind's.
func (k kind) at(name string) (int, error) {
	for i, s := range k.stages {
		if s.name == name {
			return i, nil
		}
	}
	return 0, fmt.Errorf("pipeline: no such stage: %q", name)
}

// part is what one of several segments works on.
type part struct {
	First int // frames First ≤ n < End, of a clip or, where the stage says so, of the result
	End   int
	Clip  int `json:",omitempty"` // 0 is the video, 1 and more are more footage
}

// frames are those of the part.
func (p part) frames() media.Range { return media.Range{First: p.First, End: p.End} }

// parts makes one segment of each.
func parts(list []part) ([]task.Spec, error) {
	specs := make([]task.Spec, len(list))
	for i, p := range list {
		data, err := json.Marshal(p)
		if err != nil {
			return nil, err
		}
		specs[i] = task.Spec{Data: data, Frames: p.End - p.First}
	}
	return specs, nil
}

// videoParts are the segments of the video.
func videoParts(t task.Task) ([]task.Spec, error) {
	f, err := firstResult[fetched](t, Fetch)
	if err != nil {
		return nil, err
	}
	return parts(f.parts(0))
}

// unseenParts are the segments of all footage that has no analysis yet.
func unseenParts(t task.Task) ([]task.Spec, error) {
	f, err := firstResult[fetched](t, Fetch)
	if err != nil {
		return nil, err
	}
	var list []part
	for i, c := range f.clips() {
		if c.Analysis == "" {
			list = append(list, c.parts(i)...)
		}
	}
	return parts(list)
}

// publishedResult is what publish left.
func publishedResult(t task.Task) (*task.Result, error) {
	p, err := firstResult[published](t, Assemble)
	return &p.Result, err
}

// peopleResult is the analysis, with who is in it.
func peopleResult(t task.Task) (*task.Result, error) {
	j, err := firstResult[joined](t, Join)
	if err != nil {
		return nil, err
	}
	return &task.Result{Key: j.Analysis, ContentType: "application/json", Report: t.Segments[0].Result}, nil
}

// firstResult is what the only segment of a stage left: of the current one or of an earlier one.
func firstResult[T any](t task.Task, stage string) (T, error) {
	if t.Stage == stage {
		return lastResult[T](t)
	}
	list, err := stageResult[T](t, stage)
	if err != nil {
		var none T
		return none, err
	}
	return list[0], nil
}
