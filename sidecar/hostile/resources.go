package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/rig"
)

const metricsKey = "what the hostile suite shows to /metrics"

// resources are what a sidecar uses.
type resources struct {
	memory     int // MiB, resident, without what is of the program's file: that much is the kernel's to keep or drop
	goroutines int // 0: it did not say
	files      int // descriptors
	tracked    int // connections that the host tracks
}

func resourcesOf(s *rig.Sidecar) (resources, error) {
	var r resources
	pid, err := s.Pid()
	if err != nil {
		return r, err
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return r, err
	}
	_, rest, _ := strings.Cut(string(status), "RssAnon:")
	if fields := strings.Fields(rest); len(fields) > 0 {
		kib, _ := strconv.Atoi(fields[0])
		r.memory = kib >> 10
	}
	files, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	r.files = len(files)
	if text, err := os.ReadFile("/proc/sys/net/netfilter/nf_conntrack_count"); err == nil {
		r.tracked, _ = strconv.Atoi(strings.TrimSpace(string(text)))
	}
	r.goroutines = goroutines(s)
	return r, err
}

func goroutines(s *rig.Sidecar) int {
	request, err := http.NewRequest(http.MethodGet, "http://"+s.Public+"/metrics", nil)
	if err != nil {
		return 0
	}
	request.Header.Set("Authorization", "Bearer "+metricsKey)
	answer, err := (&http.Client{Timeout: 3 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}).Do(
		request,
	)
	if err != nil {
		return 0
	}
	defer answer.Body.Close()
	for lines := bufio.NewScanner(answer.Body); lines.Scan(); {
		if text, is := strings.CutPrefix(lines.Text(), "go_goroutines "); is {
			n, _ := strconv.Atoi(text)
			return n
		}
	}
	return 0
}

func (r resources) most(o resources) resources {
	return resources{
		max(r.memory, o.memory), max(r.goroutines, o.goroutines), max(r.files, o.files), max(r.tracked, o.tracked),
	}
}

// Noise that no attack is the cause of: a garbage collector's timing, a connection to the database that is open by
// chance.
var noise = resources{memory: 8, goroutines: 10, files: 8}

// above says what of it is more than a tenth above what it was, beyond noise.
func (r resources) above(before resources) (what []string) {
	for _, one := range []struct {
		name             string
		now, then, noise int
	}{
		{"memory", r.memory, before.memory, noise.memory}, {"goroutines", r.goroutines, before.goroutines, noise.goroutines},
		{"files", r.files, before.files, noise.files},
	} {
		if one.now > one.then+max(one.then/10, one.noise) {
			what = append(what, fmt.Sprintf("%s %d, %d before", one.name, one.now, one.then))
		}
	}
	return what
}

// watch keeps the most that is used until ctx ends.
func watch(ctx context.Context, s *rig.Sidecar) func() resources {
	var most resources
	var done sync.WaitGroup
	done.Go(func() {
		for ctx.Err() == nil {
			if now, err := resourcesOf(s); err == nil {
				most = most.most(now)
			}
			pause(ctx, 500*time.Millisecond)
		}
	})
	return func() resources { done.Wait(); return most }
}

// wrong says what of a sidecar is not as it should be; nothing is well.
func wrong(s *rig.Sidecar) string {
	for name, request := range map[string]string{"the sidecar": "http://" + s.Public, "the edge": "http://" + s.Edge} {
		r, err := http.NewRequest(http.MethodGet, request+"/health/ready", nil)
		if err != nil {
			return err.Error()
		}
		r.Host = strings.TrimPrefix(s.Dashboard, "http://")
		answer, err := (&http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}).Do(r)
		if err != nil {
			return name + " does not answer: " + err.Error()
		}
		var ready struct {
			Status       string
			Dependencies []struct{ Name, Status string }
		}
		err = json.NewDecoder(answer.Body).Decode(&ready)
		answer.Body.Close()
		if err != nil || ready.Status != "ok" {
			return fmt.Sprintf("%s says %s %+v", name, answer.Status, ready)
		}
	}
	return ""
}
