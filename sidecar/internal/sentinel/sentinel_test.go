package sentinel_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/rand"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/whaley-ctf/whaley/sidecar/internal/sentinel"
)

const (
	core   = "ghijklmnopqrstpo"
	digits = "0123456789abcdef"
)

func sought(placeholder string) []sentinel.Sought {
	return []sentinel.Sought{{Core: core, Placeholder: placeholder}}
}

func TestPlaceholdersAreFoundAndCodeIsLeftAlone(t *testing.T) {
	f := sentinel.NewFinder("FLAG{", "}")
	for text, want := range map[string][]string{
		"FLAG{a_b}":                              {"FLAG{a_b}"},
		"x = 'FLAG{one}'; y = 'FLAG{two}'":       {"FLAG{one}", "FLAG{two}"},
		"FLAG{a}FLAG{b}":                         {"FLAG{a}", "FLAG{b}"},
		"FLAG{what is this?!}":                   {"FLAG{what is this?!}"},
		"f\"{x}\" + 'FLAG{y}'":                   {"FLAG{y}"},
		"flag{a}":                                nil, // another case
		"myFLAG{a}":                              nil,
		`print(f"FLAG{x}")`:                      nil,
		`print(rf'FLAG{x}')`:                     nil,
		`Console.Write($"FLAG{x}")`:              nil,
		`"FLAG{" + x + "}"`:                      nil,
		`"FLAG{%s}" % x`:                         nil,
		"`FLAG{${x}}`":                           nil,
		`"FLAG{0}".format(x)`:                    nil,
		`re.match("FLAG{[0-9a-f]+}", x)`:         nil,
		`re.match("FLAG{.*}", x)`:                nil,
		"the flag is FLAG{...}":                  nil,
		"FLAG{}":                                 nil,
		"FLAG{a\nb}":                             nil,
		"FLAG{" + strings.Repeat("a", 300) + "}": nil,
	} {
		if got := texts(f.Find([]byte(text))); !cmp.Equal(got, want) {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	wide := []byte{0xff, 0xfe}
	for _, c := range "é FLAG{a}!" {
		wide = append(wide, byte(c), byte(c>>8))
	}
	out, n := f.Replace(wide, "FLAG{bbb}")
	if again := texts(f.Find(out)); n != 1 || len(out) != len(wide)+4 || !cmp.Equal(again, []string{"FLAG{bbb}"}) {
		t.Errorf("UTF-16: %d %q", n, out)
	}
	out, n = f.Replace([]byte("\r\nFLAG{a} \xff FLAG{b}\r\n"), "FLAG{c}")
	if n != 2 || string(out) != "\r\nFLAG{c} \xff FLAG{c}\r\n" {
		t.Errorf("%d %q", n, out)
	}
}

type file struct {
	name    string
	content []byte
	header  tar.Header
}

func pack(t testing.TB, files ...file) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, f := range files {
		h := f.header
		h.Name, h.Size = f.name, int64(len(f.content))
		if h.Mode == 0 {
			h.Mode = 0o644
		}
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		w.Write(f.content)
	}
	w.Close()
	return out.Bytes()
}

func scan(t testing.TB, files ...file) sentinel.Record {
	t.Helper()
	r, err := sentinel.ScanTar(bytes.NewReader(pack(t, files...)), sought("FLAG{placeholder}"))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// The core is found wherever it lies with respect to the blocks that a file is read in.
func TestAFlagAcrossABorderOfBlocksIsFound(t *testing.T) {
	const block = 256<<10 + 1024 // what is read first
	for shift := -600; shift <= 600; shift++ {
		at := block + shift
		content := bytes.Repeat([]byte{'g'}, block+2000)
		copy(content[at:], core)
		r := scan(t, file{name: "f", content: content})
		if len(r.Files) != 1 || len(r.Files[0].Hits) != 1 || r.Files[0].Hits[0].Offset != int64(at) || len(r.Odd) != 0 {
			t.Fatalf("at %d: %+v", at, r)
		}
	}
}

func TestEveryHitIsPatchedAndNothingElse(t *testing.T) {
	random := rand.New(rand.NewSource(1))
	content := make([]byte, 3<<20)
	random.Read(content)
	want := bytes.Clone(content)
	for n := range 200 {
		at := n*15000 + random.Intn(10000)
		copy(content[at:], core)
		copy(want[at:], digits)
	}
	stamp := time.Unix(1500000000, 0)
	h := tar.Header{
		Mode: 0o4711, Uid: 7, Gid: 8, ModTime: stamp, PAXRecords: map[string]string{"SCHILY.xattr.security.capability": "x"},
	}
	all := pack(t, file{name: "usr/bin/x", content: content, header: h}, file{name: "other", content: []byte("no")},
		file{name: "usr/bin/y", header: tar.Header{Typeflag: tar.TypeLink, Linkname: "usr/bin/x"}})
	record, err := sentinel.ScanTar(bytes.NewReader(all), sought(""))
	if err != nil || len(record.Files) != 1 || len(record.Files[0].Hits) != 200 ||
		!cmp.Equal(record.Files[0].Links, []string{"usr/bin/y"}) {
		t.Fatalf("%+v %v", record, err)
	}
	var template, patched bytes.Buffer
	if err := sentinel.PickTar(&template, bytes.NewReader(all), record); err != nil {
		t.Fatal(err)
	}
	if err := sentinel.PatchTar(&patched, bytes.NewReader(template.Bytes()), record, []string{digits}, nothing); err != nil {
		t.Fatal(err)
	}
	in := tar.NewReader(&patched)
	got, err := in.Next()
	if err != nil || got.Mode != 0o4711 || got.Uid != 7 || got.Gid != 8 || !got.ModTime.Equal(stamp) ||
		len(got.PAXRecords) == 0 {
		t.Errorf("%+v %v", got, err)
	}
	if text, _ := io.ReadAll(in); !bytes.Equal(text, want) {
		t.Error("the content is not what it should be")
	}
	if link, err := in.Next(); err != nil || link.Typeflag != tar.TypeLink {
		t.Errorf("%+v %v", link, err)
	}

	record.Files[0].Hits[17].Offset++
	if err := sentinel.PatchTar(io.Discard, bytes.NewReader(template.Bytes()), record, []string{digits}, nothing); err == nil {
		t.Error("patched a place that does not hold the sentinel")
	}
	record.Files[0].Name = "usr/bin/z"
	if err := sentinel.PatchTar(io.Discard, bytes.NewReader(template.Bytes()), record, []string{digits}, nothing); err == nil {
		t.Error("patched another file")
	}
}

// A file that is hidden under one of its names is written under another, to which its further names lead.
func TestWhatIsHiddenIsLeftOutAndItsOtherNamesStayOneFile(t *testing.T) {
	all := pack(t, file{name: "app/flag", content: []byte(core)}, file{name: "app/alone", content: []byte(core)},
		file{name: "app/link", header: tar.Header{Typeflag: tar.TypeLink, Linkname: "app/flag"}},
		file{name: "one", header: tar.Header{Typeflag: tar.TypeLink, Linkname: "app/flag"}},
		file{name: "two", header: tar.Header{Typeflag: tar.TypeLink, Linkname: "app/flag"}})
	record, err := sentinel.ScanTar(bytes.NewReader(all), sought(""))
	if err != nil {
		t.Fatal(err)
	}
	var template, patched bytes.Buffer
	if err := sentinel.PickTar(&template, bytes.NewReader(all), record); err != nil {
		t.Fatal(err)
	}
	hidden := func(name string) bool { return strings.HasPrefix(name, "app/") }
	if err := sentinel.PatchTar(&patched, bytes.NewReader(template.Bytes()), record, []string{digits}, hidden); err != nil {
		t.Fatal(err)
	}
	var got []string
	for in := tar.NewReader(&patched); ; {
		header, err := in.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, header.Name+"="+header.Linkname+string(text))
	}
	if want := []string{"one=" + digits, "two=one"}; !cmp.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestUTF16IsPatched(t *testing.T) {
	for _, little := range []bool{true, false} {
		wide := func(s string) (out []byte) {
			for _, c := range []byte(s) {
				if little {
					out = append(out, c, 0)
				} else {
					out = append(out, 0, c)
				}
			}
			return out
		}
		content := append([]byte("x"), wide("FLAG{"+core+"}")...)
		r := scan(t, file{name: "f", content: content})
		if len(r.Files) != 1 || len(r.Files[0].Hits) != 1 {
			t.Fatalf("%+v", r)
		}
		var out bytes.Buffer
		if err := sentinel.Patch(&out, bytes.NewReader(content), r.Files[0], []string{core}, []string{digits}); err != nil ||
			!bytes.Equal(out.Bytes(), append([]byte("x"), wide("FLAG{"+digits+"}")...)) {
			t.Errorf("%q %v", out.Bytes(), err)
		}
	}
}

func TestWhatCannotBePatchedIsTold(t *testing.T) {
	gzipped := func(text string) []byte {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		io.WriteString(w, text)
		w.Close()
		return b.Bytes()
	}
	zipped := func(method uint16) []byte {
		var b bytes.Buffer
		w := zip.NewWriter(&b)
		f, _ := w.CreateHeader(&zip.FileHeader{Name: "flag.txt", Method: method})
		io.WriteString(f, "FLAG{a_"+core+"}")
		w.Close()
		return b.Bytes()
	}
	odd := map[string][]byte{
		"hex":       []byte("67" + fmt.Sprintf("%x", core[1:])),
		"HEX":       []byte(fmt.Sprintf("%X", core)),
		"backwards": []byte("optsrqponmlkjihg"),
		"gzip":      gzipped(strings.Repeat("x", 1<<20) + "FLAG{a_" + core + "}"),
		"deflated":  zipped(zip.Deflate),
		"stored":    zipped(zip.Store),
	}
	for n := range 9 { // movabs of eight bytes each
		odd[fmt.Sprint("piece ", n)] = []byte("\x48\xb8" + core[n:n+8] + "\x48\x89\xc3\xba")
	}
	for n := range 6 {
		odd[fmt.Sprint("base64 ", n)] = []byte(base64.StdEncoding.EncodeToString([]byte(strings.Repeat("F", n) + core + "}")))
	}
	for name, content := range odd {
		if r := scan(t, file{name: "f", content: content}); len(r.Odd) != 1 {
			t.Errorf("%s: %+v", name, r)
		}
	}
	if r := scan(t, file{name: "f", content: []byte("x FLAG{placeholder}")}); len(r.Left) != 1 {
		t.Errorf("a placeholder: %+v", r)
	}
	if r := scan(
		t, file{name: core, header: tar.Header{Typeflag: tar.TypeDir}},
		file{name: "l", header: tar.Header{Typeflag: tar.TypeSymlink, Linkname: core}},
	); len(r.Odd) != 2 {
		t.Errorf("names: %+v", r)
	}
	clean := append(bytes.Repeat([]byte("ghijklm"), 1000), gzipped("nothing")...)
	if r := scan(t, file{name: "f", content: clean}); len(r.Odd)+len(r.Files)+len(r.Left) != 0 {
		t.Errorf("nothing is there: %+v", r)
	}
}

// A flag without an end is part of its own sentinel, and may be part of a decoy.
func TestAPlaceholderWithinWhatRightlyHoldsItIsNotLeft(t *testing.T) {
	all := []sentinel.Sought{
		{Core: core, Placeholder: "flag-a", Within: []string{"flag-a_" + core, "not-flag-abc"}},
		{Core: "zyxwzyxwzyxwzyxw", Placeholder: "flag-ab", Within: []string{"flag-ab_zyxwzyxwzyxwzyxw", "not-flag-abc"}},
	}
	for text, left := range map[string]bool{
		"flag-a_" + core: false, "x not-flag-abc y": false, "flag-a": true, "flag-a_" + core + " flag-a": true,
		"flag-ab_zyxwzyxwzyxwzyxw": true,
	} {
		record, err := sentinel.ScanTar(bytes.NewReader(pack(t, file{name: "f", content: []byte(text)})), all)
		if err != nil || (len(record.Left) > 0) != left {
			t.Errorf("%q: %+v %v", text, record, err)
		}
		if got := all[0].Left(text); got != left {
			t.Errorf("%q as a setting: %v", text, got)
		}
	}
	record, err := sentinel.ScanTar(
		bytes.NewReader(pack(t, file{name: "f", content: []byte(all[1].Core + " " + core)})), all,
	)
	var out bytes.Buffer
	if err != nil || len(record.Files) != 1 || !record.Holds(0) || !record.Holds(1) {
		t.Fatalf("%+v %v", record, err)
	}
	err = sentinel.Patch(
		&out, strings.NewReader(all[1].Core+" "+core), record.Files[0], record.Cores, []string{digits, "fedcba9876543210"},
	)
	if err != nil || out.String() != "fedcba9876543210 "+digits {
		t.Errorf("%q %v", out.String(), err)
	}
}

func TestALaterEntryTakesThePlaceOfAnEarlierOne(t *testing.T) {
	r := scan(
		t, file{name: "./f", content: []byte(core)}, file{name: "f", content: []byte("gone")},
		file{name: "g", content: []byte("x")}, file{name: "/g", content: []byte(core)},
	)
	if len(r.Files) != 1 || r.Files[0].Name != "g" {
		t.Errorf("%+v", r)
	}
}

// endless is a file of any size that is never in memory.
type endless struct {
	left int64
	tail string
}

func (e *endless) Read(p []byte) (int, error) {
	if e.left == 0 {
		n := copy(p, e.tail)
		if e.tail = e.tail[n:]; n == 0 {
			return 0, io.EOF
		}
		return n, nil
	}
	n := int(min(int64(len(p)), e.left))
	clear(p[:n])
	e.left -= int64(n)
	return n, nil
}

func TestAFileOfHundredsOfMegabytesIsNotHeldInMemory(t *testing.T) {
	const size = 600 << 20
	var peak uint64
	reader, writer := io.Pipe()
	go func() {
		w := tar.NewWriter(writer)
		w.WriteHeader(&tar.Header{Name: "big", Size: size + int64(len(core)), Mode: 0o644})
		io.Copy(w, &endless{left: size, tail: core})
		w.Close()
		writer.Close()
	}()
	watched := readerFunc(func(p []byte) (int, error) {
		n, err := reader.Read(p)
		if rand.Intn(500) == 0 {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			peak = max(peak, m.HeapInuse)
		}
		return n, err
	})
	began := time.Now()
	r, err := sentinel.ScanTar(watched, sought("FLAG{placeholder}"))
	if err != nil || len(r.Files) != 1 || r.Files[0].Hits[0].Offset != size {
		t.Fatalf("%+v %v", r, err)
	}
	t.Logf("600 MB in %s, heap at most %d MB", time.Since(began).Round(time.Millisecond), peak>>20)
	if peak > 64<<20 {
		t.Errorf("%d MB of memory", peak>>20)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func FuzzWhatIsHiddenIsFound(f *testing.F) {
	f.Add([]byte("before"), []byte("after"))
	f.Add(bytes.Repeat([]byte("ghijklmnopqrstp"), 20), []byte(core[:15]))
	f.Fuzz(func(t *testing.T, before, after []byte) {
		content := append(append(bytes.Clone(before), core...), after...)
		r := scan(t, file{name: "f", content: content})
		if len(r.Files) != 1 {
			t.Fatalf("%+v", r)
		}
		var out bytes.Buffer
		if err := sentinel.Patch(&out, bytes.NewReader(content), r.Files[0], []string{core}, []string{digits}); err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(out.Bytes(), []byte(core)) || out.Len() != len(content) {
			t.Error("a core is left")
		}
	})
}

func texts(found []sentinel.Found) (all []string) {
	for _, f := range found {
		all = append(all, f.Text)
	}
	return all
}

func TestOneOfSeveralPlaceholdersIsReplaced(t *testing.T) {
	const text = "a FLAG{one} b\nFLAG{two} f\"FLAG{one}\" FLAG{one}"
	all := sentinel.NewFinder("FLAG{", "}")
	if got := all.Find([]byte(text)); !cmp.Equal(
		got, []sentinel.Found{{Text: "FLAG{one}", Line: 1}, {Text: "FLAG{two}", Line: 2}},
	) {
		t.Errorf("%+v", got)
	}
	if got, n := all.Only("FLAG{one}").Replace([]byte(text), "X"); n != 2 ||
		string(got) != "a X b\nFLAG{two} f\"FLAG{one}\" X" {
		t.Errorf("%d %s", n, got)
	}
	if got, n := sentinel.Literal("FLAG{one}").Replace([]byte(text), "X"); n != 3 ||
		string(got) != "a X b\nFLAG{two} f\"X\" X" {
		t.Errorf("%d %s", n, got)
	}
	if got, n := sentinel.Literal("").Replace([]byte(text), "X"); n != 0 || string(got) != text {
		t.Errorf("%d %s", n, got)
	}
	for text, want := range map[string]string{
		"FLAG{it's \"so\"}\n": "FLAG{it's \"so\"}", " FLAG{a\\b} ": "FLAG{a\\b}", "FLAG{a{b}c}": "FLAG{a{b}c}",
		"FLAG{...}": "", "x FLAG{a}": "", "FLAG{a}\nFLAG{b}": "", "FLAG{}": "", "FLAG{%s}": "",
	} {
		if got, _ := all.Whole([]byte(text)); got != want {
			t.Errorf("%q is %q as a whole", text, got)
		}
	}
}

func nothing(string) bool { return false }
