package kubernetes

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"

	"github.com/whaley-ctf/whaley/sidecar/internal/guest"
	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// nothing has no files.
type nothing struct{}

func (nothing) Patches(*whaley.Challenge, *whaley.ImageFlag, []string) ([]guest.Patch, error) {
	return []guest.Patch{{Path: "/flag"}}, nil
}

func (nothing) Mounted(*whaley.Challenge, *whaley.Service, []string) ([]byte, error) { return nil, nil }

// mapped are the Pods of a challenge of some services, and what their guests are told, by service.
type mapped struct {
	pods     map[string]*corev1.Pod
	box      map[string]corev1.Container
	order    map[string]guest.Order
	message  map[string]*guest.Message
	policies []*networkingv1.NetworkPolicy
}

func mapOf(t *testing.T, ch *whaley.Challenge) mapped {
	t.Helper()
	d := &design{
		deployment: "D1", namespace: "ns", secret: []byte("secret"), challenge: ch, nodes: []string{"b", "a"},
		labels: instancer.Labels{Instance: "web-o-1", Challenge: "web", Owner: "o@x", Revision: "r"},
		images: map[string]Image{},
	}
	at := map[string]netip.Addr{}
	for n, s := range ch.Services {
		d.services = append(d.services, instancer.PlannedService{Service: s, Flag: &whaley.ImageFlag{Files: 1}})
		d.images[s.Name] = Image{
			Reference: "r/" + s.Name + "@sha256:0", Entrypoint: []string{"/entry"}, Command: []string{"of", "image"}, User: "www",
			Environment: []string{"HOME=/image"}, Volumes: []string{"/var/lib/image"},
		}
		at[s.Name] = netip.AddrFrom4([4]byte{10, 0, 0, byte(n + 1)})
	}
	m := mapped{
		pods: map[string]*corev1.Pod{}, box: map[string]corev1.Container{}, order: map[string]guest.Order{},
		message: map[string]*guest.Message{}, policies: between("D1", "ns", ch, d.labels),
	}
	for _, g := range groups(ch) {
		pod, err := d.pod(g, "web-o-1-"+fmt.Sprint(g[0]))
		if err != nil {
			t.Fatal(err)
		}
		for n, c := range pod.Spec.Containers {
			s := servicesOf(pod)[n]
			var o guest.Order
			if err := json.Unmarshal([]byte(strings.ReplaceAll(c.Env[0].Value, "$$(", "$(")), &o); err != nil {
				t.Fatal(err)
			}
			m.pods[s], m.box[s], m.order[s] = pod, c, o
		}
	}
	for n, s := range ch.Services {
		var err error
		if m.message[s.Name], err = d.message(n, nothing{}, []string{"flag"}, at); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

func challenge(services ...whaley.Service) *whaley.Challenge {
	return &whaley.Challenge{ID: "web", Revision: "r", Services: services}
}

func svc(name string) whaley.Service { return whaley.Service{Name: name, Image: name} }

// TestEachRowOfComposeIsMapped has a case for each row of the table of docs/kubernetes.md.
func TestEachRowOfComposeIsMapped(t *testing.T) {
	for row, is := range map[string]func(t *testing.T) (got, want any){
		"image, command, entrypoint": func(t *testing.T) (any, any) {
			s := svc("web")
			s.Entrypoint, s.Command = []string{"/run"}, []string{"$(A)"}
			m := mapOf(t, challenge(s))
			c := m.box["web"]
			return []any{c.Image, c.Command, m.order["web"].Argv, m.message["web"].Argv, strings.Contains(c.Env[0].Value, "$$(A)")},
				[]any{"r/web@sha256:0", []string{"/.whaley/whaley-guest"}, []string{"/run", "$(A)"}, []string{"/run", "$(A)"}, true}
		},
		"what its image runs": func(t *testing.T) (any, any) {
			m := mapOf(t, challenge(svc("web")))
			return []any{m.order["web"].Argv, m.order["web"].Home}, []any{[]string{"/entry", "of", "image"}, true}
		},
		"working_dir, tty, stdin_open": func(t *testing.T) (any, any) {
			s := svc("web")
			s.WorkingDir, s.TTY, s.Stdin = "/srv", true, true
			c := mapOf(t, challenge(s)).box["web"]
			return []any{c.WorkingDir, c.TTY, c.Stdin}, []any{"/srv", true, true}
		},
		"environment and env_file": func(t *testing.T) (any, any) { // told by the guest, and in no object
			s := svc("web")
			s.Environment = []string{"FLAG=secret"}
			m := mapOf(t, challenge(s))
			text, _ := json.Marshal(m.pods["web"])
			return []any{m.message["web"].Env, strings.Contains(string(text), "FLAG=secret")}, []any{[]string{"FLAG=secret"}, false}
		},
		"cap_add, cap_drop": func(t *testing.T) (any, any) {
			s := svc("web")
			s.Drop, s.Capabilities = []string{"ALL"}, []string{"NET_BIND_SERVICE"}
			m := mapOf(t, challenge(s))
			given := m.box["web"].SecurityContext.Capabilities
			return []any{m.order["web"].Keep, given.Drop, slices.Contains(given.Add, "NET_BIND_SERVICE"), slices.Contains(given.Add, "SETUID")},
				[]any{[]string{"NET_BIND_SERVICE"}, []corev1.Capability{"ALL"}, true, true}
		},
		"no-new-privileges": func(t *testing.T) (any, any) {
			open := svc("open")
			open.AllowSetuid = true
			m := mapOf(t, challenge(svc("web"), open))
			return []any{*m.box["web"].SecurityContext.AllowPrivilegeEscalation, *m.box["open"].SecurityContext.AllowPrivilegeEscalation}, []any{false, true}
		},
		"mem_limit, cpus": func(t *testing.T) (any, any) {
			s := svc("web")
			s.Limits = whaley.Limits{MemoryBytes: 64 << 20, NanoCPUs: 5e8}
			r := mapOf(t, challenge(s)).box["web"].Resources
			return []any{r.Limits.Memory().Value(), r.Limits.Cpu().MilliValue(), r.Requests.Cpu().MilliValue()}, []any{int64(64<<20 + guestBytes), int64(500), int64(50)}
		},
		"user, group_add": func(t *testing.T) (any, any) {
			s := svc("web")
			s.User, s.Groups = "player:crew", []string{"12"}
			m := mapOf(t, challenge(s, svc("db")))
			return []any{m.order["web"].User, m.order["web"].Groups, m.order["db"].User, *m.box["web"].SecurityContext.RunAsUser}, []any{"player:crew", []string{"12"}, "www", int64(0)}
		},
		"hostname": func(t *testing.T) (any, any) {
			s := svc("web")
			s.Hostname = "The_Box"
			m := mapOf(t, challenge(s, svc("db")))
			return []any{m.pods["web"].Spec.Hostname, m.pods["db"].Spec.Hostname, noted(challenge(s), "it is called the-box")}, []any{"the-box", "db", true}
		},
		"domainname": func(*testing.T) (any, any) {
			s := svc("web")
			s.Domain = "corp"
			return Refusal(challenge(s)) != nil, true
		},
		"init, stop_signal": func(t *testing.T) (any, any) {
			s := svc("web")
			s.StopSignal = "SIGINT"
			return []any{mapOf(t, challenge(s)).order["web"].Stop, noted(challenge(s), "not the first process")}, []any{"SIGINT", true}
		},
		"ulimits": func(t *testing.T) (any, any) {
			s := svc("web")
			s.Ulimits = []whaley.Ulimit{{Name: "nproc", Soft: 3, Hard: -1}}
			return mapOf(t, challenge(s)).message["web"].Limits, map[string]guest.Limit{
				"nofile": {Soft: 4096, Hard: 16384}, "core": {}, "nproc": {Soft: 3, Hard: 1<<64 - 1},
			}
		},
		"restart": func(t *testing.T) (any, any) { // ours: the guest stays
			return mapOf(t, challenge(svc("web"))).pods["web"].Spec.RestartPolicy, corev1.RestartPolicyNever
		},
		"service names, aliases": func(t *testing.T) (any, any) {
			web := svc("web")
			web.Joins = []whaley.Join{{Aliases: []string{"www"}}}
			return mapOf(t, challenge(web, svc("db"))).message["db"].Hosts, []string{"10.0.0.1 web www", "10.0.0.2 db"}
		},
		"several networks, internal": func(t *testing.T) (any, any) {
			web, db, log := svc("web"), svc("db"), svc("log")
			web.Joins, db.Joins = []whaley.Join{{Network: "front"}, {Network: "back"}}, []whaley.Join{{Network: "back"}}
			log.Joins = []whaley.Join{{Network: "front"}}
			ch := challenge(web, db, log)
			ch.Egress, ch.Networks = true, []whaley.Network{{Name: "front"}, {Name: "back", Internal: true}}
			m := mapOf(t, ch)
			var selected []map[string]string
			for _, p := range m.policies {
				selected = append(selected, p.Spec.PodSelector.MatchLabels)
			}
			return []any{m.pods["web"].Labels[labelEgress], m.pods["db"].Labels[labelEgress], m.pods["db"].Labels[networkLabel(0)],
					m.message["db"].Hosts, len(m.policies), selected[0][networkLabel(0)], selected[1][networkLabel(1)]},
				[]any{"true", "", "", []string{"10.0.0.1 web", "10.0.0.2 db"}, 2, "true", "true"}
		},
		"named volume of one service": func(t *testing.T) (any, any) { // a folder of its own container
			s := svc("db")
			s.Mounts = []whaley.Mount{{Source: "data", Volume: true, Target: "/data"}}
			ch := challenge(s)
			ch.Volumes = []string{"data"}
			m := mapOf(t, ch)
			return []any{len(m.pods["db"].Spec.Volumes), strings.Contains(string(m.message["db"].Files), "data/")}, []any{0, true}
		},
		"named volume of several services": func(t *testing.T) (any, any) {
			web, db := svc("web"), svc("db")
			web.Mounts = []whaley.Mount{{Source: "data", Volume: true, Target: "/a", ReadOnly: true}}
			db.Mounts = []whaley.Mount{{Source: "data", Volume: true, Target: "/b"}}
			ch := challenge(web, db)
			ch.Volumes = []string{"data"}
			m := mapOf(t, ch)
			return []any{m.pods["web"] == m.pods["db"], len(m.pods["web"].Spec.Volumes), m.box["web"].VolumeMounts[0].ReadOnly,
				m.order["web"].Port, m.order["db"].Port, noted(ch, "one address")}, []any{true, 1, true, 7117, 7118, true}
		},
		"a port below 1024 of a user who is not root": func(t *testing.T) (any, any) {
			return mapOf(t, challenge(svc("web"))).pods["web"].Spec.SecurityContext.Sysctls[0].Value, "0"
		},
		"two listeners of one port in a Pod": func(*testing.T) (any, any) {
			web, db := svc("web"), svc("db")
			web.Mounts = []whaley.Mount{{Source: "data", Volume: true, Target: "/a"}}
			db.Mounts = web.Mounts
			ch := challenge(web, db)
			ch.Volumes, ch.Routes = []string{"data"}, []whaley.Route{{Service: "web", Port: 80}, {Service: "db", Port: 80}}
			return Refusal(ch) != nil, true
		},
		"mounts of the folder, configs, secrets": func(*testing.T) (any, any) {
			s := svc("web")
			s.Mounts = []whaley.Mount{{Source: "/challenge/file", Target: "/file", ReadOnly: true}}
			return noted(challenge(s), "copies of the container's own"), true
		},
		"tmpfs, shm_size": func(t *testing.T) (any, any) {
			s := svc("web")
			s.ShmBytes, s.Tmpfs = 1<<20, []whaley.Tmpfs{{Target: "/tmp/", Bytes: 2 << 20, Options: []string{"mode=700"}}}
			m := mapOf(t, challenge(s))
			var sizes []int64
			for _, v := range m.pods["web"].Spec.Volumes {
				sizes = append(sizes, v.EmptyDir.SizeLimit.Value())
			}
			return []any{sizes, m.box["web"].VolumeMounts[0].MountPath, m.box["web"].VolumeMounts[1].MountPath, noted(challenge(s), "without mode=700")},
				[]any{[]int64{1 << 20, 2 << 20}, "/dev/shm", "/tmp", true}
		},
		"read_only": func(t *testing.T) (any, any) {
			s := svc("web")
			s.ReadOnly = true
			alone := mapOf(t, challenge(s)) // its flag is put into a file
			return []any{*alone.box["web"].SecurityContext.ReadOnlyRootFilesystem,
				writesRoot(challenge(s), instancer.PlannedService{Service: s})}, []any{false, false}
		},
		"pids_limit": func(*testing.T) (any, any) {
			s := svc("web")
			s.Limits.Pids = 32
			return noted(challenge(s), "podPidsLimit"), true
		},
		"runtime": func(t *testing.T) (any, any) {
			s := svc("web")
			s.Runtime = "gvisor"
			return *mapOf(t, challenge(s)).pods["web"].Spec.RuntimeClassName, "gvisor"
		},
		"network_mode: service": func(t *testing.T) (any, any) {
			side := svc("side")
			side.Shares = "web"
			m := mapOf(t, challenge(svc("web"), side))
			return m.pods["web"] == m.pods["side"], true
		},
		"route of type port over UDP": func(*testing.T) (any, any) {
			ch := challenge(svc("web"))
			ch.Routes = []whaley.Route{{Service: "web", Port: 53, Type: whaley.RoutePort, UDP: true}}
			return Refusal(ch) != nil, true
		},
		"capabilities that nobody has": func(*testing.T) (any, any) {
			s := svc("web")
			s.Capabilities = []string{"SYS_PTRACE"}
			return Refusal(challenge(s)) != nil, true
		},
	} {
		t.Run(row, func(t *testing.T) {
			got, want := is(t)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

func noted(ch *whaley.Challenge, text string) bool {
	return slices.ContainsFunc(Notes(ch), func(n whaley.Note) bool { return strings.Contains(n.Text, text) })
}

func TestAPodHasNothingOfTheCluster(t *testing.T) {
	pod := mapOf(t, challenge(svc("web"))).pods["web"]
	s := pod.Spec
	if *s.AutomountServiceAccountToken || *s.EnableServiceLinks || s.HostNetwork || s.HostPID || s.HostIPC ||
		s.SecurityContext.SeccompProfile.Type != corev1.SeccompProfileTypeRuntimeDefault || s.DNSPolicy != corev1.DNSNone {
		t.Errorf("%+v", s)
	}
	if terms := s.Affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution.NodeSelectorTerms; len(terms) != 2 ||
		terms[0].MatchFields[0].Values[0] != "a" {
		t.Errorf("it may be on %+v", terms)
	}
	for _, v := range pod.Labels {
		if strings.ContainsAny(v, "@: ") {
			t.Errorf("label %q", v)
		}
	}
}

func TestLabelsAreReadBack(t *testing.T) {
	want := instancer.Labels{
		Instance: "web-o-1", Challenge: "web", Owner: "o@x y", Revision: "r", CreatedAt: time.Unix(1e9, 0).UTC(),
		ExpiresAt: time.Unix(2e9, 0).UTC(),
	}
	if diff := cmp.Diff(want, parse(marks("d", want))); diff != "" {
		t.Error(diff)
	}
}

func TestOnlyTheEdgeReachesInstancesAndOnlyEgressReachesTheWorld(t *testing.T) {
	edge, err := Peers([]string{"10.77.0.10/32", "app=traefik"})
	if err != nil || len(edge) != 2 || edge[1].PodSelector.MatchLabels["app"] != "traefik" || edge[1].NamespaceSelector == nil {
		t.Fatalf("%+v %v", edge, err)
	}
	for _, wrong := range []string{"", "10.0.0.0/33", "traefik"} {
		if _, err := Peers([]string{wrong}); err == nil {
			t.Errorf("%q is taken", wrong)
		}
	}
	all := standing("D1", "ns", edge)
	closed, open := all[0].Spec, all[1].Spec
	if len(closed.Egress) != 0 || len(closed.Ingress) != 1 || len(closed.PolicyTypes) != 2 ||
		closed.PodSelector.MatchLabels[labelDeployment] != "D1" {
		t.Errorf("%+v", closed)
	}
	if open.PodSelector.MatchLabels[labelEgress] != "true" || len(open.Ingress) != 0 || len(open.Egress) != 2 {
		t.Errorf("%+v", open)
	}
	for _, inside := range []string{"10.96.0.1", "169.254.169.254", "192.168.1.1", "127.0.0.1", "100.64.1.1", "fd00::1", "fe80::1"} {
		at, covered := netip.MustParseAddr(inside), false
		for _, rule := range open.Egress {
			for _, except := range rule.To[0].IPBlock.Except {
				covered = covered || netip.MustParsePrefix(except).Contains(at)
			}
		}
		if !covered {
			t.Errorf("%s is reached with egress", inside)
		}
	}
}
