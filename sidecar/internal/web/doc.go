// Package web serves the built frontend out of the binary.
//
// It promises: files with a hash in their name may be kept for ever and all others are asked for again each time; a
// page never runs or loads anything that is not in the build (Content-Security-Policy without exceptions); a binary
// built without the frontend compiles, and says so when asked for a page. It would break if a build put its hashed
// files outside assets/, or wrote scripts or styles into the page itself.
package web
