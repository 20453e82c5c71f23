// SPDX-License-Identifier: GPL-2.0
/* Numbers, durations, and the key-value texts of /proc. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hmmt.h"

/* A number at *@s, which moves behind it. */
static int parse_number(const char **s, int base, uint64_t *val)
{
	char *end;

	/* strtoull() would take signs and blanks */
	if (base == 10 && !(**s >= '0' && **s <= '9'))
		return -EINVAL;
	errno = 0;
	*val = strtoull(*s, &end, base);
	if (errno)
		return -errno;
	if (end == *s)
		return -EINVAL;
	*s = end;
	return 0;
}

int hmmt_parse_u64(const char *s, uint64_t *val)
{
	uint64_t v;
	int base = 10, ret;

	if (s[0] == '0' && (s[1] == 'x' || s[1] == 'X')) {
		base = 16;
		s += 2;
		if (!*s || strspn(s, "0123456789abcdefABCDEF") != strlen(s))
			return -EINVAL;
	}
	ret = parse_number(&s, base, &v);
	if (ret)
		return ret;
	if (*s)
		return -EINVAL;
	*val = v;
	return 0;
}

int hmmt_parse_duration(const char *s, uint64_t *ms)
{
	uint64_t total = 0, v, unit;
	int ret;

	do {
		ret = parse_number(&s, 10, &v);
		if (ret)
			return ret;
		if (!strncmp(s, "ms", 2)) {
			unit = 1;
			s += 2;
		} else if (*s == 's' || !*s) {
			unit = 1000;
			s += *s == 's';
		} else if (*s == 'm') {
			unit = 60 * 1000;
			s++;
		} else if (*s == 'h') {
			unit = 3600 * 1000;
			s++;
		} else {
			return -EINVAL;
		}
		if (__builtin_mul_overflow(v, unit, &v) ||
		    __builtin_add_overflow(total, v, &total))
			return -ERANGE;
	} while (*s);
	*ms = total;
	return 0;
}

int hmmt_parse_field(const char *text, const char *key, uint64_t *val)
{
	size_t len = strlen(key);
	const char *p = text;

	while (p) {
		if (!strncmp(p, key, len) &&
		    (p[len] == ':' || p[len] == ' ' || p[len] == '\t')) {
			p += len;
			p += strspn(p, ": \t");
			return parse_number(&p, 10, val);
		}
		p = strchr(p, '\n');
		if (p)
			p++;
	}
	return -ENOENT;
}

int hmmt_parse_task_stat(const char *text, struct hmmt_task_stat *stat)
{
	/* The name may hold blanks and brackets: its end is the last bracket. */
	const char *p = strrchr(text, ')');
	uint64_t field[16];
	unsigned int i;
	char state;
	char *end;

	if (!p || p[1] != ' ' || !p[2])
		return -EINVAL;
	state = p[2];
	p += 3;
	/* Fields 4 (ppid) to 15 (stime); some of them are signed. */
	for (i = 4; i <= 15; i++) {
		field[i] = strtoull(p, &end, 10);
		if (end == p)
			return -EINVAL;
		p = end;
	}
	stat->state = state;
	stat->minflt = field[10];
	stat->majflt = field[12];
	stat->utime = field[14];
	stat->stime = field[15];
	return 0;
}
