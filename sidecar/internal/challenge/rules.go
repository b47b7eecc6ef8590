package challenge

// kind is a set of the kinds of value that YAML has.
type kind int

const (
	aText kind = 1 << iota
	aNumber
	aTruth // true or false
	aList
	aTable
	nothing
)

// rule says what may stand at a place of a compose file.
type rule struct {
	kinds kind
	keys  map[string]rule // of a table; "*" stands for names that the author chooses
	item  *rule           // of a list
	only  []string        // the values that can be had; empty: any
	why   string          // why there are no others
	no    string          // why this key is refused; "-" if there is no more to say than that it is not supported
	left  string          // why this key is left out with a note; with only: why any other value is
}

func no(why string) rule { return rule{no: why} }

// leave is a key that is harmless once it is not passed on.
func leave(why string) rule { return rule{left: why} }

// orLeave is a rule whose other values are left out with a note instead of being refused.
func (r rule) orLeave(why string) rule {
	r.left = why
	return r
}

func only(values ...string) rule { return rule{kinds: aText | aNumber | aTruth, only: values} }

func (r rule) because(why string) rule {
	r.why = why
	return r
}

func table(keys map[string]rule) rule { return rule{kinds: aTable, keys: keys} }

func listOf(item rule) rule { return rule{kinds: aList, item: &item} }

// or is a rule of two forms, of which one is a table and one is a list or a single value.
func (r rule) or(other rule) rule {
	r.kinds |= other.kinds
	if other.keys != nil {
		r.keys = other.keys
	}
	if other.item != nil {
		r.item = other.item
	}
	return r
}

func (r rule) orNothing() rule {
	r.kinds |= nothing
	return r
}

var (
	text   = rule{kinds: aText}
	number = rule{kinds: aNumber | aText}
	truth  = rule{kinds: aTruth | aText}
	words  = text.or(listOf(text)).orNothing()
	names  = listOf(text)
	value  = rule{kinds: aText | aNumber | aTruth | nothing}
	pairs  = table(map[string]rule{"*": value}).or(listOf(text))
)

// unsupported is the reason of what only some other tool than an instancer has a use for.
const unsupported = "-"

// Why parts of a mount are left out.
const (
	relabels  = "would relabel the challenge's files"
	elsewhere = "is for other platforms"
	unspread  = "nothing is mounted below it"
)

// composeFile is the allow-list: every key of the compose specification is on it, either with what it may hold or with
// the reason why it is refused. A key that the specification does not know is refused too.
var composeRules = table(map[string]rule{
	"version":  text.or(number),
	"name":     text,
	"services": table(map[string]rule{"*": serviceRules}),
	"networks": table(map[string]rule{"*": networkRules.orNothing()}).orNothing(),
	"volumes":  table(map[string]rule{"*": volumeRules.orNothing()}).orNothing(),
	"configs":  table(map[string]rule{"*": fileRules}).orNothing(),
	"secrets":  table(map[string]rule{"*": fileRules}).orNothing(),
	"include":  listOf(text.or(table(map[string]rule{"path": words, "project_directory": text, "env_file": words}))), // see include.go
	"models":   no("there are no models here"),
	"jobs":     no(unsupported),
})

