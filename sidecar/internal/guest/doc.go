// Package guest is the first program of a container. It waits at its gate for one message, puts into the container what
// that holds (bytes of flags in files, variables, names of hosts, limits), becomes the user that the container is for,
// and then becomes the challenge's program, which finds everything as if it had been started by the engine itself.
//
// The gate is a named pipe that the sidecar makes and the container mounts: no network leads there, so neither another
// container nor a challenge that listens can be in between. A message counts only with the preimage of a hash that the
// container was made with; anything else, and what is too large, too slow or cut off, is forgotten, and the gate is as
// shut as before. Nothing answers, so nothing can be learned by asking.
//
// It promises: what a program sees (arguments, variables, user and groups, capabilities, folder, umask, terminal,
// signals, exit code, descriptors and their owners, limits) is the same with it and without it, and nothing of the
// message but what it was for is left in the container.
package guest
