// Package sentinel finds flags in files, and what stands for them. A challenge's author writes a placeholder,
// PREFIX{text}. Where images are built it becomes a sentinel: a flag whose digits are letters of one revision (the
// core), as long as a real one. Whatever file of the built image holds the core can get an owner's digits in its place,
// without building again.
//
// It promises: a core that is there is found wherever it lies in a file of whatever kind and size; one that is there in
// another form (encoded, cut in pieces, compressed) is told, since it cannot be replaced; so is a placeholder that is
// still there.
package sentinel
