// SPDX-License-Identifier: GPL-2.0
/* Paths, JSON helpers, atomic files, and a reader of lines that trusts nothing. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "judge.h"

int hmmt_path(char *buf, size_t size, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(buf, size, fmt, ap);
	va_end(ap);
	return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}

void hmmt_copy(char *to, size_t size, const char *from)
{
	size_t n = 0;

	for (; *from && n + 1 < size; from++)
		if ((unsigned char)*from >= ' ' && *from != 0x7f)
			to[n++] = *from;
	to[n] = '\0';
}

json_t *hmmt_json_string(const char *text)
{
	json_t *s = json_string(text);
	char *ascii;
	size_t i;

	if (s)
		return s;
	ascii = strdup(text);
	if (!ascii)
		return NULL;
	for (i = 0; ascii[i]; i++)
		if ((unsigned char)ascii[i] >= 0x80)
			ascii[i] = '?';
	s = json_string(ascii);
	free(ascii);
	return s;
}

void hmmt_json_add(json_t *array, const char *fmt, ...)
{
	char buf[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(buf, sizeof(buf), fmt, ap);
	va_end(ap);
	json_array_append_new(array, hmmt_json_string(buf));
}

const char *hmmt_json_str(const json_t *o, const char *key, const char *none)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : none;
}

json_int_t hmmt_json_int(const json_t *o, const char *key, json_int_t none)
{
	const json_t *v = json_object_get(o, key);

	if (json_is_real(v))
		return (json_int_t)json_real_value(v);
	return json_is_integer(v) ? json_integer_value(v) : none;
}

static int temp_name(char *buf, size_t size, const char *path)
{
	return hmmt_path(buf, size, "%s.new.%ld", path, (long)getpid());
}

FILE *hmmt_atomic_begin(const char *path)
{
	char temp[4096];
	int err = temp_name(temp, sizeof(temp), path);

	if (err) {
		errno = -err;
		return NULL;
	}
	return fopen(temp, "we");
}

int hmmt_atomic_end(FILE *f, const char *path)
{
	char temp[4096];
	int err = temp_name(temp, sizeof(temp), path);

	if (fflush(f) || ferror(f))
		err = err ? err : -(errno ? errno : EIO);
	if (fclose(f) && !err)
		err = -errno;
	if (!err && rename(temp, path))
		err = -errno;
	if (err)
		unlink(temp);
	return err;
}

int hmmt_json_write(const char *path, const json_t *json)
{
	FILE *f = hmmt_atomic_begin(path);

	if (!f)
		return -errno;
	if (json_dumpf(json, f, JSON_INDENT(1) | JSON_PRESERVE_ORDER) == 0)
		fputc('\n', f);
	return hmmt_atomic_end(f, path);
}

int hmmt_lines_open(struct hmmt_lines *l, const char *path, size_t max)
{
	int err;

	memset(l, 0, sizeof(*l));
	l->f = fopen(path, "re");
	if (!l->f)
		return -errno;
	l->max = max;
	l->buf = malloc(max);
	if (l->buf)
		return 0;
	err = -ENOMEM;
	hmmt_lines_close(l);
	return err;
}

char *hmmt_lines_next(struct hmmt_lines *l)
{
	size_t n = 0;
	bool any = false;
	int c;

	l->cut = false;
	/* getc_unlocked: a console can be 100 MB long. */
	while ((c = getc_unlocked(l->f)) != EOF) {
		any = true;
		l->bytes++;
		if (c == '\n')
			break;
		/* A guest that dies leaves NULs; a CR inside is two writers on one port. */
		if (c == '\0' || c == '\r')
			continue;
		if (n + 1 < l->max)
			l->buf[n++] = (char)c;
		else
			l->cut = true;
	}
	if (!any)
		return NULL;
	l->buf[n] = '\0';
	l->nr++;
	return l->buf;
}

void hmmt_lines_close(struct hmmt_lines *l)
{
	if (l->f)
		fclose(l->f);
	free(l->buf);
	l->f = NULL;
	l->buf = NULL;
}
