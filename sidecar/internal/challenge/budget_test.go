package challenge_test

import (
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"strings"
	"testing"
	"time"
)

// Bombs are small files that a parser without a bound makes gigabytes or minutes of. Each must end in a refusal with a
// place; were one not refused in time, the test would not end, and were it not refused in memory, the limit set here
// would end it.
func TestBombsAreRefusedByLine(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(20))
	const web = "services:\n  web:\n    image: busybox:1.36\n"
	long := strings.Repeat("x", 30<<10)
	for what, c := range map[string]struct{ compose, env, want string }{
		"lists in an extension": {
			"x-a: " + strings.Repeat("[", 9990) + strings.Repeat("]", 9990) + "\n" + web, "",
			"compose.yaml:1: has more than 2000 brackets",
		},
		"some lists in an extension": {
			web + "x-a: " + strings.Repeat("[", 1900) + strings.Repeat("a,", 20000) + strings.Repeat("]", 1900), "",
			"compose.yaml:4: its tables and lists are more than 32 deep",
		},
		"tables in a line": {
			web + "x-a: " + strings.Repeat("{a: ", 1900) + strings.Repeat("}", 1900), "",
			"compose.yaml:4: its tables and lists are more than 32 deep",
		},
		"lists in a line": {
			web + "x-a:\n" + strings.Repeat("- ", 9000), "", "compose.yaml:5: its tables and lists are more than 32 deep",
		},
		"lists after another end of line": {
			web + "x-a:\u2028" + strings.Repeat("- ", 9000), "", "compose.yaml:4: its tables and lists are more than 32 deep",
		},
		"keys in a line": {
			web + "? " + strings.Repeat("? ", 9000), "", "compose.yaml:4: its tables and lists are more than 32 deep",
		},
		"tables by lines": {
			web + indented(300), "", "compose.yaml:36: its tables and lists are more than 32 deep",
		},
		"a long text in many variables": {
			"x-a: &a " + long + "\n" + web + "    environment: {" + each(100, "A%d: *a, ") + "}\n", "",
			"has more than 1 MB of text",
		},
		"a long table in many places": {
			"x-a: &a {" + each(900, "A%d: b, ") + "}\n" + web + "    environment: {<<: [" + strings.Repeat("*a, ", 900) + "]}\n",
			"", "has more than 20000 keys and values",
		},
		"an alias of itself": {
			"services: &a\n  web: *a\n", "", "compose.yaml:2: services.web.web: is not a key",
		},
		"merges of itself": {
			"services: &a\n  web: &b\n    <<: *b\n", "", "its tables and lists are more than 32 deep",
		},
		"8,000 services": {
			"services:\n" + each(4000, "  s%d:\n"), "", "compose.yaml:2: there are more than 1000 entries",
		},
		"a hundred services": {
			"services:\n" + each(100, "  s%d: {image: x}\n"), "", "compose.yaml:15: services: there are more than 13",
		},
		"UTF-16 of half a letter": {"\xff\xfex", "", "compose.yaml:1: is not valid YAML: it must be UTF-8"},
		"UTF-16 that is none":     {"\xff\xfexxxx", "", "compose.yaml:1:"},
		"a key of 1,000 bytes": {
			web + "    environment: {" + strings.Repeat("k", 1000) + ": a}\n", "",
			"compose.yaml:4: services.web.environment: a key has 1000 bytes",
		},
		"mistakes without end": {web + each(900, "k%d: 1\n"), "", "there is more that is wrong"},
		"variables in variables": {
			web + "    environment: {A: \"" + strings.Repeat("${A:-", 9000) + strings.Repeat("}", 9000) + "\"}\n", "",
			"compose.yaml:4: there are too many variables in braces",
		},
		"variables in a line": {
			web + "    environment: {A: \"" + strings.Repeat("${A:-}", 9000) + "\"}\n", "",
			"compose.yaml:4: there are too many variables in braces",
		},
		"65 KB": {
			web + "#" + strings.Repeat("x", 65<<10), "", "compose.yaml:1: compose.yaml has more than 65536 bytes",
		},
		"an environment that doubles": {
			web + "    env_file: bomb.env\n", doubling(40),
			`compose.yaml:4: services.web.env_file[0]: "bomb.env": with its variables filled in it has more than 1 MB`,
		},
		"two environments that double": {
			web + "    env_file:\n    - bomb.env\n    - bomb.env\n", doubling(18),
			`compose.yaml:5: services.web.env_file[0]: "bomb.env": with its variables filled in it has more than 1 MB`,
		},
		"an environment of a long value": {
			web + "    environment: {A: " + long + "}\n    env_file: bomb.env\n", "A=\n" + each(100, "B%d=$A\n"),
			`compose.yaml:5: services.web.env_file[0]: "bomb.env": with its variables filled in`,
		},
		"an environment of many variables": {
			web + "    env_file: bomb.env\n", "A=\nB=" + strings.Repeat("${A:-}", 9000),
			`compose.yaml:4: services.web.env_file: "bomb.env" has too many variables in braces`,
		},
		"an environment of 65 KB": {
			web + "    env_file: bomb.env\n", "#" + strings.Repeat("x", 65<<10),
			`compose.yaml:4: services.web.env_file: bomb.env has more than 65536 bytes`,
		},
	} {
		began := time.Now()
		_, err := load(t, folder(t, oneRoute, c.compose, "bomb.env", c.env))
		t.Logf("%s: %s", what, time.Since(began).Round(time.Millisecond))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %.600v\nwant %s", what, err, c.want)
		}
	}
}

