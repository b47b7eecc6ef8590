// Package registry knows the names and passwords for registries: those of a setting, and those that `docker login`
// left.
package registry

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/distribution/reference"
	"github.com/docker/cli/cli/config"
	"github.com/docker/cli/cli/config/configfile"
	"github.com/docker/cli/cli/config/types"
	api "github.com/docker/docker/api/types/registry"
)

// hub is how Docker's own registry is called in files of logins.
const hub = "https://index.docker.io/v1/"

// Logins are read anew each time: somebody may log in while Whaley runs.
type Logins struct {
	Setting func() string // see Parse; nil: none
	Folder  string        // with a config.json as `docker login` writes it; empty: the user's own (DOCKER_CONFIG)
}

// Parse reads a setting: the text of a config.json, or name:password@registry, separated by spaces.
func Parse(setting string) (*configfile.ConfigFile, error) {
	if setting = strings.TrimSpace(setting); strings.HasPrefix(setting, "{") {
		file, err := config.LoadFromReader(strings.NewReader(setting))
		if err != nil {
			return nil, fmt.Errorf("is not what docker login writes into its config.json: %w", err)
		}
		file.CredentialsStore, file.CredentialHelpers = "", nil // a setting runs no programs
		return file, nil
	}
	file := configfile.New("")
	for n, word := range strings.Fields(setting) {
		at := strings.LastIndex(word, "@") // a password may hold one
		name, password, ok := strings.Cut(word[:max(0, at)], ":")
		registry := word[at+1:]
		if !ok || name == "" || password == "" || registry == "" || strings.Contains(registry, "/") {
			return nil, fmt.Errorf("word %d is not of the form name:password@registry", n+1)
		}
		file.AuthConfigs[stored(registry)] = types.AuthConfig{
			Username: name, Password: password, ServerAddress: stored(registry),
		}
	}
	return file, nil
}

// stored is a registry's host as files of logins have it.
func stored(host string) string {
	switch host {
	case "docker.io", "index.docker.io", "registry-1.docker.io":
		return hub
	}
	return host
}

// files are where a login may stand, the first wins.
func (l *Logins) files() ([]*configfile.ConfigFile, error) {
	if l == nil {
		return nil, nil
	}
	var all []*configfile.ConfigFile
	if l.Setting != nil {
		file, err := Parse(l.Setting())
		if err != nil {
			return nil, fmt.Errorf("REGISTRY_LOGINS %w", err)
		}
		all = append(all, file)
	}
	file, err := config.Load(cmp.Or(l.Folder, config.Dir()))
	if err != nil {
		return nil, fmt.Errorf("read what docker login has left: %w", err)
	}
	return append(all, file), nil
}

func login(c types.AuthConfig) api.AuthConfig {
	return api.AuthConfig{Username: c.Username, Password: c.Password, Auth: c.Auth, ServerAddress: c.ServerAddress,
		IdentityToken: c.IdentityToken, RegistryToken: c.RegistryToken}
}

// Of is the login for a registry's host; an empty one if there is none.
func (l *Logins) Of(host string) (api.AuthConfig, error) {
	files, err := l.files()
	if err != nil {
		return api.AuthConfig{}, err
	}
	for _, file := range files {
		found, err := file.GetAuthConfig(stored(host))
		if err != nil {
			return api.AuthConfig{}, fmt.Errorf("login for the registry %s: %w", host, err)
		}
		if found.Username != "" || found.IdentityToken != "" || found.RegistryToken != "" {
			return login(found), nil
		}
	}
	return api.AuthConfig{}, nil
}

// NameAndPassword is what a registry is shown in exchange for a token. One that was given a token at the login has it
// for a password, and no name.
func (l *Logins) NameAndPassword(_ context.Context, host string) (name, password string, err error) {
	found, err := l.Of(host)
	if found.IdentityToken != "" {
		return "", found.IdentityToken, err
	}
	return found.Username, found.Password, err
}

// OfImage is the login for an image's registry as the engine's pull wants it; empty if there is none.
func (l *Logins) OfImage(image string) (string, error) {
	name, err := reference.ParseNormalizedNamed(image)
	if err != nil {
		return "", fmt.Errorf("name of the image %q: %w", image, err)
	}
	found, err := l.Of(reference.Domain(name))
	if err != nil || found == (api.AuthConfig{}) {
		return "", err
	}
	text, err := json.Marshal(found)
	return base64.URLEncoding.EncodeToString(text), err
}

// All are those that the classic builder is given, by registry.
func (l *Logins) All() (map[string]api.AuthConfig, error) {
	files, err := l.files()
	if err != nil {
		return nil, err
	}
	all := map[string]api.AuthConfig{}
	for n := len(files) - 1; n >= 0; n-- {
		found, err := files[n].GetAllCredentials()
		if err != nil {
			return nil, fmt.Errorf("logins for registries: %w", err)
		}
		for host, one := range found {
			all[host] = login(one)
		}
	}
	return all, nil
}
