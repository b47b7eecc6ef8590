package system

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/testkit"
)

// scrape reads metrics as Prometheus does.
func scrape(t *testing.T, address string) string {
	t.Helper()
	r, err := http.NewRequest("GET", "http://"+address+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+seenSecret)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s %v", resp.Status, err)
	}
	return string(text)
}

// promtool runs one of its checks.
func promtool(t *testing.T, in string, args ...string) string {
	t.Helper()
	c := exec.Command("promtool", args...)
	c.Stdin = strings.NewReader(in)
	out, err := c.CombinedOutput()
	if err != nil {
		t.Errorf("promtool %q: %v (scripts/need prometheus installs it)\n%s", args, err, out)
	}
	return string(out)
}

// prometheus runs a real one on the repository's own configuration until the test ends.
func (s *stack) prometheus() string {
	t := s.t
	t.Helper()
	address, dir := testkit.FreeAddress(t), t.TempDir()
	secret := filepath.Join(dir, "secret")
	write(t, secret, seenSecret)
	text, err := os.ReadFile(filepath.Join(root, "traefik", "prometheus.yml"))
	if err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(dir, "prometheus.yml")
	write(
		t, config,
		strings.NewReplacer("/run/secrets/metrics_secret", secret, "127.0.0.1:8000", s.public, "127.0.0.1:8082", s.metrics,
			"127.0.0.1:9090", address, ": 15s", ": 1s", "rules/", filepath.Join(root, "traefik", "rules")+"/").Replace(string(
			text,
		)),
	)
	p := exec.Command(
		"prometheus", "--config.file="+config, "--storage.tsdb.path="+filepath.Join(dir, "data"),
		"--web.listen-address="+address, "--enable-feature=native-histograms", "--log.level=warn",
	)
	p.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	log := &testkit.Log{}
	p.Stdout, p.Stderr = log, log
	if err := p.Start(); err != nil {
		t.Fatalf("prometheus: %v (scripts/need prometheus installs it)", err)
	}
	t.Cleanup(func() {
		p.Process.Signal(syscall.SIGTERM)
		p.Wait()
		if t.Failed() {
			t.Logf("Prometheus' log:\n%s", log.Tail(20))
		}
	})
	return address
}

// query asks Prometheus for one number; how many series there are, and their sum.
func query(address, expr string) (series int, sum float64, err error) {
	resp, err := http.Get("http://" + address + "/api/v1/query?query=" + url.QueryEscape(expr))
	if err != nil {
		return 0, 0, err
	}
	defer resp.Body.Close()
	var said struct {
		Error string
		Data  struct{ Result []struct{ Value [2]any } }
	}
	if err := json.NewDecoder(resp.Body).Decode(&said); err != nil || said.Error != "" {
		return 0, 0, fmt.Errorf("%s %w", said.Error, err)
	}
	for _, r := range said.Data.Result {
		text, _ := r.Value[1].(string)
		value, _ := strconv.ParseFloat(text, 64)
		sum += value
	}
	return len(said.Data.Result), sum, nil
}

var typeLine = regexp.MustCompile(`(?m)^# TYPE (\S+)`)