// Compose's own .env is filled in by the same library.
func TestABombBesideTheComposeFileIsRefused(t *testing.T) {
	for what, c := range map[string]struct{ env, want string }{
		"many variables": {
			"A=\nB=" + strings.Repeat("${A:-}", 9000), "web-test/.env:1: has too many variables in braces in long texts",
		},
		"doubling": {
			doubling(40), "web-test/.env:1: cannot be read: with its variables filled in it has more than 1 MB",
		},
	} {
		_, err := load(t, folder(t, oneRoute, "services:\n  web:\n    image: busybox:1.36\n", ".env", c.env))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %.600v\nwant %s", what, err, c.want)
		}
	}
}

// What is large and honest is taken.
func TestLargeHonestFilesAreTaken(t *testing.T) {
	const web = "services:\n  web:\n    image: busybox:1.36\n"
	for what, c := range map[string]struct{ compose, env string }{
		"a long script": {
			web + "    command:\n      - |\n" + strings.Repeat("        if [ \"$$X\" ]; then echo $${Y}; fi # {[\n", 600), "",
		},
		"many variables":          {web + "    environment: {" + each(400, "A%d: \"${HOST_web:-x}\", ") + "}\n", ""},
		"a whole environment":     {web + "    env_file: bomb.env\n", "A=b\n" + each(2000, "A%d=$A/${A}/c\n")},
		"an extension of its own": {web + "x-a: {b: &b [*b, 1], \"$NOBODY:-x\": !own c, " + each(900, "k%d: 1, ") + "}\n", ""},
	} {
		if _, err := load(t, folder(t, oneRoute, c.compose, "bomb.env", c.env)); err != nil {
			t.Errorf("%s: %.600v", what, err)
		}
	}
}

// Bombs that nobody has thought of: nothing is asked of them but that they end, with a place for what is wrong.
func TestRandomBombsEnd(t *testing.T) {
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	t.Logf("seed %d", seed)
	for range 60 {
		dir := folder(t, randomTOML(random), randomCompose(random), "bomb.env", randomEnvironment(random))
		held(t, dir)
	}
}

func each(n int, format string) string {
	var all strings.Builder
	for i := range n {
		fmt.Fprintf(&all, format, i)
	}
	return all.String()
}

