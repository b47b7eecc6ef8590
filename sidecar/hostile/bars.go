package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// bars are how many times longer an honest player may wait while an attack goes on.
var bars = []bar{{"page", 99, 3}, {"api", 99, 3}, {"start", 95, 2}, {"request", 99, 2}, {"echo", 99, 2}, crowdBar}

// crowdBar is that of attacks during which many start at the same time, and of nothing else.
var crowdBar = bar{"crowd", 95, 1.5}

type bar struct {
	what string
	p    int
	most float64
}

// ratio is how many times longer something took with the attack than without: the median of what the rounds say, and
// the least and the most of them. One stall of the machine is in one round. It is 0 if nothing was measured.
func (f *finding) ratio(what string, p int) (median, least, most float64) {
	all := f.each(what, func(without, with []time.Duration) float64 {
		return float64(percentile(with, p)) / float64(percentile(without, p))
	})
	if len(all) == 0 {
		return 0, 0, 0
	}
	return middle(all), slices.Min(all), slices.Max(all)
}

// each asks something of every round in which it was measured.
func (f *finding) each(what string, of func(without, with []time.Duration) float64) (all []float64) {
	for _, r := range f.rounds {
		if len(r.without[what]) > 0 && len(r.with[what]) > 0 {
			all = append(all, of(r.without[what], r.with[what]))
		}
	}
	return all
}

// middle is the median.
func middle(all []float64) float64 {
	slices.Sort(all)
	n := len(all) / 2
	if len(all)%2 == 1 {
		return all[n]
	}
	return (all[n-1] + all[n]) / 2
}

func (f *finding) judge() {
	for _, bar := range bars {
		if (bar == crowdBar) != f.crowd {
			continue
		}
		if ratio, least, most := f.ratio(bar.what, bar.p); ratio > bar.most {
			f.broken = append(f.broken, fmt.Sprintf(
				"%s p%d %.1f times (%.1f to %.1f), at most %g", bar.what, bar.p, ratio, least, most, bar.most,
			))
		} else if ratio == 0 {
			f.broken = append(f.broken, bar.what+": nothing was measured")
		}
	}
	for what, err := range f.failed {
		f.broken = append(f.broken, fmt.Sprintf("an honest player's %s failed: %v", what, err))
	}
}

func percentile(all []time.Duration, p int) time.Duration {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[min(len(sorted)-1, len(sorted)*p/100)]
}

// print writes lines of a name and a value.
func (f *finding) print(out io.Writer) {
	name := f.edge + "_" + f.attack + "_"
	for _, bar := range bars {
		for _, p := range []int{50, bar.p} {
			ratio, least, most := f.ratio(bar.what, p)
			if ratio == 0 {
				continue
			}
			without := f.each(bar.what, func(without, _ []time.Duration) float64 { return milliseconds(percentile(without, p)) })
			with := f.each(bar.what, func(_, with []time.Duration) float64 { return milliseconds(percentile(with, p)) })
			fmt.Fprintf(out, "%s%s_p%d_times %.2f\n", name, bar.what, p, ratio)
			fmt.Fprintf(out, "%s%s_p%d_least_and_most_times %.2f %.2f\n", name, bar.what, p, least, most)
			fmt.Fprintf(out, "%s%s_p%d_without_ms %.1f\n", name, bar.what, p, middle(without))
			fmt.Fprintf(out, "%s%s_p%d_with_ms %.1f\n", name, bar.what, p, middle(with))
		}
		without, with := 0, 0
		for _, r := range f.rounds {
			without, with = without+len(r.without[bar.what]), with+len(r.with[bar.what])
		}
		fmt.Fprintf(out, "%s%s_n %d %d\n", name, bar.what, without, with)
	}
	for _, r := range []struct {
		what                  string
		before, during, after int
	}{
		{"memory_mb", f.before.memory, f.during.memory, f.after.memory},
		{"goroutines", f.before.goroutines, f.during.goroutines, f.after.goroutines},
		{"files", f.before.files, f.during.files, f.after.files},
		{"tracked_connections", f.before.tracked, f.during.tracked, f.after.tracked},
	} {
		fmt.Fprintf(out, "%s%s_before_during_after %d %d %d\n", name, r.what, r.before, r.during, r.after)
	}
	fmt.Fprintf(out, "%srestored_s %.0f\n", name, f.restored.Seconds())
	fmt.Fprintf(out, "%sstruck %s\n", name, f.told)
	for _, what := range f.broken {
		fmt.Fprintf(out, "%sOVER %s\n", name, what)
	}
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// table is all of it at a glance.
func table(out io.Writer, findings []finding) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(
		w,
		"\nedge\tattack\tpage p99\tapi p99\tstart p95\trequest p99\techo p99\tcrowd p95\tmemory MB\tgoroutines\tfiles\trestored\tover",
	)
	for _, f := range findings {
		fmt.Fprintf(w, "%s\t%s", f.edge, f.attack)
		for _, bar := range bars {
			ratio, least, most := f.ratio(bar.what, bar.p)
			fmt.Fprintf(w, "\t%.1f (%.1f–%.1f)", ratio, least, most)
		}
		fmt.Fprintf(w, "\t%d→%d→%d\t%d→%d→%d\t%d→%d→%d\t%.0f s\t%s\n", f.before.memory, f.during.memory, f.after.memory,
			f.before.goroutines, f.during.goroutines, f.after.goroutines, f.before.files, f.during.files, f.after.files,
			f.restored.Seconds(), strings.Join(f.broken, "; "))
	}
	w.Flush()
}

func overBars(findings []finding) (n int) {
	for _, f := range findings {
		if len(f.broken) > 0 {
			n++
		}
	}
	return n
}
