// Package costs remembers what instances of each challenge were seen to cost, which is mostly much less than what they
// may use: memory, CPUs, and how long their starts take. It outlives the process.
//
// It promises: what a few instances do, on purpose too, moves no figure of many; and a challenge that was edited is
// judged by what it is now as soon as enough of it was seen.
package costs
