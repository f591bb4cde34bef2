package app

import (
	"time"

	"github.com/twinsync/twinsync/internal/task"
)

// Progress is how far a run is.
type Progress struct {
	Stage       string        `json:"stage"`
	Fraction    float64       `json:"fraction"` // 0…1, of the whole
	Frames      int           `json:"frames,omitempty"`
	FramesTotal int           `json:"frames_total,omitempty"`
	FPS         float64       `json:"fps,omitempty"` // frames of this stage per second
	Left        time.Duration `json:"-"`
	LeftSeconds float64       `json:"left_seconds,omitempty"` // Left, for programs
}

// meter turns the states of a task into speed and time left.
type meter struct {
	begin      time.Time
	stage      string
	stageBegin time.Time
	stageFrom  int
}

func newMeter() *meter { return &meter{begin: time.Now()} }

// leastForecast is the share below which a forecast would be a guess.
const leastForecast = .05

func (m *meter) progress(t task.Task) Progress {
	now := time.Now()
	if t.Stage != m.stage {
		m.stage, m.stageBegin, m.stageFrom = t.Stage, now, t.FramesDone
	}
	p := Progress{Stage: t.Stage, Fraction: t.Progress, Frames: t.FramesDone, FramesTotal: t.FramesTotal}
	if s := now.Sub(m.stageBegin).Seconds(); s > .5 && t.FramesDone > m.stageFrom {
		p.FPS = float64(t.FramesDone-m.stageFrom) / s
	}
	if t.Progress > leastForecast && t.Progress < 1 {
		p.Left = time.Duration(float64(now.Sub(m.begin)) * (1 - t.Progress) / t.Progress)
		p.LeftSeconds = p.Left.Seconds()
	}
	return p
}
