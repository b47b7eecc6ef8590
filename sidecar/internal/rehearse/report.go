package rehearse

import (
	"fmt"
	"html/template"
	"io"
	"maps"
	"slices"
	"strings"
)

// Print writes a result for a terminal.
func (r Result) Print(out io.Writer) {
	fmt.Fprintf(
		out, "\n%s, %d teams, %.0f s: %d instances at once, %.1f more a second at most\n", r.Profile, r.Teams, r.Lasted, r.Most, r.PerS,
	)
	fmt.Fprintf(out, "%-28s %22s %26s %7s\n", "p50 / p95 / p99 in ms", "wake", "request", "errors")
	row := func(name string, s Seen) {
		fmt.Fprintf(
			out, "%-28s %6d %7d %7d   %8d %7d %7d %7d\n", name, s.Wakes.MS[0], s.Wakes.MS[1], s.Wakes.MS[2], s.Requests.MS[0],
			s.Requests.MS[1], s.Requests.MS[2], s.Errors,
		)
	}
	for _, id := range slices.Sorted(maps.Keys(r.Seen)) {
		row(id, r.Seen[id])
	}
	row("all", Seen{Wakes: r.Wakes, Requests: r.Requests})
	for _, code := range slices.Sorted(maps.Keys(r.Refused)) {
		fmt.Fprintf(out, "refused: %s, %d times\n", code, r.Refused[code])
	}
	if r.First != nil {
		fmt.Fprintf(out, "first bottleneck, after %.0f s: %s. What moves it: %s\n", r.First.At, r.First.What, r.First.Moves)
	}
	for _, c := range r.Capacity {
		fmt.Fprintln(out, "at most:", c)
	}
	for _, c := range r.Chaos {
		fmt.Fprintln(out, "chaos:", c)
	}
	for _, line := range r.Forecast {
		fmt.Fprintln(out, "forecast:", line)
	}
	fmt.Fprintf(out, "%s: %s\n", r.Verdict(), strings.Join(r.Reasons, "; "))
}

// Verdict is GO or NO GO.
func (r Result) Verdict() string {
	if r.Go {
		return "GO"
	}
	return "NO GO"
}

// Compare says what has changed since an earlier result.
func (r Result) Compare(before Result, out io.Writer) {
	line := func(what string, was, is float64) {
		change := ""
		if was > 0 {
			change = fmt.Sprintf(" (%+.0f %%)", 100*(is-was)/was)
		}
		fmt.Fprintf(out, "since the earlier run: %s %.1f → %.1f%s\n", what, was, is, change)
	}
	line("instances at once", float64(before.Most), float64(r.Most))
	line("wake p95, ms", float64(before.Wakes.MS[1]), float64(r.Wakes.MS[1]))
	line("request p95, ms", float64(before.Requests.MS[1]), float64(r.Requests.MS[1]))
	if before.Go != r.Go {
		fmt.Fprintf(out, "since the earlier run: %s → %s\n", before.Verdict(), r.Verdict())
	}
}

// HTML writes a result as one page that needs nothing else.
func (r Result) HTML(out io.Writer) error { return page.Execute(out, r) }

// stretch is a part of a chart's width.
type stretch struct {
	Name       string
	From, Wide float64
}

// Broken is when something was broken on purpose, in a chart of 600.
func (r Result) Broken() (all []stretch) {
	first, last := 0.0, r.Lasted
	if n := len(r.Samples); n > 0 {
		first, last = r.Samples[0].At, r.Samples[n-1].At
	}
	for _, c := range r.Chaos {
		from, to := max(c.At, first), min(c.At+c.Lasted, last)
		if last > first && to > from {
			all = append(all, stretch{c.Name, 600 * (from - first) / (last - first), 600 * (to - from) / (last - first)})
		}
	}
	return all
}

// Line is a series of the samples as the path of a line in a chart of 600 by 120. It has gaps where a share is not known.
func (r Result) Line(what string) string {
	values, most, shares := make([]float64, len(r.Samples)), 1.0, what == "cpu" || what == "memory"
	for n, s := range r.Samples {
		values[n] = map[string]float64{
			"running": float64(s.Running), "waiting": float64(s.WaitingNow), "cpu": s.CPUNow, "memory": s.MemoryNow,
		}[what]
		most = max(most, float64(s.Running), float64(s.WaitingNow))
	}
	if shares {
		most = 100
	}
	var points strings.Builder
	draw := 'M'
	for n, v := range values {
		if shares && v == 0 {
			draw = 'M'
			continue
		}
		at := r.Samples[n].At - r.Samples[0].At
		fmt.Fprintf(&points, "%c%.1f,%.1f ", draw, 600*at/max(0.001, r.Samples[len(values)-1].At-r.Samples[0].At), 120-118*v/most)
		draw = 'L'
	}
	return points.String()
}

