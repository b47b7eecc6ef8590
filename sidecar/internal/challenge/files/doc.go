// Package files looks into and changes one folder, for people who are trusted with that folder and nothing else: every
// path goes through an os.Root, so neither dots nor links lead out of it. Archives are taken apart under limits that
// count what really comes out of them.
package files
