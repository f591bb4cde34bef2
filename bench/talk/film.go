package talk

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/twinsync/twinsync/media"
	"github.com/twinsync/twinsync/pix"
)

// films writes what is played in the report: the frames as filmed and ours, both with the new sound.
func (r *runner) films(ctx context.Context, d *Dub, name string, c *clip, rows []sheetRow, s *said) error {
	if r.Out == "" {
		return nil
	}
	d.Before, d.After = name+"--before.mp4", name+"--after.mp4"
	for i, file := range []string{d.Before, d.After} {
		if err := r.film(ctx, filepath.Join(r.Out, file), c, rows[i].frames, s); err != nil {
			return err
		}
	}
	return nil
}

// film encodes frames at the clip's mean rate with a sound.
func (r *runner) film(ctx context.Context, path string, c *clip, frames []*pix.Frame, s *said) (err error) {
	dir, err := os.MkdirTemp("", "twinsync-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	picture, sound := filepath.Join(dir, "picture"), filepath.Join(dir, "sound.wav")
	if err := media.WriteWAV(sound, s.sound.Rate, s.sound.Samples); err != nil {
		return err
	}
	w, err := media.NewWriter(ctx, picture, media.WriterOptions{Video: &c.info.Video})
	if err != nil {
		return err
	}
	ticks := 1 / (c.fps * c.info.Video.TimeBase.Float())
	for k, f := range frames {
		g := *f // the planes are shared
		g.PTS = int64(math.Round(float64(k) * ticks))
		if err := w.Write(&g); err != nil {
			w.Abort()
			return err
		}
	}
	if err := w.Close(); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "ffmpeg", "-nostdin", "-v", "error", "-y", "-i", "file:"+picture, "-i", "file:"+sound,
		"-map", "0:v", "-map", "1:a", "-c:v", "copy", "-c:a", "aac", "-ac", "1", "-movflags", "+faststart", "file:"+path)
	if said, err := cmd.CombinedOutput(); err != nil {
		return errors.Join(fmt.Errorf("film %s: %w", filepath.Base(path), err), errors.New(string(said[:min(len(said), 500)])))
	}
	return nil
}
