package challenge_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/whaley-ctf/whaley/sidecar/internal/challenge"
)

var write = flag.Bool("write", false, "write docs/instance.schema.json")

const oneService = "services:\n  web: {build: .}\n"

// Each definition has every problem on the list, with its line, and no other. Those marked with ~ follow from more than
// one key, so that no schema can know them.
var wrongDefinitions = []struct{ toml, want string }{
	{"nmae = 1\n[[routes]]\nservice = \"web\"\nport = 80\ntyp = \"http\"\nxyzzy = 1\n", `
		1: nmae: is not a key of instance.toml; did you mean name?
		5: routes[0].typ: is not a key of routes[0]; did you mean type?
		6: routes[0].xyzzy: is not a key of routes[0]; it has connection, entrypoint, forwarded, name, passthrough, port, protocol, ready, scheme, service, tls, type`},
	{"id = \"Web_1\"\nname = \"\"\ntimeout = \"long\"\nwake = 1\naccess = \"all\"\n" + oneRoute, `
		1: id: "Web_1" has not the right form: a-z, 0-9 and single hyphens inside
		2: name: must have from 1 to 200 characters
		3: timeout: must be a whole number, and is a text
		4: wake: must be true or false, and is a whole number
		5: access: "all" must be "link" or "owner"`},
	{"opens = \"16 May\"" + oneRoute, `1: opens: "16 May" has not the right form: a moment with its zone, as 2026-05-16T10:00:00Z`},
	{"opens = 2026-05-16T10:00:00" + oneRoute, `~ 1: opens: must be a text in quotes, and is a date or time`}, // of which zone?
	{"opens = \"2026-02-31T10:00:00Z\"" + oneRoute,
		`~ 1: opens: "2026-02-31T10:00:00Z" is not a moment: a day, an hour or a minute is none of the calendar`},
	{"id = \"a--b\"" + oneRoute, `1: id: "a--b" has not the right form: a-z, 0-9 and single hyphens inside`},
	{"timeout = 5\nextend_time = -1\n" + oneRoute, `
		1: timeout: 5 must be from 10 to 604800
		2: extend_time: -1 must be from 0 to 604800`},
	{
		"timeout = 100\n\n# more\nextend_time = 200" + oneRoute,
		`~ 4: extend_time: 200 must be at most the timeout, 100 seconds`,
	},
	{"timeout = 60.5\nname = [\"a\"]\ndescription = 2026-11-24\n" + oneRoute, `
		1: timeout: must be a whole number, and is a number with a fraction
		2: name: must be a text in quotes, and is a list
		3: description: must be a text in quotes, and is a date or time`},
	{
		"",
		`1: routes: is missing: The ways in: at least one [[routes]] with service, port and type. The first has the challenge's own address.`,
	},
	{"routes = 5", `1: routes: must be tables, each begun by [[routes]], and is a whole number`},
	{"[routes]\nservice = \"web\"\nport = 80\n", `1: routes: must be tables, each begun by [[routes]], and is a table`},
	{
		"routes = [\n  {service = \"web\", port = 80},\n  {service = \"web\", port = 0, name = \"b\"},\n]\n",
		`3: routes[1].port: 0 must be from 1 to 65535`,
	},
	{"[[routes]]\nservice = \"web\"\n\n[[routes]]\nport = 99999\nname = \"B\"\n", `
		1: routes[0].port: is missing: The port that it listens on, inside.
		4: routes[1].service: is missing: The compose file's service that listens.
		5: routes[1].port: 99999 must be from 1 to 65535
		6: routes[1].name: "B" has not the right form: a-z, 0-9 and single hyphens inside`},
	{
		"[[routes]]\nservice = \"db\"\nport = 80\n",
		`~ 2: routes[0].service: "db" is not a service of compose.yaml, which has web`,
	},
	{
		"[[routes]]\nservice = \"web\"\nport = 80\ntype = \"udp\"\n",
		`4: routes[0].type: "udp" must be "http", "tcp", "port" or "custom"`,
	},
	{
		"[[routes]]\nname = \"a\"\nservice = \"web\"\nport = 80\n",
		`~ 2: routes[0].name: the first route has none: its host is the challenge's own`,
	},
	{oneRoute + oneRoute, `~ 6: routes[1].name: every route but the first needs a name, which begins its address`},
	{
		oneRoute +
			"[[routes]]\nname = \"a\"\nservice = \"web\"\nport = 80\n[[routes]]\nservice = \"web\"\nport = 80\nname = \"a\"\n",
		`~ 12: routes[2].name: "a" is the name of route 2 already`,
	},
	{
		oneRoute + "type = \"port\"\n[[routes]]\nname = \"a\"\nservice = \"web\"\nport = 80\ntype = \"port\"\n",
		`~ 9: routes[1].port: 80 has a route of type port already, route 1`,
	},
	{
		"[[routes]]\nservice = \"web\"\nport = 80\ntype = \"port\"\nscheme = \"https\"\nready = \"http\"\nforwarded = \"none\"\n",
		`
		~ 5: routes[0].scheme: is for routes of type http
		~ 7: routes[0].forwarded: is for routes of type http`,
	},
	{
		"[[routes]]\nservice = \"web\"\nport = 80\nforwarded = \"all\"\n",
		`4: routes[0].forwarded: "all" must be "replace", "append" or "none"`,
	},
	{
		"[[routes]]\nservice = \"web\"\nport = 80\nprotocol = \"udp\"\n",
		`~ 4: routes[0].protocol: is for routes of type port`,
	},
	{"[[routes]]\nservice = \"web\"\nport = 80\ntype = \"port\"\nprotocol = \"udp\"\nready = \"tcp\"\n", `
		~ 6: routes[0].ready: of a route of UDP can be none only`},
	{
		"[[routes]]\nservice = \"web\"\nport = 80\ntype = \"port\"\nprotocol = \"sctp\"\n",
		`5: routes[0].protocol: "sctp" must be "tcp" or "udp"`,
	},
	{
		"[[routes]]\nservice = \"web\"\nport = 80\nscheme = \"grpc\"\n",
		`4: routes[0].scheme: "grpc" must be "http", "h2c" or "https"`,
	},
	{
		"[[routes]]\nservice = \"web\"\nport = 80\ntype = \"custom\"\n",
		`~ 1: routes[0].entrypoint: a route of type custom names its Traefik entry point`,
	},
	{"[[routes]]\nservice = \"web\"\nport = 80\npassthrough = true\nentrypoint = \"ssh\"\ntls = true\n", `
		~ 4: routes[0].passthrough: is for routes of type tcp
		~ 5: routes[0].entrypoint: is for routes of type custom
		~ 6: routes[0].tls: is for routes of type custom; those of type tcp always have it`},
	{oneRoute + "[limits]\nmemory = \"much\"\ncpus = -1\npids = 1\n", `
		6: limits.memory: "much" has not the right form: a size like "256m" or "1g"
		7: limits.cpus: -1 must be from 0.01 to 1024
		8: limits.pids: 1 must be from 8 to 4194304`},
	{oneRoute + "[limits]\nmemory = \"1m\"\n", `~ 6: limits.memory: "1m" must be at least 16m`},
	{"limits = {memory = 5}" + oneRoute, `1: limits.memory: must be a text in quotes, and is a whole number`},
	{oneRoute + "[security]\ncapabilities = [\n  \"SYS_PTRACE\",\n  \"SYS_ADMIN\",\n  5,\n]\n", `
		8: security.capabilities[1]: "SYS_ADMIN" must be "AUDIT_WRITE", "FSETID", "NET_RAW", "SETFCAP", "SYS_CHROOT" or "SYS_PTRACE"
		9: security.capabilities[2]: must be a text in quotes, and is a whole number`},
	{
		oneRoute + "[security]\ncapabilities = \"SYS_PTRACE\"\n",
		`6: security.capabilities: must be a list in brackets, and is a text`,
	},
	{oneRoute + "[flag]\nplace = \"here\"\n", `6: flag.place: "here" must be "auto", "build", "env" or "none"`},
	{"flag = \"x\"" + oneRoute, `1: flag: must be a table, as [flag], and is a text`},
	{"name = \"a\"\nid = \"x\"\nname = \"b\"" + oneRoute, `! 3: name: is there twice, first on line 1; keep one`},
	{
		oneRoute + "[limits]\npids = 50\n[flag]\n[limits]\ncpus = 1\n",
		`! 8: limits: this table is there already, on line 5; put its keys together`,
	},
	{"name = \"a\"\nx = [", "! 2: is not valid TOML:"},
	{"name = \"a\"\n\nname \"b\"\n", "! 3: is not valid TOML:"},
	{"name = \"\xff\"\n", "! 1: is not valid TOML:"},
}