var serviceRules = table(map[string]rule{
	// What runs.
	"image": text, "command": words, "entrypoint": words, "working_dir": text, "user": text, "hostname": text,
	"domainname":  text,
	"environment": pairs.orNothing(), "group_add": listOf(number), "init": truth, "read_only": truth, "tty": truth,
	"stdin_open":  truth,
	"stop_signal": text, "stop_grace_period": text, "expose": listOf(number),
	"env_file":    words.or(listOf(text.or(table(map[string]rule{"path": text, "required": truth, "format": only("raw")})))),
	"platform":    text,
	"pull_policy": only("missing", "if_not_present", "build").orLeave("images are made ready once for each revision"),
	"restart":     text,
	"scale":       only("1").orLeave("an instance has one container of each service"),
	"privileged": only("false").because(
		"would give the container the host; try without it. A jail wants it most often: an instance is one owner's, so the program can run behind socat instead",
	),
	"build": text.or(table(map[string]rule{
		"context": text, "dockerfile": text, "target": text, "args": pairs,
		"dockerfile_inline": text,
		"network":           leave("a build has the network that Whaley gives it"),
		"entitlements":      no("would give the build the host"),
		"privileged":        no("would give the build the host"),
		"ssh":               no("a build gets none of the host's keys"),
		"secrets":           listOf(text.or(grantRules)),
		"additional_contexts": no(
			"a build has one context: name a folder above all that it needs there, with dockerfile: for the Dockerfile's path in it; what is in an image can be had by FROM or COPY --from",
		),
		"extra_hosts": leave("a build has the engine's own names"),
		"cache_from":  leave("images are built on this host"), "cache_to": leave("images are built on this host"),
		"no_cache":        leave("an image is built once for each revision"),
		"no_cache_filter": leave("an image is built once for each revision"),
		"pull":            leave("an image is built once for each revision"), "labels": leave("labels are Whaley's"),
		"tags":      leave("tags are Whaley's"),
		"platforms": leave("images are built for this host"), "isolation": leave("is for Windows"),
		"shm_size":   leave("a build has the limits that Whaley gives it"),
		"ulimits":    leave("a build has the limits that Whaley gives it"),
		"provenance": leave("images stay on this host"), "sbom": leave("images stay on this host"),
	})),
	"depends_on": names.or(table(map[string]rule{"*": table(map[string]rule{
		"condition": only("service_started", "service_healthy", "service_completed_successfully"),
		"restart":   truth, "required": truth,
	})})),
	"links": names,
	"healthcheck": table(map[string]rule{
		"test": words, "timeout": text, "disable": truth,
		"interval": text, "retries": number, "start_period": text, "start_interval": text,
	}),
	"deploy": table(map[string]rule{
		"replicas": only("1").orLeave("an instance has one container of each service"),
		"resources": table(map[string]rule{
			"limits":       table(map[string]rule{"cpus": number, "memory": text, "pids": number}),
			"reservations": reservationRules,
		}),
		"mode":          only("replicated").orLeave("an instance has one container of each service"),
		"endpoint_mode": leave("containers are reached by their addresses"), "labels": leave("labels are Whaley's"),
		"placement":       leave("all containers of an instance are on one host"),
		"restart_policy":  leave("a challenge's restart stands beside deploy"),
		"rollback_config": leave("an edit makes a new revision, and what runs keeps its own"),
		"update_config":   leave("an edit makes a new revision, and what runs keeps its own"),
	}).orNothing(),

	// What it may have. Together the containers of an instance have at most its limits.
	"mem_limit": number, "cpus": number, "pids_limit": number, "shm_size": number,
	"ulimits": table(map[string]rule{"*": number.or(table(map[string]rule{"soft": number, "hard": number}))}),
	"cap_add": names, "cap_drop": names,
	"security_opt": listOf(only("no-new-privileges", "no-new-privileges:true", "no-new-privileges=true").because(openedUp)),
	"tmpfs":        words,
	"volumes": listOf(text.or(table(map[string]rule{
		"type": only("bind", "volume", "tmpfs"), "source": text, "target": text, "read_only": truth,
		"consistency": leave(elsewhere),
		"bind": table(map[string]rule{
			"create_host_path": truth, "propagation": only("rprivate", "private").orLeave(unspread),
			"selinux": leave(relabels), "recursive": no("a mount has nothing mounted below it"),
		}),
		"volume": table(map[string]rule{
			"nocopy": truth, "subpath": no(
				"it would have to be in the volume before anything runs; mount the whole volume, or a volume of its own",
			), "labels": leave("labels are Whaley's"),
		}),
		"tmpfs": table(map[string]rule{"size": number, "mode": number}),
		"image": no("copy from the image in a Dockerfile"),
	}))),
	"configs": listOf(text.or(grantRules)), "secrets": listOf(text.or(grantRules)),

	// Whom it can reach.
	"networks": names.or(table(map[string]rule{"*": table(map[string]rule{
		"aliases": names, "priority": number,
		"ipv4_address": leave(
			"addresses are given out by Whaley; what names this one must use the service's name or an alias",
		),
		"ipv6_address": leave(
			"addresses are given out by Whaley; what names this one must use the service's name or an alias",
		),
		"mac_address":    leave("addresses are given out by Whaley"),
		"link_local_ips": leave("addresses are given out by Whaley"),
		"driver_opts":    leave("networks are Whaley's"), "gw_priority": leave("networks are Whaley's"),
		"interface_name":         leave("networks are Whaley's"),
		"use_service_name_alias": only("true").orLeave("a service always has its name"),
	}).orNothing()})).orNothing(),
	"ports": listOf(number.or(portRules)), // see ports.go
	"network_mode": only("bridge", "default", "none").because("would leave the instance's own network; its services find each other by name, " +
		"and routes in instance.toml lead to them. A service of the same file can be named: service:<name>"), // see allow.go, network.go
	"extra_hosts": leave("services find each other by name; give one more names with networks: {default: {aliases: […]}}"),
	"dns":         leave("names are the engine's"), "dns_opt": leave("names are the engine's"),
	"dns_search":     leave("names are the engine's"),
	"mac_address":    leave("addresses are given out by Whaley"),
	"external_links": names, // to services of the same file, see network.go

	// What could reach the host, another instance, or Whaley.
	"devices":             no("would give the container the host's devices"),
	"device_cgroup_rules": no("would give the container the host's devices"),
	"gpus":                no("would give the container the host's devices"),
	"pid":                 no("shares the host's or another container's processes"),
	"ipc":                 only("private", "shareable", "none").because("shares the host's or another container's memory"),
	"uts":                 no("shares the host's name"),
	"cgroup":              only("private").because("shares the host's control groups"),
	"cgroup_parent":       no("would leave the instance's limits"),
	"userns_mode":         no("would leave the container's user namespace"),
	"sysctls":             no("would change the kernel's settings"),
	"use_api_socket":      no("would give the container the engine"),
	"volumes_from":        names, // of services of the same file, see volumesfrom.go
	"container_name":      text,  // a further name, see names
	"runtime":             no("ask for one in instance.toml: [security] runtime"), "isolation": leave("is for Windows"),
	"credential_spec": no("would give the container credentials of the host"),
	"provider":        no("would run a program on the host"),
	"post_start":      no("would run commands beside the container's own; put them into its entrypoint"),
	"pre_start":       no("would run commands beside the container's own; put them into its entrypoint"),
	"pre_stop":        no("would run commands beside the container's own; handle its stop signal"),
	"extends":         text.or(table(map[string]rule{"service": text, "file": text})), // see extend.go
	"label_file":      leave("labels are Whaley's"), "labels": leave("labels are Whaley's"),
	"annotations":      leave("annotations are Whaley's"),
	"logging":          leave("logs are limited and kept by Whaley"),
	"oom_kill_disable": only("false").orLeave("a container that has used up its memory is ended"),
	"oom_score_adj":    leave("a container that has used up its memory is ended"),
	"memswap_limit":    leave("containers have no swap"), "mem_swappiness": leave("containers have no swap"),
	"mem_reservation": leave("nothing is set aside for a single container; mem_limit bounds it"),
	"cpu_count":       number, // is cpus
	"cpu_percent":     leave("write cpus"), "cpu_shares": leave("write cpus"), "cpu_quota": leave("write cpus"),
	"cpu_period": leave("write cpus"), "cpu_rt_period": leave("write cpus"), "cpu_rt_runtime": leave("write cpus"),
	"cpuset":       leave("which CPUs a container runs on is the host's to say"),
	"blkio_config": leave("the disk is the host's to share out"),
	"storage_opt":  leave("the disk is the host's to share out"),

	// What an instance has no use for.
	"profiles": names, "attach": leave("output is kept by Whaley"), "develop": leave("an instance runs what was built"),
	"models": no("there are no models here"), "pull_refresh_after": leave("an image is made once for each revision"),
	"umask": no(unsupported),
})

