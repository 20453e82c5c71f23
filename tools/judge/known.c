// SPDX-License-Identifier: GPL-2.0
/*
 * Known issues: one file each, "key: value" lines. What hides a failure has to
 * say who found it to be the kernel's and how, so a file without is an error.
 *
 *   title:     the normalised title, or /extended regular expression/; again
 *              for each further one by which the same bug shows
 *   kernels:   shell patterns on the kernel release, e.g. 7.2.* 7.3-rc*
 *   reference: commit, mail or report
 *   evidence:  why it is the kernel's bug and not ours
 *   without:   ops that run.sh leaves out on these kernels, since the guest
 *              would die of it at once (optional; read by tools/campaign)
 *   row:       rows of the matrix, what the console says otherwise is something else
 *              with the same title (optional)
 *   except:    a program of the guest, in which it cannot come about: there the
 *              same title is that of something else (optional)
 *   beside:    a title that it has in runs only in which there is one of the others, no
 *              more than a second later, as it is also that of other bugs (optional)
 *   spoils:    what it leaves wrong behind for others to stumble over, such as
 *              locks or references (optional; goes into the verdict)
 */
#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "judge.h"

#define LATER_US	1000000

static int known_error(const char *path, const char *what)
{
	fprintf(stderr, "hmmt-judge: %s: %s\n", path, what);
	return -EINVAL;
}

static void free_item(struct hmmt_known *k)
{
	unsigned int i;

	free(k->name);
	for (i = 0; i < HMMT_KNOWN_TITLES; i++)
		free(k->title[i]);
	free(k->kernels);
	free(k->reference);
	free(k->evidence);
	free(k->without);
	free(k->row);
	free(k->except);
	free(k->spoils);
	free(k->beside);
}

static char **field(struct hmmt_known *k, const char *key)
{
	unsigned int i;

	if (!strcmp(key, "title")) {
		for (i = 0; i < HMMT_KNOWN_TITLES - 1 && k->title[i]; i++)
			;
		return &k->title[i];
	}
	if (!strcmp(key, "kernels"))
		return &k->kernels;
	if (!strcmp(key, "reference"))
		return &k->reference;
	if (!strcmp(key, "evidence"))
		return &k->evidence;
	if (!strcmp(key, "without"))
		return &k->without;
	if (!strcmp(key, "row"))
		return &k->row;
	if (!strcmp(key, "except"))
		return &k->except;
	if (!strcmp(key, "spoils"))
		return &k->spoils;
	if (!strcmp(key, "beside"))
		return &k->beside;
	return NULL;
}

static int set_field(const char *path, struct hmmt_known *k, char *line)
{
	char what[192], **to, *value = strchr(line, ':');

	if (!value)
		return known_error(path, "a line that is not \"key: value\"");
	*value++ = '\0';
	to = field(k, line);
	if (!to) {
		snprintf(what, sizeof(what),
			 "unknown key \"%.40s\" (title, kernels, reference, evidence, without, row, except, beside, spoils)",
			 line);
		return known_error(path, what);
	}
	if (*to) {
		snprintf(what, sizeof(what), "%.40s: given %s", line,
			 to == &k->title[HMMT_KNOWN_TITLES - 1] ? "too often" : "twice");
		return known_error(path, what);
	}
	value += strspn(value, " \t");
	if (!*value)
		return 0;
	*to = strdup(value);
	return *to ? 0 : -ENOMEM;
}

/* "/.../" is anchored: a title is matched as a whole or not at all. */
static int check_title(const char *path, char *title, bool *regex)
{
	size_t len = strlen(title);
	regex_t re;

	if (len < 3 || title[0] != '/' || title[len - 1] != '/')
		return 0;
	*regex = true;
	title[0] = '(';
	title[len - 1] = ')';
	if (regcomp(&re, title, REG_EXTENDED | REG_NOSUB))
		return known_error(path, "title: the regular expression does not compile");
	regfree(&re);
	return 0;
}

static int check_item(const char *path, struct hmmt_known *k)
{
	unsigned int i;
	int err = 0;

	if (!k->title[0])
		return known_error(path, "title: is missing");
	if (!k->kernels)
		return known_error(path, "kernels: is missing");
	if (!k->reference)
		return known_error(path, "reference: is missing; nothing is known without one");
	if (!k->evidence)
		return known_error(path, "evidence: is missing; nothing is known without it");
	for (i = 0; !err && i < HMMT_KNOWN_TITLES && k->title[i]; i++)
		err = check_title(path, k->title[i], &k->regex[i]);
	if (!err && k->beside)
		err = check_title(path, k->beside, &k->beside_regex);
	return err;
}

static int read_item(const char *path, const char *name, struct hmmt_known *k)
{
	struct hmmt_lines l;
	char *s;
	int err;

	memset(k, 0, sizeof(*k));
	err = hmmt_lines_open(&l, path, HMMT_LINE_MAX);
	if (err)
		return err;
	k->name = strdup(name);
	if (!k->name)
		err = -ENOMEM;
	else
		k->name[strlen(name) - strlen(".known")] = '\0';
	while (!err && (s = hmmt_lines_next(&l))) {
		size_t len = strlen(s);

		while (len && (s[len - 1] == ' ' || s[len - 1] == '\t'))
			s[--len] = '\0';
		if (*s && *s != '#')
			err = set_field(path, k, s);
	}
	hmmt_lines_close(&l);
	if (!err)
		err = check_item(path, k);
	if (err)
		free_item(k);
	return err;
}