func TestWrongDefinitionsAreRefusedByLine(t *testing.T) {
	schema := compiled(t)
	for _, c := range wrongDefinitions {
		_, err := load(t, folder(t, c.toml, oneService))
		if err == nil {
			t.Errorf("%q is taken", c.toml)
			continue
		}
		var want []string
		bySchema, syntax := false, false
		for line := range strings.SplitSeq(strings.TrimSpace(c.want), "\n") {
			line, follows := strings.CutPrefix(strings.TrimSpace(line), "~ ")
			line, broken := strings.CutPrefix(line, "! ")
			bySchema, syntax = bySchema || !follows, syntax || broken
			want = append(want, "web-test/instance.toml:"+line)
		}
		got := strings.Split(err.Error(), "\n")
		if syntax {
			if len(got) != 1 || !strings.HasPrefix(got[0], want[0]) {
				t.Errorf("%q:\n%s\nwant\n%s", c.toml, err, want[0])
			}
			continue
		}
		if err.Error() != strings.Join(want, "\n") {
			t.Errorf("%q:\n%s\nwant\n%s", c.toml, err, strings.Join(want, "\n"))
		}
		if refused := schema.Validate(plain(t, c.toml)) != nil; refused != bySchema {
			t.Errorf("%q: the schema refuses it: %v", c.toml, refused)
		}
	}
}

