package challenge_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/whaley-ctf/whaley/sidecar/internal/challenge"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

func TestTextsOfConfigsAndSecretsAreFilesOfTheInstancesOwn(t *testing.T) {
	dir := folder(t, oneRoute, `
services:
  web:
    image: x
    configs: [settings, {source: plain, target: /etc/plain}]
    secrets: [key, beside, flag]
configs:
  settings: {content: "id = ${INSTANCE_ID}\nflag = FLAG{the_flag}\nprice = $$5 ${BESIDE}\n"}
  plain: {content: plain}
secrets:
  key: {environment: API_KEY}
  beside: {environment: BESIDE}
  flag: {environment: FLAG}
`, ".env", "BESIDE=of .env\n")
	d := defaults
	d.FlagPrefix, d.Variables = "FLAG", "API_KEY "
	ch, err := challenge.Load(t.Context(), dir, d)
	if err != nil {
		t.Fatal(err)
	}
	want := []whaley.Mount{
		{Target: "/settings", Text: "id = " + whaley.Token("INSTANCE_ID") + "\nflag = " + whaley.Token("FLAG") + "\nprice = $5 of .env\n"},
		{Target: "/etc/plain", Text: "plain"}, {Target: "/run/secrets/key", Text: whaley.Token("API_KEY")},
		{Target: "/run/secrets/beside", Text: "of .env"}, {Target: "/run/secrets/flag", Text: whaley.Token("FLAG")},
	}
	for n := range want {
		want[n].Written, want[n].ReadOnly = true, true
	}
	if got := ch.Services[0].Mounts; !slices.EqualFunc(got, want, func(a, b whaley.Mount) bool {
		return a.Target == b.Target && a.Text == b.Text && a.Written && a.ReadOnly && a.Path() == "" && len(a.Flags) == 0
	}) {
		t.Errorf("got\n%+v\nwant\n%+v", got, want)
	}
	if !ch.Flag.Dynamic || ch.Flag.Text != "FLAG{the_flag}" || !slices.Equal(ch.Variables, []string{"API_KEY"}) || len(ch.Notes) > 0 {
		t.Errorf("%+v %q %+v", ch.Flag, ch.Variables, ch.Notes)
	}
}

func TestAVariableOfASecretHasToBeSet(t *testing.T) {
	t.Setenv("OF_THE_HOST", "hunter2")
	for secret, want := range map[string]string{
		"{environment: OF_THE_HOST}": "$OF_THE_HOST, which is set nowhere; set it in .env",
		"{environment: API_KEY}":     "$API_KEY, which is set nowhere",
		"{}":                         "secrets.a",
		"{content: x}":               "secrets.a",
	} {
		_, err := load(t, folder(t, oneRoute, "services:\n  web: {image: x, secrets: [a]}\nsecrets:\n  a: "+secret+"\n"))
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", secret, err)
		}
	}
}
