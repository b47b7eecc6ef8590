package main

import (
	"context"
	"net"
	"strings"
	"testing"

	"github.com/whaley-ctf/whaley/sidecar/internal/app"
	"github.com/whaley-ctf/whaley/sidecar/internal/check"
	"github.com/whaley-ctf/whaley/sidecar/internal/testkit"
)

func TestCommandsSayWhatTheyAre(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string // in the output, or in the error if there is one
	}{
		{[]string{"help"}, "whaley serve"}, {[]string{"version"}, "whaley development"},
		{[]string{"sreve"}, `no command "sreve"`}, {[]string{"check", "now"}, "takes no arguments"},
	} {
		var out strings.Builder
		said := ""
		if err := run(context.Background(), c.args, nil, &out); err != nil {
			said = err.Error()
		}
		if !strings.Contains(out.String()+said, c.want) {
			t.Errorf("%v: %q %q", c.args, out.String(), said)
		}
	}
}

func TestNothingStartsWithWrongSettings(t *testing.T) {
	for _, command := range []string{"serve", "check"} {
		var out strings.Builder
		err := run(context.Background(), []string{command}, map[string]string{"EDGE": "x", "LISTEN": "y"}, &out)
		if err == nil || !strings.Contains(err.Error(), "EDGE") || !strings.Contains(err.Error(), "LISTEN") {
			t.Errorf("%s: %v", command, err)
		}
	}
}

func TestAMisspelledSettingIsToldByServeAndByCheck(t *testing.T) {
	wrong := map[string]string{
		"AUTH_MODE": "ctfd", "CTFD_ULR": "http://127.0.0.1:1", "CTFD_API_KEY": "a key that stays secret",
	}
	for _, command := range []string{"serve", "check", "health"} {
		err := run(t.Context(), []string{command}, wrong, &strings.Builder{})
		if err == nil || !strings.Contains(err.Error(), "CTFD_URL is needed") ||
			!strings.Contains(err.Error(), "did you mean CTFD_URL") {
			t.Errorf("%s with settings that are not right: %v", command, err)
		}
	}
}

func TestToBeEndedBeforeItHasBegunIsNoFailure(t *testing.T) {
	ctx, end := context.WithCancel(context.Background())
	end()
	env := map[string]string{
		"DATA_DIR": t.TempDir(), "CHALLENGES_DIR": t.TempDir(), "LISTEN": "127.0.0.1:0", "INTERNAL_LISTEN": "127.0.0.1:0",
		"EDGE_LISTEN": "127.0.0.1:0", "EDGE_TLS_LISTEN": "127.0.0.1:0", "FIREWALL": "off",
	}
	if err := run(ctx, []string{"serve"}, env, &strings.Builder{}); err != nil {
		t.Error(err)
	}
}

func TestCheckSaysAllThatIsWrong(t *testing.T) {
	testkit.Need(t, testkit.Docker)
	var out strings.Builder
	err := run(context.Background(), []string{"check"}, map[string]string{
		"DATA_DIR": t.TempDir(), "CHALLENGES_DIR": "/nowhere", "EDGE": "traefik", "PLUGIN_KEY": strings.Repeat("k", 20),
		"TRAEFIK_REDIS_URL": "redis://u:hunter2@127.0.0.1:1/0", "DATABASE_URL": "postgres://u:hunter2@127.0.0.1:1/x",
	}, &out)
	if err == nil || err.Error() != "3 things are wrong" {
		t.Errorf("%v", err)
	}
	for _, want := range []string{
		"CHALLENGES_DIR", "engine      ok", "database    ", "DATABASE_URL", "redis       ", "TRAEFIK_REDIS_URL",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in\n%s", want, out.String())
		}
	}
	if strings.Contains(out.String(), "hunter2") {
		t.Errorf("a password is in\n%s", out.String())
	}
}

func TestAPortThatIsTakenIsNamed(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	err = app.Serve(
		context.Background(), map[string]string{"DATA_DIR": t.TempDir(), "LISTEN": taken.Addr().String()}, &strings.Builder{},
	)
	if err == nil || !strings.Contains(err.Error(), "LISTEN="+taken.Addr().String()) {
		t.Errorf("%v", err)
	}
}

func TestAnotherSecretThanTheDatabasesIsRefused(t *testing.T) {
	testkit.Need(t, testkit.Docker)
	env := map[string]string{
		"DATA_DIR": t.TempDir(), "CHALLENGES_DIR": t.TempDir(), "SECRET": "one secret of more than thirty-two bytes",
	}
	var out strings.Builder
	if err := check.Run(context.Background(), env, &out); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	env["SECRET"] = "quite another one of more than thirty-two"
	if err := check.Run(context.Background(), env, &out); err == nil ||
		!strings.Contains(out.String(), "every address would change") {
		t.Errorf("%v\n%s", err, out.String())
	}
}
