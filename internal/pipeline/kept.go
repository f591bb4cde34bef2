package pipeline

import (
	"path/filepath"
	"slices"
	"sync"

	"github.com/twinsync/twinsync/internal/task"
	"github.com/twinsync/twinsync/media"
)

// keptFrames remembers what the analysis left decoded, so that rendering the same frames need not
// decode them a second time. It only ever saves work: what does not fit, or was kept by another
// process, is decoded again, to the same frames.
type keptFrames struct {
	mu      sync.Mutex
	room    int64 // bytes that may still be kept
	by      map[keptKey]kept
	removed sync.WaitGroup // files on their way out
}

type keptKey struct {
	task task.ID
	part part
}

type kept struct {
	frames media.Kept
	free   func()
}

// reserve claims n bytes and gives them back by free, which may be called more than once; false
// when there is no room.
func (k *keptFrames) reserve(n int64) (free func(), ok bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if n <= 0 || n > k.room {
		return nil, false
	}
	k.room -= n
	return sync.OnceFunc(func() {
		k.mu.Lock()
		defer k.mu.Unlock()
		k.room += n
	}), true
}

// put leaves a part's frames for take and all; what an earlier attempt left is freed.
func (k *keptFrames) put(id task.ID, p part, f media.Kept, free func()) {
	k.mu.Lock()
	key := keptKey{id, p}
	before, twice := k.by[key]
	if k.by == nil {
		k.by = map[keptKey]kept{}
	}
	k.by[key] = kept{f, free}
	k.mu.Unlock()
	if twice {
		before.free()
	}
}

// take gives the frames to the one who asks first; free must be called when they have been read.
func (k *keptFrames) take(id task.ID, p part) (f media.Kept, free func(), ok bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	key := keptKey{id, p}
	e, ok := k.by[key]
	delete(k.by, key)
	return e.frames, e.free, ok
}

// all lists what is kept of a clip of a task, by its frames. It stays until end.
func (k *keptFrames) all(id task.ID, clip int) (list []media.Kept) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for key, e := range k.by {
		if key.task == id && key.part.Clip == clip {
			list = append(list, e.frames)
		}
	}
	slices.SortFunc(list, func(a, b media.Kept) int { return a.First - b.First })
	return list
}

// end frees, without waiting, what is kept of a task.
func (k *keptFrames) end(id task.ID) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for key, e := range k.by {
		if key.task == id {
			delete(k.by, key)
			k.drop(e.free)
		}
	}
}

// drop frees what was taken without waiting: a gigabyte takes a tenth of a second to remove.
func (k *keptFrames) drop(free func()) { k.removed.Go(free) }

// clear frees everything and waits for what is being freed.
func (k *keptFrames) clear() {
	k.mu.Lock()
	all := k.by
	k.by = nil
	k.mu.Unlock()
	for _, e := range all {
		e.free()
	}
	k.removed.Wait()
}

// keepFrames finds a place for the frames of this segment. path is "" where they are not to be kept;
// done must be called with the closed Reader, nil when there is none.
func (w *work) keepFrames() (path string, done func(*media.Reader)) {
	nothing := func(*media.Reader) {}
	if w.job.Task.Kind == KindFaces {
		return "", nothing // nothing will be rendered
	}
	size := media.KeptSize(w.info.Video.Layout, w.part.End-w.part.First)
	room, ok := w.r.kept.reserve(size)
	if !ok {
		return "", nothing
	}
	dir, remove, err := w.r.cfg.Scratch.Dir("frames")
	if err != nil {
		room()
		return "", nothing
	}
	free := func() {
		if err := remove(); err != nil {
			w.r.log.Warn("kept frames stay", "task", w.job.Task.ID, "error", err)
		}
		room()
	}
	return filepath.Join(dir, "frames"), func(in *media.Reader) {
		if in != nil {
			if f, ok := in.Kept(); ok {
				w.r.kept.put(w.job.Task.ID, w.part, f, free)
				return
			}
		}
		free()
	}
}
