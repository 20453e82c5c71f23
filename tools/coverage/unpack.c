// SPDX-License-Identifier: GPL-2.0
/* What gcov-data printed, back into files. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "coverage.h"

#define FILE_MARK	"# gcov file "
#define DATA_MARK	"# gcov data "

static int value_of(char c)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? at - digits : -1;
}

/* False: cut off, or not base64 */
static bool put_data(FILE *out, const char *s)
{
	for (; *s && *s != '\n'; s += 4) {
		int a = value_of(s[0]), b = a < 0 ? -1 : value_of(s[1]);
		int c, d;

		if (b < 0 || !s[2] || !s[3])
			return false;
		c = value_of(s[2]);
		d = value_of(s[3]);
		putc(a << 2 | b >> 4, out);
		if (c >= 0)
			putc((b & 15) << 4 | c >> 2, out);
		if (c >= 0 && d >= 0)
			putc((c & 3) << 6 | d, out);
	}
	return true;
}

static void make_parents(char *path)
{
	char *s;

	for (s = strchr(path + 1, '/'); s; s = strchr(s + 1, '/')) {
		*s = 0;
		mkdir(path, 0755);
		*s = '/';
	}
}

/* @name is the absolute path of the .gcda file that the compiler had in mind. */
static FILE *start_file(const char *dir, char *name)
{
	char path[4096], note[4096];
	size_t len;
	FILE *out;

	name[strcspn(name, "\n")] = 0;
	len = strlen(name);
	if (*name != '/' || strstr(name, "/../") || len < 6 ||
	    snprintf(path, sizeof(path), "%s%s", dir, name) >= (int)sizeof(path)) {
		fprintf(stderr, "hmmt-coverage: no name of a data file: %s\n", name);
		return NULL;
	}
	snprintf(note, sizeof(note), "%.*sno", (int)len - 2, name);
	make_parents(path);
	out = fopen(path, "we");
	if (!out) {
		fprintf(stderr, "hmmt-coverage: %s: %s\n", path, strerror(errno));
		return NULL;
	}
	printf("%s\n", path);
	if (access(note, R_OK)) {
		fprintf(stderr, "hmmt-coverage: %s: %s: was the kernel built again?\n", note,
			strerror(errno));
		fclose(out);
		return NULL;
	}
	strcpy(path + strlen(path) - 2, "no");
	if (symlink(note, path) && errno != EEXIST) {
		fprintf(stderr, "hmmt-coverage: %s: %s\n", path, strerror(errno));
		fclose(out);
		return NULL;
	}
	return out;
}

int unpack(const char *log, const char *dir)
{
	FILE *in = fopen(log, "re"), *out = NULL;
	unsigned int files = 0;
	char *line = NULL;
	size_t size = 0;
	int ret = 1;

	if (!in) {
		fprintf(stderr, "hmmt-coverage: %s: %s\n", log, strerror(errno));
		return 1;
	}
	while (getline(&line, &size, in) > 0) {
		if (!strncmp(line, FILE_MARK, strlen(FILE_MARK))) {
			if (out)
				fclose(out);
			out = start_file(dir, line + strlen(FILE_MARK));
			if (!out)
				goto close;
			files++;
		} else if (!strncmp(line, DATA_MARK, strlen(DATA_MARK))) {
			if (out && put_data(out, line + strlen(DATA_MARK)))
				continue;
			fprintf(stderr, "hmmt-coverage: %s: data that is cut off\n", log);
			goto close;
		}
	}
	if (!files)
		fprintf(stderr, "hmmt-coverage: %s: the guest printed no coverage\n", log);
	ret = !files;
close:
	if (out)
		fclose(out);
	free(line);
	fclose(in);
	return ret;
}
