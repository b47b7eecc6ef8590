// Package system tests the whole of Whaley as its players and organisers meet it: the real binary, the real engine,
// behind each of the two edges. It holds nothing but tests.
package system
