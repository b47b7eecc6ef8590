package challenge

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/docker/go-units"

	"github.com/whaley-ctf/whaley/shared/host"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// definitionFile is the name of a challenge's own file.
const definitionFile = "instance.toml"

// definition is instance.toml. Its tags become its schema, to which files are held and which is printed into
// docs/instance.schema.json: about says what a key is, the others bound its value.
type definition struct {
	ID                  string    `toml:"id" about:"Part of every address of the challenge. Default: made of the folder's name." pattern:"^[a-z0-9](-?[a-z0-9])*$" max:"40"`
	Name                string    `toml:"name" about:"What players read. Default: the folder's name." min:"1" max:"200"`
	Category            string    `toml:"category" about:"Where the challenge is listed, as web, pwn or crypto. Default: misc." min:"1" max:"60"`
	Description         string    `toml:"description" about:"Shown to players, in Markdown." max:"32768"`
	Compose             string    `toml:"compose" about:"The compose file, as \"deploy/docker-compose.yml\"; what it names is relative to it. Default: the one that docker compose would take in the challenge's folder." min:"1" max:"255"`
	Timeout             int       `toml:"timeout" about:"How long an instance runs, in seconds. Default: INSTANCE_TIMEOUT." min:"10" max:"604800"`
	ExtendTime          int       `toml:"extend_time" about:"What one extension adds, in seconds; at most the timeout, 0: none. Default: half of the timeout." min:"0" max:"604800"`
	Idle                string    `toml:"idle" about:"After how long without traffic its instances fall asleep, as \"15m\": their programs are stopped, their files stay, and opening the address wakes them. What they have in memory is lost. never: they do not. Default: SLEEP_AFTER." pattern:"^(never|[1-9][0-9]{0,4}[smh])$"`
	Warm                any       `toml:"warm" about:"How many instances run ahead of their owners, with flags of their own, for a challenge that starts slowly: 1 to 1000, or \"auto\": as many as are asked for, if a start takes over a second. An owner who has no flag of the challenge yet gets one at once. Each takes the challenge's memory, and all together at most WAITING_MEMORY; of a challenge at most WAITING. Default: none." min:"1" max:"4"`
	StopOnSolve         string    `toml:"stop_on_solve" about:"How long an instance still runs once its owner's solve in CTFd is seen, as \"5m\". never: until its time is up. Default: STOP_ON_SOLVE." pattern:"^(never|[1-9][0-9]{0,4}[smh])$"`
	DisableDynamicFlags bool      `toml:"disable_dynamic_flags" about:"true: the flag is the same for everybody."`
	Access              string    `toml:"access" about:"link: whoever has the address reaches a running instance. owner: only its owner. Default: INSTANCE_ACCESS." enum:"link,owner"`
	Wake                bool      `toml:"wake" about:"false: only the dashboard starts it, not opening its address. Default: true."`
	AnyTime             bool      `toml:"any_time" about:"true: it may be started whatever CTFd says of its event's time and of the challenge's visibility."`
	Opens               string    `toml:"opens" about:"When players may start it: 2026-05-16T10:00:00Z, or with +02:00. It opens by itself; until then the dashboard shows its name and counts down. Default: it is open." pattern:"^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})$"`
	Inside              *bool     `toml:"inside" about:"true: its own addresses work inside it too, for a bot that visits them. Default: true where the compose file uses HOST_<route>, URL_<route> or WHALEY_CA."`
	Egress              bool      `toml:"egress" about:"true: its containers may open connections to the Internet."`
	Connection          string    `toml:"connection" about:"How players connect to the first route, as \"nc {host} {port}\"; {host}, {address}, {port} and {url} are filled in." max:"1000"`
	Routes              []routing `toml:"routes" about:"The ways in: at least one [[routes]] with service, port and type. The first has the challenge's own address." min:"1" max:"20"`
	Limits              limiting  `toml:"limits" about:"What a whole instance may use, at most what the settings allow."`
	Security            securing  `toml:"security" about:"What its containers may beyond the small default."`
	Flag                flagging  `toml:"flag" about:"How an owner's flag gets into an instance."`
	Solver              solving   `toml:"solver" about:"How an organiser's machine proves that the challenge can be solved. Without it a solve.sh or solve.py beside this file is run in the image of the first route's service."`
	Flags               []part    `toml:"flags" about:"Further flags, one [[flags]] for each part of the challenge. Without [flag] text the first of these is the first flag." max:"20"`
}

