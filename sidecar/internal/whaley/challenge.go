package whaley

import (
	"slices"
	"time"
)

// Access says who may reach a running instance.
type Access string

// Who may reach a running instance. Waking needs the owner in both.
const (
	AccessLink  Access = "link"  // whoever has the address
	AccessOwner Access = "owner" // a ticket on every request
)

// RouteType is the kind of way into an instance.
type RouteType string

// The four kinds of route.
const (
	RouteHTTP   RouteType = "http"   // a host name, through the plugin or a KV router
	RouteTCP    RouteType = "tcp"    // TLS by SNI on the shared TLS port
	RoutePort   RouteType = "port"   // a host port out of the lanes
	RouteCustom RouteType = "custom" // a Traefik entry point of its own
)

// Scheme is what a service behind a web route speaks.
type Scheme string

// What services of web routes speak.
const (
	SchemeHTTP  Scheme = "http"
	SchemeH2C   Scheme = "h2c"   // HTTP/2 without TLS, by prior knowledge, as gRPC servers do
	SchemeHTTPS Scheme = "https" // with whatever certificate
)

// Readiness says when a route's service counts as ready.
type Readiness string

// When a route's service counts as ready.
const (
	ReadyTCP  Readiness = "tcp"  // its port accepts connections
	ReadyHTTP Readiness = "http" // it answers what its scheme begins with
	ReadyNone Readiness = "none" // nobody waits for it
)

// Challenge is one loaded revision of a challenge. It is never changed after loading; a reload makes another one.
type Challenge struct {
	ID          string
	Of          string // the challenge that this is tried as a draft of; empty: it is what players get
	Name        string
	Category    string
	Description string // Markdown
	Revision    string // hex hash of everything in the folder
	Dir         string // absolute path of the folder
	Timeout     time.Duration
	ExtendTime  time.Duration
	Idle        time.Duration // its instances fall asleep without traffic for that long; 0: never
	StopOnSolve time.Duration // its instances run that long after their owner's solve was seen; 0: on
	Access      Access
	Wake        bool      // false: only the dashboard starts it
	AnyTime     bool      // it may be started whatever the scoreboard says of its event
	Egress      bool      // containers may open connections to the outside
	StaticFlags bool      // its flag is the same for everybody
	OpensAt     time.Time // players learn its name before and nothing else, and cannot start it; zero: it is open
	Warm        int       // of its instances so many are started ahead of their owners; WarmAuto: as demand is, if it starts slowly
	Inactive    bool      // players are not shown it and cannot start it; what runs goes on
	Routes      []Route
	Services    []Service // each after all that it depends on
	Volumes     []string  // named volumes, made per instance
	Networks    []Network // kept apart from each other, by name; nil: one that all services are on
	Flag        FlagPlan
	Solver      *Solver  // nil: nothing says how it is solved
	Variables   []string // names of organisers' own variables that services use, see Needs.Variables
	Notes       []Note   // what was taken otherwise than it is written
}

// WarmAuto is the number of instances that are started ahead of a challenge that leaves it to Whaley.
const WarmAuto = -1

// Note says what was done with a place of a challenge's files that was not taken as it is written.
type Note struct {
	File string // relative to the challenges folder
	Line int
	Key  string // empty: the whole file
	Text string
}

// Route is one way into an instance.
type Route struct {
	Name        string // empty for the first route
	Service     string
	Port        int // the port the service listens on
	Type        RouteType
	UDP         bool      // port: what is published is UDP
	Passthrough bool      // tcp: the service speaks TLS itself
	EntryPoint  string    // custom: name of the Traefik entry point
	TLS         bool      // custom: terminated by Traefik
	Connection  string    // hint for players with {host} {port} {url}, empty for the type's default
	Scheme      Scheme    // http: empty is SchemeHTTP
	Forwarded   string    // http: what becomes of forwarding headers that a client sends (replace, append or none); empty: they are replaced
	Ready       Readiness // empty: ReadyHTTP for type http without a health check, else ReadyTCP
}

// Speaks is what the service behind a web route speaks.
func (r Route) Speaks() Scheme {
	if r.Scheme == "" {
		return SchemeHTTP
	}
	return r.Scheme
}

