// Package backup puts all that a deployment must not lose into one file, and brings it back: the rows of the database
// as they were in one moment, the secret, the challenges, and what instances printed. The file is a tar.gz and holds
// secrets: it is made for its owner only.
//
// It promises that a file is there whole or not at all, and that nothing is restored over anything that is in use.
package backup
