// Package plugintest holds the plugin's promises as one table, which runs against the plugin compiled, as the embedded
// edge has it, and interpreted by Yaegi out of a GOPATH, as Traefik has it. It holds nothing but tests.
package plugintest
