package rehearse_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/rehearse"
)

// deployment is Whaley as a rehearsal sees it. While a file is there it is dead, and knows of no rehearsal afterwards.
type deployment struct {
	*testing.T
	dead   string
	allows bool

	mu    sync.Mutex
	knows string // the rehearsal
	began []string
	ended int
}

const rehearsalID = "0123456789abcdef0123456789abcdef"

func (d *deployment) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, err := os.Stat(d.dead); err == nil {
		d.knows = ""
		panic(http.ErrAbortHandler)
	}
	answer := func(status int, body any) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(body)
	}
	switch {
	case strings.HasPrefix(r.URL.Path, "/page"):
		_, _ = io.WriteString(w, "hello")
	case r.Method == http.MethodPost && r.URL.Path == "/admin/api/rehearsal":
		var q struct{ ID string }
		_ = json.NewDecoder(r.Body).Decode(&q)
		d.knows, d.began = rehearsalID, append(d.began, q.ID)
		target := map[string]any{"challenge": "web", "type": "http", "url": "http://" + r.Host + "/page", "ticket": "t"}
		answer(http.StatusCreated, map[string]any{
			"id": rehearsalID, "chaos": d.allows, "teams": []any{map[string]any{"challenges": []any{target}}},
		})
	case r.Method == http.MethodDelete:
		d.ended++
		w.WriteHeader(http.StatusNoContent)
	case d.knows == "":
		answer(http.StatusNotFound, map[string]any{"code": "rehearsal_over", "detail": "This rehearsal is over."})
	default:
		answer(http.StatusOK, map[string]any{"live": map[string]int{"running": 1}})
	}
}

func rehearseOn(t *testing.T, allows bool, command string) (*deployment, rehearse.Options) {
	t.Helper()
	d := &deployment{T: t, dead: filepath.Join(t.TempDir(), "dead"), allows: allows}
	server := httptest.NewServer(d)
	t.Cleanup(server.Close)
	return d, rehearse.Options{
		To: server.URL, Teams: 1, Name: "steady", Lasts: 6 * time.Second, Out: io.Discard,
		Chaos: []rehearse.Fault{{Name: "sidecar", Command: strings.ReplaceAll(command, "DEAD", d.dead)}},
	}
}

func TestARehearsalGoesOnAfterASidecarWasKilledUnderItAndSaysHowLongThatTook(t *testing.T) {
	t.Parallel()
	d, o := rehearseOn(t, true, "touch DEAD; sleep 1; rm DEAD")
	result, err := rehearse.Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if len(result.Chaos) != 1 || !result.Chaos[0].Back || result.Chaos[0].Away < 0.5 || result.Chaos[0].Note != "" {
		t.Errorf("%+v", result.Chaos)
	}
	if len(d.began) < 2 || d.began[0] != "" || d.began[1] != rehearsalID || d.ended != 1 {
		t.Errorf("begun as %q, ended %d times", d.began, d.ended)
	}
	if result.Seen["web"].Errors > 0 {
		t.Errorf("what failed meanwhile counts for the host: %+v", result.Seen)
	}
}

func TestWhatIsBrokenIsMendedAlsoWhenTheRehearsalIsStopped(t *testing.T) {
	t.Parallel()
	d, o := rehearseOn(t, true, "touch DEAD; sleep 1; rm DEAD")
	ctx, stop := context.WithCancel(t.Context())
	go func() {
		for {
			if _, err := os.Stat(d.dead); err == nil || ctx.Err() != nil {
				stop()
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
	}()
	if _, err := rehearse.Run(ctx, o); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if _, err := os.Stat(d.dead); err == nil || d.ended != 1 {
		t.Errorf("it is still broken, or ended %d times", d.ended)
	}
}

func TestNothingIsBrokenWhereTheDeploymentDoesNotAllowIt(t *testing.T) {
	d, o := rehearseOn(t, false, "touch DEAD")
	if _, err := rehearse.Run(t.Context(), o); err == nil || !strings.Contains(err.Error(), "REHEARSE_CHAOS") {
		t.Error(err)
	}
	if _, err := os.Stat(d.dead); err == nil || d.ended != 1 {
		t.Errorf("it was broken, or ended %d times", d.ended)
	}
}

func TestAFaultThatCannotBeMadeIsSaid(t *testing.T) {
	t.Parallel()
	_, o := rehearseOn(t, true, "echo no such container; exit 1")
	result, err := rehearse.Run(t.Context(), o)
	if err != nil || len(result.Chaos) != 1 || !strings.Contains(result.Chaos[0].Note, "no such container") {
		t.Errorf("%+v %v", result.Chaos, err)
	}
}

func TestFaultsAreReadByNameOrAsACommand(t *testing.T) {
	for text, name := range map[string]string{"redis": "redis", "engine": "engine", "mail=service x stop; service x start": "mail"} {
		if f, err := rehearse.FaultOf(text); err != nil || f.Name != name || f.Command == "" {
			t.Errorf("%s: %+v %v", text, f, err)
		}
	}
	for _, text := range []string{"", "disk", "=x", "x="} {
		if _, err := rehearse.FaultOf(text); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}
