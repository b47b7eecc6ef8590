package canary_test

import (
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/platform/kubernetes/canary"
)

// listen answers connections at a port of its own.
func listen(t *testing.T) (net.Listener, string) {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l, l.Addr().String()
}

func addresses(all []canary.Reached) (at []string) {
	for _, r := range all {
		at = append(at, string(r.Kind)+" "+r.Address)
	}
	return at
}

// What answers in the first moments is told although it does so no more, and a refusal is no answer.
func TestWhatAnswersOnlyInTheFirstMomentsIsTold(t *testing.T) {
	briefly, brief := listen(t)
	open, always := listen(t)
	more, later := listen(t)
	for _, l := range []net.Listener{open, more} {
		go func() {
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				conn.Close()
			}
		}()
	}
	shut, refusing := listen(t)
	shut.Close()
	asked, at := listen(t)

	c := canary.New([]canary.Target{{Kind: canary.Metadata, Address: brief}, {Kind: canary.Node, Address: always}, {Kind: canary.API, Address: refusing}})
	ended := make(chan error, 1)
	go func() { ended <- c.Serve(t.Context(), asked) }()
	conn, err := briefly.Accept() // the first round has begun
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	briefly.Close()
	var report canary.Report
	for until := time.Now().Add(30 * time.Second); !report.Early && time.Now().Before(until); {
		report, err = canary.Ask(t.Context(), at, canary.Question{Targets: []canary.Target{{Kind: canary.Pod, Address: later}}})
		if err != nil {
			t.Fatal(err)
		}
	}
	if got, want := addresses(report.First), []string{"metadata " + brief, "node " + always}; !slices.Equal(got, want) {
		t.Errorf("first: %v, want %v", got, want)
	}
	if got, want := addresses(report.Now), []string{"node " + always, "pod " + later}; !slices.Equal(got, want) {
		t.Errorf("now: %v, want %v", got, want)
	}
	if !report.Early {
		t.Error("the first tries do not end")
	}
	for _, r := range report.First {
		if r.After > 5*time.Second {
			t.Errorf("%s was tried after %s", r.Address, r.After)
		}
	}
}

func TestAPodKnowsItsNodeByEveryAddress(t *testing.T) {
	t.Setenv(canary.Variable, "192.0.2.7,2001:db8::7")
	t.Setenv("KUBERNETES_SERVICE_HOST", "10.96.0.1")
	t.Setenv("KUBERNETES_SERVICE_PORT", "443")
	all := canary.First()
	for _, want := range []canary.Target{
		{Kind: canary.Metadata, Address: "169.254.169.254:80"}, {Kind: canary.Node, Address: "192.0.2.7:10250"}, {Kind: canary.Node, Address: "[2001:db8::7]:10250"}, {Kind: canary.API, Address: "10.96.0.1:443"},
	} {
		if !slices.Contains(all, want) {
			t.Errorf("%v is not tried", want)
		}
	}
}

// What is asked of it cannot hang it up.
func TestAQuestionThatIsNoneIsForgotten(t *testing.T) {
	asked, at := listen(t)
	go func() { _ = canary.New(nil).Serve(t.Context(), asked) }() // ends with the test
	for _, wrong := range []string{"", "x", "GET / HTTP/1.1\r\n\r\n", strings.Repeat(" ", 100_000), `{"targets":7}`} {
		conn, err := net.Dial("tcp", at)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = conn.Write([]byte(wrong)) // it may have gone already
		conn.Close()
	}
	if _, err := canary.Ask(t.Context(), at, canary.Question{}); err != nil {
		t.Error(err)
	}
}
