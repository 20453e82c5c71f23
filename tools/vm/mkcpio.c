// SPDX-License-Identifier: GPL-2.0
/*
 * mkcpio: writes an initramfs archive (cpio, "newc") that depends on nothing
 * but its content: entries sorted by name, owner root, time 0, inode numbers
 * counted up. Reads from stdin, a line each:
 *
 *   dir  DEST MODE
 *   file DEST SOURCE MODE
 *   node DEST MODE c|b MAJOR MINOR
 *
 * Parents come first by the sort. The archive goes to stdout.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MAX_ENTRIES	1024

struct hmmt_cpio_entry {
	char dest[256];
	char source[4096];	/* empty: not a file */
	unsigned int mode;
	unsigned int major, minor;
};

static struct hmmt_cpio_entry entries[MAX_ENTRIES];
static size_t nr_entries;

static int by_name(const void *a, const void *b)
{
	const struct hmmt_cpio_entry *x = a, *y = b;

	return strcmp(x->dest, y->dest);
}

static int parse_line(const char *line, unsigned int nr)
{
	struct hmmt_cpio_entry *e = &entries[nr_entries];
	char kind;

	if (nr_entries == MAX_ENTRIES) {
		fprintf(stderr, "mkcpio: line %u: more than %d entries\n", nr, MAX_ENTRIES);
		return -E2BIG;
	}
	memset(e, 0, sizeof(*e));
	if (sscanf(line, "dir %255s %o", e->dest, &e->mode) == 2) {
		e->mode |= S_IFDIR;
	} else if (sscanf(line, "file %255s %4095s %o", e->dest, e->source, &e->mode) == 3) {
		e->mode |= S_IFREG;
	} else if (sscanf(line, "node %255s %o %c %u %u", e->dest, &e->mode, &kind, &e->major,
			  &e->minor) == 5 && (kind == 'c' || kind == 'b')) {
		e->mode |= kind == 'c' ? S_IFCHR : S_IFBLK;
	} else {
		fprintf(stderr, "mkcpio: line %u: cannot read: %s", nr, line);
		return -EINVAL;
	}
	/* Names in the archive have no leading slash. */
	if (e->dest[0] == '/')
		memmove(e->dest, e->dest + 1, strlen(e->dest));
	nr_entries++;
	return 0;
}

static void pad(size_t size)
{
	while (size++ & 3)
		putchar(0);
}

static void header(const char *name, unsigned int ino, unsigned int mode, size_t size,
		   unsigned int major, unsigned int minor)
{
	size_t len = strlen(name) + 1;

	/* magic ino mode uid gid nlink mtime size devmaj devmin rmaj rmin namesize check */
	printf("070701%08X%08X%08X%08X%08X%08X%08zX%08X%08X%08X%08X%08zX%08X%s", ino, mode, 0, 0,
	       S_ISDIR(mode) ? 2 : 1, 0, size, 0, 0, major, minor, len, 0, name);
	putchar(0);
	pad(110 + len);
}

static int emit(const struct hmmt_cpio_entry *e, unsigned int ino)
{
	char buf[65536];
	size_t left, n;
	struct stat st;
	FILE *f;

	if (!e->source[0]) {
		header(e->dest, ino, e->mode, 0, e->major, e->minor);
		return 0;
	}
	f = fopen(e->source, "re");
	if (!f || fstat(fileno(f), &st)) {
		fprintf(stderr, "mkcpio: %s: %s\n", e->source, strerror(errno));
		if (f)
			fclose(f);
		return -ENOENT;
	}
	header(e->dest, ino, e->mode, st.st_size, 0, 0);
	for (left = st.st_size; left; left -= n) {
		n = fread(buf, 1, left < sizeof(buf) ? left : sizeof(buf), f);
		if (!n) {
			fprintf(stderr, "mkcpio: %s: shorter than %lld bytes\n", e->source,
				(long long)st.st_size);
			fclose(f);
			return -EIO;
		}
		fwrite(buf, 1, n, stdout);
	}
	fclose(f);
	pad(st.st_size);
	return 0;
}

int main(int argc, char **argv)
{
	char line[8192];
	unsigned int nr = 0;
	size_t i;

	if (argc > 1) {
		fprintf(stderr, "usage: %s <list >archive\n", argv[0]);
		return 2;
	}
	while (fgets(line, sizeof(line), stdin)) {
		nr++;
		if (line[0] != '#' && line[0] != '\n' && parse_line(line, nr))
			return 1;
	}
	qsort(entries, nr_entries, sizeof(entries[0]), by_name);
	for (i = 0; i < nr_entries; i++) {
		if (i && !strcmp(entries[i].dest, entries[i - 1].dest)) {
			fprintf(stderr, "mkcpio: %s is there twice\n", entries[i].dest);
			return 1;
		}
		if (emit(&entries[i], i + 1))
			return 1;
	}
	header("TRAILER!!!", 0, 0, 0, 0, 0);
	if (fflush(stdout) || ferror(stdout)) {
		fprintf(stderr, "mkcpio: write: %s\n", strerror(errno));
		return 1;
	}
	return 0;
}