// Service is one container of an instance. Strings of Command, Entrypoint, Environment and Health.Test may hold
// tokens (see Token) that are replaced for each instance.
type Service struct {
	Name         string
	Image        string // what the container is made from; for a Build the tag of this revision
	Build        *Build // nil: the image must be there or be pulled, unless it is in Archive
	Archive      string // a file of docker save that the image is loaded from, absolute; empty: none
	Entrypoint   []string
	Command      []string
	Environment  []string // KEY=value, sorted
	User         string
	Groups       []string // further groups of the user
	WorkingDir   string
	Hostname     string
	Domain       string
	TTY          bool
	Stdin        bool // kept open
	ReadOnly     bool
	Init         bool
	StopSignal   string
	StopGrace    time.Duration // default 2 s
	Restart      *Restart      // nil: an instance whose service ends is stopped, if it is of no use without
	DependsOn    []Dependency
	Health       *Health // nil: the image's own, if it has one
	Mounts       []Mount
	Tmpfs        []Tmpfs
	Ulimits      []Ulimit
	Capabilities []string // added to the default set
	Drop         []string // taken from it; ALL: all of it
	Joins        []Join   // the first is where routes lead to; nil: the instance's one network, with no further names
	Shares       string   // the service whose addresses and ports it has too, instead of any of its own
	Offline      bool     // it is on no network
	Runtime      string   // of the container, as runsc; empty: the engine's default
	AllowSetuid  bool     // false: no-new-privileges
	Jail         *Jail    // nil: its image has none
	ShmBytes     int64    // 0: default 64 MiB
	Limits       Limits
	Relay        bool // ours, see relay.go; its image is the engine's affair
}

// Jail is one in the image of a service, whose programs are replaced by the stand-in.
type Jail struct {
	Over  []string // paths of its programs, whether they are there or not
	Roots []string // folders that get devices
}

// Network is one of several networks of an instance.
type Network struct {
	Name     string
	Internal bool // no way to the outside, even if the challenge has egress
}

// Join is a service's place on a network.
type Join struct {
	Network string
	Aliases []string // further names of the service there
}

// DefaultCapabilities are what ordinary servers need to change to their user, own their files and listen below 1024.
var DefaultCapabilities = []string{"CHOWN", "DAC_OVERRIDE", "FOWNER", "KILL", "NET_BIND_SERVICE", "SETGID", "SETUID"}

// Build says how a service's image is made, once per revision.
type Build struct {
	Context    string // absolute path inside the challenge's folder
	Dockerfile string // relative to Context; empty: Inline is it
	Inline     string // a Dockerfile that is no file of Context
	Target     string
	Args       map[string]string
	Secrets    map[string]string // id → file, absolute, for RUN --mount=type=secret
	Flag       bool              // Context or Args hold a placeholder
}

// Condition is what a service waits for in one that it depends on.
type Condition string

// The conditions of the compose specification.
const (
	ConditionStarted   Condition = "service_started"
	ConditionHealthy   Condition = "service_healthy"
	ConditionCompleted Condition = "service_completed_successfully"
)

// Dependency is one edge of the start order.
type Dependency struct {
	Service   string
	Condition Condition
}

// Health is a check that is run inside the container. Interval and retries of the file are not used: the check is
// run every 50 ms until it passes or the start time-out ends.
type Health struct {
	Test    []string // argv; CMD-SHELL is already /bin/sh -c
	Timeout time.Duration
}

// Mount is a bind of a file of the challenge (always read-only), a named volume, or a copy of the instance's own of a
// file or folder of the challenge: a folder's is a volume, a file's lies in the container itself and is no mount there.
type Mount struct {
	Source   string // absolute path inside the challenge's folder, or a name out of Challenge.Volumes
	From     string // absolute path of what it is a copy of; empty: it is none
	Target   string
	Volume   bool
	ReadOnly bool
	NoCopy   bool     // a new volume stays empty instead of getting what the image has there
	Flags    []string // files of a bind or copy that hold a placeholder, relative to Path(); "." is that itself
	Written  bool     // a file that holds Text, with its variables filled in for each instance; there is no Source
	Text     string
}

// Path is what of the challenge's folder a mount has; empty: nothing.
func (m Mount) Path() string {
	if m.From != "" || m.Volume {
		return m.From
	}
	return m.Source
}

// OwnMounts are the copies that a service fills: where several have a volume, the first that may write.
func (ch *Challenge) OwnMounts(service *Service) (all []Mount) {
	for _, m := range service.Mounts {
		if m.From == "" || m.ReadOnly {
			continue
		}
		first := slices.IndexFunc(ch.Services, func(s Service) bool {
			return slices.ContainsFunc(s.Mounts, func(o Mount) bool { return o.Volume && o.Source == m.Source && !o.ReadOnly })
		})
		if !m.Volume || ch.Services[first].Name == service.Name {
			all = append(all, m)
		}
	}
	return all
}

// Tmpfs is an in-memory file system with an upper bound.
type Tmpfs struct {
	Target  string
	Bytes   int64
	Options []string // mode=, uid=, gid=, ro, exec
}

// Ulimit is one resource limit of a container's processes.
type Ulimit struct {
	Name       string
	Soft, Hard int64
}

// Limits bound one container.
type Limits struct {
	MemoryBytes int64
	NanoCPUs    int64 // 1e9 is one CPU
	Pids        int64
}
