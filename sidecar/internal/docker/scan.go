package docker

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/image"

	"github.com/whaley-ctf/whaley/sidecar/internal/sentinel"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// labelScan marks the containers that are made only to read an image, so that those of a dead process are found.
const labelScan = "whaley.scan"

const (
	justWritten   = time.Minute
	abandonedScan = 24 * time.Hour // no build may take longer
)

// scanFolder holds what scans have found: <image>-<cores>.json, and .tar with the files of it.
func (e *Engine) scanFolder() string { return filepath.Join(e.folder, "flags") }

func (e *Engine) scanPath(id string, cores []string) string {
	of := strings.Join(cores, "-")
	if len(cores) > 1 { // which may be too long for a name
		sum := sha256.Sum256([]byte(of))
		of = hex.EncodeToString(sum[:16])
	}
	return filepath.Join(e.scanFolder(), strings.TrimPrefix(id, "sha256:")+"-"+of)
}

// ScanImage looks for the sentinels in all that an image has. What it finds is kept in files, by the image's id: the
// same image is not read again.
func (e *Engine) ScanImage(
	ctx context.Context, ch *whaley.Challenge, svc *whaley.Service, log io.Writer,
) (*whaley.ImageFlag, error) {
	api, err := e.api(ctx)
	if err != nil {
		return nil, err
	}
	found, err := api.ImageInspect(ctx, svc.Image)
	if err != nil {
		return nil, translate(err)
	}
	record, err := e.record(ctx, found.ID, ch, log)
	if err != nil {
		return nil, failedImage(svc, err)
	}
	flag := &whaley.ImageFlag{
		Image: found.ID, Cores: record.Cores, Files: len(record.Files), Bytes: record.Bytes(), Odd: record.Odd,
		Left: record.Left,
	}
	for n := range flag.Cores {
		flag.Found = append(flag.Found, record.Holds(n))
	}
	inspectConfig(flag, found, ch)
	return flag, nil
}

// inspectConfig looks for the sentinels in what is not a file.
func inspectConfig(flag *whaley.ImageFlag, found image.InspectResponse, ch *whaley.Challenge) {
	config := found.Config
	if config == nil {
		return
	}
	core := func(text string) bool {
		return slices.ContainsFunc(flag.Cores, func(c string) bool { return strings.Contains(text, c) })
	}
	holds := func(texts []string, replaced bool) bool {
		for n, sought := range soughtIn(ch) {
			if slices.ContainsFunc(texts, sought.Left) {
				flag.Left = append(flag.Left, "a setting of the image holds "+sought.Placeholder)
			}
			flag.Found[n] = flag.Found[n] ||
				replaced && slices.ContainsFunc(texts, func(s string) bool { return strings.Contains(s, sought.Core) })
		}
		return slices.ContainsFunc(texts, core)
	}
	if holds(config.Env, true) {
		flag.Environment = slices.DeleteFunc(slices.Clone(config.Env), func(s string) bool { return !core(s) })
	}
	if holds(slices.Concat(config.Entrypoint, config.Cmd), true) {
		flag.Entrypoint, flag.Command = config.Entrypoint, config.Cmd
	}
	others := []string{config.User, config.WorkingDir}
	if config.Healthcheck != nil {
		others = append(others, config.Healthcheck.Test...)
	}
	if holds(others, false) {
		flag.Odd = append(flag.Odd, "the image's user, folder or health check")
	}
}

