package quality

import (
	"bytes"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"math"
	"os"
	"path/filepath"

	xdraw "golang.org/x/image/draw"
	"golang.org/x/image/font"
	"golang.org/x/image/font/basicfont"
	"golang.org/x/image/math/fixed"

	"github.com/twinsync/twinsync/face"
	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/media"
	"github.com/twinsync/twinsync/pix"
)

// Sizes in pixels: of a tile, of a label's line, and how many frames a sheet shows.
const (
	tile       = 288
	labelLine  = 16
	sheetTiles = 6
)

// sheetRow is a version of the excerpt on a sheet.
type sheetRow struct {
	label  string
	frames []*pix.Frame
}

// pictures are what the overview and the report show of a pair.
type pictures struct {
	strip   *image.RGBA // photo and, from two frames, footage and result
	portray string      // file of the photo's face
	shots   []shot
}

// shot is a frame in the report: files of the same crop in every version.
type shot struct {
	Frame    int
	Why      string
	Footage  string
	Versions []version
}

// version is a tool's result.
type version struct{ Tool, File string }

// zone is a part of a face: vertices whose middle and width (in eye distances) say what is shown.
type zone struct {
	label    string
	vertices []int
	width    float64
	height   float64 // over the width
}

func zones() []zone {
	return []zone{
		{"", face.Oval(), 2.1, 1},
		{"eyes", append(face.EyeRight(), face.EyeLeft()...), 1.35, .5},
		{"mouth", face.OuterLips(), 1.0, .6},
	}
}

// crop shows a zone of a frame, w pixels wide.
func (z zone) crop(f *pix.Frame, m *face.Mesh, w int) *image.RGBA {
	var x, y float64
	for _, v := range z.vertices {
		x += float64(m[v].X) / float64(len(z.vertices))
		y += float64(m[v].Y) / float64(len(z.vertices))
	}
	side := z.width * float64(m.EyeDistance())
	h := int(math.Round(float64(w) * z.height))
	whole := pix.Rect{X0: int(x - side/2), Y0: int(y - side*z.height/2), X1: int(x + side/2), Y1: int(y + side*z.height/2)}
	part := whole.Intersect(f.Bounds())
	out := image.NewRGBA(image.Rect(0, 0, w, h))
	draw.Draw(out, out.Rect, image.NewUniform(color.Gray{40}), image.Point{}, draw.Src)
	if part.Empty() {
		return out
	}
	k := float64(w) / float64(whole.W())
	at := func(v, origin int) int { return int(math.Round(float64(v-origin) * k)) }
	to := image.Rect(at(part.X0, whole.X0), at(part.Y0, whole.Y0), at(part.X1, whole.X0), at(part.Y1, whole.Y0))
	xdraw.CatmullRom.Scale(out, to, media.Picture(f, part, 0), image.Rect(0, 0, part.W(), part.H()), draw.Src, nil)
	return out
}

// canvas is a dark sheet with light labels.
func canvas(w, h int) *image.RGBA {
	c := image.NewRGBA(image.Rect(0, 0, w, h))
	draw.Draw(c, c.Rect, image.NewUniform(color.Gray{24}), image.Point{}, draw.Src)
	return c
}

func put(c *image.RGBA, x, y int, p *image.RGBA) {
	draw.Draw(c, p.Rect.Add(image.Pt(x, y)), p, image.Point{}, draw.Src)
}

func label(c *image.RGBA, x, y int, text string) {
	d := font.Drawer{Dst: c, Src: image.NewUniform(color.Gray{230}), Face: basicfont.Face7x13, Dot: fixed.P(x+3, y+12)}
	d.DrawString(text)
}

// draw makes the pair's contact sheet and what others show of it.
func (r *runner) draw(pair *Pair, p *portrait, c *clip, rows []sheetRow) error {
	if r.Out == "" {
		return nil
	}
	shown := c.moments(sheetTiles)
	rows = append([]sheetRow{{"footage", c.frames}}, rows...)
	pair.strip = r.drawStrip(p, c, rows[1].frames, shown)
	if err := r.drawMoments(pair, p, c, rows); err != nil {
		return err
	}
	height := labelLine
	for _, z := range zones() {
		height += len(rows) * (int(math.Round(tile*z.height)) + labelLine)
	}
	sheet := canvas((len(shown)+1)*tile, height)
	label(sheet, 0, 0, name(pair.Photo)+" into "+pair.place()+"   "+pair.caption())
	y := labelLine
	for _, z := range zones() {
		photo := z.crop(p.frame, &p.face.Mesh, tile)
		label(sheet, 0, y, "photo "+z.label)
		put(sheet, 0, y+labelLine, photo)
		for _, row := range rows {
			for k, i := range shown {
				x := (k + 1) * tile
				label(sheet, x, y, row.label+" "+z.label+" "+itoa(c.start+i))
				put(sheet, x, y+labelLine, z.crop(row.frames[i], &c.seen[i].Mesh, tile))
			}
			y += photo.Rect.Dy() + labelLine
		}
	}
	pair.Sheet = name(pair.Photo) + "--" + pair.place() + ".png"
	return writePNG(filepath.Join(r.Out, pair.Sheet), sheet)
}

// stripTile is a tile's side in the overview, which has two pairs of four tiles side by side.
const stripTile = 240

// drawStrip is the pair in the overview: photo, footage, result, result of another frame.
func (r *runner) drawStrip(p *portrait, c *clip, ours []*pix.Frame, shown []int) *image.RGBA {
	s := canvas(4*stripTile, stripTile)
	z := zones()[0]
	mid, last := shown[len(shown)/2], shown[len(shown)-1]
	if m := c.telling(); len(m) > 1 {
		mid, last = m[0].frame, m[1].frame
	}
	put(s, 0, 0, z.crop(p.frame, &p.face.Mesh, stripTile))
	put(s, stripTile, 0, z.crop(c.frames[mid], &c.seen[mid].Mesh, stripTile))
	put(s, 2*stripTile, 0, z.crop(ours[mid], &c.seen[mid].Mesh, stripTile))
	put(s, 3*stripTile, 0, z.crop(ours[last], &c.seen[last].Mesh, stripTile))
	return s
}

// overview shows all pairs on one picture.
func (r *Report) overview() *image.RGBA {
	rows := (len(r.Pairs) + 1) / 2
	c := canvas(8*stripTile+16, max(1, rows*(stripTile+labelLine)))
	for k, p := range r.Pairs {
		x, y := k%2*(4*stripTile+16), k/2*(stripTile+labelLine)
		label(c, x, y, short(p.Photo)+" into "+short(p.place())+"  "+p.caption())
		if p.strip != nil {
			put(c, x, y+labelLine, p.strip)
		}
	}
	return c
}

func writePNG(path string, img image.Image) error {
	var b bytes.Buffer
	e := png.Encoder{CompressionLevel: png.BestSpeed}
	if err := e.Encode(&b, img); err != nil {
		return err
	}
	return writeFile(path, b.Bytes())
}

func writeFile(path string, data []byte) error {
	if err := os.WriteFile(path, data, 0o666); err != nil { //nolint:gosec // the user's umask says who may read
		return fault.New(fault.NotWritable, "out", "%s cannot be written", filepath.Base(path)).WithCause(err)
	}
	return nil
}
