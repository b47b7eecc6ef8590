package flagtest

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// BenchmarkSpawn measures starts with a flag in different places, taken in turn so that all meet the same machine. It
// prints "name value" lines: medians in milliseconds, and ratios over a start without a flag.
func BenchmarkSpawn(b *testing.B) {
	w := newWorld(b, 3)
	busybox := "FROM busybox:1.36\n"
	program := "#include <stdio.h>\nstatic const char flag[] = \"" + placeholder +
		"\";\nint main(void) { puts(flag); return 0; }\n"
	w.write("none", "Dockerfile", busybox+listen)
	w.write("file", "flag.txt", placeholder, "Dockerfile", busybox+"COPY flag.txt /"+listen)
	w.write(
		"binary", "main.c", program, "Dockerfile",
		"FROM tcc:0.9 AS build\nCOPY main.c /\nRUN cc -o /program /main.c\n"+busybox+"COPY --from=build /program /"+listen,
	)
	w.write(
		"environment", "compose.yaml", "services: {web: {build: ., environment: {SECRET: '"+placeholder+"'}}}\n",
		"Dockerfile", busybox+listen,
	)
	w.write(
		"readonly", "compose.yaml", "services: {web: {build: ., read_only: true}}\n", "flag.txt", placeholder, "Dockerfile",
		busybox+"COPY flag.txt /"+listen,
	)
	w.write(
		"perowner", "instance.toml", oneRoute+"[flag]\nplace = \"build\"\n", "flag.txt", placeholder, "Dockerfile",
		busybox+"COPY flag.txt /"+listen,
	)
	w.load()
	kinds := []string{"none", "file", "binary", "environment", "readonly", "perowner"}
	for _, kind := range kinds {
		w.built(kind)
	}
	took := map[string][]time.Duration{}
	spawn := func(name, owner, kind string) {
		began := time.Now()
		in := w.running(owner, kind)
		took[name] = append(took[name], time.Since(began))
		w.stop(owner, in)
	}
	b.ResetTimer()
	for n := range max(b.N, 10) {
		owner := fmt.Sprintf("owner%d", n)
		for _, kind := range kinds[:5] {
			spawn(kind, owner, kind)
		}
		spawn("perowner_first", owner, "perowner")
		spawn("perowner_cached", owner, "perowner")
	}
	b.StopTimer()
	median := func(name string) float64 {
		slices.Sort(took[name])
		return float64(took[name][len(took[name])/2].Microseconds()) / 1000
	}
	for _, name := range append(kinds[1:5:5], "perowner_first", "perowner_cached") {
		fmt.Printf("spawn_flag_%s_over_none %.2f\n", name, median(name)/median("none"))
	}
	for _, name := range append(kinds[:5:5], "perowner_first", "perowner_cached") {
		fmt.Printf("spawn_flag_%s_ms %.0f\n", name, median(name))
	}
}
