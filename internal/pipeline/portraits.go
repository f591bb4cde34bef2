package pipeline

import (
	"sync"

	"github.com/twinsync/twinsync/internal/task"
)

// portraitCache keeps the photos that one stage of a task has read for the next stage that reads
// them in this process: finding a face on a photo takes as long as swapping a second of video.
type portraitCache struct {
	mu     sync.Mutex
	task   task.ID
	pixels int
	list   map[portraitKey]portrait
}

// portraitKey tells the photos of a task apart. Warnings contain the name.
type portraitKey struct {
	name, sha256 string
	still        still
}

// mostKeptPixels bounds what may wait, at up to six bytes a pixel.
const mostKeptPixels = 8 << 20

func keyOf(in input) portraitKey {
	k := portraitKey{name: in.Name, sha256: in.SHA256}
	if in.Still != nil {
		k.still = *in.Still
	}
	return k
}

// take gives a photo away that was put.
func (c *portraitCache) take(id task.ID, in input) (portrait, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.task != id {
		return portrait{}, false
	}
	k := keyOf(in)
	p, ok := c.list[k]
	if ok {
		delete(c.list, k)
		c.pixels -= p.frame.W * p.frame.H
	}
	return p, ok
}

// put keeps a photo, and those of no other task any longer. A photo that is too large is not kept.
func (c *portraitCache) put(id task.ID, in input, p portrait) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.task != id {
		c.task, c.pixels, c.list = id, 0, map[portraitKey]portrait{}
	}
	n := p.frame.W * p.frame.H
	if _, there := c.list[keyOf(in)]; there || c.pixels+n > mostKeptPixels {
		return
	}
	c.list[keyOf(in)] = p
	c.pixels += n
}
