// Package jail is a stand-in for the programs by which authors give each connection to a challenge a sandbox of its own:
// nsjail, redpwn/jail and kCTF. Where each owner has an instance, the sandbox has no one left to protect; what remains is
// their contract. The stand-in takes the place of these programs in an image and needs no privilege but to change its
// root: it reads the jail's own configuration, listens, enters the root, becomes the user, sets limits, and runs the
// program once for each connection. What it does not do it says in its log.
package jail
