package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/twinsync/twinsync/infer/infertest"
)

// tinyCard is a swapper as the user would describe it; its network is 32 pixels wide.
const tinyCard = `card: 1
name: tiny
kind: swapper
licence: {id: LicenseRef-Tiny, commercial: no, text: For tests only.}
files: [{name: tiny.onnx}]
size: 32
template: {name: arcface_128}
inputs: [{role: target, name: target}, {role: source-embedding, name: source}]
outputs: [{role: image, name: output}]
embedding: {recogniser: tiny-faces, transform: none}
`

// tinyNetwork writes the network of tinyCard and gives path and digest.
func tinyNetwork(t *testing.T, dir, name string) (string, string) {
	t.Helper()
	g := infertest.Swapper{Target: "target", Source: "source", Output: "output", Side: 32, Batch: 1}.Graph()
	sum := sha256.Sum256(g.Bytes())
	return g.Write(t, dir, name), hex.EncodeToString(sum[:])
}

func writeFile(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// models runs `twinsync models` on a store of its own.
func models(t *testing.T, store string, args ...string) outcome {
	t.Helper()
	return twinsync(t.Context(), append([]string{"models", args[0], "--models=" + store}, args[1:]...)...)
}

// TestModelsAddCheckRemove takes a network the whole way.
func TestModelsAddCheckRemove(t *testing.T) {
	dir, store := t.TempDir(), filepath.Join(t.TempDir(), "models")
	card := writeFile(t, filepath.Join(dir, "mine.yaml"), tinyCard)
	file, digest := tinyNetwork(t, dir, "whatever.onnx")

	got := models(t, store, "add", card, "--file="+file)
	if got.code != exitInput || !strings.Contains(got.err, "commercial use is not allowed; For tests only") || !strings.Contains(got.err, "--accept-licence LicenseRef-Tiny") {
		t.Fatalf("without acceptance: %+v", got)
	}
	got = models(t, store, "add", card, "--file="+file, "--accept-licence=LicenseRef-Tiny")
	if got.code != exitDone || !strings.Contains(got.out, "tiny added (swapper, licence LicenseRef-Tiny)") || !strings.Contains(got.out, digest) || !strings.Contains(got.out, "It needs tiny-faces too: twinsync models add CARD.yaml --name tiny-faces --file FILE") {
		t.Fatalf("add: %+v", got)
	}
	got = models(t, store, "list")
	if got.code != exitDone || !strings.Contains(got.out, "face-mesh") || !strings.Contains(got.out, "tiny") || strings.Contains(got.out, "inswapper_128") {
		t.Errorf("list: %+v", got)
	}
	got = models(t, store, "list", "--all", "--kind=enhancer")
	if got.code != exitDone || !strings.Contains(got.out, "gfpgan_1.4") || !strings.Contains(got.out, "to pull") || strings.Contains(got.out, "tiny") {
		t.Errorf("list --all --kind: %+v", got)
	}
	got = models(t, store, "list", "--models-commercial-only")
	if got.code != exitDone || !strings.Contains(got.out, "refused") {
		t.Errorf("list under the operator's rule: %+v", got)
	}
	got = models(t, store, "check", "tiny")
	if got.code != exitInput || !strings.Contains(got.out, "ok      network computes with ") || !strings.Contains(got.out, "WRONG   needs tiny-faces") || strings.Count(got.out, "WRONG") != 1 {
		t.Errorf("check: %+v", got)
	}
	var list struct {
		Cards []struct{ Name, State string }
	}
	got = models(t, store, "list", "--json")
	got.last(t, &list)
	if len(list.Cards) != 1 || list.Cards[0].Name != "tiny" || list.Cards[0].State != "ready" {
		t.Errorf("list --json: %+v", got)
	}
	got = models(t, store, "remove", "tiny")
	if got.code != exitDone {
		t.Errorf("remove: %+v", got)
	}
	if got = models(t, store, "remove", "tiny"); got.code != exitInput {
		t.Errorf("remove again: %+v", got)
	}
}

// TestModelsCheckCard: a card can be tried before it is added, and a wrong shape is told.
func TestModelsCheckCard(t *testing.T) {
	dir := t.TempDir()
	tinyNetwork(t, dir, "tiny.onnx")
	good := writeFile(t, filepath.Join(dir, "good.yaml"), tinyCard)
	wrong := writeFile(t, filepath.Join(dir, "wrong.yaml"), strings.Replace(tinyCard, "size: 32", "size: 256", 1))
	broken := writeFile(t, filepath.Join(dir, "broken.yaml"), strings.Replace(tinyCard, "role: target", "rolle: target", 1))
	if got := models(t, t.TempDir(), "check", good); got.code != exitDone || !strings.Contains(got.out, "network's input target is float32 1×3×32×32") {
		t.Errorf("good: %+v", got)
	}
	const sentence = "input target is 1×3×32×32 in the file, the card says 1×3×256×256"
	if got := models(t, t.TempDir(), "check", wrong); got.code != exitInput || !strings.Contains(got.out, sentence) || !strings.Contains(got.err, sentence) {
		t.Errorf("wrong: %+v", got)
	}
	if got := models(t, t.TempDir(), "check", broken); got.code != exitUsage || !strings.Contains(got.err, "inputs[0].rolle: there is no such field (line 8)") {
		t.Errorf("broken: %+v", got)
	}
	for _, c := range [][2]string{{"check", filepath.Join(dir, "tiny.onnx")}, {"add", "tiny.onnx"}, {"pull", "./tiny.DFM"}} {
		if got := models(t, t.TempDir(), c[0], c[1]); got.code != exitUsage || !strings.Contains(got.err, "is a network, not its card") {
			t.Errorf("a network instead of a card: %+v", got)
		}
	}
	if got := models(t, t.TempDir(), "show", "inswapper_128"); got.code != exitDone || !strings.Contains(got.out, "initializer: last") {
		t.Errorf("show: %+v", got)
	}
	if got := models(t, t.TempDir(), "show", "nothing"); got.code != exitInput {
		t.Errorf("show nothing: %+v", got)
	}
}

// TestModelsPull downloads over https from a server of this machine, in a process that trusts it.
func TestModelsPull(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only there a process can be told by its environment whom to trust")
	}
	dir, store := t.TempDir(), filepath.Join(t.TempDir(), "models")
	file, digest := tinyNetwork(t, dir, "tiny.onnx")
	body, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/tiny.onnx":
			w.Write(body)
		case "/forged.onnx":
			w.Write(append(body[:len(body)-1:len(body)-1], 0))
		default:
			http.NotFound(w, r)
		}
	}))
	defer server.Close()
	trust := filepath.Join(dir, "ca.pem")
	writeFile(t, trust, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})))
	pull := func(args ...string) outcome {
		var out, errs output
		cmd := program(t.Context(), append([]string{"models", "pull", "--models=" + store, "--accept-licence=LicenseRef-Tiny"}, args...)...)
		cmd.Env = append(cmd.Env, "SSL_CERT_FILE="+trust)
		cmd.Stdout, cmd.Stderr = &out, &errs
		_ = cmd.Run() // its exit code is looked at
		return outcome{cmd.ProcessState.ExitCode(), out.String(), errs.String()}
	}
	with := func(name, files string) string {
		return writeFile(t, filepath.Join(dir, name), strings.Replace(tinyCard, "{name: tiny.onnx}", files, 1))
	}
	at := server.URL
	allow := "--allow-network=127.0.0.1/32"
	for _, c := range []struct {
		name, files string
		network     string
		code        int
		text        string
	}{
		{"no digest", "{name: tiny.onnx, urls: ['" + at + "/tiny.onnx']}", allow, exitInput, "cannot be told from a forgery"},
		{"no address", "{name: tiny.onnx, sha256: " + digest + "}", allow, exitInput, "names no address"},
		{"closed network", "{name: tiny.onnx, sha256: " + digest + ", urls: ['" + at + "/tiny.onnx']}", "--allow-network=127.0.0.2/32", exitInput, "a network that this service does not read from"},
		{"forged", "{name: tiny.onnx, sha256: " + digest + ", urls: ['" + at + "/forged.onnx']}", allow, exitInput, "gives another file"},
		{"gone", "{name: tiny.onnx, sha256: " + digest + ", urls: ['" + at + "/gone.onnx']}", allow, exitFailed, "404"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := pull(with("card.yaml", c.files), c.network)
			if got.code != c.code || !strings.Contains(got.err, c.text) {
				t.Errorf("%+v", got)
			}
			if entries, _ := os.ReadDir(store); len(entries) > 0 {
				t.Errorf("left behind: %v", entries)
			}
		})
	}
	card := with("card.yaml", "{name: tiny.onnx, urls: ['"+at+"/gone.onnx', '"+at+"/tiny.onnx']}")
	got := pull(card, allow, "--sha256="+strings.ToUpper(digest))
	if got.code != exitDone || !strings.Contains(got.out, "tiny added") || !strings.Contains(got.out, digest) {
		t.Fatalf("%+v", got)
	}
	if got = models(t, store, "check", "tiny", "--no-compute"); strings.Count(got.out, "WRONG") != 1 {
		t.Errorf("check: %+v", got)
	}
	// What is to be replaced stays until its successor is there.
	gone := with("gone.yaml", "{name: tiny.onnx, sha256: "+digest+", urls: ['"+at+"/gone.onnx']}")
	if got = pull(gone, allow, "--replace"); got.code != exitFailed {
		t.Errorf("pull --replace of nothing: %+v", got)
	}
	if got = models(t, store, "list"); !strings.Contains(got.out, "ready") {
		t.Errorf("after a pull --replace that failed: %+v", got)
	}
	if got = pull(card, allow, "--replace", "--sha256="+digest); got.code != exitDone {
		t.Errorf("pull --replace: %+v", got)
	}
	// A second pull of what is there asks nobody.
	server.Close()
	if got = pull("tiny"); got.code != exitDone {
		t.Errorf("pull again: %+v", got)
	}
	// A published card without a digest is refused before anything is asked.
	if got = twinsync(context.WithoutCancel(t.Context()), "models", "pull", "simswap_256", "--models="+store, "--accept-licence=CC-BY-NC-4.0"); got.code != exitInput || !strings.Contains(got.err, "--sha256") {
		t.Errorf("pull without a digest: %+v", got)
	}
}

