package pipeline

import (
	"testing"

	"github.com/twinsync/twinsync/pix"
)

// A photo that was put is given away once, to the same task and as the same input only.
func TestPortraitsWaitForTheirOwnTask(t *testing.T) {
	one := input{Name: "anna.jpg", SHA256: "aa"}
	frame := func(side int) portrait {
		return portrait{frame: pix.NewFrame(pix.Layout{W: side, H: side, SubX: 1, SubY: 1, Depth: 8}, pix.Colour{})}
	}
	small := frame(64)
	var c portraitCache
	c.put("a", one, small)
	for name, in := range map[string]input{
		"another name":    {Name: "ben.jpg", SHA256: "aa"},
		"another file":    {Name: "anna.jpg", SHA256: "bb"},
		"another picture": {Name: "anna.jpg", SHA256: "aa", Still: &still{X: 3}},
	} {
		if _, ok := c.take("a", in); ok {
			t.Errorf("%s: is there", name)
		}
	}
	if _, ok := c.take("b", one); ok {
		t.Error("another task has it")
	}
	if p, ok := c.take("a", one); !ok || p.frame != small.frame {
		t.Error("its own task has not got it back")
	}
	if _, ok := c.take("a", one); ok || c.pixels != 0 {
		t.Errorf("it is there twice, %d pixels are counted", c.pixels)
	}
	c.put("a", one, small)
	c.put("b", one, frame(32))
	if _, ok := c.take("a", one); ok || c.pixels != 32*32 {
		t.Errorf("the task before still has it, %d pixels are counted", c.pixels)
	}
	c.put("b", input{Name: "huge.jpg"}, frame(2900))
	if _, ok := c.take("b", input{Name: "huge.jpg"}); ok {
		t.Error("a photo larger than what may wait is kept")
	}
}
