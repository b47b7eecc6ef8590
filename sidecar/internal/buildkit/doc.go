// Package buildkit builds images with the BuildKit inside an engine. The Dockerfile is read here, by Docker's own
// frontend as a library: what it knows does not depend on how old the engine is, no frontend is pulled, and what the
// engine is asked to fetch is looked at before it does.
package buildkit
