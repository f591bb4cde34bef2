package pipeline

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/twinsync/twinsync/internal/task"
)

// Order is a task of KindSwap, ready to be submitted once customer and key are set.
func Order(s Swap) (task.Order, error) {
	if err := s.Validate(); err != nil {
		return task.Order{}, err
	}
	return order(KindSwap, s)
}

// FacesOrder is a task of KindFaces. detector is Swap.Detector.
func FacesOrder(video Source, detector string) (task.Order, error) {
	if err := validDetector(detector); err != nil {
		return task.Order{}, err
	}
	return order(KindFaces, Swap{Video: video, Detector: detector})
}

func order(name string, s any) (task.Order, error) {
	k, err := kindOf(name)
	if err != nil {
		return task.Order{}, err
	}
	spec, err := json.Marshal(s)
	if err != nil {
		return task.Order{}, fmt.Errorf("task spec: %w", err)
	}
	return task.Order{
		Kind: name, Spec: spec, Shares: k.shares(),
		Stage: k.stages[0].name, Segments: []task.Spec{{}},
	}, nil
}

// Next plans the stage after the one that is done, from the record alone.
func (r *Runner) Next(_ context.Context, t task.Task) (string, []task.Spec, *task.Result, error) {
	k, err := kindOf(t.Kind)
	if err != nil {
		return "", nil, nil, err
	}
	i, err := k.at(t.Stage)
	if err != nil {
		return "", nil, nil, err
	}
	for _, s := range k.stages[i+1:] {
		if s.split == nil {
			return s.name, []task.Spec{{}}, nil, nil
		}
		segments, err := s.split(t)
		if err != nil || len(segments) > 0 {
			return s.name, segments, nil, err
		}
	}
	result, err := k.result(t)
	return "", nil, result, err
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
