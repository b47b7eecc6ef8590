package main

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// bomb is a small challenge that grows when it is read, of a kind and a size that are drawn.
func bomb(r *rand.Rand) (name string, files map[string]string) {
	kinds := []struct {
		name string
		make func(*rand.Rand, map[string]string)
	}{
		{"alias tree", aliasTree}, {"aliases of a long text", longAliases}, {"nested lists", nested},
		{"expanding variables", expanding},
		{"many services", manyServices}, {"dotted keys", dottedKeys}, {"many routes", manyRoutes},
		{"deep folders", deepFolders},
		{"long names", longNames}, {"many lines of Dockerfile", longDockerfile},
	}
	kind := kinds[r.IntN(len(kinds))]
	files = folder("serve")
	kind.make(r, files)
	return kind.name, files
}

func aliasTree(r *rand.Rand, files map[string]string) {
	var text strings.Builder
	width := 2 + r.IntN(20)
	fmt.Fprint(&text, "x-0: &a0 [", strings.Repeat("lol, ", width), "]\n")
	for n := range 3 + r.IntN(30) {
		fmt.Fprintf(&text, "x-%d: &a%d [%s]\n", n+1, n+1, strings.Repeat(fmt.Sprintf("*a%d, ", n), width))
	}
	files["compose.yaml"] = text.String() + files["compose.yaml"]
}

func longAliases(r *rand.Rand, files map[string]string) {
	var text strings.Builder
	fmt.Fprintf(
		&text, "x-long: &long %s\n%s    environment:\n", strings.Repeat("l", upTo(r, 200_000)), files["compose.yaml"],
	)
	for n := range upTo(r, 10_000) {
		fmt.Fprintf(&text, "      V%d: *long\n", n)
	}
	files["compose.yaml"] = text.String()
}

func nested(r *rand.Rand, files map[string]string) {
	depth := upTo(r, 50_000)
	key := []string{"x-deep", "services", "volumes", "configs"}[r.IntN(4)]
	open, shut := "[", "]"
	if r.IntN(2) == 0 {
		open, shut = "{a: ", "}"
	}
	files["compose.yaml"] = key + ": " + strings.Repeat(open, depth) + strings.Repeat("1, ", r.IntN(1000)) + "1" +
		strings.Repeat(shut, depth) + "\n" + files["compose.yaml"]
}

func expanding(r *rand.Rand, files map[string]string) {
	var text strings.Builder
	fmt.Fprintln(&text, "V0=whale")
	times := 2 + r.IntN(5)
	for n := range 10 + r.IntN(60) {
		fmt.Fprintf(&text, "V%d=%s\n", n+1, strings.Repeat(fmt.Sprintf("${V%d}", n), times))
	}
	files["grows.env"] = text.String()
	files["compose.yaml"] += "    env_file: grows.env\n"
}

func manyServices(r *rand.Rand, files map[string]string) {
	var text strings.Builder
	for n := range upTo(r, 20_000) {
		fmt.Fprintf(&text, "  s%d: {image: \"whale:%d\"}\n", n, n)
	}
	files["compose.yaml"] += text.String()
}

func dottedKeys(r *rand.Rand, files map[string]string) {
	var text strings.Builder
	if r.IntN(2) == 0 {
		fmt.Fprintln(&text, strings.Repeat("a.", upTo(r, 100_000))+"a = 1")
	} else {
		for n := range upTo(r, 100_000) {
			fmt.Fprintf(&text, "a.b%d.c = 1\n", n)
		}
	}
	files["instance.toml"] = text.String() + files["instance.toml"]
}

func manyRoutes(r *rand.Rand, files map[string]string) {
	var text strings.Builder
	for n := range upTo(r, 10_000) {
		fmt.Fprintf(&text, "[[routes]]\nname = \"r%d\"\nservice = \"web\"\nport = 8080\n", n)
	}
	files["instance.toml"] += text.String()
}

func deepFolders(r *rand.Rand, files map[string]string) {
	depth := 5 + r.IntN(100)
	for n := range 2000 / depth {
		files[fmt.Sprintf("%d/%sempty", n, strings.Repeat("d/", depth))] = ""
	}
}

func longNames(r *rand.Rand, files map[string]string) {
	files["compose.yaml"] += fmt.Sprintf(
		"  %q: {build: .}\n", []string{"..", ".", strings.Repeat("n", upTo(r, 5000)), "a/../../b", "WEB"}[r.IntN(5)],
	)
}

func longDockerfile(r *rand.Rand, files map[string]string) {
	files["Dockerfile"] += strings.Repeat("LABEL traefik.enable=true\nENV A=${A}${A}\n", upTo(r, 50_000))
}
