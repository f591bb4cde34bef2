package talk

import (
	"bytes"
	"fmt"
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
	tile       = 240
	labelLine  = 16
	sheetTiles = 8
)

// sheetRow is a version of the clip's frames on a sheet.
type sheetRow struct {
	label  string
	frames []*pix.Frame // nil where a frame was not made
	mesh   []*face.Mesh // where the face lies in them; nil for where the clip has it
	size   float64      // with mesh: the face's width in pixels
}

// zone is a part of a face: what lies around a vertex, in face widths.
type zone struct {
	vertex        int
	width, height float64
}

func zones() []zone {
	return []zone{{0, 1.5, 1.2}, {13, .62, .5}} // from the eyes to the neck; the mouth
}

// crop shows a zone of a frame, w pixels wide; size is the face's width.
func (z zone) crop(f *pix.Frame, m *face.Mesh, size float64, w int) *image.RGBA {
	h := int(math.Round(float64(w) * z.height / z.width))
	out := image.NewRGBA(image.Rect(0, 0, w, h))
	draw.Draw(out, out.Rect, image.NewUniform(color.Gray{40}), image.Point{}, draw.Src)
	if f == nil || m == nil {
		return out
	}
	x, y := float64(m[z.vertex].X), float64(m[z.vertex].Y)
	whole := pix.Rect{X0: int(x - size*z.width/2), Y0: int(y - size*z.height/2), X1: int(x + size*z.width/2), Y1: int(y + size*z.height/2)}
	part := whole.Intersect(f.Bounds())
	if part.Empty() {
		return out
	}
	k := float64(w) / float64(whole.W())
	at := func(v, origin int) int { return int(math.Round(float64(v-origin) * k)) }
	to := image.Rect(at(part.X0, whole.X0), at(part.Y0, whole.Y0), at(part.X1, whole.X0), at(part.Y1, whole.Y0))
	xdraw.CatmullRom.Scale(out, to, media.Picture(f, part, 0), image.Rect(0, 0, part.W(), part.H()), draw.Src, nil)
	return out
}

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

// sheet writes a contact sheet: a row per version and zone, a column per moment spread over the frames that count
// (nil: all). It gives the file's name; "" where there is no folder.
func (r *runner) sheet(file string, c *clip, base []int, rows []sheetRow, use func(k int) bool) (string, error) {
	if r.Out == "" {
		return "", nil
	}
	var list []int
	for k, i := range base {
		if c.seen[i] != nil && (use == nil || use(k)) {
			list = append(list, k)
		}
	}
	var shown []int
	for t := range min(sheetTiles, len(list)) {
		shown = append(shown, list[(2*t+1)*len(list)/(2*min(sheetTiles, len(list)))])
	}
	height, size := 0, c.faceWidth()
	for _, z := range zones() {
		height += len(rows) * (int(math.Round(tile*z.height/z.width)) + labelLine)
	}
	s := canvas(max(1, len(shown))*tile, height)
	y := 0
	for _, z := range zones() {
		for _, row := range rows {
			for t, k := range shown {
				label(s, t*tile, y, fmt.Sprintf("%s %d", row.label, k))
				m, w := &c.seen[base[k]].Mesh, size
				if row.mesh != nil {
					m, w = row.mesh[k], row.size
				}
				put(s, t*tile, y+labelLine, z.crop(row.frames[k], m, w, tile))
			}
			y += int(math.Round(tile*z.height/z.width)) + labelLine
		}
	}
	return file, writePNG(filepath.Join(r.Out, file), s)
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
