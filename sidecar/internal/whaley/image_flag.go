package whaley

// ImageFlag is where an image holds the sentinel of its challenge.
type ImageFlag struct {
	Image string   // id of exactly this image
	Cores []string // the letters of the sentinels
	Found []bool   // for each: it is where it can be replaced
	Files int      // hold any, and can be patched
	Bytes int64    // size of these files
	// Environment, Entrypoint and Command are the image's own, if the sentinel is in them.
	Environment, Entrypoint, Command []string
	Odd                              []string // places where it stands so that it cannot be replaced
	Left                             []string // places that still hold a placeholder
}

// Settings says whether the sentinel is in what an image sets for its containers.
func (f *ImageFlag) Settings() bool {
	return f.Environment != nil || f.Entrypoint != nil || f.Command != nil
}