func indented(n int) string {
	var all strings.Builder
	for i := range n {
		all.WriteString(strings.Repeat(" ", i) + "x-a:\n")
	}
	return all.String()
}

func doubling(n int) string {
	return "A0=0123456789\n" + each(n, "A%[1]d=${A%[1]d}${A%[1]d}\nB=x\n") + func() string {
		var all strings.Builder
		for i := range n {
			fmt.Fprintf(&all, "A%d=${A%d}$A%d\n", i+1, i, i)
		}
		return all.String()
	}()
}

func randomCompose(r *rand.Rand) string {
	var b strings.Builder
	levels, fan := 1+r.IntN(30), 1+r.IntN(40)
	for n := range levels {
		fmt.Fprintf(&b, "x-%d: &a%d ", n, n)
		switch r.IntN(3) {
		case 0:
			b.WriteString(strings.Repeat("y", r.IntN(3000)) + "\n")
		case 1:
			b.WriteString("[" + strings.Repeat(fmt.Sprintf("*a%d, ", r.IntN(n+1)), fan) + "]\n")
		default:
			b.WriteString("{" + each(fan, fmt.Sprintf("k%%d: *a%d, ", r.IntN(n+1))) + "}\n")
		}
	}
	b.WriteString("services:\n")
	for n := range 1 + r.IntN(20) {
		fmt.Fprintf(&b, "  s%d:\n    image: busybox:1.36\n", n)
		for _, key := range []string{
			"environment", "command", "tmpfs", "volumes", "expose", "x-more", "env_file", "depends_on",
		} {
			switch r.IntN(6) {
			case 0:
				fmt.Fprintf(&b, "    %s: *a%d\n", key, r.IntN(levels))
			case 1:
				fmt.Fprintf(&b, "    %s: [%s]\n", key, strings.Repeat(fmt.Sprintf("*a%d, ", r.IntN(levels)), r.IntN(50)))
			case 2:
				fmt.Fprintf(&b, "    %s: %s%s\n", key, strings.Repeat("[", r.IntN(60)), strings.Repeat("]", r.IntN(60)))
			case 3:
				fmt.Fprintf(&b, "    %s: bomb.env\n", key)
			}
		}
		fmt.Fprintf(&b, "    <<: [%s]\n", strings.Repeat(fmt.Sprintf("*a%d, ", r.IntN(levels)), r.IntN(20)))
	}
	return b.String()
}

func randomEnvironment(r *rand.Rand) string {
	var b strings.Builder
	for n := range 1 + r.IntN(60) {
		fmt.Fprintf(&b, "A%d=\"%s", n, strings.Repeat("z", r.IntN(200)))
		for range r.IntN(4) {
			fmt.Fprintf(&b, []string{"${A%d}", "$A%d", "${A%d:-${A0}}", "${A%d:+$A0$A0}"}[r.IntN(4)], r.IntN(n+1))
		}
		b.WriteString("\"\n")
	}
	return b.String()
}

func randomTOML(r *rand.Rand) string {
	var b strings.Builder
	for n := range 1 + r.IntN(300) {
		switch r.IntN(6) {
		case 0:
			fmt.Fprintf(&b, "[[%s]]\n", strings.Repeat("a.", r.IntN(40))+"routes")
		case 1:
			fmt.Fprintf(
				&b, "%sk%d = %s%s\n", strings.Repeat("b.", r.IntN(40)), n, strings.Repeat("[", r.IntN(40)),
				strings.Repeat("]", r.IntN(40)),
			)
		case 2:
			fmt.Fprintf(&b, "t%d = {%s}\n", n, each(r.IntN(300), "a%d = 1, "))
		default:
			fmt.Fprintf(&b, "k%d = \"%s\"\n", n, strings.Repeat("x", r.IntN(400)))
		}
	}
	return b.String()
}
