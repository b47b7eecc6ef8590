package main

import (
	"errors"
	"fmt"
	"os"
)

// pluginFolder is where Whaley's image has the plugin for Traefik, in the layout of a local plugin.
const pluginFolder = "/plugin"

// layPlugin copies the plugin to where a Traefik finds it: one in a Pod shares no folder of the host.
func layPlugin(arguments []string) error { return layPluginOf(pluginFolder, arguments) }

func layPluginOf(from string, arguments []string) error {
	if len(arguments) != 1 {
		return errors.New("plugin takes the folder to lay the plugin out in, as /plugins-local/src/github.com/whaley-ctf/whaley")
	}
	if _, err := os.Stat(from); err != nil {
		return fmt.Errorf("the plugin is not at %s, where Whaley's image has it; copy .traefik.yml, shared and traefik-plugin of its sources: %w", from, err)
	}
	if err := os.CopyFS(arguments[0], os.DirFS(from)); err != nil {
		return fmt.Errorf("lay out the plugin in %s: %w", arguments[0], err)
	}
	return nil
}
