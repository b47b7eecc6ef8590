package sentinel

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
)

// Record is what an image's files hold of some cores.
type Record struct {
	Cores []string `json:"cores"`
	Files []File   `json:"files"`          // can be patched
	Odd   []string `json:"odd,omitempty"`  // cannot: which file and how the core stands in it
	Left  []string `json:"left,omitempty"` // files that still hold a placeholder
}

// File is one regular file that holds the core. Names have no leading slash.
type File struct {
	Name  string   `json:"name"`
	Size  int64    `json:"size"`
	Hits  []Hit    `json:"hits"`
	Links []string `json:"links,omitempty"` // further names of the same file
}

// Bytes is how much is written to put a flag into all files.
func (r Record) Bytes() (sum int64) {
	for _, f := range r.Files {
		sum += f.Size
	}
	return sum
}

// Holds says whether a core, by its place among those sought, is in a file that can be patched.
func (r Record) Holds(flag int) bool {
	return slices.ContainsFunc(r.Files, func(f File) bool {
		return slices.ContainsFunc(f.Hits, func(h Hit) bool { return h.Flag == flag })
	})
}

// ScanTar reads a container's whole file system as a tar, whose later entries take the place of earlier ones. It keeps
// no more than a block of it in memory.
func ScanTar(r io.Reader, sought []Sought) (Record, error) {
	s := newScanner(sought)
	record := Record{}
	for _, one := range sought {
		record.Cores = append(record.Cores, one.Core)
	}
	named := func(text string) bool {
		return slices.ContainsFunc(record.Cores, func(core string) bool { return strings.Contains(text, core) })
	}
	files, odd, left := map[string]File{}, map[string][]string{}, map[string]string{}
	for in := tar.NewReader(r); ; {
		header, err := in.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return Record{}, err
		}
		name := strings.TrimPrefix(path.Clean("/"+header.Name), "/")
		delete(files, name)
		delete(odd, name)
		delete(left, name)
		if named(name) {
			odd[name] = append(odd[name], "as its name")
		}
		switch header.Typeflag {
		case tar.TypeLink:
			target := strings.TrimPrefix(path.Clean("/"+header.Linkname), "/")
			if f, ok := files[target]; ok {
				f.Links = append(slices.Clone(f.Links), name)
				files[target] = f
			}
		case tar.TypeSymlink:
			if named(header.Linkname) {
				odd[name] = append(odd[name], "as a link's target")
			}
		case tar.TypeReg:
			found, err := s.scanPacked(in)
			if err != nil {
				return Record{}, fmt.Errorf("%s: %w", name, err)
			}
			if len(found.hits) > 0 {
				files[name] = File{Name: name, Size: header.Size, Hits: found.hits}
			}
			if len(found.odd) > 0 {
				odd[name] = append(odd[name], found.odd...)
			}
			if found.left != "" {
				left[name] = found.left
			}
		}
	}
	for _, f := range files {
		record.Files = append(record.Files, f)
	}
	for name, why := range odd {
		record.Odd = append(record.Odd, name+" "+strings.Join(why, " and "))
	}
	for name, what := range left {
		record.Left = append(record.Left, name+" holds "+what)
	}
	slices.SortFunc(record.Files, func(a, b File) int { return strings.Compare(a.Name, b.Name) })
	slices.Sort(record.Odd)
	slices.Sort(record.Left)
	return record, nil
}

// PickTar copies out of a container's file system what a record names: the template that Patch works on.
func PickTar(w io.Writer, r io.Reader, record Record) error {
	out := tar.NewWriter(w)
	wanted := map[string]bool{}
	for _, f := range record.Files {
		wanted[f.Name] = true
		for _, l := range f.Links {
			wanted[l] = true
		}
	}
	picked := 0
	for in := tar.NewReader(r); ; {
		header, err := in.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		name := strings.TrimPrefix(path.Clean("/"+header.Name), "/")
		if !wanted[name] {
			continue
		}
		picked++
		header.Name = name
		if err := out.WriteHeader(header); err != nil {
			return err
		}
		if _, err := io.Copy(out, in); err != nil {
			return err
		}
	}
	if picked != len(wanted) {
		return fmt.Errorf("%d of %d files that hold the flag were there", picked, len(wanted))
	}
	return out.Close()
}

// PatchTar copies a template with digits in the place of each core. It is an error if any place of the record does not
// hold the core, or any file of it is not there: then nothing that was written may be used. Names that are covered are
// left out; a file that has others too is written as these.
func PatchTar(w io.Writer, r io.Reader, record Record, digits []string, covered func(name string) bool) error {
	stands := map[string]string{} // a name that is left out → another of the same file
	out := tar.NewWriter(w)
	missing := map[string]File{}
	for _, f := range record.Files {
		missing[f.Name] = f
	}
	for in := tar.NewReader(r); ; {
		header, err := in.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		f := missing[header.Name]
		delete(missing, header.Name)
		if covered(header.Name) {
			at := slices.IndexFunc(f.Links, func(name string) bool { return !covered(name) })
			if header.Typeflag != tar.TypeReg || at < 0 {
				continue
			}
			stands[header.Name], header.Name = f.Links[at], f.Links[at]
		}
		if other := stands[header.Linkname]; header.Typeflag == tar.TypeLink && other != "" {
			if header.Linkname = other; header.Name == other {
				continue
			}
		}
		if err := out.WriteHeader(header); err != nil {
			return err
		}
		if header.Typeflag != tar.TypeReg {
			continue
		}
		if err := Patch(out, in, f, record.Cores, digits); err != nil {
			return err
		}
	}
	for name := range missing {
		return fmt.Errorf("%s is not there to be patched", name)
	}
	return out.Close()
}

// Place is a place in a file, and what is put there in the place of what is there, as long as that.
type Place struct {
	Offset   int64
	Old, New []byte
}

// Places are those of a file that hold cores, with digits for each.
func (f File) Places(cores, digits []string) ([]Place, error) {
	var all []Place
	for _, h := range f.Hits {
		if h.Flag >= len(cores) || len(cores) != len(digits) || len(cores[h.Flag]) != len(digits[h.Flag]) {
			return nil, fmt.Errorf("%s holds a flag of another length", f.Name)
		}
		all = append(all, Place{h.Offset, h.text(cores[h.Flag]), h.text(digits[h.Flag])})
	}
	return all, nil
}

// Patch copies one file with digits in the place of a core at each hit.
func Patch(w io.Writer, r io.Reader, f File, cores, digits []string) error {
	if len(f.Hits) == 0 || len(cores) != len(digits) {
		return fmt.Errorf("%s has nothing to patch", f.Name)
	}
	var at int64
	for _, h := range f.Hits {
		if h.Flag >= len(cores) || len(cores[h.Flag]) != len(digits[h.Flag]) {
			return fmt.Errorf("%s holds a flag of another length", f.Name)
		}
		before, after := h.text(cores[h.Flag]), h.text(digits[h.Flag])
		if _, err := io.CopyN(w, r, h.Offset-at); err != nil {
			return err
		}
		got := make([]byte, len(before))
		if _, err := io.ReadFull(r, got); err != nil || string(got) != string(before) {
			return fmt.Errorf("%s does not hold the sentinel at %d", f.Name, h.Offset)
		}
		if _, err := w.Write(after); err != nil {
			return err
		}
		at = h.Offset + int64(len(after))
	}
	n, err := io.Copy(w, r)
	if err == nil && at+n != f.Size {
		return fmt.Errorf("%s has %d bytes and had %d", f.Name, at+n, f.Size)
	}
	return err
}