type routing struct {
	Name        string `toml:"name" about:"Begins the route's address. The first route has none, all others need one." pattern:"^[a-z0-9](-?[a-z0-9])*$" max:"20"`
	Service     string `toml:"service" about:"The compose file's service that listens." needed:"true" min:"1"`
	Port        int    `toml:"port" about:"The port that it listens on, inside." needed:"true" min:"1" max:"65535"`
	Type        string `toml:"type" about:"http: a web page. tcp: TLS by name. port: a port of the host. custom: a Traefik entry point of its own. Default: http." enum:"http,tcp,port,custom"`
	Protocol    string `toml:"protocol" about:"For port: tcp or udp. Default: tcp." enum:"tcp,udp"`
	Passthrough bool   `toml:"passthrough" about:"For tcp: the service speaks TLS itself."`
	EntryPoint  string `toml:"entrypoint" about:"For custom: the name of the Traefik entry point." pattern:"^[A-Za-z0-9_-]+$" max:"60"`
	TLS         bool   `toml:"tls" about:"For custom: Traefik ends TLS."`
	Scheme      string `toml:"scheme" about:"For http: what the service speaks. http. h2c: HTTP/2 without TLS, as gRPC servers do. https: with any certificate. Default: http." enum:"http,h2c,https"`
	Forwarded   string `toml:"forwarded" about:"For http: what becomes of X-Forwarded-For and its kind that a player sends. replace: the service gets what is true instead. append: what was sent, and the player's address behind it. none: what was sent, and nothing else. Default: replace." enum:"replace,append,none"`
	Ready       string `toml:"ready" about:"When the service counts as ready. tcp: its port accepts. http: it answers as its scheme does. none: nobody waits. Default: http for type http without a health check, else tcp." enum:"tcp,http,none"`
	Connection  string `toml:"connection" about:"How players connect, as \"nc {host} {port}\". Default: by type." max:"1000"`
}

type limiting struct {
	Memory string  `toml:"memory" about:"As \"256m\" or \"1g\", at least 16m." pattern:"^[0-9]+(\\.[0-9]+)? ?([bkmgBKMG]|[kmgKMG][bB]|[kmgKMG]i[bB])?$"`
	CPUs   float64 `toml:"cpus" about:"CPUs, as 0.5." min:"0.01" max:"1024"`
	Pids   int64   `toml:"pids" about:"Processes and threads." min:"8" max:"4194304"`
}

type securing struct {
	Capabilities []string `toml:"capabilities" about:"Linux capabilities beyond the default ones." enum:"AUDIT_WRITE,FSETID,NET_RAW,SETFCAP,SYS_CHROOT,SYS_PTRACE"`
	Runtime      string   `toml:"runtime" about:"Container runtime that the engine has, as \"runsc\". Default: CONTAINER_RUNTIME." pattern:"^[a-z][a-z0-9._-]*$" max:"64"`
	AllowSetuid  bool     `toml:"allow_setuid" about:"true: setuid programs work. Default: no-new-privileges."`
}

type flagging struct {
	Place  string   `toml:"place" about:"auto: in files, binaries and variables of the image. build: an image for each owner. env: the variable FLAG too. none: no flags of their own. Default: auto." enum:"auto,build,env,none"`
	Text   string   `toml:"text" about:"The flag as it stands in the challenge's files, of whatever shape. Default: the one placeholder PREFIX{…} that they hold." min:"1" max:"200" pattern:"^[^\\r\\n]+$"`
	Format string   `toml:"format" about:"How flags look, with … or ... for their text: ABC+{…}, flag_... Default: FLAG_FORMAT." min:"3" max:"100"`
	CTFd   any      `toml:"ctfd" about:"The challenge of CTFd that takes the flag, by id or name. Default: the one that it is mapped to in the panel." min:"1" max:"200"`
	Decoys []string `toml:"decoys" about:"Texts that look like the flag and are none: they stay as they are." max:"200"`
}

