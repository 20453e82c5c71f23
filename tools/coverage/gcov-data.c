// SPDX-License-Identifier: GPL-2.0
/*
 * The last step of a guest of flavour GCOV: the kernel's counts, as comments on
 * the results port, which is there anyway and is kept with the run:
 *
 *   # gcov file PATH-OF-THE-GCDA-FILE
 *   # gcov data BASE64
 *
 * "gcov-data reset" at the beginning forgets what booting did.
 */
#define _XOPEN_SOURCE 700
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define GCOV_DIR	"/sys/kernel/debug/gcov"
#define LINE_BYTES	540	/* a multiple of 3 */

static unsigned int files;

static void put_line(const unsigned char *p, size_t n)
{
	static const char digit[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char out[LINE_BYTES / 3 * 4 + 1], *o = out;
	size_t i;

	for (i = 0; i < n; i += 3) {
		unsigned int x = p[i] << 16 | (i + 1 < n ? p[i + 1] << 8 : 0) |
				 (i + 2 < n ? p[i + 2] : 0);

		*o++ = digit[x >> 18];
		*o++ = digit[x >> 12 & 63];
		*o++ = i + 1 < n ? digit[x >> 6 & 63] : '=';
		*o++ = i + 2 < n ? digit[x & 63] : '=';
	}
	*o = 0;
	printf("# gcov data %s\n", out);
}

static int visit(const char *path, const struct stat *st, int type, struct FTW *where)
{
	size_t len = strlen(path);
	unsigned char buf[LINE_BYTES];
	FILE *f;
	size_t n;

	(void)st;
	(void)where;
	if (type != FTW_F || len < 5 || strcmp(path + len - 5, ".gcda"))
		return 0;
	f = fopen(path, "re");
	if (!f) {
		fprintf(stderr, "gcov-data: %s: %s\n", path, strerror(errno));
		return 1;
	}
	printf("# gcov file %s\n", path + strlen(GCOV_DIR));
	while ((n = fread(buf, 1, sizeof(buf), f)) > 0)
		put_line(buf, n);
	files++;
	fclose(f);
	return 0;
}

static int reset(void)
{
	int fd = open(GCOV_DIR "/reset", O_WRONLY | O_CLOEXEC);
	int ret = fd < 0 || write(fd, "1", 1) != 1;

	if (ret)
		fprintf(stderr, "gcov-data: %s/reset: %s\n", GCOV_DIR, strerror(errno));
	if (fd >= 0)
		close(fd);
	return ret;
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "reset"))
		return reset();
	if (nftw(GCOV_DIR, visit, 16, FTW_PHYS))
		return 1;
	if (!files)
		fprintf(stderr, "gcov-data: %s: no data in it\n", GCOV_DIR);
	return !files;
}
