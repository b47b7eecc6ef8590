// Package faulttest lets a sidecar fail or die at every single step of a spawn and of a stop, on the real engine,
// database and Redis, starts the next one, and counts what is left that nobody owns. It holds nothing but tests.
package faulttest