type solving struct {
	Image   string   `toml:"image" about:"What it runs in, as \"python:3.12-slim\". Default: the image of service." max:"255"`
	Build   string   `toml:"build" about:"A folder with the Dockerfile of what it runs in, as \"healthcheck\". Its image is built once per revision." min:"1" max:"255"`
	Service string   `toml:"service" about:"The compose file's service whose image it runs in. Default: that of the first route." max:"255"`
	Command []string `toml:"command" about:"What is run in the challenge's folder, which it can read only. It is given where the instance is as HOST, PORT, URL and TLS, and prints the flag. Default: solve.sh or solve.py." max:"4096"`
	Timeout int      `toml:"timeout" about:"How long it may take, in seconds. Default: 120." min:"1" max:"3600"`
	Success string   `toml:"success" about:"flag: this instance's own flag comes out. exit: it ends with exit code 0, as the health checks of ctfcli and kCTF do, which print no flag. Default: flag." enum:"flag,exit"`
	Inside  bool     `toml:"inside" about:"true: it is in the network of the first route's service itself, which it finds at 127.0.0.1, as the health checks of kCTF do. Default: beside it."`
}

type part struct {
	Text string `toml:"text" about:"The flag as it stands in the challenge's files, of whatever shape." needed:"true" min:"1" max:"200" pattern:"^[^\\r\\n]+$"`
	Name string `toml:"name" about:"Tells it from the others, for organisers and as the variable FLAG_<name>. Default: its number." pattern:"^[A-Za-z0-9][A-Za-z0-9 _-]*$" max:"60"`
	CTFd any    `toml:"ctfd" about:"The challenge of CTFd that takes it, by id or name. Default: the challenge's own." min:"1" max:"200"`
}

const minTotal = 16 << 20 // bytes of memory that an instance has at least

// allowedCapabilities can be asked for: none of them gives a right over what is outside the container's own namespaces.
// NET_RAW sends any frame into the instance's own bridge, which is the host's: how much the bridge learns of them, and
// what the host says in answer, is bounded in package firewall.
var allowedCapabilities = []string{"AUDIT_WRITE", "FSETID", "NET_RAW", "SETFCAP", "SYS_CHROOT", "SYS_PTRACE"}

// spareCapabilities are left out of a compose file: what asks for them mostly does without, and having them would cost
// others their share of the machine, or make files that cannot be removed.
var spareCapabilities = []string{
	"BLOCK_SUSPEND", "IPC_LOCK", "LEASE", "LINUX_IMMUTABLE", "SYS_NICE", "SYS_RESOURCE", "WAKE_ALARM",
}

// readDefinition reads instance.toml over the defaults, and where its keys stand.
func readDefinition(file, text, folder string, defaults Defaults) (definition, lines, Problems) {
	d := definition{
		ID: DeriveID(folder), Name: folder, Category: "misc", Timeout: int(defaults.Timeout / time.Second),
		Access: string(defaults.Access), Wake: true, Flag: flagging{Place: "auto"},
		Security: securing{Runtime: defaults.Runtime},
	}
	values, at, problems := parseTOML(file, text)
	if len(problems) > 0 {
		return d, at, problems
	}
	check(&d, values, file, &problems)
	if _, said := values["extend_time"]; !said {
		d.ExtendTime = d.Timeout / 2
	}
	check := func(ok bool, key, format string, args ...any) {
		if !ok {
			problems.add(file, 0, key, format, args...)
		}
	}
	if _, said := values["id"]; !said && d.ID != folder {
		problems.note(file, 1, "id", "is made of the folder's name: %s, which begins every address of the challenge", d.ID)
	}
	check(d.ExtendTime <= d.Timeout, "extend_time", "%d must be at most the timeout, %d seconds", d.ExtendTime, d.Timeout)
	checkIdle(&d, file, &problems)
	if n, is := d.Warm.(int64); d.Warm != nil && d.Warm != "auto" && (!is || n < 1 || n > mostWarm) {
		problems.add(file, 0, "warm", "%v must be a number from 1 to %d, or \"auto\"", d.Warm, mostWarm)
		d.Warm = nil
	}
	checkRoutes(&d, file, &problems)
	checkFlags(&d, file, &problems)
	return d, at, problems
}

const leastIdle = time.Minute

func checkIdle(d *definition, file string, problems *Problems) {
	if idle, err := time.ParseDuration(d.Idle); err == nil && idle < leastIdle {
		problems.add(file, 0, "idle", "%q must be at least 1m: a player is quiet for that long between two clicks", d.Idle)
	}
}

const mostWarm = 1000

