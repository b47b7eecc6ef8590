#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct visitor {
	char name[32];
	char role[8];
};

int main(void) {
	struct visitor v;
	char flag[128] = "";
	int n, f;

	strcpy(v.role, "guest");
	write(1, "Your name?\n", 11);
	n = read(0, v.name, 64); /* more than a name has room for */
	if (n <= 0 || strncmp(v.role, "admin", 5) != 0) {
		write(1, "Hello, guest.\n", 14);
		return 1;
	}
	FILE *file = fopen("/flag.txt", "r");
	if (file != NULL) {
		f = fread(flag, 1, sizeof flag - 1, file);
		write(1, flag, f);
	}
	return 0;
}
