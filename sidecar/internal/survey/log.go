//go:build linux

package survey

import (
	"time"

	"golang.org/x/sys/unix"
)

// rate is how fast a log grew lately, in bytes a second: what there is of it, by how long ago the older of its two
// files was begun. One that was never turned over is small, and 0.
func rate(path string, now time.Time) int64 {
	older, begun := sizeAndBirth(path + ".1")
	if begun.IsZero() {
		return 0
	}
	newer, _ := sizeAndBirth(path)
	const least = 100 * time.Millisecond // a clock may be coarse, or be put back
	return int64(float64(older+newer) / max(now.Sub(begun), least).Seconds())
}

// sizeAndBirth are zero of a file that is not there; the time also where the file system does not know it.
func sizeAndBirth(path string) (int64, time.Time) {
	var st unix.Statx_t
	if unix.Statx(unix.AT_FDCWD, path, unix.AT_SYMLINK_NOFOLLOW, unix.STATX_SIZE|unix.STATX_BTIME, &st) != nil {
		return 0, time.Time{}
	}
	if st.Mask&unix.STATX_BTIME == 0 {
		return int64(st.Size), time.Time{}
	}
	return int64(st.Size), time.Unix(st.Btime.Sec, int64(st.Btime.Nsec))
}
