package pipeline

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/twinsync/twinsync/internal/task"
	"github.com/twinsync/twinsync/media"
	"github.com/twinsync/twinsync/swap"
)

// published is what the last stage leaves.
type published struct {
	Result task.Result `json:"result"`
}

// Report is what a finished swap says of itself.
type Report struct {
	Swap     *swap.Report `json:"swap"`     // people by number, from 1
	Provider string       `json:"provider"` // what the networks ran on
	Engine   string       `json:"engine"`   // what made the pictures, with the network's name where one did
	People   []Person     `json:"people"`
}

// gatherSegments brings the encoded pieces onto this machine.
func gatherSegments(ctx context.Context, w *work) (err error) {
	defer w.breathe()()
	if w.pieces, err = stageResult[rendered](w.job.Task, Render); err != nil {
		return err
	}
	for i, p := range w.pieces {
		if err := w.r.cfg.Blobs.Get(ctx, p.Key, w.piece(i)); err != nil {
			return err
		}
	}
	return nil
}

func (w *work) piece(i int) string { return w.scratch(fmt.Sprintf("piece-%d.mp4", i)) }

// assemble puts the pieces and the source's sound together without encoding the picture again.
func assemble(ctx context.Context, w *work) error {
	defer w.breathe()()
	w.final = w.scratch("result.mp4")
	o := media.AssembleOptions{Source: w.video, Info: w.info}
	for i, p := range w.pieces {
		o.Segments = append(o.Segments, media.Segment{Path: w.piece(i), First: p.Range.First, End: p.Range.End})
	}
	made, err := media.Assemble(ctx, w.final, o)
	if err != nil {
		return w.videoFault(err)
	}
	w.warn(made.Notes...)
	return nil
}

// reportSwap sums up what became of the frames.
func reportSwap(_ context.Context, w *work) error {
	r := Report{Swap: swap.NewReport(), Provider: w.pieces[0].Provider, Engine: w.spec.Engine.String(), People: w.joined.People}
	for _, p := range w.pieces {
		r.Swap.Merge(p.Report)
	}
	for i := range r.Swap.Left {
		r.Swap.Left[i].Person++ // users count people from 1
	}
	w.report = r
	return nil
}

// publish stores the result under a key of this attempt; the record that names the key makes
// it the result.
func publish(ctx context.Context, w *work) error {
	defer w.breathe()()
	t := w.job.Task
	key := fmt.Sprintf("%s/%s.mp4", ResultPrefix(t), w.job.Segment.Lease)
	sum, err := w.r.cfg.Blobs.Put(ctx, key, w.final)
	if err != nil {
		return err
	}
	raw, err := json.Marshal(w.report)
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	w.out = published{Result: task.Result{
		Key: key, Bytes: sum.Size, ContentType: "video/mp4", SHA256: sum.SHA256, Report: raw,
	}}
	return nil
}

// ResultPrefix is where a task's results are kept until it expires: the one that its record names, and
// any that a killed worker published without being able to say so.
func ResultPrefix(t task.Task) string { return fmt.Sprintf("results/%s/%s", t.Customer, t.ID) }

// KeptAnalyses are the keys under which the analyses of a task's footage are kept for later tasks; none when
// the task did not get that far.
func KeptAnalyses(t task.Task) (keys []string) {
	list, err := stageResult[fetched](t, Fetch)
	if err != nil {
		return nil
	}
	for _, c := range list[0].clips() {
		keys = append(keys, c.Keep)
	}
	return keys
}

// Digests are the SHA-256 sums of what went into a task and came out, for its audit record.
func Digests(t task.Task) map[string]string {
	d := map[string]string{"state": string(t.State)}
	if list, err := stageResult[fetched](t, Fetch); err == nil {
		d["video_sha256"] = list[0].Video.SHA256
		for i, c := range list[0].More {
			d[fmt.Sprintf("more_%d_sha256", i)] = c.Video.SHA256
		}
		for i, s := range list[0].Says {
			for name, in := range map[string]*input{"script": s.Script, "audio": s.Audio, "transcript": s.Transcript, "like": s.Like} {
				if in != nil {
					d[fmt.Sprintf("%s_%d_sha256", name, i)] = in.SHA256
				}
			}
		}
		if w := list[0].Words; w != nil {
			d["words_sha256"] = w.SHA256
		}
		for i, photos := range list[0].Photos {
			for k, p := range photos {
				d[fmt.Sprintf("photo_%d_%d_sha256", i, k)] = p.SHA256
			}
		}
	}
	if t.Result != nil {
		d["result_sha256"] = t.Result.SHA256
	}
	if t.Fault != nil {
		d["fault"] = string(t.Fault.Code)
	}
	return d
}