// record is what the scan of an image found, now or earlier.
func (e *Engine) record(
	ctx context.Context, id string, ch *whaley.Challenge, log io.Writer,
) (record sentinel.Record, err error) {
	path := e.scanPath(id, ch.Flag.Cores())
	if record, err = readRecord(path); err == nil {
		fmt.Fprintf(log, "%s was scanned before\n", id)
		return record, nil
	}
	if !errors.Is(err, os.ErrNotExist) {
		return record, err
	}
	began := time.Now()
	err = e.export(ctx, id, func(files io.Reader) (err error) {
		record, err = sentinel.ScanTar(files, soughtIn(ch))
		return err
	})
	if err != nil {
		return record, fmt.Errorf("scan of %s: %w", id, err)
	}
	for _, f := range record.Files {
		fmt.Fprintf(log, "the flag is in /%s, %s\n", f.Name, times(len(f.Hits)))
	}
	fmt.Fprintf(log, "scanned %s in %s\n", id, time.Since(began).Round(time.Millisecond))
	if err := os.MkdirAll(e.scanFolder(), 0o700); err != nil {
		return record, err
	}
	if len(record.Files) > 0 {
		err := e.export(ctx, id, func(files io.Reader) error {
			return writeWhole(path+".tar", func(w io.Writer) error { return sentinel.PickTar(w, files, record) })
		})
		if err != nil {
			return record, err
		}
	}
	// Last: a record that is there has its template.
	return record, writeWhole(path+".json", func(w io.Writer) error { return json.NewEncoder(w).Encode(record) })
}

func readRecord(path string) (record sentinel.Record, err error) {
	text, err := os.ReadFile(path + ".json")
	if err != nil {
		return record, err
	}
	if err := json.Unmarshal(text, &record); err != nil {
		return record, fmt.Errorf("%s.json: %w", path, err)
	}
	if len(record.Cores) == 0 {
		return record, fmt.Errorf("%s.json is of an earlier version: %w", path, os.ErrNotExist)
	}
	if len(record.Files) > 0 {
		_, err = os.Stat(path + ".tar")
	}
	return record, err
}

// writeWhole writes a file so that it is there whole or not at all, even after a power cut.
func writeWhole(path string, write func(io.Writer) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	err = write(f)
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// export streams the whole file system of an image, as a container of it would see it.
func (e *Engine) export(ctx context.Context, id string, read func(io.Reader) error) error {
	api, err := e.api(ctx)
	if err != nil {
		return err
	}
	made, err := api.ContainerCreate(
		ctx, &container.Config{Image: id, Cmd: []string{"-"}, Labels: map[string]string{labelScan: e.deployment}},
		&container.HostConfig{NetworkMode: "none"}, nil, nil, "",
	)
	if err != nil {
		return err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), quick)
		defer cancel()
		if err := api.ContainerRemove(ctx, made.ID, container.RemoveOptions{Force: true, RemoveVolumes: true}); err != nil {
			e.log.Warn("container of a scan not removed", "err", err)
		}
	}()
	files, err := api.ContainerExport(ctx, made.ID)
	if err != nil {
		return err
	}
	defer files.Close()
	return read(files)
}

// sweepScans removes what scans of dead processes left, and results about images that are gone.
func (e *Engine) sweepScans(ctx context.Context) error {
	api, err := e.api(ctx)
	if err != nil {
		return err
	}
	left, err := api.ContainerList(
		ctx, container.ListOptions{All: true, Filters: filters.NewArgs(filters.Arg("label", labelScan+"="+e.deployment))},
	)
	if err != nil {
		return translate(err)
	}
	var failed error
	for _, c := range left {
		if time.Since(time.Unix(c.Created, 0)) > abandonedScan {
			failed = errors.Join(
				failed, unlessMissing(api.ContainerRemove(ctx, c.ID, container.RemoveOptions{Force: true, RemoveVolumes: true})),
			)
		}
	}
	images, err := api.ImageList(ctx, image.ListOptions{All: true})
	if err != nil {
		return errors.Join(failed, translate(err))
	}
	known := map[string]bool{}
	for _, i := range images {
		known[strings.TrimPrefix(i.ID, "sha256:")] = true
	}
	kept, err := os.ReadDir(e.scanFolder())
	if errors.Is(err, os.ErrNotExist) {
		return failed
	}
	for _, f := range kept {
		if info, err := f.Info(); err != nil || time.Since(info.ModTime()) < justWritten {
			continue // of an image that was made since these were listed
		}
		if id, _, ok := strings.Cut(f.Name(), "-"); ok && !known[id] {
			failed = errors.Join(failed, os.Remove(filepath.Join(e.scanFolder(), f.Name())))
		}
	}
	return errors.Join(failed, err)
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}
