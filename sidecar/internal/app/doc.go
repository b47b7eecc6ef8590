// Package app puts a server together: it is the one place that knows all packages, opens what the settings choose in
// order, runs its loops, and closes each part in the reverse order.
//
// It promises: Stop ends every loop before it closes anything, and returns when nothing of the server runs any more. A
// part that fails to close does not keep the ones below it open. It would break if a part started a goroutine that is
// no loop of the app and that its closing does not end.
package app

// Version is set by the build (-ldflags "-X …/sidecar/internal/app.Version=…").
var Version = "development"
