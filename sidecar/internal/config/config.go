package config

import (
	"net/netip"
	"net/url"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/face"
)

// Config is every setting. Its tags are the one table of settings, which docs/settings.md, .env.example and the admin
// panel's form are made from:
//
//	env, envDefault  name and default
//	whaley           the sentence that explains it
//	section          heading of this and the following settings
//	kind             url, cidr, path, image or colour, where the Go type does not say it
//	choices          the only values there are, separated by |
//	min, max, unit   bounds of numbers
//	live             "true": organisers may change it while Whaley runs
type Config struct {
	DataDir       string `env:"DATA_DIR" envDefault:"data" section:"Storage" kind:"path" whaley:"Folder of the SQLite database, keys and captures, of Whaley alone. Made if it is missing, and closed to everybody but its owner."`
	ChallengesDir string `env:"CHALLENGES_DIR" envDefault:"challenges" kind:"path" whaley:"Folder with one folder per challenge."`
	DatabaseURL   Secret `env:"DATABASE_URL" whaley:"PostgreSQL, as postgres://user:password@host/database. Empty: SQLite in DATA_DIR."`

	Listen         string   `env:"LISTEN" envDefault:":8000" section:"Listeners" whaley:"Address of the public API and the web pages."`
	ListenHosts    []string `env:"LISTEN_HOSTS" whaley:"Names under which LISTEN may be asked besides the dashboard's, localhost, this machine's and any IP address, separated by commas; for scripts and proxies that call it something else. Health and metrics answer to any name."`
	ListenURL      string   `env:"LISTEN_URL" kind:"url" whaley:"Where another sidecar on the same PostgreSQL reaches LISTEN, as http://10.0.0.2:8000: a standby passes requests of players and organisers on to the active one there. Default: LISTEN, by loopback where it is every address, for two on one machine."`
	InternalListen string   `env:"INTERNAL_LISTEN" envDefault:"127.0.0.1:8001" whaley:"Address of the internal API, which only the plugin uses. Keep it from players."`
	Edge           string   `env:"EDGE" envDefault:"embedded" choices:"embedded|traefik" whaley:"embedded: the sidecar is the front door itself. traefik: Traefik with the plugin is."`
	EdgeListen     string   `env:"EDGE_LISTEN" envDefault:":8080" whaley:"Address of the embedded edge for the web."`
	EdgeTLSListen  string   `env:"EDGE_TLS_LISTEN" envDefault:":8443" whaley:"Address of the embedded edge for TLS by name (routes of type tcp). With EDGE=traefik: its port is what players are told."`
	WakeListen     string   `env:"WAKE_LISTEN" whaley:"With EDGE=traefik: address, as 127.0.0.1:8002, where Traefik brings the connections by TLS that it has no route for: those by the name of a sleeping instance start it. Keep it from players. Empty: such connections end at once."`

	AddressConnections int `env:"ADDRESS_MAX_CONNECTIONS" envDefault:"4096" min:"0" max:"1000000" whaley:"Connections that one address (of IPv6: one /64) may have at once to each of these, which a whole campus may share; 0: as many as leave some to others. Proxies of TRUSTED_PROXIES may have as many as there are; whom they name by the PROXY protocol is counted instead."`
	AddressRate        int `env:"ADDRESS_CONNECTION_RATE" envDefault:"0" min:"0" max:"1000000" whaley:"New connections a second that one address (of IPv6: one /64) may open to the ports for players, Traefik's included, which a whole campus may share; the kernel counts, and drops what is beyond, so that its client asks again after a second. Of ADDRESS_MAX_CONNECTIONS it then also counts those of Traefik. 0: 100 for each processor. TRUSTED_PROXIES and this machine itself are not counted. Needs what FIREWALL needs, and is off with it."`
	AddressTurns       int `env:"ADDRESS_TURNS" envDefault:"0" min:"0" max:"1000" whaley:"Requests of one address (of IPv6: one /64) that the front door and the dashboard work on at the same time; its others wait in line, and who comes one at a time never does. What running instances send and get is not counted. 0: one for each four processors. Proxies of TRUSTED_PROXIES are not counted, but whom they name."`

	BaseDomain   string `env:"BASE_DOMAIN" envDefault:"instances.localhost" section:"Names" whaley:"Instances are one label under it. Neither the dashboard nor the scoreboard may be on it, under it or above it."`
	DashboardURL string `env:"DASHBOARD_URL" kind:"url" whaley:"Where players find the dashboard; instances have the same scheme and port. Default: http://whaley.localhost with the port of EDGE_LISTEN."`

	Secret     Secret `env:"SECRET" section:"Secrets" whaley:"At least 32 bytes, from which hosts and keys are derived. Changing it changes every address. Empty: made once, in DATA_DIR/secret."`
	PluginKey  Secret `env:"PLUGIN_KEY" whaley:"What the plugin shows to the internal API, at least 16 bytes. Needed with EDGE=traefik; else made anew at each start."`
	AdminKey   Secret `env:"ADMIN_KEY" whaley:"What scripts of organisers show as X-Admin-Key, at least 16 bytes. Empty: nobody is an admin by key."`
	AdminPath  string `env:"ADMIN_PATH" envDefault:"/admin" whaley:"Path of the admin panel on the dashboard's host, one segment. Another than the default keeps it out of sight."`
	AdapterKey Secret `env:"ADAPTER_KEY" whaley:"What the plugin in CTFd shows as Authorization: Adapter, at least 16 bytes. Whoever has it acts for any player. Needs AUTH_MODE=ctfd. Empty: there is no such plugin."`
	MetricsKey Secret `env:"METRICS_SECRET" whaley:"Bearer token for /metrics. Empty: /metrics is off."`

	AuthMode        string   `env:"AUTH_MODE" envDefault:"none" section:"Authentication" choices:"none|ctfd|rctf|oidc" whaley:"none: a player is an address. For a laptop, a workshop or a trusted network. ctfd: a player is a CTFd account. rctf: rCTF starts instances for its teams, and nobody signs in here. oidc: a player is an account of an OpenID Connect provider."`
	CTFdURL         string   `env:"CTFD_URL" kind:"url" whaley:"Where CTFd is. With it there is a middleware ctfd-redirect@redis that leads players there."`
	CTFdPublicURL   string   `env:"CTFD_PUBLIC_URL" kind:"url" whaley:"Where players find CTFd, if CTFD_URL is an address that only the sidecar reaches. Default: CTFD_URL."`
	CTFdKey         Secret   `env:"CTFD_API_KEY" live:"true" whaley:"Access token of a CTFd admin, who reads accounts, teams and bans. Needed with AUTH_MODE=ctfd. CTFD_API_KEY_FILE is read again every 30 s."`
	RCTFToken       Secret   `env:"RCTF_AUTH_TOKEN" whaley:"What rCTF shows, as authToken of its Docker instancer, at least 16 bytes. Needed with AUTH_MODE=rctf. Whoever has it acts for any team."`
	OIDCIssuer      string   `env:"OIDC_ISSUER" kind:"url" whaley:"With AUTH_MODE=oidc: the provider, to the letter as its document at /.well-known/openid-configuration has it."`
	OIDCClient      string   `env:"OIDC_CLIENT_ID" whaley:"With AUTH_MODE=oidc: the client that was made for Whaley there, with DASHBOARD_URL/auth/oidc/callback as its redirect URI."`
	OIDCSecret      Secret   `env:"OIDC_CLIENT_SECRET" whaley:"Its secret. Empty: it is a public client."`
	OIDCScopes      []string `env:"OIDC_SCOPES" envDefault:"openid,profile" whaley:"What the provider is asked for, separated by commas; openid has to be among it."`
	OIDCName        string   `env:"OIDC_NAME_CLAIM" envDefault:"preferred_username" whaley:"The claim that is a player's name."`
	OIDCTeam        string   `env:"OIDC_TEAM_CLAIM" whaley:"The claim that is a player's team: a text, or a list of one. Empty: instances belong to players."`
	TeamMode        string   `env:"TEAM_MODE" envDefault:"auto" choices:"auto|enabled|disabled" whaley:"With AUTH_MODE=ctfd. enabled: instances belong to teams. disabled: to players. auto: as CTFd says, also when that changes."`
	SessionHours    int      `env:"SESSION_HOURS" envDefault:"0" live:"true" min:"0" max:"2160" unit:"hours" whaley:"How long a player's sign-in lasts, in hours. 0: with AUTH_MODE=oidc 12 hours; with AUTH_MODE=ctfd until CTFd's event has ended, at least 12 hours and at most 30 days; a week where no end is set. With AUTH_MODE=ctfd it begins anew while the player plays."`
	CTFdAdminRole   string   `env:"CTFD_ADMIN_ROLE" envDefault:"admin" live:"true" choices:"admin|operator|viewer|none" whaley:"With AUTH_MODE=ctfd. What CTFd's admins may do in the panel. viewer: see. operator: work on instances, challenges and flags too. admin: settings, organisers' keys and CTFd too. none: they are no organisers."`
	StopBanned      bool     `env:"STOP_BANNED" envDefault:"true" live:"true" whaley:"With AUTH_MODE=ctfd. Instances of a player or team that CTFd bans or deletes are stopped within a minute."`
	FollowCTFd      bool     `env:"FOLLOW_CTFD" envDefault:"true" live:"true" whaley:"With AUTH_MODE=ctfd. Nothing is listed or started before CTFd's event begins, after it has ended, while it is paused, nor a challenge that is hidden there. Organisers are exempt."`
	StopAtEnd       bool     `env:"STOP_AT_END" envDefault:"false" live:"true" whaley:"With FOLLOW_CTFD. What runs is stopped when CTFd's event ends."`
	AdminShell      bool     `env:"ADMIN_SHELL" envDefault:"false" live:"true" whaley:"Organisers who are operators may open a shell in a service of an instance, from the panel. Each is in the log of events. Off: no organiser may."`
	UserRateLimit   int      `env:"USER_RATE_LIMIT" envDefault:"10" live:"true" min:"0" max:"10000" whaley:"How often a player may start, stop or extend in a minute; 0: no limit. Instances that are started by opening an address count for themselves: as many again."`
	AddressLimit    int      `env:"ADDRESS_RATE_LIMIT" envDefault:"60" live:"true" min:"0" max:"100000" whaley:"The same for one address, which a whole room may share; 0: no limit."`
	AdminRateLimit  int      `env:"ADMIN_RATE_LIMIT" envDefault:"150" live:"true" min:"0" max:"100000" whaley:"Requests to the admin API that one address may send in a minute, right or wrong; 0: no limit."`
	ForwardedAsSent bool     `env:"FORWARDED_AS_SENT" whaley:"With EDGE=traefik: Traefik passes on what players send as X-Forwarded-For and its kind, for challenges with forwarded = \"append\" or \"none\". make up tells Traefik. Other services behind the same Traefik get it too."`
	TrustedProxies  []string `env:"TRUSTED_PROXIES" kind:"cidr" whaley:"Addresses and networks of the proxies in front of Whaley. Their X-Forwarded-For and their PROXY protocol are believed, and nobody else's. make up tells Traefik."`

	InstanceTimeout     Seconds `env:"INSTANCE_TIMEOUT" envDefault:"3600" section:"Instances" live:"true" min:"10" max:"604800" whaley:"How long an instance runs, in seconds, where its challenge does not say."`
	SleepAfter          Seconds `env:"SLEEP_AFTER" envDefault:"0" live:"true" min:"0" max:"604800" whaley:"After how long without traffic an instance falls asleep, in seconds, at least 60, where its challenge does not say: its programs are stopped, its files stay, and opening its address wakes it. What it has in memory is lost. 0: never."`
	StopOnSolve         Seconds `env:"STOP_ON_SOLVE" envDefault:"0" live:"true" min:"0" max:"86400" whaley:"With AUTH_MODE=ctfd. How long an instance still runs once its owner's solve in CTFd is seen, in seconds, where its challenge does not say. 0: until its time is up."`
	InstanceAccess      string  `env:"INSTANCE_ACCESS" envDefault:"link" live:"true" choices:"link|owner" whaley:"link: whoever has the address reaches a running instance. owner: only its owner. Where the challenge does not say."`
	MaxInstancesPerUser int     `env:"MAX_INSTANCES_PER_USER" envDefault:"3" live:"true" min:"0" max:"1000" whaley:"Live instances that a player may have at once; 0: no limit."`
	MaxInstancesPerTeam int     `env:"MAX_INSTANCES_PER_TEAM" envDefault:"5" live:"true" min:"0" max:"1000" whaley:"Live instances that a team may have at once, where players are in teams; 0: no limit."`
	MaxInstances        int     `env:"MAX_INSTANCES" envDefault:"0" live:"true" min:"0" max:"100000" whaley:"Live instances that the host may have at once; 0: no limit."`
	MemoryBudget        Bytes   `env:"MEMORY_BUDGET" envDefault:"0" live:"true" whaley:"Memory that all live instances together may need, as 48g; MEMORY_BUDGET_BY says what counts. 0: no limit."`
	MemoryBudgetBy      string  `env:"MEMORY_BUDGET_BY" envDefault:"seen" live:"true" choices:"seen|limits" whaley:"What counts for MEMORY_BUDGET. seen: what nine of ten instances of a challenge were seen to use, and a quarter on top, as soon as three were looked at; until then, and never more than, what they may use. limits: what they may use."`
	SandboxPool         int     `env:"SANDBOX_POOL" envDefault:"4" live:"true" min:"0" max:"200" whaley:"Networks that are made ahead of starts, so that an instance starts in a fraction of the time; 0: none. Instances with host ports cannot use them."`
	Guest               string  `env:"GUEST" envDefault:"on" choices:"off|on" whaley:"on: containers begin with a small program of Whaley's where that can be, which puts the flags in and becomes the challenge's program, that sees no difference. Where it cannot be (an engine on another machine, init: true, a runtime of its own) they begin as they are. Needed for WAITING."`
	Waiting             int     `env:"WAITING" envDefault:"10" live:"true" min:"0" max:"1000" whaley:"With GUEST=on. Instances of each challenge that are made ahead of starts, at most: as many as are asked for, and at least one. Their programs begin once they are an owner's, within some milliseconds. 0: none, and none are warm."`
	WaitingMemory       Bytes   `env:"WAITING_MEMORY" envDefault:"512m" live:"true" whaley:"Memory for all instances that wait, of which each service counts as 8 MB, and those that are warm, which count with all that they may use. 0: no limit."`
	SpawnConcurrency    int     `env:"SPAWN_CONCURRENCY" envDefault:"10" live:"true" min:"1" max:"1000" whaley:"Instances that are started at the same time; others wait in the queue. No challenge, owner or address has all of these."`
	StartTimeout        Seconds `env:"START_TIMEOUT" envDefault:"120" live:"true" min:"1" max:"3600" whaley:"How long an instance may take to get ready, in seconds, from when its images are there and its turn has come."`

	RehearseChaos bool    `env:"REHEARSE_CHAOS" envDefault:"false" live:"true" whaley:"Whether whaley rehearse --chaos may kill parts of this deployment meanwhile. Never on during an event."`
	SolveInterval Seconds `env:"SOLVE_INTERVAL" envDefault:"0" live:"true" min:"0" max:"86400" whaley:"How often each challenge's solver (a solve.sh or solve.py, or what [solver] in instance.toml says) is run against a throw-away instance, in seconds, as 900; one at a time. 0: solvers that [solver] names are run after each build and before a challenge is opened, others when an organiser asks."`

	BuildTimeout     Seconds `env:"BUILD_TIMEOUT" envDefault:"1800" live:"true" min:"10" max:"86400" whaley:"How long the images of a challenge may take to be built, in seconds."`
	BuildConcurrency int     `env:"BUILD_CONCURRENCY" envDefault:"2" live:"true" min:"2" max:"64" whaley:"Challenges that are built at the same time. One of them is one that players wait for, if they wait for any."`

	DynamicFlags bool   `env:"DYNAMIC_FLAGS_ENABLED" envDefault:"true" whaley:"Every owner gets flags of their own, in the place of the placeholders FLAG_PREFIX{text} in a challenge's files."`
	FlagPrefix   string `env:"FLAG_PREFIX" envDefault:"FLAG" whaley:"What flags and their placeholders begin with, before the brace, in exactly this case."`
	FlagFormat   string `env:"FLAG_FORMAT" whaley:"How flags and their placeholders look if not FLAG_PREFIX{…}, with … or ... for their text, as ABC+{…}, flag-... or flag_.... A challenge's instance.toml may say otherwise."`
	Builder      string `env:"BUILDER" envDefault:"auto" choices:"auto|classic|buildkit" whaley:"Who builds images. auto: the engine's classic builder, and BuildKit where a Dockerfile needs it."`
	// Read at each pull, so that a login counts at once.
	RegistryLogins Secret `env:"REGISTRY_LOGINS" live:"true" whaley:"Logins for registries that images are pulled from: name:password@registry, separated by spaces, or the text that docker login writes into config.json. Those of the user that Whaley runs as (~/.docker/config.json, with its credential helpers) count too."`

	BuildMaxMemory Bytes   `env:"BUILD_MAX_MEMORY" envDefault:"4g" min:"64m" whaley:"Memory of a build."`
	BuildMaxCPU    float64 `env:"BUILD_MAX_CPU" envDefault:"2" min:"0.1" max:"256" unit:"CPUs" whaley:"CPUs of a build."`
	BuildPidsLimit int64   `env:"BUILD_PIDS_LIMIT" envDefault:"2048" min:"16" max:"1000000" whaley:"Processes of a build."`
	BuildMaxDisk   Bytes   `env:"BUILD_MAX_DISK" envDefault:"10g" whaley:"What one RUN of a build may write: looked at every 5 s, every 3 s with BuildKit. 0: no limit."`

	EventName   string `env:"EVENT_NAME" section:"The event" live:"true" max:"80" whaley:"What the event is called, on every page of players and organisers. Empty: Whaley."`
	EventLogo   string `env:"EVENT_LOGO" live:"true" kind:"image" whaley:"Picture beside the name and in the browser's tab: PNG, JPEG or GIF of at most 40 kB, as data:image/png;base64,… Empty: Whaley's."`
	EventColour string `env:"EVENT_COLOUR" live:"true" kind:"colour" whaley:"Colour of buttons and links, as #7a3cff; shades that are readable in both themes are made of it. Empty: violet."`
	EventHome   string `env:"EVENT_HOME" live:"true" kind:"url" whaley:"Where the scoreboard is, linked from every page. Default: CTFD_PUBLIC_URL."`
	EventFooter string `env:"EVENT_FOOTER" live:"true" max:"300" whaley:"Text at the foot of every page of players, as a contact or a sponsor."`

	Drain        bool   `env:"DRAIN" envDefault:"false" live:"true" whaley:"Start no new instances; running ones keep going. For the end of an event or before maintenance."`
	DrainMessage string `env:"DRAIN_MESSAGE" envDefault:"New instances are paused. Running ones keep going." live:"true" max:"300" whaley:"What players read while DRAIN is on."`

	ContainerMaxMemory Bytes   `env:"CONTAINER_MAX_MEMORY" envDefault:"384m" live:"true" min:"16m" whaley:"Memory of a whole instance, as 512m or 1g: the default, and the most a challenge may ask for."`
	ContainerMaxCPU    float64 `env:"CONTAINER_MAX_CPU" envDefault:"0.5" live:"true" min:"0.01" max:"256" unit:"CPUs" whaley:"CPUs of a whole instance: the default, and the most a challenge may ask for."`
	ContainerRuntime   string  `env:"CONTAINER_RUNTIME" live:"true" whaley:"Runtime of containers whose challenge asks for none, as runsc (gVisor) or kata. It must be installed on the engine. Empty: the engine's default."`
	ContainerPidsLimit int64   `env:"CONTAINER_PIDS_LIMIT" envDefault:"256" live:"true" min:"16" max:"1000000" whaley:"Processes of a whole instance: the default, and the most a challenge may ask for."`

	ContainerMaxDisk   Bytes `env:"CONTAINER_MAX_DISK" envDefault:"1g" live:"true" whaley:"What a whole instance may write into its containers and volumes, as 512m or 2g: looked at every 10 s, and one that has written more is stopped. 0: no limit."`
	ContainerMaxFiles  int64 `env:"CONTAINER_MAX_FILES" envDefault:"200000" live:"true" min:"0" max:"100000000" whaley:"Files and folders that a whole instance may make there, looked at like CONTAINER_MAX_DISK. 0: no limit."`
	ContainerMaxOutput Bytes `env:"CONTAINER_MAX_OUTPUT" envDefault:"1m" live:"true" whaley:"What a whole instance may print in a second, as its log counts it: one that prints more for long is stopped, since the engine reads and writes it at the host's cost. 0: no limit."`
	DiskReserve        Bytes `env:"DISK_RESERVE" envDefault:"1g" live:"true" whaley:"What is kept free of the disk that the engine is on: when less is left, the instances that have written the most are stopped. 0: nothing is."`
	// The default is what a browser with a hundred open pages or a busy crawler has; a host's table holds 262,144 as a
	// rule.
	ContainerMaxConnections int `env:"CONTAINER_MAX_CONNECTIONS" envDefault:"1024" min:"0" max:"1000000" whaley:"Connections that a whole instance may have to the outside (with egress), and as many from there to its ports of the host; a minute brings as many new ones. The host's table of connections is shared. 0: no limit."`

	SubnetPool     string `env:"SUBNET_POOL" section:"Networks and ports" whaley:"IPv4 network that instances get their /28 networks from, as 10.240.0.0/12. One that holds something this host needs is refused. Empty: the first of several ranges that holds nothing it needs, kept in the database."`
	Firewall       string `env:"FIREWALL" envDefault:"auto" choices:"auto|off" whaley:"auto: nftables rules keep instances from the host, from each other and from private networks; needs CAP_NET_ADMIN. off: nothing does."`
	PortMap        string `env:"PORT_MAP" envDefault:"auto" choices:"auto|off" whaley:"auto: ports of the host lead to instances by one nftables map, and connecting to one that is asleep starts it; needs CAP_NET_ADMIN and an engine on this machine whose iptables are nftables, else as off. off: the engine publishes ports."`
	PortRangeStart int    `env:"PORT_RANGE_START" envDefault:"30000" live:"true" min:"1024" max:"65535" whaley:"First host port for routes of type port."`
	PortRangeEnd   int    `env:"PORT_RANGE_END" envDefault:"40000" live:"true" min:"1024" max:"65535" whaley:"Last host port for routes of type port."`

	Platform            string   `env:"PLATFORM" envDefault:"docker" section:"Kubernetes" choices:"docker|kubernetes" whaley:"What instances run on. docker: the engine of DOCKER_HOST. kubernetes: Pods of a cluster; the engine beside the sidecar only builds images. See docs/kubernetes.md."`
	KubernetesNamespace string   `env:"KUBERNETES_NAMESPACE" envDefault:"whaley-instances" whaley:"With PLATFORM=kubernetes: the namespace of all instances, in which Whaley has its role."`
	Kubeconfig          string   `env:"KUBECONFIG" kind:"path" whaley:"How to reach the cluster. Empty: as the service account of the Pod that this sidecar runs in."`
	KubernetesRegistry  string   `env:"KUBERNETES_REGISTRY" whaley:"Repository of a registry that nodes pull images from, as registry.example/whaley, or http://10.0.0.5:5000/whaley without TLS. REGISTRY_LOGINS has its login. Needed with PLATFORM=kubernetes."`
	KubernetesPush      string   `env:"KUBERNETES_REGISTRY_PUSH" whaley:"The same repository as this sidecar reaches it. Empty: as nodes do."`
	KubernetesEdge      []string `env:"KUBERNETES_EDGE" envDefault:"app.kubernetes.io/part-of=whaley" whaley:"Who may reach instances, separated by commas: labels of Pods, in any namespace, and networks, as 10.0.0.0/24. Traefik or the embedded edge, and this sidecar, have to be among them."`
	KubernetesNodes     string   `env:"KUBERNETES_NODES" whaley:"Labels of the nodes that instances may be on, separated by commas, as pool=ctf. Empty: all that were proved to keep instances in."`
	KubernetesServers   []string `env:"KUBERNETES_NAME_SERVERS" whaley:"Name servers of instances with egress, separated by commas. They must be outside of private networks, which instances do not reach. Empty: those of the nodes."`

	Backend         string `env:"BACKEND" envDefault:"direct" section:"Traefik and Redis" choices:"direct|published" whaley:"direct: routers reach the containers' own addresses. published: every route gets a host port, for a Traefik on another machine."`
	BackendHost     string `env:"BACKEND_HOST" whaley:"With BACKEND=published: the name or address under which the edge reaches this host."`
	TraefikKeys     string `env:"TRAEFIK_EXTRA_KEYS" whaley:"Further permanent keys for Traefik's Redis provider, as a JSON object of key and value, without the root."`
	TraefikKeysFile string `env:"TRAEFIK_EXTRA_KEYS_FILE" whaley:"The same from a YAML or JSON file."`
	DashboardUsers  Secret `env:"DASHBOARD_USERS" whaley:"Basic-auth users of the middleware dashboard-auth@redis, as htpasswd prints them, separated by commas."`
	RouteMode       string `env:"ROUTE_MODE" envDefault:"kv" choices:"kv|plugin" whaley:"With EDGE=traefik. kv: a running instance has a router of its own. plugin: all requests go through the plugin."`
	RedisURL        Secret `env:"REDIS_URL" whaley:"Redis, as redis://user:password@host:6379/0: what TRAEFIK_REDIS_URL is where that is not set."`
	TraefikRedisURL Secret `env:"TRAEFIK_REDIS_URL" whaley:"Redis database that Traefik reads its routers from, of its own. Needed with EDGE=traefik. Default: REDIS_URL."`

	EventsFile         string  `env:"EVENTS_FILE" section:"Observability" kind:"path" whaley:"File that every event is also written to, as a line of JSON. Default: events.jsonl in DATA_DIR; off: none."`
	EventsRetention    int     `env:"EVENTS_RETENTION_HOURS" envDefault:"2160" live:"true" min:"0" max:"87600" unit:"hours" whaley:"How long events are kept, in hours; 0: for ever."`
	MetricsDetail      bool    `env:"METRICS_DETAIL" envDefault:"false" live:"true" whaley:"Metrics of each owner and each instance too. That is many series at a large event."`
	MonitorEvery       Seconds `env:"MONITOR_EVERY" envDefault:"10" min:"1" max:"3600" whaley:"How often the use of CPU, memory and so on is sampled, in seconds; less often when that takes long."`
	ForensicsAuto      bool    `env:"FORENSICS_AUTO_CAPTURE" envDefault:"false" live:"true" whaley:"Save what containers printed when their instance ends."`
	ForensicsDir       string  `env:"FORENSICS_LOG_DIR" kind:"path" whaley:"Folder of what is kept. Default: forensics in DATA_DIR."`
	ForensicsRetention int     `env:"FORENSICS_RETENTION_HOURS" envDefault:"168" live:"true" min:"1" max:"8760" unit:"hours" whaley:"How long it is kept, in hours."`
	ForensicsMaxMB     int     `env:"FORENSICS_MAX_SIZE_MB" envDefault:"5" live:"true" min:"1" max:"100" unit:"MiB" whaley:"The most that is kept of one instance, in MiB before it is compressed. The end is what is kept."`
	ForensicsLines     int     `env:"FORENSICS_TAIL_LINES" envDefault:"1000" live:"true" min:"1" max:"1000000" unit:"lines" whaley:"The most that is kept of one container, in lines."`
	ForensicsCompress  bool    `env:"FORENSICS_COMPRESSION" envDefault:"true" live:"true" whaley:"Compress captures."`

	DiscordWebhookURL Secret   `env:"DISCORD_WEBHOOK_URL" section:"Notifications" live:"true" whaley:"Webhook of a Discord channel that is told of spawns, failures, extensions, stops and shared flags."`
	WebhookURL        Secret   `env:"WEBHOOK_URL" live:"true" whaley:"http or https URL that events are sent to as JSON, signed as standardwebhooks.com describes it."`
	WebhookSecret     Secret   `env:"WEBHOOK_SECRET" live:"true" whaley:"Key of the signature, at least 16 bytes; with the prefix whsec_ it is base64. Needed with WEBHOOK_URL."`
	WebhookEvents     []string `env:"WEBHOOK_EVENTS" live:"true" whaley:"Types of events that are sent to WEBHOOK_URL, separated by commas. Default: all."`

	LogLevel  string `env:"LOG_LEVEL" envDefault:"info" section:"Log" live:"true" choices:"debug|info|warn|error" whaley:"debug, info, warn or error."`
	LogFormat string `env:"LOG_FORMAT" envDefault:"text" choices:"text|json" whaley:"text or json."`

	// What follows is made of the above.
	Face      face.Face      `env:"-"`
	Dashboard *url.URL       `env:"-"`
	Pool      netip.Prefix   `env:"-"` // SUBNET_POOL; not valid: it is chosen
	Trusted   []netip.Prefix `env:"-"`
}

// Seconds is a whole number of seconds in the environment.
type Seconds int

// Duration is the same as a Duration.
func (s Seconds) Duration() time.Duration { return time.Duration(s) * time.Second }
