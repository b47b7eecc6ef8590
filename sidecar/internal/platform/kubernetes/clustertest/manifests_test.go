package clustertest_test

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"
)

const deploy = "../../../../../deploy/kubernetes"

var write = flag.Bool("write", false, "write what is derived of traefik/ into deploy/kubernetes")

// Traefik's configuration is derived from that which all other tests run with.
func TestTraefikIsConfiguredAsEverywhere(t *testing.T) {
	text, err := os.ReadFile("../../../../../traefik/traefik.yml")
	if err != nil {
		t.Fatal(err)
	}
	static := strings.NewReplacer("#prod# username: traefik", "", "#prod# password: \"REDIS_PASSWORD\"", "password: $(REDIS_PASSWORD)").Replace(string(text))
	var all map[string]any
	if err := yaml.Unmarshal([]byte(static), &all); err != nil {
		t.Fatal(err)
	}
	arguments := flatten("-", all)
	var patch strings.Builder
	patch.WriteString("# Derived from traefik/traefik.yml by a test of clustertest, with -write.\napiVersion: apps/v1\nkind: Deployment\n" +
		"metadata:\n  name: traefik\n  namespace: whaley\nspec:\n  template:\n    spec:\n      containers:\n        - name: traefik\n          args:\n")
	for _, a := range arguments {
		fmt.Fprintf(&patch, "            - %q\n", a)
	}
	dynamic, err := os.ReadFile("../../../../../traefik/dynamic/whaley.yml")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"arguments.yaml": patch.String(), "whaley.yml": string(dynamic)} {
		path := filepath.Join(deploy, "base", name)
		if *write {
			if err := os.WriteFile(path, []byte(want), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != want {
			t.Errorf("%s is not as traefik/ says: run this test with -write (%v)", path, err)
		}
	}
}

// flatten is a file of Traefik's as its arguments.
func flatten(name string, value any) (arguments []string) {
	switch value := value.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(value)) {
			under := name + "." + key
			if name == "-" {
				under = "--" + key
			}
			arguments = append(arguments, flatten(under, value[key])...)
		}
	case []any:
		var words []string
		for _, v := range value {
			words = append(words, fmt.Sprint(v))
		}
		arguments = append(arguments, name+"="+strings.Join(words, ","))
	default:
		arguments = append(arguments, fmt.Sprintf("%s=%v", name, value))
	}
	return arguments
}

// The API server itself takes every manifest, with the settings and secrets that the documentation has one make.
func TestTheAPIServerTakesTheManifests(t *testing.T) {
	client, _ := namespace(t)
	_ = client
	for _, overlay := range []string{"with-postgres-redis", "external"} {
		t.Run(overlay, func(t *testing.T) {
			folder := t.TempDir()
			if err := os.CopyFS(folder, os.DirFS(deploy)); err != nil {
				t.Fatal(err)
			}
			secrets, err := exec.Command(filepath.Join(deploy, "secrets")).Output()
			if err != nil {
				t.Fatal(err)
			}
			settings, err := os.ReadFile(filepath.Join(deploy, "settings.example.env"))
			if err != nil {
				t.Fatal(err)
			}
			for name, text := range map[string][]byte{"settings.env": settings, "secrets.env": secrets} {
				if err := os.WriteFile(filepath.Join(folder, overlay, name), text, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			// Nothing can be tried in a namespace that is not there, so these are made and stay.
			cluster(t, "kubectl", "apply", "--server-side", "--filename", filepath.Join(deploy, "base", "namespaces.yaml"))
			said, err := exec.Command("../../../../../scripts/kubernetes-cluster", "kubectl", "apply", "--dry-run=server",
				"--server-side", "--validate=strict", "--kustomize", filepath.Join(folder, overlay)).CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, said)
			}
			for _, want := range []string{"statefulset.apps/whaley", "deployment.apps/traefik", "role.rbac.authorization.k8s.io/whaley"} {
				if !strings.Contains(string(said), want) {
					t.Errorf("there is no %s:\n%s", want, said)
				}
			}
			if strings.Contains(string(said), "Warning") {
				t.Errorf("the API server warns:\n%s", said)
			}
		})
	}
}
