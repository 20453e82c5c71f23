// SPDX-License-Identifier: GPL-2.0
/* Waits at the entry of kernel functions: lists of names, addresses, counts. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "hmmt.h"

#define CATCH_FUNCTIONS	4

/* "NAME ONE_IN" up to @end; 1: one more, 0: nothing there */
static int parse_line(const char *s, const char *end, struct hmmt_function *f)
{
	size_t len;
	char *stop;

	s += strspn(s, " \t");
	if (s >= end || *s == '#')
		return 0;
	len = strcspn(s, " \t\n");
	if (len >= sizeof(f->name))
		return -EINVAL;
	memset(f, 0, sizeof(*f));
	memcpy(f->name, s, len);
	s += len;
	s += strspn(s, " \t");
	if (s >= end || *s < '1' || *s > '9')
		return -EINVAL;
	f->one_in = strtoul(s, &stop, 10);
	stop += strspn(stop, " \t");
	return stop < end && *stop != '#' ? -EINVAL : 1;
}

int hmmt_functions_parse(const char *text, struct hmmt_function *f, unsigned int max,
			 unsigned int *line)
{
	unsigned int n = 0;
	const char *end;
	int ret;

	for (*line = 1; *text; (*line)++, text = *end ? end + 1 : end) {
		struct hmmt_function one;

		end = text + strcspn(text, "\n");
		ret = parse_line(text, end, &one);
		if (ret < 0)
			return ret;
		if (!ret)
			continue;
		if (n == max)
			return -E2BIG;
		f[n++] = one;
	}
	return n;
}

/* A line of kallsyms, "ADDRESS TYPE NAME", NUL terminated */
static void try_symbol(const char *s, struct hmmt_function *f, unsigned int n)
{
	unsigned long addr;
	const char *suffix;
	size_t len;
	char *name;

	addr = strtoul(s, &name, 16);
	/* Functions of the kernel proper: a module's name follows behind a tab. */
	if (!addr || (name[1] != 't' && name[1] != 'T') || strchr(name, '\t'))
		return;
	name += 3;
	/* What the compiler made of it, but not the part that it moved away. */
	len = strcspn(name, ".");
	suffix = name + len;
	if (strstr(suffix, ".cold"))
		return;
	for (; n; n--, f++)
		if (!f->addr && f->name[0] == *name && !strncmp(f->name, name, len) &&
		    !f->name[len])
			f->addr = addr;
}

int hmmt_functions_find(struct hmmt_function *f, unsigned int n)
{
	char buf[16384], *s, *end;
	size_t have = 0;
	ssize_t got;
	int fd;

	fd = open("/proc/kallsyms", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	while ((got = read(fd, buf + have, sizeof(buf) - 1 - have)) > 0) {
		buf[have + got] = 0;
		for (s = buf; (end = strchr(s, '\n')); s = end + 1) {
			*end = 0;
			try_symbol(s, f, n);
		}
		have = strlen(s);
		memmove(buf, s, have);
	}
	close(fd);
	return got < 0 ? -EIO : 0;
}

static int calls(const struct hmmt_dev *dev, struct hmmt_calls *arg)
{
	if (dev->fd < 0)
		return -EBADF;
	return ioctl(dev->fd, HMMT_CALLS, arg) ? -errno : 0;
}

int hmmt_calls_set(const struct hmmt_dev *dev, struct hmmt_call *call, unsigned int nr,
		   unsigned int pauses, uint64_t seed)
{
	struct hmmt_calls arg = {
		.ptr = (unsigned long)call,
		.nr = nr,
		.flags = HMMT_CALLS_SET,
		.pauses = nr ? pauses : 0,
		.seed = seed,
	};

	return calls(dev, &arg);
}

int hmmt_calls_get(const struct hmmt_dev *dev, struct hmmt_call *call, unsigned int nr)
{
	struct hmmt_calls arg = { .ptr = (unsigned long)call, .nr = nr };

	return calls(dev, &arg);
}

int hmmt_catch_in(const struct hmmt_dev *dev, const char *names)
{
	struct hmmt_function f[CATCH_FUNCTIONS] = { };
	struct hmmt_call c[CATCH_FUNCTIONS] = { };
	int ret = hmmt_calls_set(dev, NULL, 0, 0, 0);
	unsigned int i, n = 0;
	size_t len;

	for (; !ret && *names; names += len + (names[len] == ',')) {
		len = strcspn(names, ",");
		if (n == CATCH_FUNCTIONS || len >= sizeof(f[n].name))
			return -EINVAL;
		memcpy(f[n++].name, names, len);
	}
	ret = ret ?: hmmt_functions_find(f, n);
	for (i = 0; !ret && i < n; i++) {
		c[i].addr = f[i].addr;
		c[i].one_in = UINT32_MAX;
		ret = f[i].addr ? 0 : -ENOENT;
	}
	ret = ret ?: hmmt_calls_set(dev, c, n, 1, 1);
	for (i = 0; !ret && i < n; i++)
		ret = c[i].error;
	return ret;
}
