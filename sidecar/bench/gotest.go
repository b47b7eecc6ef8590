package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
)

// goBench runs a benchmark that lives beside what it measures, and returns what it prints.
func goBench(ctx context.Context, pkg, name string, args ...string) ([]string, error) {
	command := exec.CommandContext(
		ctx, "go", append([]string{"test", "-run", "^$", "-bench", "^" + name + "$", pkg}, args...)...,
	)
	command.Stderr = os.Stderr
	out, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("%s of %s: %w\n%s", name, pkg, err, out)
	}
	var lines []string
	for s := bufio.NewScanner(bytes.NewReader(out)); s.Scan(); {
		lines = append(lines, s.Text())
	}
	return lines, nil
}

// apiRequests is how fast the API answers a known player: by address, by a token of CTFd's, and by a session.
func apiRequests(ctx context.Context, _ string, rounds int, r *results) error {
	rates := map[string][]float64{}
	for range max(3, rounds/4) { // one by one, so that all meet the same machine
		lines, err := goBench(ctx, "./internal/api", "BenchmarkAuthenticatedRequests", "-benchtime", "300ms")
		if err != nil {
			return err
		}
		for _, line := range lines {
			fields := strings.Fields(line)
			for n := 1; n < len(fields); n++ {
				_, name, found := strings.Cut(fields[0], "/")
				if fields[n] != "req/s" || !found {
					continue
				}
				rate, err := strconv.ParseFloat(fields[n-1], 64)
				if err != nil {
					return err
				}
				name = strings.TrimRight(strings.TrimRight(name, "0123456789"), "-")
				rates[name] = append(rates[name], rate)
			}
		}
	}
	for _, way := range []string{"ctfd-token", "ctfd-session"} {
		if len(rates[way]) == 0 || len(rates[way]) != len(rates["none"]) {
			return fmt.Errorf("the benchmark says nothing of %s", way)
		}
		var over []float64
		for n, rate := range rates[way] {
			over = append(over, rate/rates["none"][n])
		}
		r.ratio("api_"+strings.ReplaceAll(way, "-", "_")+"_over_none", median(over))
	}
	for _, way := range []string{"none", "ctfd-token", "ctfd-session"} {
		r.value("api_"+strings.ReplaceAll(way, "-", "_")+"_per_s", int(median(rates[way])))
	}
	return nil
}

// flags is a start with an owner's flag in each place over one without a flag, ten of each.
func flags(ctx context.Context, _ string, _ int, r *results) error {
	lines, err := goBench(ctx, "./internal/flagtest", "BenchmarkSpawn", "-benchtime", "1x")
	if err != nil {
		return err
	}
	found := 0
	for _, line := range lines {
		at := strings.Index(line, "spawn_flag_") // the first comes behind the benchmark's name
		if at < 0 {
			continue
		}
		name, value, _ := strings.Cut(line[at:], " ")
		number, err := strconv.ParseFloat(value, 64)
		if err != nil {
			return err
		}
		found++
		if strings.HasSuffix(name, "_over_none") {
			r.ratio(name, number)
		} else {
			r.value(name, value)
		}
	}
	if found == 0 {
		return fmt.Errorf("the benchmark prints nothing: %v", lines)
	}
	return nil
}
