// SPDX-License-Identifier: GPL-2.0
/* The head comments of the semantic patches. */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "corpus.h"

static const struct field {
	const char *key;
	size_t offset;
	bool required;
	const char *words;	/* the only values, blanks around each */
	bool list;		/* one of them or more, with ", " between */
} fields[] = {
	{ "bug", offsetof(struct bug, id), true, NULL, false },
	{ "what", offsetof(struct bug, what), true, NULL, false },
	{ "why", offsetof(struct bug, why), true, NULL, false },
	{ "source", offsetof(struct bug, source), true, NULL, false },
	{ "file", offsetof(struct bug, file), true, NULL, false },
	{ "changes", offsetof(struct bug, changes), true, NULL, false },
	{ "kernels", offsetof(struct bug, kernels), true, NULL, false },
	{ "flavour", offsetof(struct bug, flavour), true, NULL, false },
	{ "scenario", offsetof(struct bug, scenario), true, NULL, false },
	{ "oracle", offsetof(struct bug, oracle), true,
	  " slot fork_isolation negative layout snapshot progress conservation driver_check hmm"
	  " reader console driver test hang none ", true },
	{ "budget", offsetof(struct bug, budget), true, NULL, false },
	{ "class", offsetof(struct bug, class), true, " logic race ", false },
	{ "equivalent", offsetof(struct bug, equivalent), false, NULL, false },
};

static char **value_of(struct bug *b, const struct field *f)
{
	return (char **)((char *)b + f->offset);
}

static int bad(const char *path, unsigned long line, const char *what, const char *arg)
{
	fprintf(stderr, "%s:%lu: %s '%s'\n", path, line, what, arg);
	return -EINVAL;
}

static const struct field *find_field(const char *key, size_t len)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(fields); i++)
		if (strlen(fields[i].key) == len && !strncmp(fields[i].key, key, len))
			return &fields[i];
	return NULL;
}

/* One line of the head: "// key: value", or "//<tab>more of the value". */
static int head_line(struct bug *b, char *s, const struct field **last, const char *path,
		     unsigned long nr)
{
	char *colon, *old, **value, *joined;

	if (!strncmp(s, "//\t", 3) && *last) {
		value = value_of(b, *last);
		old = *value;
		if (asprintf(&joined, "%s %s", old, s + 3) < 0)
			return -ENOMEM;
		free(old);
		*value = joined;
		return 0;
	}
	colon = strstr(s, ": ");
	if (strncmp(s, "// ", 3) || !colon)
		return bad(path, nr, "no line of a head", s);
	*last = find_field(s + 3, colon - s - 3);
	if (!*last)
		return bad(path, nr, "no such field", s);
	value = value_of(b, *last);
	if (*value)
		return bad(path, nr, "second field", s);
	*value = strdup(colon + 2);
	return *value ? 0 : -ENOMEM;
}

/* Of the values that @f allows? "none" is alone. */
static bool is_allowed(const struct field *f, const char *value)
{
	char text[256], word[64], *s = text, *one;

	hmmt_copy(text, sizeof(text), value);
	while ((one = strsep(&s, ","))) {
		one += f->list && one > text && *one == ' ';
		snprintf(word, sizeof(word), " %s ", one);
		if (!*one || strchr(one, ' ') || !strstr(f->words, word) ||
		    ((s || one > text) && (!f->list || !strcmp(one, "none"))))
			return false;
	}
	return true;
}

static int check_bug(struct bug *b, const char *path, const char *name)
{
	size_t i, len;
	int m, n;

	for (i = 0; i < ARRAY_SIZE(fields); i++) {
		const char *v = *value_of(b, &fields[i]);

		if (fields[i].required && !v)
			return bad(path, 1, "field is missing:", fields[i].key);
		if (v && fields[i].words && !is_allowed(&fields[i], v))
			return bad(path, 1, "no such value:", v);
	}
	len = strlen(b->id);
	if (strncmp(name, b->id, len) || strcmp(name + len, ".cocci"))
		return bad(path, 1, "the file is not called after bug", b->id);
	/* Our driver and the modules are built against the tree without the bug. */
	len = strlen(b->file);
	if (len < 2 || strcmp(b->file + len - 2, ".c"))
		return bad(path, 1, "not a .c file:", b->file);
	if (sscanf(b->changes, "-%d +%d", &m, &n) != 2 || m + n < 1)
		return bad(path, 1, "changes are not -N +N:", b->changes);
	if (atoi(b->budget) < 1 || b->budget[strspn(b->budget, "0123456789")] != 's')
		return bad(path, 1, "budget is not seconds:", b->budget);
	return 0;
}

static int read_bug(const char *dir, const char *name, struct bug *b)
{
	const struct field *last = NULL;
	struct hmmt_lines l;
	char path[4096], *s;
	int err;

	err = hmmt_path(path, sizeof(path), "%s/%s", dir, name);
	if (!err)
		err = hmmt_lines_open(&l, path, HMMT_LINE_MAX);
	if (err)
		return err;
	while (!err && (s = hmmt_lines_next(&l)) && !strncmp(s, "//", 2))
		if (l.nr > 1)
			err = head_line(b, s, &last, path, l.nr);
	hmmt_lines_close(&l);
	return err ? err : check_bug(b, path, name);
}

static int is_cocci(const struct dirent *e)
{
	const char *dot = strrchr(e->d_name, '.');

	return e->d_name[0] != '.' && dot && !strcmp(dot, ".cocci");
}

int corpus_read(const char *dir, struct corpus *c)
{
	struct dirent **names;
	int i, n, e, err = 0;

	memset(c, 0, sizeof(*c));
	n = scandir(dir, &names, is_cocci, alphasort);
	if (n < 0)
		return -errno;
	c->bug = calloc(n ? n : 1, sizeof(*c->bug));
	if (!c->bug)
		err = -ENOMEM;
	for (i = 0; i < n; i++) {
		if (c->bug) {
			e = read_bug(dir, names[i]->d_name, &c->bug[c->nr++]);
			err = err ? err : e;
		}
		free(names[i]);
	}
	free(names);
	return err;
}

void corpus_free(struct corpus *c)
{
	size_t i, j;

	for (i = 0; i < c->nr; i++)
		for (j = 0; j < ARRAY_SIZE(fields); j++)
			free(*value_of(&c->bug[i], &fields[j]));
	free(c->bug);
}

const struct bug *corpus_find(const struct corpus *c, const char *id)
{
	size_t i;

	for (i = 0; i < c->nr; i++)
		if (!strcmp(c->bug[i].id, id))
			return &c->bug[i];
	return NULL;
}

bool bug_expects(const struct bug *b, const char *by)
{
	size_t len = strlen(by);
	const char *p = b->oracle;

	while (len && (p = strstr(p, by))) {
		if ((p == b->oracle || p[-1] == ' ') && (!p[len] || p[len] == ','))
			return true;
		p += len;
	}
	return false;
}

/* FNV-1a; a name keeps its half whatever else is added. */
bool bug_is_held_out(const struct bug *b)
{
	uint32_t h = 2166136261u;
	const char *p;

	for (p = b->id; *p; p++)
		h = (h ^ (unsigned char)*p) * 16777619u;
	return (h >> 16) & 1;
}
