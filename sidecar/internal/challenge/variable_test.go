package challenge_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/whaley-ctf/whaley/sidecar/internal/challenge"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// A variable that is set nowhere keeps no challenge from loading where nothing is lost without it, and what stands in
// its place is what is left of the value.
func TestWhatAVariableThatIsSetNowhereLeaves(t *testing.T) {
	image := func(ch *whaley.Challenge) string { return ch.Services[0].Image }
	mounts := func(ch *whaley.Challenge) string {
		m := ch.Services[0].Mounts[0]
		return fmt.Sprintln(m.Target, m.Volume, m.ReadOnly, m.Source[strings.LastIndex(m.Source, "/")+1:])
	}
	environment := func(ch *whaley.Challenge) string { return strings.Join(ch.Services[0].Environment, " ") }
	for _, c := range []struct {
		service string
		notes   string // of them, the keys
		is      func(*whaley.Challenge) string
		want    string
	}{
		{`image: x, ports: ["${PORT}:1337"]`, "ports[0]", nil, ""},
		{`image: x, ports: ["${PORT:?set it}:1337"]`, "ports[0]", nil, ""},
		{`image: x, ports: ["${IP}:$PORT:1337/tcp"]`, "ports[0]", nil, ""},
		{`image: x, ports: ["${IP:-127.0.0.1}:${PORT:-80}:1337"]`, "ports", nil, ""},
		{`image: x, ports: ["${PORT}:${PORT}"]`, "ports[0]", nil, ""},
		{`image: x, ports: ["1337:${PORT}", "$P"]`, "ports[0] ports[1]", nil, ""},
		{`image: x, ports: [{target: "${PORT}"}]`, "ports[0] ports[0].target", nil, ""},
		{`image: "x:${TAG}"`, "image image", image, "x"},
		{`image: "${REGISTRY}/me/x:${TAG:-2}"`, "image image", image, "me/x:2"},
		{`image: "${REGISTRY:-example.com:5000}/x"`, "", image, "example.com:5000/x"},
		{
			`image: x, mem_limit: "$A", cpus: "$A", read_only: "$A", shm_size: "$A", restart: "$A", user: "$A:$B", container_name: "$A"`,
			"container_name cpus mem_limit read_only restart shm_size user", nil, "",
		},
		{
			`image: x, deploy: {resources: {limits: {memory: "$A"}}}, stop_grace_period: "$A"`,
			"deploy.resources.limits.memory stop_grace_period", nil, "",
		},
		{
			`image: x, healthcheck: {test: "true", interval: "$A", retries: "$A"}`, "healthcheck.interval healthcheck.retries",
			nil, "",
		},
		{
			`image: x, depends_on: ["$A"], networks: ["$A"], tmpfs: ["$A"], env_file: "$A"`,
			"depends_on[0] env_file networks[0] tmpfs[0]", nil, "",
		},
		{`image: x, labels: ["a=${A:?needed}"], logging: {driver: "${A:?}"}`, "labels logging", nil, ""},
		{`image: x, volumes: ["${DIR}:/x:ro"]`, "volumes[0]", mounts, "/x true true web-0\n"},
		{`image: x, volumes: ["${DIR:-./file}:/x:ro"]`, "", mounts, "/x false true file\n"},
		{`image: x, volumes: ["${PWD}/file:/x:ro"]`, "", mounts, "/x false true file\n"},
		{
			`image: x, environment: {A: "${A}", B: "${B:-b}", C: "${B:+c}", D: "$$B", P: "$COMPOSE_PROJECT_NAME"}`,
			"environment.A", environment, "A= B=b C= D=$B P=challenge",
		},
		{`image: x, env_file: "${FILE:-passed.env}"`, "", environment, "KEY=value"},
		{`build: {context: "${A:-.}", target: "$A", args: {V: "$A"}}`, "build.args.V build.target", nil, ""},
	} {
		dir := folder(
			t, "[[routes]]\nservice = \"web\"\nport = 1337\ntype = \"port\"\n", "services:\n  web: {"+c.service+"}\n", "file",
			"x", "passed.env", "KEY=value\n",
		)
		ch, err := load(t, dir)
		if err != nil {
			t.Errorf("%s: %v", c.service, err)
			continue
		}
		var keys []string
		for _, n := range ch.Notes {
			keys = append(keys, strings.TrimPrefix(n.Key, "services.web."))
			if n.Line != 2 {
				t.Errorf("%s: %+v", c.service, n)
			}
		}
		slices.Sort(keys)
		if got := strings.Join(keys, " "); got != c.notes {
			t.Errorf("%s: notes on %q, not %q", c.service, got, c.notes)
		}
		if c.is != nil && c.is(ch) != c.want {
			t.Errorf("%s: %q, not %q", c.service, c.is(ch), c.want)
		}
	}
}

// A variable of 60 KB that is named again and again would be gigabytes.
func TestVariablesOfTheFileBesideAreFilledInWithinBounds(t *testing.T) {
	env := "A=" + strings.Repeat("x", 60000) + "\n"
	again := strings.Repeat("$A", 15000)
	for name, compose := range map[string]string{
		"a text": "services:\n  web: {image: x, command: \"" + again + "\"}\n",
		"an anchor": "x-a: &a \"" + strings.Repeat("$A", 10) + "\"\nservices:\n  web: {image: x, command: [" +
			strings.Repeat("*a, ", 900) + "*a]}\n",
		"what is missing": "services:\n  web: {image: x, ports: [\"" + again + "\"]}\n",
		"a volume":        "services:\n  web: {image: x, volumes: [\"" + again + ":/x\"]}\n",
	} {
		_, err := load(t, folder(t, oneRoute, compose, ".env", env))
		if err == nil || !strings.Contains(err.Error(), "1 MB of text") {
			t.Errorf("%s: %.300v", name, err)
		}
	}
}

// What organisers set takes the place of its name where instances are made, whatever .env says; elsewhere nothing is
// known of it.
func TestOrganisersVariablesArePutInWhereTheyAreNamed(t *testing.T) {
	d := defaults
	d.Variables = "API_KEY web-test/TOKEN other/SECRET "
	ch, err := challenge.Load(t.Context(), folder(t, oneRoute, `services:
  web:
    build: .
    environment:
      KEY: "x ${API_KEY:-none}"
      TOKEN:
      SECRET: "${SECRET}"
    env_file: app.env
    command: ["run", "$API_KEY"]
`, ".env", "API_KEY=from the file\n", "app.env", "AGAIN=${TOKEN}\n"), d)
	if err != nil {
		t.Fatal(err)
	}
	s := ch.Services[0]
	want := []string{
		"AGAIN=" + whaley.Token("TOKEN"), "KEY=x " + whaley.Token("API_KEY"), "SECRET=", "TOKEN=" + whaley.Token("TOKEN"),
	}
	if diff := cmp.Diff(want, s.Environment); diff != "" || s.Command[1] != whaley.Token("API_KEY") {
		t.Error(diff, s.Command)
	}
	if diff := cmp.Diff([]string{"API_KEY", "TOKEN"}, ch.Variables); diff != "" {
		t.Error(diff)
	}
	if len(ch.Notes) != 1 || !strings.Contains(ch.Notes[0].Text, "$SECRET is set nowhere") {
		t.Errorf("%+v", ch.Notes)
	}
	_, err = challenge.Load(t.Context(), folder(t, oneRoute, "services: {web: {image: \"x:${API_KEY}\"}}"), d)
	if err == nil || !strings.Contains(err.Error(), "$API_KEY, can stand in") {
		t.Errorf("in an image's name: %v", err)
	}
}
