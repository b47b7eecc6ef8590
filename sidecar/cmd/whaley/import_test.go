package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestImportSaysWhatBecameOfAllAndEndsByIt(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"pwn/good/Dockerfile":        "FROM debian\nENV FLAG=CTF{planted}\nEXPOSE 1337\n",
		"web/bad/docker-compose.yml": "services:\n  app:\n    image: nginx\n    ports: [\"80:80\"]\n    network_mode: host\n",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	env := map[string]string{"FLAG_PREFIX": "CTF"}
	for _, c := range []struct {
		args                 []string
		wrong, want, written string
	}{
		{[]string{"import"}, "takes the folders", "", ""},
		{[]string{"import", "--chekc", dir}, `no option "--chekc"`, "", ""},
		{[]string{"import", filepath.Join(dir, "nowhere")}, "no such file", "", ""},
		{[]string{"import", "--check", filepath.Join(dir, "pwn")}, "", "1 challenge: 1 can be used, 0 of them with notes; 0 refused.", ""},
		{[]string{"import", "--check", dir}, "1 challenge is refused", "network_mode", ""},
		{
			[]string{"import", dir}, "1 challenge is refused", "2 challenges: 1 can be used, 0 of them with notes; 1 refused.",
			"pwn/good/instance.toml",
		},
	} {
		var out strings.Builder
		said := ""
		if err := run(t.Context(), c.args, env, &out); err != nil {
			said = err.Error()
		}
		if !strings.Contains(said, c.wrong) || c.wrong == "" && said != "" || !strings.Contains(out.String(), c.want) {
			t.Errorf("%v: %q\n%s", c.args, said, out.String())
		}
		if _, err := os.Stat(filepath.Join(dir, "pwn/good/instance.toml")); (err == nil) != (c.written != "") {
			t.Errorf("%v: instance.toml: %v", c.args, err)
		}
	}
}
