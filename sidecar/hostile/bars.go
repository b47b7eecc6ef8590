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

func (f *finding) ratio(what string, p int) float64 {
	if len(f.with[what]) == 0 || len(f.without[what]) == 0 {
		return 0
	}
	return float64(percentile(f.with[what], p)) / float64(percentile(f.without[what], p))
}

func (f *finding) judge() {
	for _, bar := range bars {
		if (bar == crowdBar) != f.crowd {
			continue
		}
		if ratio := f.ratio(bar.what, bar.p); ratio > bar.most {
			f.broken = append(f.broken, fmt.Sprintf("%s p%d %.1f times, at most %g", bar.what, bar.p, ratio, bar.most))
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
			if f.ratio(bar.what, p) == 0 {
				continue
			}
			fmt.Fprintf(out, "%s%s_p%d_times %.2f\n", name, bar.what, p, f.ratio(bar.what, p))
			fmt.Fprintf(out, "%s%s_p%d_without_ms %.1f\n", name, bar.what, p, milliseconds(percentile(f.without[bar.what], p)))
			fmt.Fprintf(out, "%s%s_p%d_with_ms %.1f\n", name, bar.what, p, milliseconds(percentile(f.with[bar.what], p)))
		}
		fmt.Fprintf(out, "%s%s_n %d %d\n", name, bar.what, len(f.without[bar.what]), len(f.with[bar.what]))
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
			fmt.Fprintf(w, "\t%.1f", f.ratio(bar.what, bar.p))
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
