package check

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/whaley-ctf/whaley/sidecar/internal/config"
	"github.com/whaley-ctf/whaley/sidecar/internal/ctfd/ctfdtest"
	"github.com/whaley-ctf/whaley/sidecar/internal/datadir"
	"github.com/whaley-ctf/whaley/sidecar/internal/testkit"
	"golang.org/x/sys/unix"
)

// hostNetwork is one that this host knows a way to, until the test ends.
func hostNetwork(t *testing.T) string {
	t.Helper()
	_, network, err := net.ParseCIDR("10.198.77.0/24")
	if err != nil {
		t.Fatal(err)
	}
	route := &netlink.Route{Dst: network, Type: unix.RTN_BLACKHOLE, Table: unix.RT_TABLE_MAIN}
	if err := netlink.RouteReplace(route); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { netlink.RouteDel(route) })
	return network.String()
}

// healthy are settings with which nothing is wrong, on real parts.
func healthy(t *testing.T, redisConfig string, scoreboard *ctfdtest.Server, token string) map[string]string {
	t.Helper()
	return map[string]string{
		"DATA_DIR": t.TempDir(), "CHALLENGES_DIR": t.TempDir(), "FIREWALL": "off", "PORT_RANGE_START": "20300",
		"PORT_RANGE_END": "20309",
		"EDGE":           "traefik", "PLUGIN_KEY": "Kq7bW2xZp9LmRt4vYc6N",
		"TRAEFIK_REDIS_URL": "redis://" + testkit.StartRedis(t, redisConfig).Addr() + "/0",
		"AUTH_MODE":         "ctfd", "CTFD_URL": scoreboard.URL, "CTFD_API_KEY": token,
	}
}

func TestCheckFindsFivePlantedFaults(t *testing.T) {
	scoreboard := ctfdtest.New(t)
	player := scoreboard.AddUser(ctfdtest.User{Name: "a player"})
	redisConfig := filepath.Join(t.TempDir(), "redis.conf")
	if err := os.WriteFile(redisConfig, []byte("notify-keyspace-events KEA\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	env := healthy(t, redisConfig, scoreboard, scoreboard.Token(player)) // 1: a player's token, 2: notifications of every key
	env["SUBNET_POOL"] = hostNetwork(t)                                  // 3
	taken, err := net.Listen("tcp", "127.0.0.1:20305")                   // 4
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	broken := filepath.Join(env["CHALLENGES_DIR"], "broken") // 5
	if err := os.Mkdir(broken, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"instance.toml": "name = \"Broken\"\n[[routes]]\nservice = \"web\"\nport = 80\n",
		"compose.yaml":  "services:\n  web:\n    image: busybox:1.36\n    privileged: true\n",
	} {
		if err := os.WriteFile(filepath.Join(broken, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var out strings.Builder
	err = Run(context.Background(), env, &out)
	if err == nil || err.Error() != "5 things are wrong" {
		t.Errorf("%v", err)
	}
	for _, want := range []string{
		"CTFD_API_KEY", `notify-keyspace-events ""`,
		"SUBNET_POOL=" + env["SUBNET_POOL"] + " holds the network " + env["SUBNET_POOL"] + ", which this host has a route to",
		"1 of the ports from 20300 to 20309 are used", "privileged",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in what is said", want)
		}
	}
	t.Logf("\n%s", out.String())
}

func TestCheckFindsNothingWhereNothingIsWrong(t *testing.T) {
	scoreboard := ctfdtest.New(t)
	admin := scoreboard.AddUser(ctfdtest.User{Name: "whaley", Type: "admin"})
	env := healthy(t, "", scoreboard, scoreboard.Token(admin))
	var out strings.Builder
	if err := Run(context.Background(), env, &out); err != nil {
		t.Errorf("%v\n%s", err, out.String())
	}
	if strings.Contains(out.String(), env["CTFD_API_KEY"]) || strings.Contains(out.String(), env["PLUGIN_KEY"]) {
		t.Errorf("a secret is in\n%s", out.String())
	}
	last := scoreboard.AddUser(ctfdtest.User{Name: "another admin", Type: "admin"})
	env["CTFD_API_KEY"] = scoreboard.TokenUntil(last, time.Now().Add(time.Hour))
	out.Reset()
	if err := Run(context.Background(), env, &out); err == nil || !strings.Contains(out.String(), "token ends on") {
		t.Errorf("a token that ends in an hour: %v\n%s", err, out.String())
	}
}

func TestCheckTellsWhoseCookiesInstancesCanSet(t *testing.T) {
	for host, want := range map[string]string{
		"ctf.example.org": "1", "a.i.ctf.example.org": "1", "i.ctf.example.org": "1", "example.org": "1",
		"whaley.example.org": "note", "ctf.example.net": "", "127.0.0.1": "",
	} {
		var out strings.Builder
		r := &report{out: &out}
		checkCookies("CTFD_URL", host, "i.ctf.example.org", r)
		if got := out.String(); want == "" && got != "" ||
			want == "note" && (r.wrong != 0 || !strings.Contains(got, "note")) || want == "1" && r.wrong != 1 {
			t.Errorf("%s: %q", host, got)
		}
	}
}

func TestCheckMissesNoNameAndNoRoom(t *testing.T) {
	c, err := config.Load(map[string]string{
		"BASE_DOMAIN": "instances.invalid", "DASHBOARD_URL": "http://whaley.localhost:8080",
	})
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	r := &report{out: &out}
	if checkNames(ctx, c, r); r.wrong != 1 || !strings.Contains(out.String(), "*.instances.invalid") {
		t.Errorf("%d %s", r.wrong, out.String())
	}
	c.DataDir, c.ForensicsDir = "/proc/nowhere", "/proc/nowhere/else"
	r.wrong = 0
	if checkDisks(c, r); r.wrong != 2 {
		t.Errorf("%d %s", r.wrong, out.String())
	}
	left, err := datadir.RoomIn(t.TempDir())
	if err != nil || left.Bytes <= 0 || left.Percent < 0 || left.Percent > 100 {
		t.Errorf("%+v %v", left, err)
	}
	for _, n := range []int{20310, 20311} {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", n))
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
	}
	c.PortRangeStart, c.PortRangeEnd, r.wrong = 20310, 20319, 0
	if checkPorts(c, r, map[int]string{20310: "an instance", 20311: "another"}); r.wrong != 0 {
		t.Errorf("ports of instances: %s", out.String())
	}
}

func TestNamesThatLookLikeSettingsAreTold(t *testing.T) {
	told(t, 1, func(r *report) {
		checkNamesOfSettings(map[string]string{"MAX_INSTANCE_PER_USER": "1", "WHALEY_TURBO": "on", "PATH": "/bin"}, r)
	}, "MAX_INSTANCE_PER_USER is not a setting and does nothing: did you mean MAX_INSTANCES_PER_USER?", "note: WHALEY_TURBO is not a setting")
}
