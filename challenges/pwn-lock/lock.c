/* A lock that knows its key, which is the flag too. What it reads may be longer than what it keeps. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char key[] = "FLAG{the_lock_knows_its_own_key}";

int main(void) {
	struct {
		char guess[32];
		char open[8];
	} door;
	memset(&door, 0, sizeof door);
	puts("Key?");
	fflush(stdout);
	read(0, door.guess, sizeof door);
	if (strncmp(door.guess, key, sizeof door.guess) == 0 || strcmp(door.open, "please") == 0)
		puts(key);
	else
		puts("It stays shut.");
	return 0;
}