// TestOperatorForbidsModels: what the operator forbids is used by no command and no service, whoever accepted it.
func TestOperatorForbidsModels(t *testing.T) {
	dir, store := t.TempDir(), filepath.Join(t.TempDir(), "models")
	tinyNetwork(t, dir, "tiny.onnx")
	card := writeFile(t, filepath.Join(dir, "mine.yaml"), tinyCard)
	if got := models(t, store, "add", card, "--accept-licence=LicenseRef-Tiny", "--models-commercial-only"); got.code != exitInput || !strings.Contains(got.err, "The operator's setting") {
		t.Errorf("add: %+v", got)
	}
	if got := models(t, store, "add", card, "--accept-licence=LicenseRef-Tiny"); got.code != exitDone {
		t.Fatalf("add: %+v", got)
	}
	const words = "uses only networks whose licence allows commercial use"
	got := twinsync(t.Context(), "swap", "--image", photo(t), "--video", tinyClip(t), "--out", filepath.Join(dir, "o.mp4"),
		"--models="+store, "--models-commercial-only", "--engine=onnx", "--model=tiny")
	if got.code != exitInput || !strings.Contains(got.err, words) {
		t.Errorf("swap: %+v", got)
	}
	cmd := program(t.Context(), "serve", "--listen=127.0.0.1:0", "--results-listen=127.0.0.1:0", "--data", t.TempDir(),
		"--models="+store, "--models-commercial-only", "--engine=onnx", "--model=tiny")
	said, _ := cmd.CombinedOutput() // its exit code is looked at
	if code := cmd.ProcessState.ExitCode(); code != exitInput || !strings.Contains(string(said), words) {
		t.Errorf("serve: exit %d: %s", code, said)
	}
}
