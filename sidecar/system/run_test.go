package system

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/testkit"
)

// printed are the web addresses in what make run says, without what may follow them in a sentence.
var printed = regexp.MustCompile(`https?://[A-Za-z0-9.-]+:[0-9]+[A-Za-z0-9/_-]*`)

// TestWhatMakeRunPrintsOpensInABrowserAndInCurl is for whoever tries this on their own machine, with what comes to hand:
// a browser takes ::1 for the names, curl whichever it is told.
func TestWhatMakeRunPrintsOpensInABrowserAndInCurl(t *testing.T) {
	for _, edge := range []string{"embedded", "traefik"} {
		t.Run(edge, func(t *testing.T) {
			dashboard, pages, api := makeRun(t, edge, "echo", "guarded", "pair")
			for n, page := range pages {
				for _, family := range []string{"-4", "-6"} {
					if n == 2 {
						break // the browser is the first to open the last
					}
					out, err := exec.Command("curl", "-sS", family, "--max-time", "90", page).CombinedOutput()
					if err != nil || !strings.Contains(string(out), "test server at /") {
						t.Errorf("curl %s %s: %v %s", family, page, err, out)
					}
				}
			}
			browser := exec.Command("node", append([]string{filepath.Join("e2e", "this-computer.mjs"), dashboard}, pages...)...)
			browser.Dir = filepath.Join(root, "frontend")
			var out, problems bytes.Buffer
			browser.Stdout, browser.Stderr = &out, &problems
			if err := browser.Run(); err != nil {
				t.Fatalf("the browser: %v\n%s%s", err, out.String(), problems.String())
			}
			seen := out.String()
			t.Logf("%s", seen)
			if strings.Count(seen, `"from":"[::1]"`) != len(pages) {
				t.Errorf("the browser did not come from ::1")
			}
			if !strings.Contains(seen, "This computer") {
				t.Error("the dashboard does not say who is asking")
			}
			var list instances
			fromAPI(t, "GET", api+"/instances", &list)
			if len(list.Instances) != len(pages) {
				t.Errorf("%d instances run for %d challenges: %+v", len(list.Instances), len(pages), list)
			}
		})
	}
}

// makeRun is scripts/run with ports and folders of its own: the addresses that it printed of the dashboard and of each
// challenge, and its API's.
func makeRun(t *testing.T, edge string, challenges ...string) (dashboard string, pages []string, api string) {
	t.Helper()
	port := func() string { return portOnly(t, testkit.FreeAddress(t)) }
	apiPort := port()
	api = "http://127.0.0.1:" + apiPort
	log := &testkit.Log{}
	run := exec.Command(filepath.Join(root, "scripts", "run"))
	run.Env = append(os.Environ(), "EDGE="+edge, "DATA_DIR="+t.TempDir(), "CHALLENGES_DIR="+writeFixtures(t, challenges...),
		"WEB_PORT="+port(), "TLS_PORT="+port(), "API_PORT="+apiPort, "INTERNAL_PORT="+port(), "TRAEFIK_API_PORT="+port(), "REDIS_PORT="+port(),
		"METRICS_PORT="+port(), "SSH_PORT="+port(), "SUBNET_POOL="+nextPool(), "SANDBOX_POOL=0",
		fmt.Sprintf("PORT_RANGE_START=%d", portRange(t)), fmt.Sprintf("PORT_RANGE_END=%d", portRange(t)+200))
	run.Stdout, run.Stderr = log, log
	run.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM} // it stops what it started
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- run.Wait() }()
	testkit.Eventually(t, 5*time.Minute, "scripts/run prints the addresses", func() error {
		select {
		case err := <-ended:
			t.Fatalf("it ended: %v\n%s", err, log.Tail(60))
		default:
		}
		dashboard, pages = "", nil
		for _, address := range printed.FindAllString(log.String(), -1) {
			switch {
			case strings.Contains(address, "//whaley.localhost:"):
				dashboard = address
			case strings.Contains(address, "."+base+":") && !slices.Contains(pages, address):
				pages = append(pages, address)
			}
		}
		if dashboard == "" || len(pages) < len(challenges) {
			return fmt.Errorf("not yet:\n%s", log.Tail(40))
		}
		return nil
	})
	t.Cleanup(func() {
		var list instances
		fromAPI(t, "GET", api+"/instances", &list)
		for _, in := range list.Instances {
			fromAPI(t, "DELETE", api+"/instances/"+in.ID, nil)
		}
		testkit.Eventually(t, time.Minute, "all instances are stopped", func() error {
			fromAPI(t, "GET", api+"/instances", &list)
			if len(list.Instances) > 0 {
				return fmt.Errorf("%+v", list.Instances)
			}
			return nil
		})
		run.Process.Signal(syscall.SIGTERM)
		<-ended
		if t.Failed() {
			t.Logf("scripts/run:\n%s", log.Tail(100))
		}
	})
	return dashboard, pages, api
}

// fromAPI calls the public API as the person at this computer.
func fromAPI(t *testing.T, method, url string, into any) {
	t.Helper()
	r, err := http.NewRequest(method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Errorf("%s %s: %v", method, url, err)
		return
	}
	defer resp.Body.Close()
	if into == nil {
		return
	}
	if err := json.NewDecoder(resp.Body).Decode(into); err != nil {
		t.Errorf("%s %s: %s %v", method, url, resp.Status, err)
	}
}
