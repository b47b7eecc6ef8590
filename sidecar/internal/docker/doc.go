// Package docker is containers.Engine on the Docker API, one verb a file.
//
// It promises: every object it makes carries the labels of this deployment, and it lists, waits for and removes no
// others; every container is hardened whatever its challenge says; a verb can be repeated after its process died in
// the middle; every call ends by a deadline. It would break if an object were made first and labelled later, because
// labels cannot be changed.
package docker
