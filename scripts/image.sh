# shellcheck shell=bash
# How images are made out of what this machine has; sourced, not run. lib.sh has to come first.

has_image() { docker image inspect "$1" >/dev/null 2>&1; }

# A tar without times and owners, so that the same packages make the same image.
import() { # folder, image, changes…
	local folder=$1 image=$2 changes=()
	shift 2
	for change in "$@"; do changes+=(--change "$change"); done
	tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -C "$folder" -c . |
		docker import "${changes[@]}" --message "made by scripts/${0##*/}" - "$image" >/dev/null
	say "made the base image $image"
}

# What a program needs to run: itself and its libraries.
with_libraries() { # root, program…
	local root=$1 program library
	shift
	for program in "$@"; do
		mkdir -p "$root$(dirname "$program")"
		cp -L "$program" "$root$program"
		ldd "$program" | grep -o '/[^ ]*' | while read -r library; do
			mkdir -p "$root$(dirname "$library")"
			cp -L "$library" "$root$library"
		done
	done
}

with_busybox() { # root
	mkdir -p "$1"/{bin,etc,proc,root,sys,tmp}
	chmod 1777 "$1/tmp"
	cp "$(command -v busybox)" "$1/bin/busybox"
	for applet in sh cat cp chmod chown cut echo env grep id ls mkdir mv nc rm sed sleep stat touch tr; do
		ln -s busybox "$1/bin/$applet"
	done
	printf 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n' >"$1/etc/passwd"
	printf 'root:x:0:\nnogroup:x:65534:\n' >"$1/etc/group"
}
