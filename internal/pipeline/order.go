package pipeline

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/twinsync/twinsync/internal/task"
	"github.com/twinsync/twinsync/media"
)

// Where the whole task stands when a stage ends, by the time the stages take on plain processors.
var (
	swapShares = []task.Share{{Stage: Fetch, Until: .02}, {Stage: Analyse, Until: .35}, {Stage: Join, Until: .36}, {Stage: Render, Until: .98}, {Stage: Assemble, Until: 1}}
	faceShares = []task.Share{{Stage: Fetch, Until: .05}, {Stage: Analyse, Until: .97}, {Stage: Join, Until: 1}}
)

// Order is a task of KindSwap, ready to be submitted once customer and key are set.
func Order(s Swap) (task.Order, error) {
	if err := s.Validate(); err != nil {
		return task.Order{}, err
	}
	return order(KindSwap, s, swapShares)
}

// FacesOrder is a task of KindFaces. detector is Swap.Detector.
func FacesOrder(video Source, detector string) (task.Order, error) {
	if err := validDetector(detector); err != nil {
		return task.Order{}, err
	}
	return order(KindFaces, Swap{Video: video, Detector: detector}, faceShares)
}

func order(kind string, s Swap, shares []task.Share) (task.Order, error) {
	spec, err := json.Marshal(s)
	if err != nil {
		return task.Order{}, fmt.Errorf("task spec: %w", err)
	}
	return task.Order{
		Kind: kind, Spec: spec, Shares: shares,
		Stage: Fetch, Segments: []task.Spec{{}},
	}, nil
}

// Next plans the stage after the one that is done, from the record alone.
func (r *Runner) Next(_ context.Context, t task.Task) (string, []task.Spec, *task.Result, error) {
	switch t.Stage {
	case Fetch:
		f, err := lastResult[fetched](t)
		if err != nil {
			return "", nil, nil, err
		}
		if f.Analysis != "" {
			return Join, []task.Spec{{}}, nil, nil
		}
		return pieces(Analyse, f.Segments)
	case Analyse:
		return Join, []task.Spec{{}}, nil, nil
	case Join:
		if t.Kind == KindFaces {
			j, err := lastResult[joined](t)
			return "", nil, &task.Result{Key: j.Analysis, ContentType: "application/json", Report: t.Segments[0].Result}, err
		}
		f, err := stageResult[fetched](t, Fetch)
		if err != nil {
			return "", nil, nil, err
		}
		return pieces(Render, f[0].Segments)
	case Render:
		return Assemble, []task.Spec{{}}, nil, nil
	case Assemble:
		p, err := lastResult[published](t)
		return "", nil, &p.Result, err
	}
	return "", nil, nil, fmt.Errorf("pipeline: no such stage: %q", t.Stage)
}

// pieces makes one segment of a stage for each range of frames.
func pieces(stage string, ranges []media.Range) (string, []task.Spec, *task.Result, error) {
	specs := make([]task.Spec, len(ranges))
	for i, g := range ranges {
		data, err := json.Marshal(g)
		if err != nil {
			return "", nil, nil, err
		}
		specs[i] = task.Spec{Data: data, Frames: g.End - g.First}
	}
	return stage, specs, nil, nil
}

// lastResult is the result of the current stage's only segment.
func lastResult[T any](t task.Task) (T, error) {
	var v T
	if len(t.Segments) == 0 {
		return v, fmt.Errorf("pipeline: stage %s has no segment", t.Stage)
	}
	if err := json.Unmarshal(t.Segments[0].Result, &v); err != nil {
		return v, fmt.Errorf("result of stage %s: %w", t.Stage, err)
	}
	return v, nil
}

// stageResult are the results of an earlier stage, in the order of its segments.
func stageResult[T any](t task.Task, stage string) ([]T, error) {
	var v []T
	if err := json.Unmarshal(t.Results[stage], &v); err != nil {
		return nil, fmt.Errorf("results of stage %s: %w", stage, err)
	}
	if len(v) == 0 {
		return nil, fmt.Errorf("stage %s has no results", stage)
	}
	return v, nil
}