var page = template.Must(template.New("").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Rehearsal: {{.Verdict}}</title>
<style>
:root { color-scheme: light dark; --ground: #f2f2f2; --card: #fff; --ink: #0d0d0d; --soft: #595959; --edge: #d9d9d9; --a: #4b2a86; --b: #b45309; --yes: #166534; --no: #b91c1c }
@media (prefers-color-scheme: dark) { :root { --ground: #0d0d0d; --card: #1c1c1c; --ink: #f2f2f2; --soft: #a3a3a3; --edge: #333; --a: #b79cf2; --b: #f0b35c; --yes: #86efac; --no: #fca5a5 } }
body { margin: 0 auto; max-width: 52rem; padding: 1rem; background: var(--ground); color: var(--ink); font: 16px/1.5 system-ui, sans-serif }
section { background: var(--card); border: 1px solid var(--edge); border-radius: .5rem; padding: 1rem; margin: 1rem 0; overflow-x: auto }
h1 { margin: 0 } h1.yes { color: var(--yes) } h1.no { color: var(--no) } h2 { font-size: 1.1rem; margin: 0 0 .5rem }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums } th, td { text-align: right; padding: .25rem .5rem; border-bottom: 1px solid var(--edge); white-space: nowrap }
th:first-child, td:first-child { text-align: left } th, .soft { color: var(--soft); font-weight: normal }
svg { width: 100%; height: auto; border-bottom: 1px solid var(--edge) } path { fill: none; stroke-width: 2; vector-effect: non-scaling-stroke }
.a { stroke: var(--a); color: var(--a) } .b { stroke: var(--b); color: var(--b); stroke-dasharray: 4 3 } rect { fill: var(--no); opacity: .2 } ul { margin: .25rem 0; padding-left: 1.25rem }
</style></head><body>
<h1 class="{{if .Go}}yes{{else}}no{{end}}">{{.Verdict}}</h1>
<p class="soft">{{.Profile}}, {{.Teams}} teams, {{printf "%.0f" .Lasted}} s</p>
<section><h2>Why</h2><ul>{{range .Reasons}}<li>{{.}}</li>{{end}}</ul></section>
{{with .First}}<section><h2>First bottleneck</h2>After {{printf "%.0f" .At}} s: {{.What}}. What moves it: <strong>{{.Moves}}</strong></section>{{end}}
<section><h2>Instances</h2><svg viewBox="0 0 600 122" role="img" aria-label="Running and waiting instances over time">
{{template "broken" .}}<path class="a" d="{{.Line "running"}}"/><path class="b" d="{{.Line "waiting"}}"/></svg>
<span class="a">running, {{.Most}} at most</span> · <span class="b">waiting</span></section>
<section><h2>Machine</h2><svg viewBox="0 0 600 122" role="img" aria-label="CPU and memory over time, per cent">
{{template "broken" .}}<path class="a" d="{{.Line "cpu"}}"/><path class="b" d="{{.Line "memory"}}"/></svg>
<span class="a">CPU</span> · <span class="b">memory</span>, of 100 %</section>
{{if .Capacity}}<section><h2>What it took at most</h2><table><thead><tr><th></th><th>used</th><th>of</th></tr></thead><tbody>
{{range .Capacity}}<tr><td>{{.What}}</td><td>{{.Number .Used}}</td><td>{{if .Of}}{{.Number .Of}}{{end}}</td></tr>{{end}}</tbody></table></section>{{end}}
<section><h2>What players waited for, in ms</h2><table><thead><tr><th>challenge</th><th>wake p50</th><th>p95</th><th>p99</th><th>request p50</th><th>p95</th><th>p99</th><th>errors</th></tr></thead><tbody>
{{range $id, $s := .Seen}}<tr><td>{{$id}}</td>{{range $s.Wakes.MS}}<td>{{.}}</td>{{end}}{{range $s.Requests.MS}}<td>{{.}}</td>{{end}}<td>{{$s.Errors}}</td></tr>
{{end}}<tr><td>all</td>{{range .Wakes.MS}}<td>{{.}}</td>{{end}}{{range .Requests.MS}}<td>{{.}}</td>{{end}}<td></td></tr></tbody></table></section>
{{if .Refused}}<section><h2>Refused</h2><table>{{range $code, $n := .Refused}}<tr><td>{{$code}}</td><td>{{$n}}</td></tr>{{end}}</table></section>{{end}}
{{if .Chaos}}<section><h2>Broken on purpose</h2><p class="soft">What players met meanwhile is in no other figure. When it was broken, how long until it was mended and how long Whaley did not answer is in s; what players waited for in ms.</p>
<table><thead><tr><th>part</th><th>at</th><th>mended</th><th>silent</th><th>failed</th><th>wakes</th><th>p50 / p95 / p99</th><th>requests</th><th>p50 / p95 / p99</th></tr></thead><tbody>
{{range .Chaos}}<tr><td>{{.Name}}{{if not .Back}} (not back){{end}}</td><td>{{printf "%.0f" .At}}</td><td>{{printf "%.0f" .Lasted}}</td><td>{{printf "%.1f" .Away}}</td><td>{{.Failed}}</td>
{{with .Wakes}}<td>{{.Count}}</td><td>{{index .MS 0}} / {{index .MS 1}} / {{index .MS 2}}</td>{{end}}{{with .Requests}}<td>{{.Count}}</td><td>{{index .MS 0}} / {{index .MS 1}} / {{index .MS 2}}</td>{{end}}</tr>
{{end}}</tbody></table>{{range .Chaos}}{{if .Note}}<p>{{.Name}}: {{.Note}}</p>{{end}}{{end}}</section>{{end}}
{{if .Forecast}}<section><h2>Forecast</h2><ul>{{range .Forecast}}<li>{{.}}</li>{{end}}</ul></section>{{end}}
</body></html>
{{define "broken"}}{{range .Broken}}<rect x="{{printf "%.1f" .From}}" y="0" width="{{printf "%.1f" .Wide}}" height="122"><title>{{.Name}}</title></rect>{{end}}{{end}}`))