// warm is how many instances run ahead of their owners.
func (d *definition) warm() int {
	switch n := d.Warm.(type) {
	case int64:
		return int(n)
	case string:
		return whaley.WarmAuto
	}
	return 0
}

// lasting is a length of time of the file, whose form is checked; 0: never.
func lasting(text string, otherwise time.Duration) time.Duration {
	if text == "" {
		return otherwise
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0
	}
	return d
}

func checkRoutes(d *definition, file string, problems *Problems) {
	names, published := map[string]int{}, map[string]int{}
	for n := range d.Routes {
		r := &d.Routes[n]
		check := func(ok bool, key, format string, args ...any) {
			if !ok {
				problems.add(file, 0, route(n, key), format, args...)
			}
		}
		if n == 0 && d.Connection != "" && r.Connection == "" {
			r.Connection = d.Connection
		}
		if r.Type == "" {
			r.Type = "http"
		}
		if n == 0 {
			check(r.Name == "", "name", "the first route has none: its host is the challenge's own")
		} else {
			check(r.Name != "", "name", "every route but the first needs a name, which begins its address")
			check(host.Fits(r.Name, d.ID), "name", "%q and the id %q are together too long for a host name", r.Name, d.ID)
			first, twice := names[r.Name]
			check(!twice || r.Name == "", "name", "%q is the name of route %d already", r.Name, first+1)
		}
		names[r.Name] = n
		if r.Type == string(whaley.RoutePort) {
			key := strconv.Itoa(r.Port) + r.Protocol
			first, twice := published[strings.TrimSuffix(key, "tcp")]
			check(!twice, "port", "%d has a route of type port already, route %d", r.Port, first+1)
			published[strings.TrimSuffix(key, "tcp")] = n
		}
		check(r.Type == string(whaley.RoutePort) || r.Protocol == "", "protocol", "is for routes of type port")
		check(
			r.Protocol != "udp" || r.Ready == "" || r.Ready == string(whaley.ReadyNone), "ready",
			"of a route of UDP can be none only",
		)
		web := r.Type == string(whaley.RouteHTTP)
		check(web || r.Scheme == "", "scheme", "is for routes of type http")
		check(web || r.Forwarded == "", "forwarded", "is for routes of type http")
		custom := r.Type == string(whaley.RouteCustom)
		check(!custom || r.EntryPoint != "", "entrypoint", "a route of type custom names its Traefik entry point")
		check(r.Type == string(whaley.RouteTCP) || !r.Passthrough, "passthrough", "is for routes of type tcp")
		check(custom || r.EntryPoint == "", "entrypoint", "is for routes of type custom")
		check(custom || !r.TLS, "tls", "is for routes of type custom; those of type tcp always have it")
	}
}

// opensAt is when it opens; zero if the file does not say. Its form is checked already, the calendar is not.
func (d *definition) opensAt(file string, problems *Problems) time.Time {
	if d.Opens == "" {
		return time.Time{}
	}
	at, err := time.Parse(time.RFC3339, strings.ToUpper(strings.Replace(d.Opens, " ", "T", 1)))
	if err != nil {
		problems.add(file, 0, "opens", "%q is not a moment: a day, an hour or a minute is none of the calendar", d.Opens)
	}
	return at.UTC()
}

// limits are what the whole instance may use: what the file says, at most what the settings allow.
func (d *definition) limits(file string, defaults Defaults, problems *Problems) whaley.Limits {
	l := defaults.Limits
	if d.Limits.Memory != "" {
		bytes, err := units.RAMInBytes(d.Limits.Memory)
		switch {
		case err != nil: // its form is refused already
		case bytes < minTotal:
			problems.add(file, 0, "limits.memory", "%q must be at least 16m", d.Limits.Memory)
		default:
			l.MemoryBytes = min(bytes, l.MemoryBytes)
		}
	}
	if d.Limits.CPUs > 0 {
		l.NanoCPUs = min(int64(d.Limits.CPUs*1e9), l.NanoCPUs)
	}
	if d.Limits.Pids > 0 {
		l.Pids = min(d.Limits.Pids, l.Pids)
	}
	return l
}

// grant is what a capability of the file is called by the engine; false if it is not one that can be had.
func grant(capability string) (string, bool) {
	name := strings.TrimPrefix(strings.ToUpper(capability), "CAP_")
	return name, slices.Contains(allowedCapabilities, name)
}
