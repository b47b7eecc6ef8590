package system

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestAFullDiskIsSaidAndForgottenWhenThereIsRoom(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	if err := unix.Mount("tmpfs", data, "tmpfs", 0, "size=64m,mode=700"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Unmount(data, unix.MNT_DETACH) })
	const secret = "metrics-secret-of-a-test"
	s := start(t, "embedded", writeFixtures(t, "echo"), "DATA_DIR="+data, "METRICS_SECRET="+secret)
	up := func(dependency string, want int) func() error {
		return func() error {
			body := s.do(alice, "GET", s.dashboard+"/metrics", nil, "Authorization", "Bearer "+secret).Body
			if line := fmt.Sprintf("whaley_dependency_up{dependency=%q} %d\n", dependency, want); !strings.Contains(body, line) {
				return fmt.Errorf("metrics lack %s", line)
			}
			return nil
		}
	}

	filler := filepath.Join(data, "filler")
	f, err := os.Create(filler)
	if err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = f.Write(make([]byte, 4096))
	}
	f.Close()
	s.eventually("health and metrics name the database", time.Minute, func() error {
		got, err := s.try(alice, "GET", s.dashboard+"/health/ready", nil)
		if err == nil &&
			(got.Status != http.StatusServiceUnavailable || !strings.Contains(got.Body, `"name":"database","status":"failed"`)) {
			err = fmt.Errorf("%d %s", got.Status, got.Body)
		}
		if err != nil {
			return err
		}
		return up("database", 0)()
	})
	if err := up("disk", 0)(); err != nil {
		t.Error(err)
	}
	got := s.do(alice, "GET", s.address(alice, "echo")+"/", nil)
	if p := got.problem(t); got.Status != http.StatusServiceUnavailable ||
		!strings.Contains(p.Detail, "cannot be written: its disk is full") {
		t.Errorf("a start: %d %s", got.Status, got.Body)
	}

	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	s.eventually("an instance starts", time.Minute, func() error {
		got, err := s.try(alice, "GET", s.address(alice, "echo")+"/", nil)
		if err == nil && got.Status != http.StatusOK {
			err = fmt.Errorf("%d %s", got.Status, got.Body)
		}
		return err
	})
	s.eventually("health and metrics take it back", time.Minute, func() error {
		got, err := s.try(alice, "GET", s.dashboard+"/health/ready", nil)
		if err == nil && got.Status != http.StatusOK {
			err = fmt.Errorf("%d %s", got.Status, got.Body)
		}
		if err != nil {
			return err
		}
		return up("database", 1)()
	})
}
