package main

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// fromFiles are challenges that hurt whoever reads or builds them. Their author means well, or an organiser's key is in
// wrong hands.
var fromFiles = []attack{
	{name: "bombs_uploaded", run: func(ctx context.Context, s *strike) error {
		c := s.client(attacker, 2*time.Minute)
		s.many(ctx, 2, time.Second, func(ctx context.Context, r *rand.Rand) string {
			name, files := bomb(r)
			archive, err := zipped(files)
			if err != nil {
				return err.Error()
			}
			return name + " " + s.send(ctx, c, http.MethodPost, s.Dashboard+"/admin/api/challenges/upload", archive,
				"Content-Type", "application/zip", "X-Admin-Key", s.AdminKey)
		})
		return s.sweep(ctx, nil)
	}},
	{name: "bombs_in_folder", run: func(ctx context.Context, s *strike) error {
		var folders []string
		s.begun()
		for n := 0; ctx.Err() == nil; n++ {
			name, files := bomb(s.random(n))
			folder := filepath.Join(s.Challenges, fmt.Sprintf("bomb-%d", n%5))
			if err := os.RemoveAll(folder); err != nil {
				return err
			}
			if err := writeFolder(folder, files); err != nil {
				return err
			}
			folders = append(folders, folder)
			err := s.ask(ctx, attacker, http.MethodPost, "/admin/api/challenges/reload", "", nil)
			s.count(fmt.Sprintf("%s, reloaded: %v", name, err == nil))
			pause(ctx, time.Second)
		}
		return s.sweep(ctx, folders)
	}},
	{name: "endless_builds", run: endlessBuilds},
}

// endlessBuilds are three challenges whose build never ends, and ten visitors who wait for one of them.
func endlessBuilds(ctx context.Context, s *strike) error {
	var folders []string
	for n := range 3 {
		files := folder("serve")
		files["Dockerfile"] = fmt.Sprintf(
			"FROM scratch\nCOPY program /program\nENV N=%d-%d\nRUN [\"/program\", \"sleep\"]\nENTRYPOINT [\"/program\"]\n",
			s.Seed, n,
		)
		where := filepath.Join(s.Challenges, fmt.Sprintf("endless-%d", n))
		folders = append(folders, where)
		if err := writeFolder(where, files); err != nil {
			return err
		}
		if err := os.Link(s.Program, filepath.Join(where, "program")); err != nil {
			return err
		}
	}
	if err := s.ask(ctx, attacker, http.MethodPost, "/admin/api/challenges/reload", "", nil); err != nil {
		return err
	}
	s.many(ctx, 10, time.Second, func(ctx context.Context, r *rand.Rand) string {
		from := fmt.Sprintf("127.0.3.%d", 10+r.IntN(20))
		return s.send(
			ctx, s.client(from, 0), http.MethodPost, s.Dashboard+"/instances/spawn?wait=60", `{"challenge_id":"endless-0"}`,
			"Content-Type", "application/json",
		)
	})
	for n := range 20 {
		s.stopAll(fmt.Sprintf("127.0.3.%d", 10+n))
	}
	return s.sweep(ctx, folders)
}

// sweep takes away what was put into the folder of the challenges, and has it read again.
func (s *strike) sweep(ctx context.Context, folders []string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	for _, folder := range folders {
		if err := os.RemoveAll(folder); err != nil {
			return err
		}
	}
	return s.ask(ctx, attacker, http.MethodPost, "/admin/api/challenges/reload", "", nil)
}

func zipped(files map[string]string) (string, error) {
	var out bytes.Buffer
	archive := zip.NewWriter(&out)
	for name, text := range files {
		w, err := archive.Create(name)
		if err != nil {
			return "", err
		}
		if _, err := w.Write([]byte(text)); err != nil {
			return "", err
		}
	}
	err := archive.Close()
	return out.String(), err
}

func writeFolder(folder string, files map[string]string) error {
	for name, text := range files {
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}