static int is_known_file(const struct dirent *d)
{
	size_t n = strlen(d->d_name);

	return n > 6 && d->d_name[0] != '.' && !strcmp(d->d_name + n - 6, ".known");
}

int hmmt_known_read(const char *dir, struct hmmt_known_list *list)
{
	struct dirent **ent;
	char path[4096];
	int i, n, err = 0, bad = 0;

	memset(list, 0, sizeof(*list));
	n = scandir(dir, &ent, is_known_file, alphasort);
	if (n < 0) {
		err = -errno;
		fprintf(stderr, "hmmt-judge: known issues %s: %s\n", dir, strerror(-err));
		return err;
	}
	list->item = calloc((size_t)n + 1, sizeof(*list->item));
	for (i = 0; i < n; i++) {
		err = -ENOMEM;
		if (list->item)
			err = hmmt_path(path, sizeof(path), "%s/%s", dir, ent[i]->d_name);
		if (!err)
			err = read_item(path, ent[i]->d_name, &list->item[list->nr]);
		if (!err)
			list->nr++;
		else
			bad = err;
		free(ent[i]);
	}
	free(ent);
	return bad;
}

void hmmt_known_free(struct hmmt_known_list *list)
{
	size_t i;

	for (i = 0; i < list->nr; i++)
		free_item(&list->item[i]);
	free(list->item);
	memset(list, 0, sizeof(*list));
}

static bool title_matches(const char *known, bool regex, const char *title)
{
	char norm[HMMT_TITLE_MAX];
	regmatch_t m;
	regex_t re;
	bool hit;

	if (!regex) {
		hmmt_title_normalise(known, norm, sizeof(norm));
		return !strcmp(norm, title);
	}
	if (regcomp(&re, known, REG_EXTENDED))
		return false;
	hit = !regexec(&re, title, 1, &m, 0) && m.rm_so == 0 && title[m.rm_eo] == '\0';
	regfree(&re);
	return hit;
}

static bool one_title_matches(const struct hmmt_known *k, const char *title)
{
	unsigned int i;

	for (i = 0; i < HMMT_KNOWN_TITLES && k->title[i]; i++)
		if (title_matches(k->title[i], k->regex[i], title))
			return true;
	return false;
}

/* Is one of the shell patterns that of @name? */
static bool one_matches(const char *patterns, const char *name)
{
	char buf[HMMT_LINE_MAX], *save = NULL, *p;

	hmmt_copy(buf, sizeof(buf), patterns);
	for (p = strtok_r(buf, " ,\t", &save); p; p = strtok_r(NULL, " ,\t", &save))
		if (!fnmatch(p, name, 0))
			return true;
	return false;
}

/* Is @program one of the words for the guest? */
static bool ran(const char *cmdline, const char *program)
{
	const char *words = strstr(cmdline, " -- ");
	size_t len = strlen(program);

	for (words = words ? words + 3 : ""; *words; words += strcspn(words, " ")) {
		words += strspn(words, " ");
		if (!strncmp(words, program, len) && (!words[len] || words[len] == ' '))
			return true;
	}
	return false;
}

static bool known_in(const struct hmmt_known *k, const json_t *run, const char *row)
{
	return one_matches(k->kernels, hmmt_json_str(run, "kernel_release", "unknown")) &&
	       (!k->row || !row || one_matches(k->row, row)) &&
	       (!k->except || !ran(hmmt_json_str(run, "cmdline", ""), k->except));
}

const struct hmmt_known *hmmt_known_match(const struct hmmt_known_list *list, const char *title,
					  const json_t *run, const char *row)
{
	const struct hmmt_known *k;
	char norm[HMMT_TITLE_MAX];
	size_t i;

	hmmt_title_normalise(title, norm, sizeof(norm));
	for (i = 0; list && i < list->nr; i++) {
		k = &list->item[i];
		if (known_in(k, run, row) && one_title_matches(k, norm))
			return k;
	}
	return NULL;
}

/* What was there long before is not explained by it */
static bool much_later(const struct hmmt_failure *f, const struct hmmt_failure *than)
{
	return f->time_us != HMMT_NO_TIME && than->time_us != HMMT_NO_TIME &&
	       f->time_us - than->time_us > LATER_US;
}

const struct hmmt_known *hmmt_known_beside(const struct hmmt_known_list *list,
					   const struct hmmt_failure *what,
					   const struct hmmt_failure *f, size_t nr)
{
	const struct hmmt_known *k;
	size_t i, n;

	for (i = 0; list && i < list->nr; i++) {
		k = &list->item[i];
		if (!k->beside || !title_matches(k->beside, k->beside_regex, what->title))
			continue;
		for (n = 0; n < nr; n++)
			if (f[n].known == k->name && !much_later(&f[n], what))
				return k;
	}
	return NULL;
}