// scraped checks what a real Prometheus makes of the metrics, over SCRAPE_SECONDS or a few.
func (s *stack) scraped(prometheus string) {
	t := s.t
	t.Helper()
	long := 3
	if n, err := strconv.Atoi(os.Getenv("SCRAPE_SECONDS")); err == nil {
		long = n
	}
	s.eventually("Prometheus has scraped both", time.Duration(long+30)*time.Second, func() error {
		for _, job := range []string{"whaley", "traefik"} {
			if _, n, err := query(prometheus, fmt.Sprintf(`count_over_time(up{job=%q}[5m] ) and up{job=%q} == 1`, job, job)); err != nil ||
				n < float64(long) {
				return fmt.Errorf("%s was scraped %v times: %v", job, n, err)
			}
		}
		return nil
	})
	for expr, want := range map[string]float64{
		`sum(whaley_instances_open) >= bool 0`:                               1,
		`time() - max(whaley_state_timestamp_seconds) <= bool 30`:            1,
		`sum(whaley_ports) > bool 0`:                                         1,
		`sum(whaley_subnets) > bool 0`:                                       1,
		`count(whaley_flags_assigned)`:                                       1,
		`sum(whaley_event_log_entries{event_type="system_start"}) >= bool 1`: 1,
		`sum(whaley_containers_running) >= bool 0`:                           1,
		`sum(whaley_operations_total{operation="spawn",outcome="failure",reason="service_exited",challenge_id="exits"}) >= bool 1`: 1,
		`sum(whaley_operations_total{operation="stop",outcome="success",challenge_id="loud"}) >= bool 1`:                           1,
		`histogram_count(sum(whaley_spawn_duration_seconds{outcome="success"})) >= bool 1`:                                         1, // only native histograms have one
		`min(whaley_dependency_up{dependency=~"database|engine|redis"})`:                                                           1,
		`sum(whaley_forensics_captures_total{outcome="success"}) >= bool 2`:                                                        1,
	} {
		s.eventually("Prometheus knows it", 40*time.Second, func() error {
			if n, got, err := query(prometheus, expr); err != nil || n != 1 || got != want {
				return fmt.Errorf("%s is %v (%d series) %v", expr, got, n, err)
			}
			return nil
		})
	}
	names := map[string]int{}
	for what, address := range map[string]string{"whaley": s.public, "traefik": s.metrics} {
		text := scrape(t, address)
		for _, m := range typeLine.FindAllStringSubmatch(text, -1) {
			names[what]++
			if strings.HasPrefix(m[1], "whaley_") {
				names["whaley's own"]++
			}
		}
		if what == "whaley" { // Traefik's own names are its affair
			if said := promtool(t, text, "check", "metrics"); strings.TrimSpace(said) != "" {
				t.Errorf("promtool criticises: %s", said)
			}
		}
	}
	if names["whaley's own"] < 30 || names["traefik"] < 5 {
		t.Errorf("families: %v", names)
	}
	rules := promtool(t, "", "check", "rules", filepath.Join(root, "traefik", "rules", "whaley.yml"))
	promtool(t, "", "test", "rules", filepath.Join(root, "traefik", "rules", "tests", "whaley.yml"))
	_, scrapes, _ := query(prometheus, `count_over_time(up{job="whaley"}[10m])`)
	_, took, _ := query(prometheus, `max_over_time(scrape_duration_seconds{job="whaley"}[10m])`)
	t.Logf(
		"%v scrapes, the longest %.1f ms; families: %v; promtool: %s", scrapes, 1000*took, names, strings.TrimSpace(rules),
	)
}

// watched checks that looking at count instances takes no time: they are sampled in the background.
func (s *stack) watched(count int) {
	t := s.t
	t.Helper()
	var system struct {
		Sampled int   `json:"sampled_containers"`
		TookMS  int64 `json:"took_ms"`
	}
	s.eventually("all are sampled", 2*time.Minute, func() error {
		got := s.asAdmin("GET", "/admin/api/monitoring/system", "")
		if err := json.Unmarshal([]byte(got.Body), &system); err != nil || system.Sampled < count {
			return fmt.Errorf("%s %v", got.Body, err)
		}
		return nil
	})
	for what, look := range map[string]struct {
		bar time.Duration
		do  func() int
	}{
		"the admin's page of all": {20 * time.Millisecond, func() int {
			got := s.asAdmin("GET", "/admin/api/monitoring/instances?limit=500", "")
			if n := strings.Count(got.Body, `"challenge_id"`); got.Status != http.StatusOK || n != count {
				t.Fatalf("%d instances: %d %s", n, got.Status, got.Body[:min(len(got.Body), 300)])
			}
			return len(got.Body)
		}},
		"a scrape": {50 * time.Millisecond, func() int { return len(scrape(t, s.public)) }},
	} {
		var took []time.Duration
		size := 0
		for range 15 {
			began := time.Now()
			size = look.do()
			took = append(took, time.Since(began))
		}
		slices.Sort(took)
		t.Logf(
			"%d instances, a round of sampling takes %d ms; %s (%d bytes): median %s, longest %s", count, system.TookMS, what,
			size, took[7].Round(100*time.Microsecond), took[14].Round(100*time.Microsecond),
		)
		if took[7] > 4*look.bar { // the binary under test has the race detector in it, and is not alone on the machine
			t.Errorf("%s takes %s", what, took[7])
		}
	}
}
