package files_test

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/whaley-ctf/whaley/sidecar/internal/challenge/files"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// place is a folder with a file beside it that nobody may touch.
func place(t testing.TB) (root *os.Root, dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "folder")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir+"-beside", []byte("not yours"), 0o600); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	return root, dir
}

func refused(t *testing.T, what, code string, err error) {
	t.Helper()
	var e *whaley.Error
	if !errors.As(err, &e) || e.Code != code || e.Detail == "" {
		t.Errorf("%s: %v, want %s", what, err, code)
	}
}

func TestNoPathLeadsOutOfTheFolder(t *testing.T) {
	root, dir := place(t)
	for _, link := range [][2]string{
		{"../folder-beside", "link"}, {"..", "up"}, {"/etc", "etc"}, {dir + "-beside", "absolute"},
	} {
		if err := os.Symlink(link[0], filepath.Join(dir, link[1])); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{
		"", ".", "/", "..", "../folder-beside", "a/../../folder-beside", "/etc/passwd", "up/folder-beside", "etc/passwd",
		"link", "absolute",
		"a\\..\\b", "a\x00b", strings.Repeat("a/", 600) + "b", ".whaley-x",
	} {
		if _, err := files.Read(root, name); err == nil {
			t.Errorf("%q was read", name)
		}
		if err := files.Write(root, name, []byte("x"), ""); err == nil {
			t.Errorf("%q was written", name)
		}
		if err := files.Create(root, name, []byte("x")); err == nil {
			t.Errorf("%q was created", name)
		}
		if err := files.CreateFolder(root, name); err == nil {
			t.Errorf("the folder %q was created", name)
		}
	}
	for _, name := range []string{"", ".", "..", "../folder-beside", "up/folder-beside", "etc/passwd"} {
		if err := files.Delete(root, name); err == nil {
			t.Errorf("%q was deleted", name)
		}
	}
	if err := files.Delete(root, "link"); err != nil { // the link itself, not what it leads to
		t.Error(err)
	}
	if text, err := os.ReadFile(dir + "-beside"); err != nil || string(text) != "not yours" {
		t.Errorf("%q %v", text, err)
	}
}

func TestAWriteKeepsTheModeAndLeavesNothingBeside(t *testing.T) {
	root, dir := place(t)
	if err := files.Create(root, "a/run.sh", []byte("one")); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(dir, "a", "run.sh"), 0o751); err != nil {
		t.Fatal(err)
	}
	if err := files.Write(root, "a/run.sh", []byte("two"), files.Tag([]byte("one"))); err != nil {
		t.Fatal(err)
	}
	refused(t, "an old tag", "file_changed", files.Write(root, "a/run.sh", []byte("three"), files.Tag([]byte("one"))))
	refused(t, "a file twice", "file_exists", files.Create(root, "a/run.sh", nil))
	refused(t, "a folder", "not_a_file", files.Write(root, "a", nil, ""))
	refused(t, "nothing", "file_not_found", files.Delete(root, "b"))
	refused(t, "too much", "file_too_large", files.Create(root, "large", make([]byte, files.MaxContent+1)))
	info, err := os.Stat(filepath.Join(dir, "a", "run.sh"))
	if err != nil || info.Mode() != 0o751 {
		t.Errorf("%v %v", info, err)
	}
	tree, err := files.Tree(root)
	if err != nil || len(tree) != 2 || tree[0].Path != "a" || tree[1].Path != "a/run.sh" || tree[1].Size != 3 {
		t.Errorf("%+v %v", tree, err)
	}
	if entries, err := os.ReadDir(filepath.Join(dir, "a")); err != nil || len(entries) != 1 {
		t.Errorf("%v %v", entries, err)
	}
}

// entry is one thing in an archive; instead of a text it may have MB of zero bytes.
type entry struct {
	name, text string
	zeros      int
	mode       fs.FileMode
}

