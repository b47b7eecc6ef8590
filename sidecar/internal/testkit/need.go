package testkit

import (
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// What a test may need of the machine.
const (
	Docker   = "docker"
	Redis    = "redis"
	Postgres = "postgres"
	Root     = "root"
	Busybox  = "busybox"
	Flask    = "flask"

	Kubernetes = "kubernetes" // the cluster of scripts/kubernetes-cluster
)

// missing says what to do about a part that this machine lacks; empty: it is there.
var missing = map[string]func() string{
	Docker: func() string {
		if err := engineAnswers(); err != nil {
			return fmt.Sprintf("a Docker engine (%v): scripts/need engine installs and starts one", err)
		}
		return ""
	},
	Redis: func() string {
		if _, err := exec.LookPath("redis-server"); err != nil {
			return "redis-server: scripts/need redis installs it"
		}
		return ""
	},
	Postgres: func() string {
		if postgresPrograms() == "" {
			return "PostgreSQL: scripts/need postgres installs it"
		}
		return ""
	},
	Root: func() string {
		if os.Geteuid() != 0 {
			return "root, for network namespaces, mounts and firewalls: run it with sudo"
		}
		return ""
	},
	Flask: func() string {
		if exec.Command("/usr/bin/python3", "-c", "import flask, sqlalchemy").Run() != nil {
			return "Debian's Flask and SQLAlchemy: scripts/need flask installs them"
		}
		return ""
	},
	Kubernetes: func() string {
		network, err := os.Stat("/run/netns/whaley-k8s-edge")
		if err != nil {
			return "a Kubernetes cluster: scripts/kubernetes-cluster up starts one"
		}
		if own, err := os.Stat("/proc/self/ns/net"); err != nil || !os.SameFile(own, network) {
			return "the network of the Kubernetes cluster: scripts/kubernetes-cluster run runs what needs it"
		}
		return ""
	},
	Busybox: func() string {
		if _, err := os.Stat("/bin/busybox"); err != nil {
			return "a static /bin/busybox: scripts/need tools installs it"
		}
		return ""
	},
}

// Need skips a test where the machine lacks a part, and under -short, which is for what needs no server. In CI (CI=1,
// as scripts/test sets it) it fails instead: there no test is skipped.
func Need(t testing.TB, parts ...string) {
	t.Helper()
	why := Missing(parts...)
	switch {
	case why == "":
	case os.Getenv("CI") == "1":
		t.Fatal(why)
	default:
		t.Skip(why)
	}
}

// Missing says what of the parts a test has to do without; empty: nothing.
func Missing(parts ...string) string {
	if testing.Short() {
		return "-short leaves out what needs " + strings.Join(parts, ", ")
	}
	for _, part := range parts {
		if lacks := missing[part]; lacks == nil {
			return fmt.Sprintf("%q is nothing that testkit knows how to find", part)
		} else if what := lacks(); what != "" {
			return "this test needs " + what
		}
	}
	return ""
}

// engineAnswers connects to the engine's socket, or to where DOCKER_HOST says that it is.
func engineAnswers() error {
	network, address := "unix", "/var/run/docker.sock"
	if host := os.Getenv("DOCKER_HOST"); host != "" {
		at, err := url.Parse(host)
		if err != nil {
			return err
		}
		if network, address = at.Scheme, at.Host; network == "unix" {
			address = at.Path
		}
	}
	conn, err := net.DialTimeout(network, address, 5*time.Second)
	if err != nil {
		return err
	}
	return conn.Close()
}

// postgresPrograms is the folder of the newest PostgreSQL as Debian installs it; empty: there is none.
func postgresPrograms() string {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
	if len(found) == 0 {
		return ""
	}
	return found[len(found)-1]
}
