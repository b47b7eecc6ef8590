// Package listen is what every listener of Whaley has in common. It promises that
//
//   - a listener outlives whatever passes: it accepts again once there are file descriptors, memory or a network;
//   - nobody can take all of its connections: an address gets no more than is left for the others;
//   - a connection ends that says nothing, says it too slowly, or does not listen to the answer;
//   - whether it accepts just now is known to who asks (Check).
//
// It knows nothing of what is served.
package listen