func archive(t testing.TB, entries ...entry) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, e := range entries {
		header := &zip.FileHeader{Name: e.name, Method: zip.Deflate}
		if e.mode != 0 {
			header.SetMode(e.mode)
		}
		if err := add(w, header, e); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func add(w *zip.Writer, header *zip.FileHeader, e entry) error {
	if e.zeros > 0 {
		return addZeros(w, header, e.zeros)
	}
	f, err := w.CreateHeader(header)
	if err == nil {
		_, err = f.Write([]byte(e.text))
	}
	return err
}

// addZeros compresses one MB and writes that again and again: compressing hundreds would take most of these tests'
// time.
func addZeros(w *zip.Writer, header *zip.FileHeader, size int) error {
	zeros, parts, sum := make([]byte, 1<<20), size>>20, crc32.NewIEEE()
	var one bytes.Buffer
	deflate, err := flate.NewWriter(&one, flate.BestCompression)
	if err != nil {
		return err
	}
	if _, err := deflate.Write(zeros); err != nil {
		return err
	}
	if err := deflate.Flush(); err != nil {
		return err
	}
	part := bytes.Clone(one.Bytes())
	if err := deflate.Close(); err != nil {
		return err
	}
	all := append(bytes.Repeat(part, parts), one.Bytes()[len(part):]...)
	for range parts {
		sum.Write(zeros)
	}
	header.CRC32, header.UncompressedSize64, header.CompressedSize64 = sum.Sum32(), uint64(size), uint64(len(all))
	f, err := w.CreateRaw(header)
	if err == nil {
		_, err = f.Write(all)
	}
	return err
}

func unzip(root *os.Root, text []byte) error {
	return files.Unzip(bytes.NewReader(text), int64(len(text)), root)
}

func TestHostileArchivesAreRefused(t *testing.T) {
	many := make([]entry, files.MaxFiles+1)
	for n := range many {
		many[n] = entry{name: strings.Repeat("x", n%50+1) + "/" + string(rune('a'+n%26))}
	}
	// A bomb of 300 MB that says of itself that it has 10 bytes.
	bomb := archive(t, entry{name: "bomb", zeros: 300 << 20})
	at := bytes.LastIndex(bomb, []byte("PK\x01\x02"))
	copy(bomb[at+24:], []byte{10, 0, 0, 0})
	encrypted := archive(t, entry{name: "a", text: "a"})
	for _, sign := range []string{"PK\x01\x02", "PK\x03\x04"} {
		at := bytes.Index(encrypted, []byte(sign))
		encrypted[at+map[string]int{"PK\x01\x02": 8, "PK\x03\x04": 6}[sign]] |= 1
	}
	for _, c := range []struct {
		what, code string
		text       []byte
	}{
		{"dots", "archive_path", archive(t, entry{name: "../folder-beside", text: "x"})},
		{"dots inside", "archive_path", archive(t, entry{name: "a/../../folder-beside", text: "x"})},
		{"an absolute path", "archive_path", archive(t, entry{name: "/etc/cron.d/x", text: "x"})},
		{"backslashes", "archive_path", archive(t, entry{name: "..\\folder-beside", text: "x"})},
		{"a name that is no text", "archive_path", archive(t, entry{name: "a\xff", text: "x"})},
		{"a new line", "archive_path", archive(t, entry{name: "a\nb", text: "x"})},
		{"a zero byte", "archive_path", archive(t, entry{name: "a\x00b", text: "x"})},
		{"a link", "archive_link", archive(t, entry{name: "l", text: "/etc", mode: fs.ModeSymlink | 0o777})},
		{
			"a file through a link", "archive_link",
			archive(t, entry{name: "l", text: "..", mode: fs.ModeSymlink | 0o777}, entry{name: "l/folder-beside", text: "x"}),
		},
		{"a device", "archive_link", archive(t, entry{name: "d", mode: fs.ModeDevice | 0o600})},
		{"a pipe", "archive_link", archive(t, entry{name: "d", mode: fs.ModeNamedPipe | 0o600})},
		{"a name twice", "archive_twice", archive(t, entry{name: "a", text: "1"}, entry{name: "a", text: "2"})},
		{"a file that is a folder too", "file_exists", archive(t, entry{name: "a", text: "1"}, entry{name: "a/b", text: "2"})},
		{"many entries", "archive_too_many", archive(t, many...)},
		{"a table of contents that lies", "archive_too_many", directory(t, 100000)},
		{"many folders in few entries", "archive_too_many", archive(t, spread(120, 18)...)},
		{"folders in each other", "archive_path", archive(t, entry{name: strings.Repeat("d/", 21) + "f", text: "x"})},
		{"folders in each other, empty", "archive_path", archive(t, entry{name: strings.Repeat("d/", 22)})},
		{"500 folders in each other", "archive_path", archive(t, entry{name: strings.Repeat("d/", 500) + "f", text: "x"})},
		{"a name of 300 bytes", "archive_path", archive(t, entry{name: strings.Repeat("n", 300), text: "x"})},
		{"a folder's name of 300 bytes", "archive_path", archive(t, entry{name: strings.Repeat("n", 300) + "/a", text: "x"})},
		{
			"a path of 2,000 bytes", "archive_path",
			archive(t, entry{name: strings.Repeat(strings.Repeat("n", 199)+"/", 10) + "a", text: "x"}),
		},
		{
			"200 MB and one byte", "archive_too_large",
			archive(t, entry{name: "a", zeros: files.MaxExtracted}, entry{name: "b", text: "x"}),
		},
		{"a bomb that lies", "archive_invalid", bomb},
		{"an encrypted entry", "archive_encrypted", encrypted},
		{"no archive", "archive_invalid", []byte("PK\x05\x06")},
		{"a cut archive", "archive_invalid", archive(t, entry{name: "a", text: "a"})[10:]},
	} {
		root, dir := place(t)
		refused(t, c.what, c.code, unzip(root, c.text))
		if text, err := os.ReadFile(dir + "-beside"); err != nil || string(text) != "not yours" {
			t.Errorf("%s: %q %v", c.what, text, err)
		}
		var size int64
		_ = filepath.Walk(dir, func(_ string, info fs.FileInfo, err error) error {
			if err == nil && info.Mode().IsRegular() {
				size += info.Size()
			}
			return err
		})
		if size > files.MaxExtracted+1 {
			t.Errorf("%s: %d bytes came out", c.what, size)
		}
	}
	root, _ := place(t)
	refused(t, "a large archive", "archive_too_large", files.Unzip(bytes.NewReader(nil), files.MaxArchive+1, root))
}

// spread is few entries that name many folders.
func spread(entries, depth int) []entry {
	all := make([]entry, entries)
	for n := range all {
		all[n] = entry{name: strings.Repeat(fmt.Sprintf("d%d/", n), depth) + "f"}
	}
	return all
}

// directory is an archive of n empty entries that says it has one.
func directory(t testing.TB, n int) []byte {
	t.Helper()
	one := archive(t, entry{name: "a"})
	from, to := bytes.Index(one, []byte("PK\x01\x02")), bytes.Index(one, []byte("PK\x05\x06"))
	table := bytes.Repeat(one[from:to], n)
	out := append(append([]byte{}, one[:from]...), table...)
	end := append([]byte{}, one[to:]...)
	binary.LittleEndian.PutUint32(end[12:], uint32(len(table)))
	return append(out, end...)
}

func TestWhatAnArchiveIsRefusedForIsSaid(t *testing.T) {
	root, _ := place(t)
	err := unzip(root, archive(t, entry{name: strings.Repeat("n", 300), text: "x"}))
	var e *whaley.Error
	if !errors.As(err, &e) || e.Kind != whaley.Invalid ||
		!strings.Contains(e.Detail, "has a name of 300 bytes; at most 255 can be stored") {
		t.Errorf("%v", err)
	}
	refused(t, "a file's name of 300 bytes", "path_invalid", files.Create(root, strings.Repeat("n", 300), nil))
	refused(t, "folders in each other", "path_invalid", files.CreateFolder(root, strings.Repeat("d/", 30)+"d"))
	if entries, err := root.FS().(fs.ReadDirFS).ReadDir("."); err != nil || len(entries) > 0 {
		t.Errorf("%v %v", entries, err)
	}
}

// A folder that has come by any way is walked no further than the limits, and never further than its own names.
func TestAWalkIsBounded(t *testing.T) {
	root, dir := place(t)
	deep := filepath.Join(dir, strings.Repeat("d/", files.MaxFolders+2))
	if err := os.MkdirAll(deep, 0o755); err != nil {
		t.Fatal(err)
	}
	visited := 0
	err := files.Walk(t.Context(), dir, func(string, fs.DirEntry) error { visited++; return nil })
	if err == nil || !strings.Contains(err.Error(), "there are more than 64 folders in each other") ||
		visited != files.MaxFolders+2 {
		t.Errorf("%d visited, %v", visited, err)
	}
	_, err = files.Tree(root)
	refused(t, "a tree of folders in each other", "tree_too_large", err)
	if err := os.RemoveAll(filepath.Join(dir, "d")); err != nil {
		t.Fatal(err)
	}
	for n := range 10001 {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprint(n)), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	_, err = files.Tree(root)
	refused(t, "a tree of many files", "tree_too_large", err)
	if f, err := os.Create(filepath.Join(dir, "large")); err != nil || f.Truncate(files.MaxBytes+1) != nil ||
		f.Close() != nil { // takes no space
		t.Fatal(err)
	}
	err = files.Walk(t.Context(), dir, func(string, fs.DirEntry) error { return nil })
	if err == nil || err.Error() != "large: all files together have more than 4 GB" {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := files.Walk(ctx, dir, func(string, fs.DirEntry) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestAnArchiveComesOutAsItWasPutIn(t *testing.T) {
	root, dir := place(t)
	err := unzip(
		root,
		archive(
			t, entry{name: "c/"}, entry{name: "c/run.sh", text: "#!", mode: 0o750},
			entry{name: "c/x/a.txt", text: "a", mode: 0o600}, entry{name: "__MACOSX/c/._a"}, entry{name: "c/.DS_Store"},
			entry{name: "c/x/Thumbs.db"},
		),
	)
	if err != nil {
		t.Fatal(err)
	}
	tree, err := files.Tree(root)
	if err != nil || len(tree) != 4 {
		t.Fatalf("%+v %v", tree, err)
	}
	for name, mode := range map[string]fs.FileMode{"c/run.sh": 0o755, "c/x/a.txt": 0o644} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode() != mode {
			t.Errorf("%s: %v %v", name, info, err)
		}
	}
	if where, err := files.Find(root, "run.sh"); err != nil || where != "c" {
		t.Errorf("%q %v", where, err)
	}
	_, err = files.Find(root, "instance.toml")
	refused(t, "nothing to find", "archive_no_challenge", err)
}

func FuzzArchive(f *testing.F) {
	f.Add(archive(f, entry{name: "a/b", text: "x"}))
	f.Add(archive(f, entry{name: "../b", text: "x"}))
	f.Add(archive(f, entry{name: "l", text: "..", mode: fs.ModeSymlink | 0o777}, entry{name: "l/x", text: "x"}))
	f.Add(archive(f, entry{name: "d", mode: fs.ModeDevice | 0o600}, entry{name: "e/", text: ""}))
	root, dir := place(f)
	f.Fuzz(func(t *testing.T, text []byte) {
		if err := root.Mkdir("x", 0o755); err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := root.RemoveAll("x"); err != nil {
				t.Fatal(err)
			}
		}()
		into, err := root.OpenRoot("x")
		if err != nil {
			t.Fatal(err)
		}
		defer into.Close()
		if err := unzip(into, text); err != nil {
			var e *whaley.Error
			if !errors.As(err, &e) {
				t.Errorf("%T %v", err, err)
			}
		}
		tree, err := files.Tree(into)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range tree {
			if e.Kind != files.KindFile && e.Kind != files.KindFolder {
				t.Errorf("a %s came out", e.Kind)
			}
		}
		if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
			t.Errorf("beside it there are %v %v", entries, err)
		}
		if beside, err := os.ReadFile(dir + "-beside"); err != nil || string(beside) != "not yours" {
			t.Errorf("%q %v", beside, err)
		}
	})
}
