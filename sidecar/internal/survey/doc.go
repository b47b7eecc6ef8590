// Package survey measures what instances have on the engine's disk, on the engine's own machine: layers, volumes, and
// files that are deleted and still open, with the number of files of each. It runs as `whaley survey` in a container of
// the sidecar's (docker.Survey), which sees the host's files read-only and its processes; there it is asked by lines of
// JSON.
//
// A player decides how many files there are, how deep they lie and what happens to them meanwhile, so nothing here
// follows a link, everything has a bound, and what takes long comes last: a look at one instance never keeps the others
// waiting.
package survey
