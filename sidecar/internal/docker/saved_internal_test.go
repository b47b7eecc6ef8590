package docker

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"path"
	"strings"
	"testing"
)

// entry is of a file of docker save.
type entry struct {
	name, text, link string
	kind             byte
}

const manifestNamed = `[{"Config":"c.json","RepoTags":["victim:1"],"Layers":["l/layer.tar"]}]`

// packed is a file of docker save.
func packed(t testing.TB, entries ...entry) []byte {
	t.Helper()
	var file bytes.Buffer
	w := tar.NewWriter(&file)
	for _, e := range entries {
		if e.kind == 0 {
			e.kind = tar.TypeReg
		}
		err := w.WriteHeader(&tar.Header{Name: e.name, Typeflag: e.kind, Linkname: e.link, Size: int64(len(e.text)), Mode: 0o644})
		if err == nil {
			_, err = io.WriteString(w, e.text)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

func zipped(t testing.TB, text []byte) []byte {
	t.Helper()
	var file bytes.Buffer
	w := gzip.NewWriter(&file)
	if _, err := w.Write(text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

// unpacked is what the engine gets, by the name that it has there.
func unpacked(t testing.TB, file []byte) map[string]string {
	t.Helper()
	all, links := map[string]string{}, map[string]bool{}
	for in := tar.NewReader(bytes.NewReader(file)); ; {
		header, err := in.Next()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		name := path.Clean("/" + header.Name)
		for at := path.Dir(name); at != "/"; at = path.Dir(at) {
			if links[at] {
				t.Errorf("%q lies behind a link", name)
			}
		}
		links[name] = links[name] || header.Typeflag == tar.TypeSymlink || header.Typeflag == tar.TypeLink
		text, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		if _, twice := all[name]; twice && name == "/manifest.json" {
			t.Error("it has two manifests")
		}
		all[name] = string(text)
	}
}

func TestAnImagesFileLosesItsNamesAndNothingElse(t *testing.T) {
	layer := string(zipped(t, bytes.Repeat([]byte("layer "), 1000)))
	honest := packed(
		t, entry{name: "l/", kind: tar.TypeDir}, entry{name: "l/layer.tar", text: layer}, entry{name: "c.json", text: "{}"},
		entry{name: "m/layer.tar", kind: tar.TypeSymlink, link: "../l/layer.tar"}, entry{name: "repositories", text: `{"victim":{}}`},
		entry{name: "./manifest.json", text: manifestNamed}, entry{name: "index.json", text: `{"manifests":[{"annotations":{"a":"victim"}}]}`},
	)
	for what, file := range map[string][]byte{"plain": honest, "compressed": zipped(t, honest)} {
		var out bytes.Buffer
		if err := nameless(&out, bytes.NewReader(file), 1<<20); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		got := unpacked(t, out.Bytes())
		if got["/l/layer.tar"] != layer || got["/c.json"] != "{}" || got["/m/layer.tar"] != "" {
			t.Errorf("%s: %v", what, got)
		}
		if strings.Contains(out.String(), "victim") {
			t.Errorf("%s: a name is left", what)
		}
		if want := `[{"Config":"c.json","Layers":["l/layer.tar"]}]`; got["/manifest.json"] != want {
			t.Errorf("%s: %s", what, got["/manifest.json"])
		}
	}
}

// TestAnImagesFileThatMayBeReadOtherwiseIsRefused has what made an engine give an image the name of another one, and
// what is more than it seems to be.
func TestAnImagesFileThatMayBeReadOtherwiseIsRefused(t *testing.T) {
	manifest := entry{name: "manifest.json", text: `[{"Config":"c.json"}]`}
	bomb := string(zipped(t, make([]byte, 4<<20)))
	many := make([]entry, maxEntries+1)
	for n := range many {
		many[n] = entry{name: "d", kind: tar.TypeDir}
	}
	for what, file := range map[string][]byte{
		"behind a link": packed(
			t, manifest, entry{name: "d", kind: tar.TypeSymlink, link: "."}, entry{name: "d/manifest.json", text: manifestNamed},
		),
		"behind two": packed(
			t, entry{name: "d/e", kind: tar.TypeSymlink, link: ".."}, entry{name: "d/e/x/repositories", text: manifestNamed}, manifest,
		),
		"a hard link":       packed(t, manifest, entry{name: "d", kind: tar.TypeLink, link: "manifest.json"}),
		"a device":          packed(t, manifest, entry{name: "d", kind: tar.TypeChar}),
		"a linked manifest": packed(t, entry{name: "manifest.json", kind: tar.TypeSymlink, link: "c.json"}),
		"no manifest":       packed(t, entry{name: "c.json", text: "{}"}),
		"two manifests":     packed(t, manifest, manifest),
		"two images":        packed(t, entry{name: "manifest.json", text: `[{"Config":"a"},{"Config":"b"}]`}),
		"no list":           packed(t, entry{name: "manifest.json", text: `{"RepoTags":[]}`}),
		"a large manifest":  packed(t, entry{name: "manifest.json", text: strings.Repeat(" ", maxManifest) + "[{}]"}),
		"a large layer":     packed(t, manifest, entry{name: "l", text: strings.Repeat("x", 2<<20)}),
		"a bomb of a layer": packed(t, manifest, entry{name: "l", text: bomb}),
		"a bomb of a file":  zipped(t, packed(t, manifest, entry{name: "l", text: strings.Repeat("x", 2<<20)})),
		"another packer":    packed(t, manifest, entry{name: "l", text: "\x28\xb5\x2f\xfd and more"}),
		"many entries":      packed(t, many...),
		"no archive":        []byte("hello"),
	} {
		if err := nameless(io.Discard, bytes.NewReader(file), 1<<20); err == nil {
			t.Errorf("%s is taken", what)
		}
	}
}

// FuzzImageFile copies anything: what comes out has no name, is within its bound, and is read by the engine as it
// stands.
func FuzzImageFile(f *testing.F) {
	f.Add(packed(f, entry{name: "manifest.json", text: manifestNamed}, entry{name: "l/layer.tar", text: "layer"}))
	f.Add(packed(f, entry{name: "d", kind: tar.TypeSymlink, link: "."}, entry{name: "d/manifest.json", text: manifestNamed}))
	f.Add(zipped(f, packed(f, entry{name: "manifest.json", text: manifestNamed}, entry{name: "l", text: string(zipped(f, []byte("layer")))})))
	const most = 1 << 20
	f.Fuzz(func(t *testing.T, file []byte) {
		var out bytes.Buffer
		if nameless(&out, bytes.NewReader(file), most) != nil {
			return
		}
		got := unpacked(t, out.Bytes())
		size := 0
		for _, text := range got {
			size += len(text)
		}
		if size > most+2*maxManifest {
			t.Errorf("%d bytes come out", size)
		}
		manifest := strings.ToLower(got["/manifest.json"])
		if manifest == "" || strings.Contains(manifest, `"repotags"`) || got["/repositories"] != "" {
			t.Errorf("%v", got)
		}
	})
}
