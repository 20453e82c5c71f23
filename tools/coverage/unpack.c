// SPDX-License-Identifier: GPL-2.0
/* What gcov-data left, back into files. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "counts.h"
#include "coverage.h"

static int fail(const char *what, const char *why)
{
	fprintf(stderr, "hmmt-coverage: %s: %s\n", what, why);
	return 1;
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
static int put_file(const char *dir, const char *name, const char *data, size_t len)
{
	char path[4096], note[4096];
	int stem = (int)strlen(name) - 5;
	FILE *out;

	if (*name != '/' || strstr(name, "/../") || stem < 1 || strcmp(name + stem, ".gcda") ||
	    snprintf(path, sizeof(path), "%s%s", dir, name) >= (int)sizeof(path))
		return fail(name, "no name of a data file");
	snprintf(note, sizeof(note), "%.*s.gcno", stem, name);
	if (access(note, R_OK)) {
		fprintf(stderr, "hmmt-coverage: %s: %s: was the kernel built again?\n", note,
			strerror(errno));
		return 1;
	}
	make_parents(path);
	out = fopen(path, "we");
	if (!out)
		return fail(path, strerror(errno));
	if (fwrite(data, 1, len, out) != len) {
		fclose(out);
		return fail(path, strerror(errno));
	}
	if (fclose(out))
		return fail(path, strerror(errno));
	printf("%s\n", path);
	strcpy(path + strlen(path) - 5, ".gcno");
	if (symlink(note, path) && errno != EEXIST)
		return fail(path, strerror(errno));
	return 0;
}

/* The last one that is complete, or NULL */
static const struct counts_slot *newest(const char *counts)
{
	const struct counts_slot *best = NULL;
	unsigned int i;

	for (i = 0; i < COUNTS_SLOTS; i++) {
		const struct counts_slot *slot = (const void *)(counts + i * COUNTS_SLOT);

		if (slot->number && (!best || slot->number > best->number))
			best = slot;
	}
	return best;
}

static int put_files(const char *counts, const char *name, const char *dir)
{
	const struct counts_slot *slot = newest(counts);
	size_t at, next, name_at, data_at;

	if (!slot)
		return fail(name, "the guest left no counts");
	if (slot->len > COUNTS_SLOT - sizeof(*slot))
		return fail(name, "not what gcov-data writes");
	for (at = 0; at < slot->len; at = next) {
		const char *base = (const char *)(slot + 1);
		const struct counts_entry *e = (const void *)(base + at);

		name_at = at + sizeof(*e);
		if (name_at > slot->len)
			return fail(name, "not what gcov-data writes");
		data_at = name_at + COUNTS_ALIGN(e->name_len);
		next = data_at + COUNTS_ALIGN(e->data_len);
		if (next > slot->len || !e->name_len || base[name_at + e->name_len - 1])
			return fail(name, "not what gcov-data writes");
		if (put_file(dir, base + name_at, base + data_at, e->data_len))
			return 1;
	}
	return 0;
}

int unpack(const char *name, const char *dir)
{
	int fd = open(name, O_RDONLY | O_CLOEXEC);
	struct stat st;
	char *counts;
	int ret;

	if (fd < 0)
		return fail(name, strerror(errno));
	if (fstat(fd, &st) || st.st_size != COUNTS_SIZE) {
		close(fd);
		return fail(name, "not what gcov-data writes");
	}
	counts = mmap(NULL, COUNTS_SIZE, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (counts == MAP_FAILED)
		return fail(name, strerror(errno));
	ret = put_files(counts, name, dir);
	munmap(counts, COUNTS_SIZE);
	return ret;
}
