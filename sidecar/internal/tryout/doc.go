// Package tryout tests one challenge as its players will meet it: a whole Whaley of its own builds it and starts an
// instance on this machine's engine, its solver is run against that, and what it prints is compared with that
// instance's flag. Everything lies in a temporary folder, and nothing stays on the engine but layers of images for the
// next time.
package tryout
