// Package dockerfilelint holds the repository's Dockerfiles against the rules of docker build --check; make lint runs
// it. It is a module of its own: nothing of what it needs comes near the sidecar.
package dockerfilelint
