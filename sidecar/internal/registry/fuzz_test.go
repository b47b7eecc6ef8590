package registry_test

import (
	"testing"

	"github.com/whaley-ctf/whaley/sidecar/internal/registry"
)

// FuzzLogins reads any setting: none has a program run for its logins.
func FuzzLogins(f *testing.F) {
	f.Add("ada:secret@registry.example")
	f.Add("ada:p@ss:word@ghcr.io bob:x@docker.io")
	f.Add(`{"auths":{"ghcr.io":{"auth":"YWRhOnNlY3JldA=="}},"credsStore":"evil","credHelpers":{"a":"evil"}}`)
	f.Fuzz(func(t *testing.T, setting string) {
		file, err := registry.Parse(setting)
		if err != nil {
			return
		}
		if file.CredentialsStore != "" || len(file.CredentialHelpers) > 0 {
			t.Errorf("%q names a program", setting)
		}
	})
}
