package app

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/twinsync/twinsync/internal/testmedia"
)

const module = "github.com/twinsync/twinsync"

// beside is the floor of what the page marks with a dash: it may look into every room, and no room
// but the door (cmd) and tests may lean on it.
const beside = -1

// ground may be imported from everywhere: it is the word for what went wrong.
const ground = "fault"

// house is the table of docs/8-architecture.md: package to floor.
type house map[string]int

var row = regexp.MustCompile(`(?m)^\| (\d|–) \| ([^|]+) \|`)

// readHouse reads the table from the page itself, so that page and code cannot part.
func readHouse(t *testing.T, root string) house {
	t.Helper()
	page, err := os.ReadFile(filepath.Join(root, "docs", "8-architecture.md"))
	if err != nil {
		t.Fatal(err)
	}
	h := house{}
	for _, m := range row.FindAllStringSubmatch(string(page), -1) {
		floor := beside
		if m[1] != "–" {
			if floor, err = strconv.Atoi(m[1]); err != nil {
				t.Fatal(err)
			}
		}
		for _, name := range strings.Split(m[2], ",") {
			name = strings.Trim(name, " `")
			if _, twice := h[name]; twice {
				t.Errorf("the page gives %s two floors", name)
			}
			h[name] = floor
		}
	}
	return h
}

// room is the row that a package belongs to: its own, or that of a folder above it.
func (h house) room(pkg string) (string, bool) {
	for ; pkg != "."; pkg = path.Dir(pkg) {
		if _, ok := h[pkg]; ok {
			return pkg, true
		}
	}
	return "", false
}

// complaint says what is wrong with an import, or "".
func (h house) complaint(from, to string, test bool) string {
	a, okA := h.room(from)
	b, okB := h.room(to)
	switch {
	case !okA:
		return from + " is in no row of the page"
	case !okB:
		return to + " is in no row of the page"
	case a == b, b == ground, h[a] == beside:
		return ""
	case h[b] == beside && (test || strings.HasPrefix(a, "cmd/")):
		return ""
	case h[b] == beside:
		return from + " leans on " + to + ", which is beside the house"
	case h[b] >= h[a]:
		return from + " (floor " + strconv.Itoa(h[a]) + ") imports " + to + " (floor " + strconv.Itoa(h[b]) + ")"
	}
	return ""
}

// goFiles calls do for every Go file of the module, with its package's path in it.
func goFiles(t *testing.T, root string, do func(pkg, file string, tree *ast.File, set *token.FileSet)) {
	t.Helper()
	set := token.NewFileSet()
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && file != root && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata"):
			return filepath.SkipDir
		case d.IsDir() || filepath.Ext(file) != ".go":
			return nil
		}
		tree, err := parser.ParseFile(set, file, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, filepath.Dir(file))
		if err != nil {
			return err
		}
		do(filepath.ToSlash(rel), file, tree, set)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestFloors holds every import, of tests too, against the page.
func TestFloors(t *testing.T) {
	root := testmedia.Root(t)
	h := readHouse(t, root)
	if h[ground] != 0 || h["internal/app"] == 0 || h["cmd/twinsync"] <= h["internal/app"] || h["bench"] != beside {
		t.Fatalf("the table is not read as it is written: %v", h)
	}
	seen := map[string]bool{}
	imports := 0
	goFiles(t, root, func(pkg, file string, tree *ast.File, _ *token.FileSet) {
		if name, ok := h.room(pkg); ok {
			seen[name] = true
		} else {
			t.Errorf("%s is in no row of docs/8-architecture.md", pkg)
		}
		for _, i := range tree.Imports {
			to, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			if to == module {
				t.Errorf("%s imports the module's root, which is no package", file)
			}
			to, own := strings.CutPrefix(to, module+"/")
			if !own {
				continue
			}
			imports++
			if wrong := h.complaint(pkg, to, strings.HasSuffix(file, "_test.go")); wrong != "" {
				t.Errorf("%s: %s", filepath.Base(file), wrong)
			}
		}
	})
	for _, name := range slices.Sorted(maps.Keys(h)) {
		if !seen[name] {
			t.Errorf("the page has a row for %s, which has no Go file", name)
		}
	}
	if imports < 50 {
		t.Errorf("only %d imports looked at", imports)
	}
}

// TestComplaint: the rule refuses what it is there to refuse.
func TestComplaint(t *testing.T) {
	h := house{"fault": 0, "pix": 0, "media": 1, "swap": 3, "internal/dispatch": 3, "internal/app": 6, "cmd/twinsync": 7, "bench": beside, "internal/testmedia": beside}
	for _, c := range []struct {
		from, to string
		test, ok bool
	}{
		{"media", "pix", false, true},
		{"pix", "fault", false, true},
		{"internal/dispatch/jetstream", "internal/dispatch", false, true},
		{"cmd/twinsync", "bench", false, true},
		{"bench", "internal/app", false, true},
		{"media", "internal/testmedia", true, true},
		{"media", "internal/testmedia", false, false},
		{"swap", "bench", false, false},
		{"pix", "media", false, false},
		{"pix", "media", true, false},
		{"swap", "internal/dispatch", false, false}, // neighbours
		{"internal/app", "cmd/twinsync", false, false},
		{"util", "pix", false, false},
		{"swap", "util", false, false},
	} {
		if got := h.complaint(c.from, c.to, c.test); (got == "") != c.ok {
			t.Errorf("%s imports %s (test %v): %q, want allowed %v", c.from, c.to, c.test, got, c.ok)
		}
	}
}

// TestHouseRules: no drawer for odds and ends, nothing that runs before main, and a main that only
// opens the door.
func TestHouseRules(t *testing.T) {
	root := testmedia.Root(t)
	goFiles(t, root, func(pkg, file string, tree *ast.File, set *token.FileSet) {
		switch path.Base(pkg) {
		case "util", "utils", "common", "helpers", "types", "misc":
			t.Errorf("%s: a package is one noun, and not this one", pkg)
		}
		lines := set.Position(tree.End()).Line
		if path.Dir(pkg) == "cmd" && filepath.Base(file) == "main.go" && lines >= 30 {
			t.Errorf("%s/main.go has %d lines", pkg, lines)
		}
		for _, d := range tree.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
				t.Errorf("%s has an init function", file)
			}
		}
	})
}