// portRules is the long form of an entry of ports.
var portRules = table(map[string]rule{
	"target": number, "protocol": text, "published": leave("Whaley gives out host ports"),
	"host_ip": leave("Whaley gives out host ports"),
	"name":    text, "app_protocol": text, "mode": text,
})

// grantRules is how a service gets a config or a secret.
var grantRules = table(map[string]rule{
	"source": text, "target": text,
	"uid": leave("the file's own owner counts"), "gid": leave("the file's own owner counts"),
	"mode": leave("the file's own mode counts"),
})

// fileRules is a config or a secret: a file of the challenge, a text, or a variable.
var fileRules = table(map[string]rule{
	"file":        text,
	"environment": text, "content": text, // of a config; see grant
	"external": only("false").because("would reach what is not the challenge's"),
	"name":     leave("an instance has a file of its own of this key"),
	"driver":   no("would reach what is not the challenge's"), "driver_opts": no("would reach what is not the challenge's"),
	"template_driver": no(unsupported), "labels": leave("labels are Whaley's"),
})

// reservationRules: what would be set aside is left out, except where it asks for what could reach the host.
var reservationRules = table(map[string]rule{
	"cpus":              leave("nothing is set aside for a single container; limits bound it"),
	"memory":            leave("nothing is set aside for a single container; limits bound it"),
	"devices":           no("would give the container the host's devices"),
	"generic_resources": no("would give the container the host's devices"),
})

const (
	ownNetwork = "the instance has a network of its own of this key"
	ownVolume  = "the instance has a volume of its own of this key, empty at first"
)

var networkRules = table(map[string]rule{
	"driver": only("bridge", "default").because("would reach beyond the instance"), "internal": truth,
	"attachable":  only("false").orLeave("networks are Whaley's"),
	"enable_ipv6": only("false").orLeave("networks are Whaley's"),
	"enable_ipv4": only("true").orLeave("networks are Whaley's"),
	"external":    only("false").orLeave(ownNetwork), "name": leave(ownNetwork),
	"driver_opts": leave("networks are Whaley's"), "labels": leave("labels are Whaley's"),
	"ipam": leave("subnets are given out by Whaley; what names an address must use the service's name"),
})

var volumeRules = table(map[string]rule{
	"driver": only("local", "default"), "external": only("false").orLeave(ownVolume), "name": leave(ownVolume),
	"driver_opts": no("could mount what is the host's"), "labels": leave("labels are Whaley's"),
})
