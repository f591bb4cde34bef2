package infer

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"

	ort "github.com/yalue/onnxruntime_go"

	"github.com/twinsync/twinsync/fault"
)

// LibraryVersion is the ONNX Runtime that scripts/fetch-onnxruntime.sh fetches and the
// tests run with. Any from 1.24 on has the interface that this package uses.
const LibraryVersion = "1.30.0"

// module is the path in go.mod by which this project's source tree is recognised.
const module = "github.com/twinsync/twinsync"

// environment is ONNX Runtime's process-wide state: it exists once whatever Go does.
// It is never torn down, because the library's own threads and exit handlers outlive any
// order of unloading that Go could keep.
var environment struct {
	sync.Mutex
	library string // loaded from here; "" while it is not
}

// load brings ONNX Runtime up, once per process, and tells where it came from. An explicit
// path is the only one tried.
func load(explicit string) (string, error) {
	environment.Lock()
	defer environment.Unlock()
	if environment.library != "" {
		if explicit != "" && !same(explicit, environment.library) {
			return "", fault.New(fault.Conflict, "library", "this process already uses the ONNX Runtime of %s", environment.library).
				WithHint("Restart the program to change the library.")
		}
		return environment.library, nil
	}
	returnMemory()
	if err := silence(); err != nil {
		return "", err
	}
	candidates := []string{explicit}
	if explicit == "" {
		candidates = search()
	}
	var reasons []string
	for _, path := range candidates {
		ort.SetSharedLibraryPath(path)
		err := ort.InitializeEnvironment(ort.WithLogLevelFatal())
		if err == nil {
			environment.library = path
			if err := ort.DisableTelemetry(); err != nil {
				return "", fault.New(fault.Internal, "", "ONNX Runtime cannot be set up").WithCause(err)
			}
			if err := shareArena(); err != nil {
				return "", fault.New(fault.Internal, "", "ONNX Runtime cannot be set up").WithCause(err)
			}
			return path, nil
		}
		reasons = append(reasons, err.Error())
	}
	return "", missing(explicit, reasons)
}

// silence keeps the official builds of ONNX Runtime from setting up telemetry to their maker at
// all: DisableTelemetry can only be called when its files already lie in the temporary folder.
// The library reads the variable when it starts; os.Setenv reaches it through cgo.
func silence() error {
	if err := os.Setenv("ORT_DISABLE_TELEMETRY", "1"); err != nil {
		return fault.New(fault.Internal, "", "ONNX Runtime cannot be set up").WithCause(err)
	}
	return nil
}

// shareArena gives all sessions one memory arena that grows by what is asked for and no
// more: an arena for each, growing in powers of two, would hold many times what is used.
func shareArena() error {
	// A file of a few bytes can ask for any amount of memory; no published network needs a quarter of this.
	const maxArena = 16 << 30
	info, err := ort.GetMemoryInfo()
	if err != nil {
		return err
	}
	const asRequested = 1 // arena extend strategy kSameAsRequested
	config, err := ort.NewArenaCfg(maxArena, asRequested, -1, -1)
	if err != nil {
		return err
	}
	defer config.Destroy()
	return ort.CreateAndRegisterAllocator(info, config)
}

func missing(explicit string, reasons []string) error {
	text := "the library ONNX Runtime is not installed"
	if explicit != "" {
		text = "the library ONNX Runtime cannot be loaded from " + explicit
	}
	return fault.New(fault.MissingProgram, "library", "%s", text).
		WithHint("In the source tree run scripts/fetch-onnxruntime.sh; beside an installed program put %s, version %s.", libraryName(), LibraryVersion).
		WithCause(&loadError{reasons})
}

// loadError keeps the loader's words for the log.
type loadError struct{ reasons []string }

func (e *loadError) Error() string { return strings.Join(e.reasons, "; ") }

func libraryName() string {
	switch runtime.GOOS {
	case "darwin":
		return "libonnxruntime.1.dylib"
	case "windows":
		return "onnxruntime.dll"
	}
	return "libonnxruntime.so.1"
}

// search lists where the library may be, best first: beside the executable, in the
// source tree around the working directory or the executable, and wherever the system's
// loader looks.
func search() []string {
	var found []string
	add := func(path string) {
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			found = append(found, path)
		}
	}
	var starts []string
	if exe, err := os.Executable(); err == nil {
		if real, err := filepath.EvalSymlinks(exe); err == nil {
			exe = real
		}
		dir := filepath.Dir(exe)
		add(filepath.Join(dir, libraryName()))
		add(filepath.Join(dir, "lib", libraryName()))
		starts = append(starts, dir)
	}
	if dir, err := os.Getwd(); err == nil {
		starts = append([]string{dir}, starts...)
	}
	for _, start := range starts {
		if root := sourceTree(start); root != "" {
			path := filepath.Join(root, ".cache", "onnxruntime", LibraryVersion, runtime.GOOS+"-"+runtime.GOARCH, libraryName())
			// The working directory can be anybody's: only code that this user or root
			// put there is loaded.
			if ownFile(path) {
				add(path)
			}
		}
	}
	return append(found, libraryName())
}

// sourceTree is the folder at or above dir that holds this project's go.mod, or "".
func sourceTree(dir string) string {
	for {
		if mod, err := os.ReadFile(filepath.Join(dir, "go.mod")); err == nil {
			first, _, _ := strings.Cut(string(mod), "\n")
			if strings.TrimSpace(first) == "module "+module {
				return dir
			}
		}
		up := filepath.Dir(dir)
		if up == dir {
			return ""
		}
		dir = up
	}
}

// same reports whether two paths name one file.
func same(a, b string) bool {
	if a == b {
		return true
	}
	ia, ea := os.Stat(a)
	ib, eb := os.Stat(b)
	return ea == nil && eb == nil && os.SameFile(ia, ib)
}