func compiled(t *testing.T) *jsonschema.Schema {
	t.Helper()
	text, err := json.Marshal(challenge.Schema())
	if err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("instance.schema.json", document); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("instance.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// plain is a TOML document as JSON has it.
func plain(t *testing.T, text string) any {
	t.Helper()
	var values map[string]any
	if err := toml.Unmarshal([]byte(text), &values); err != nil {
		t.Fatal(err)
	}
	out, err := json.Marshal(values)
	if err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(out))
	if err != nil {
		t.Fatal(err)
	}
	return document
}

func TestTheSchemaForEditorsIsUpToDate(t *testing.T) {
	text, err := json.MarshalIndent(challenge.Schema(), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("..", "..", "..", "docs", "instance.schema.json")
	if *write {
		if err := os.WriteFile(path, append(text, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	there, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(bytes.TrimSpace(there), text) {
		t.Errorf(
			"docs/instance.schema.json is not made from the definition; renew it with: go test ./internal/challenge -run Schema -write (%v)",
			err,
		)
	}
}

func TestEveryExampleNamesItsSchemaAndIsRightByIt(t *testing.T) {
	schema := compiled(t)
	examples, err := filepath.Glob(filepath.Join("..", "..", "..", "challenges", "*", "instance.toml"))
	if err != nil || len(examples) == 0 {
		t.Fatal(examples, err)
	}
	for _, path := range examples {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(string(text), "#:schema ../../docs/instance.schema.json\n") {
			t.Errorf("%s does not begin with its schema", path)
		}
		if err := schema.Validate(plain(t, string(text))); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// Each is told by its line, before a parser that cannot be stopped sees it.
func TestADefinitionThatIsTooLargeIsRefusedBeforeItIsParsed(t *testing.T) {
	dotted := strings.Repeat("a.", 40)
	for what, c := range map[string]struct{ toml, want string }{
		"100,000 dotted keys": {strings.Repeat("a.b=1\n", 40000), "667: has more than 2000 keys and values"},
		"4,500 routes": {
			strings.Repeat("[[routes]]\nservice = \"web\"\n", 4500), "1334: has more than 2000 keys and values",
		},
		"9,000 lists in lists": {
			"name = 1\nx = " + strings.Repeat("[", 9000) + strings.Repeat("]", 9000),
			"2: its tables and lists are more than 32 deep",
		},
		"tables in tables": {
			"x = " + strings.Repeat("{a = ", 33) + "1" + strings.Repeat("}", 33),
			"1: its tables and lists are more than 32 deep",
		},
		"a dotted key":   {oneRoute + dotted + "a = 1", "5: its tables and lists are more than 32 deep"},
		"a dotted table": {oneRoute + "[" + dotted + "a]", "5: its tables and lists are more than 32 deep"},
		"a long key":     {strings.Repeat("k", 201) + " = 1", "1: a key has 201 bytes; it may have 200"},
		"a long list":    {"x = [\n" + strings.Repeat("1,\n", 2000) + "]", "2000: has more than 2000 keys and values"},
		"half a megabyte": {
			oneRoute + "#" + strings.Repeat("x", 512<<10), "1: cannot be read: instance.toml has more than 262144 bytes",
		},
	} {
		_, err := load(t, folder(t, c.toml, oneService))
		if err == nil || err.Error() != "web-test/instance.toml:"+c.want {
			t.Errorf("%s: %.300v\nwant %s", what, err, c.want)
		}
	}
}

func TestWhenAChallengeOpensMayBeADateOrAText(t *testing.T) {
	for _, written := range []string{
		`2026-05-16T12:00:00+02:00`, `"2026-05-16T12:00:00+02:00"`, `2026-05-16 10:00:00Z`, `"2026-05-16t10:00:00z"`,
	} {
		ch, err := load(t, folder(t, "opens = "+written+oneRoute, "services:\n  web: {image: x}\n"))
		if err != nil {
			t.Errorf("%s: %v", written, err)
			continue
		}
		if got := ch.OpensAt.Format("2006-01-02T15:04:05Z"); got != "2026-05-16T10:00:00Z" {
			t.Errorf("%s is %s", written, got)
		}
	}
}
