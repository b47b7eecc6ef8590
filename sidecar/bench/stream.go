package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

const (
	dashboards = 200
	watching   = 10 * time.Second
)

// streams is what open dashboards cost, each with its stream of server-sent events: processor and memory of the
// sidecar, edge included, while nothing happens and while one player starts and stops over and over.
func streams(ctx context.Context, dir string, _ int, r *results) error {
	s, err := startSidecar(ctx, dir, 0, 0)
	if err != nil {
		return err
	}
	defer s.close()
	_, before, err := usage(s.Process.Process.Pid)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for n := range dashboards {
		if err := s.watch(ctx, fmt.Sprintf("127.0.9.%d", n+1)); err != nil {
			return err
		}
	}
	_, after, err := usage(s.Process.Process.Pid)
	if err != nil {
		return err
	}
	idle, err := s.busy(ctx, func() error { return nil })
	if err != nil {
		return err
	}
	starts := 0
	lively, err := s.busy(ctx, func() error {
		starts++
		_, err := s.wake(ctx, "bench")
		return err
	})
	if err != nil {
		return err
	}
	r.value("streams_n", dashboards)
	r.value("streams_memory_before_mb", before>>20)
	r.value("streams_memory_open_mb", after>>20)
	r.value("streams_idle_cpu_percent", fmt.Sprintf("%.1f", idle))
	r.value("streams_with_starts_cpu_percent", fmt.Sprintf("%.1f", lively))
	r.value("streams_starts", starts)
	return nil
}

// watch opens a stream as a player, waits for its first event, and reads on until ctx ends.
func (s *sidecar) watch(ctx context.Context, player string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.Dashboard+"/events", nil)
	if err != nil {
		return err
	}
	// the goroutine that reads the stream closes it
	answer, err := (&http.Client{Transport: s.Transport(player)}).Do(request) //nolint:bodyclose
	if err != nil {
		return err
	}
	lines := bufio.NewScanner(answer.Body)
	if answer.StatusCode != http.StatusOK || !lines.Scan() {
		answer.Body.Close()
		return errors.Join(fmt.Errorf("/events: %s", answer.Status), lines.Err())
	}
	go func() {
		defer answer.Body.Close()
		for lines.Scan() {
		}
	}()
	return nil
}

// busy is how much of a processor the sidecar uses while something is done over and over, in percent.
func (s *sidecar) busy(ctx context.Context, do func() error) (float64, error) {
	before, _, err := usage(s.Process.Process.Pid)
	if err != nil {
		return 0, err
	}
	began := time.Now()
	for time.Since(began) < watching && ctx.Err() == nil {
		if err := do(); err != nil {
			return 0, err
		}
		time.Sleep(100 * time.Millisecond)
	}
	after, _, err := usage(s.Process.Process.Pid)
	return 100 * (after - before).Seconds() / time.Since(began).Seconds(), err
}

// usage is the processor time of a process and its memory in bytes.
func usage(pid int) (time.Duration, int64, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, 0, err
	}
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	if len(fields) < 22 {
		return 0, 0, fmt.Errorf("/proc/%d/stat: %s", pid, stat)
	}
	var numbers [3]int64
	for n, at := range []int{11, 12, 21} { // user and system time in hundredths of a second, resident pages
		if numbers[n], err = strconv.ParseInt(fields[at], 10, 64); err != nil {
			return 0, 0, err
		}
	}
	return time.Duration(numbers[0]+numbers[1]) * 10 * time.Millisecond, numbers[2] * int64(os.Getpagesize()), nil
}
